"""botocore clients of what the keys need, made when they are needed, and bounded in time."""

from threading import Lock
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

FAULTS = (BotoCoreError, ClientError)
# At most two attempts of 3 s: with the table's own time-outs that stays below the function's 15 s.
CONFIG = Config(connect_timeout=1.0, read_timeout=2.0, retries={"mode": "standard", "total_max_attempts": 2})


class Aws:
    """Makes each client once.

    :param session: PynamoDB's: a session of one's own would cost as much as a client does.
    """

    def __init__(self, session: Session, region: str) -> None:
        self._session = session
        self._region = region
        self._clients: dict[str, Any] = {}
        self._lock = Lock()  # sessions are not thread-safe

    def client(self, service: str) -> Any:
        """Return the client of a service, such as kms."""
        with self._lock:
            if service not in self._clients:
                self._clients[service] = self._session.create_client(service, self._region, config=CONFIG)
            return self._clients[service]
