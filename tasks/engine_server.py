"""ministack's DynamoDB on 127.0.0.1, saving what was written within two seconds, and closed to web pages.

Run by the engine's own Python: `engine_server.py PORT STATE_FOLDER`, with a secret in ENGINE_KEY, since every
user of the machine can read command lines. ministack itself saves on SIGTERM only. It checks no credentials
and allows every origin: any page that a developer visits, and any other user, could read and delete all.
"""

import asyncio
import hmac
import json
import os
import re
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

SAVE_AFTER_SECONDS = 0.5
HEALTH = ("GET", "/_ministack/health")
HOST = re.compile(r"(127\.0\.0\.1|localhost)(:[0-9]+)?")
BROWSER_HEADERS = {b"origin", b"sec-fetch-site"}
READING = ("BatchGet", "Describe", "Get", "List", "Query", "Scan", "TransactGet")

Answer = tuple[int, dict[str, str], bytes]
Handle = Callable[..., Awaitable[Answer]]
Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


def saving(handle: Handle, path: Path, state: Callable[[], bytes]) -> Handle:
    """Wrap ministack's request handler: the state is saved shortly after a write, once for all until then.

    Requests run on the event loop one at a time, and so do saves: the state is consistent.
    """
    planned: asyncio.TimerHandle | None = None

    async def handle_and_save(method: str, url: str, headers: dict[str, str], *rest: Any) -> Answer:
        nonlocal planned
        answer = await handle(method, url, headers, *rest)
        operation = headers.get("x-amz-target", "").rpartition(".")[2]
        if planned is None and not operation.startswith(READING):
            planned = asyncio.get_running_loop().call_later(SAVE_AFTER_SECONDS, save)
        return answer

    def save() -> None:
        nonlocal planned
        planned = None
        temporary = path.with_suffix(".snapshot")
        with temporary.open("wb") as file:
            file.write(state())
            file.flush()
            os.fsync(file.fileno())
        # else `chalice local` would restart for each write, as a file of the project looks newer
        os.utime(temporary, (0, 0))
        temporary.replace(path)

    return handle_and_save


def guard(application: Application, key: str) -> Application:
    """Wrap ministack's ASGI application to keep out web pages and other users.

    :param key: the path that DynamoDB is served at, known only to those who may read the data.
    """

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await application(scope, receive, send)
        elif not (reason := refusal(scope, key)):
            is_health = scope["path"] == HEALTH[1]
            await application(scope if is_health else {**scope, "path": "/", "raw_path": b"/"}, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            headers = [(b"content-type", b"text/plain")]
            await send({"type": "http.response.start", "status": 403, "headers": headers})
            await send({"type": "http.response.body", "body": reason.encode()})

    return guarded


def refusal(scope: Scope, key: str) -> str:
    """Return why a request is refused; nothing if it may pass.

    DNS rebinding is detected by the Host header.
    """
    headers = scope["headers"]
    if any(name.lower() in BROWSER_HEADERS for name, _ in headers):
        return "The local engine takes no requests from web pages."
    hosts = [value.decode("latin-1") for name, value in headers if name.lower() == b"host"]
    if len(hosts) != 1 or not HOST.fullmatch(hosts[0].lower()):
        return "The local engine answers under 127.0.0.1 and localhost only."
    # ministack's own paths delete all data and change its configuration
    is_keyed = hmac.compare_digest(scope["path"].rstrip("/").encode("utf-8", "replace"), f"/{key}".encode())
    if not (is_keyed and scope.get("method") == "POST") and (scope.get("method"), scope["path"]) != HEALTH:
        return "The local engine serves DynamoDB only, at the endpoint that .local/running.json names."
    return ""


def current_state(dynamodb: Any, persistence: Any) -> bytes:
    """Render what ministack loads on start, without the copy of every item its own `get_state` makes."""
    no_copy = SimpleNamespace(deepcopy=lambda value: value)
    # the lock keeps out the thread that removes expired items
    with dynamodb._lock, patch.object(dynamodb, "copy", no_copy):  # noqa: SLF001 - ministack is pinned exactly
        payload = dynamodb.get_state()
        wrapped = {"__ministack_format__": persistence.STATE_FORMAT_VERSION, "payload": payload}
        # dumps with C speed; dump would fall back to Python
        return json.dumps(wrapped, default=persistence._json_default).encode()  # noqa: SLF001 - as above


def configure(port: str, folder: Path) -> None:
    """Set what ministack reads from the environment when it is imported."""
    temporary = folder / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)  # one of an earlier version may be open
    os.environ.update(
        BIND_HOST="127.0.0.1",
        GATEWAY_PORT=port,
        SERVICES="dynamodb",
        PERSIST_STATE="1",
        STATE_DIR=str(folder),
        TMPDIR=str(temporary),
        SFTP_ENABLED="0",
        IOT_MTLS_ENABLED="0",
        LOG_LEVEL="WARNING",
    )


def refuse_damaged(path: Path) -> None:
    """Stop before ministack would start empty, and then overwrite, a file it cannot read."""
    try:
        json.loads(path.read_bytes() if path.exists() else b"{}")
    except ValueError as error:
        sys.exit(f"{path} is damaged ({error}): repair it, or delete it to start with an empty table.")


def main(port: str, folder: Path, key: str) -> None:
    """Start the engine and serve until SIGTERM."""
    os.umask(0o077)  # other users of this machine must not read the data
    configure(port, folder)
    path = folder / "dynamodb.json"
    refuse_damaged(path)
    # ministack reads its settings while it is imported
    from ministack import app  # noqa: PLC0415
    from ministack.core import persistence  # noqa: PLC0415
    from ministack.services import dynamodb  # noqa: PLC0415

    dynamodb.handle_request = saving(
        dynamodb.handle_request, path, lambda: current_state(dynamodb, persistence)
    )
    app.app = guard(app.app, key)
    sys.argv = sys.argv[:1]
    app.main()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), os.environ.pop("ENGINE_KEY"))
