"""A cloud on this machine: ministack with IAM enforced, for trying the real package out."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from botocore.session import Session

from tasks import engine
from tasks.cloud.account import Account
from tasks.processes import LOOPBACK, Child, script
from tests.ports import free_port

REGION = "us-east-1"
# The engine's name for the root user of its account: what is deployed gets roles of its own.
ROOT = "test"


@contextmanager
def cloud(folder: Path) -> Iterator[str]:
    """Run a cloud with its data in a folder, and yield its URL."""
    port = free_port()
    python = engine.installed_python()
    server = Path(__file__).with_name("local_server.py")
    temporary = folder / "tmp"
    temporary.mkdir(parents=True)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        "AUTH": "true",
        "BIND_HOST": LOOPBACK,
        "GATEWAY_PORT": str(port),
        "TMPDIR": str(temporary),
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
    }
    with (folder / "cloud.log").open("wb") as log:
        child = Child("cloud", script(python, server), environment, log)
    try:
        engine.wait_until_ready(child, port, folder / "cloud.log")
        yield f"http://{LOOPBACK}:{port}"
    finally:
        child.stop()


def account(url: str) -> Account:
    """Return the account of a local cloud."""
    session = Session()
    session.set_credentials(ROOT, ROOT)
    session.set_config_variable("region", REGION)
    return Account(session, endpoint=url)


def api_url(url: str, api: str, stage: str) -> str:
    """Return the address of a deployed API."""
    return f"{url}/_aws/execute-api/{api}/{stage}"
