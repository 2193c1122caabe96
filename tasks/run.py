"""`make run`: engine, table, development data and server, until Ctrl-C."""

import fcntl
import ipaddress
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress

from tasks import engine
from tasks.errors import TaskError
from tasks.processes import LOOPBACK, Child, module, port_taken, project_folder, shown
from tasks.reload import Reloader, WorkerError
from tasks.worker import BROKEN

READY_SECONDS = 60
POLL_SECONDS = 0.4
BACKLOG = 512  # connections of a burst of clients
USAGE_ERROR = 2
RUNNING = "running.json"
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

BANNER = """
Grail's documentation, to sign in and try it out: {url}/api/v1

{accounts}
A token, by password:

  curl -s {url}/auth/oauth2/token -d grant_type=password -d client_id=documentation \\
    -d username=root -d password=q

Ready after {seconds:.1f} s. Data and keys are kept under .local/. Ctrl-C stops everything.
"""
WARNING = (
    "HOST={host}: anyone who reaches this machine, web pages included, can sign in with the passwords above."
)


def main() -> int:
    """Serve until a signal, and return the exit status."""
    for number in SIGNALS:
        signal.signal(number, _stop)
    os.umask(0o077)  # data and keys are private
    try:
        with ExitStack() as stack:
            serve(stack)
    except TaskError as error:
        print(error, file=sys.stderr)
        return USAGE_ERROR
    except OSError as error:
        print(f"{error.filename or 'Grail'} cannot be used: {error.strerror}.", file=sys.stderr)
        return USAGE_ERROR
    except KeyboardInterrupt:
        print("\nStopped.", flush=True)
    return 0


def serve(stack: ExitStack) -> None:
    """Start everything in order and watch over it."""
    started_at = time.monotonic()
    host, port = host_from("HOST"), port_from("PORT", 8000)
    listener = stack.enter_context(listen(host, port))
    stack.enter_context(only_one_here())
    environment, children = start_engine(stack)
    is_loopback = ipaddress.ip_address(host).is_loopback
    url = environment["PUBLIC_URL"] = f"http://{shown(host if is_loopback else LOOPBACK)}:{port}"
    stack.enter_context(announced(url, environment["DYNAMODB_ENDPOINT"]))
    accounts = prepare(environment)
    reloader = Reloader(project_folder(), listener, environment)
    stack.callback(reloader.stop)
    reloader.start()
    wait_until_ready(reloader, children)
    seconds = time.monotonic() - started_at
    print(BANNER.format(url=url, accounts=accounts, seconds=seconds), flush=True)
    if not is_loopback:
        print(WARNING.format(host=host), flush=True)
    watch(reloader, children)


def port_from(variable: str, default: int) -> int:
    """Read a port from the environment."""
    text = os.environ.get(variable) or str(default)
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise TaskError(f"{variable} must be a port between 1 and 65535, not {text!r}.")
    return int(text)


def host_from(variable: str) -> str:
    """Read an address to listen on from the environment: by default only this machine can connect."""
    text = os.environ.get(variable) or LOOPBACK
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise TaskError(f"{variable} must be an IP address such as 0.0.0.0, not {text!r}.") from None


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that takes connections; they wait there until a server is ready."""
    if port_taken(port):
        raise TaskError(
            f"Port {port} is taken: stop what listens there, or choose another: make run PORT=8010"
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise TaskError(f"Cannot listen on {host}, port {port} ({reason}): change HOST or PORT.") from None


@contextmanager
def only_one_here() -> Iterator[None]:
    """Prevent a second `make run` from using the same data."""
    try:
        engine.LOCAL.mkdir(exist_ok=True)
        engine.LOCAL.chmod(0o700)
        lock = (engine.LOCAL / "run.lock").open("w")
    except OSError as error:
        raise TaskError(
            f"Cannot write to {engine.LOCAL} ({error.strerror}), where data and keys are kept: "
            "make it yours (sudo chown -R $(id -un) .local), or clone into a folder that is."
        ) from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TaskError("Another `make run` already serves this folder: stop it first.") from None
        yield


@contextmanager
def announced(url: str, endpoint: str) -> Iterator[None]:
    """Publish to the tasks in this folder where server and engine are (chalicelib/settings.py)."""
    file = engine.LOCAL / RUNNING
    file.write_text(json.dumps({"url": url, "endpoint": endpoint}), "utf-8")
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def start_engine(stack: ExitStack) -> tuple[dict[str, str], list[Child]]:
    """Start the engine, unless DYNAMODB_ENDPOINT names one; return the server's environment."""
    if endpoint := os.environ.get("DYNAMODB_ENDPOINT"):
        return environment_for(endpoint), []
    child, endpoint = engine.start(port_from("ENGINE_PORT", 8001))
    stack.callback(child.stop)
    return environment_for(endpoint), [child]


def environment_for(endpoint: str) -> dict[str, str]:
    """Return the environment of local processes: a local engine, and never real credentials."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    local = {
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    return {**inherited, **local, "STAGE": "local", "DYNAMODB_ENDPOINT": endpoint}


def prepare(environment: Mapping[str, str]) -> str:
    """Create table and data, and return the text about the accounts."""
    command = module("tasks.seed")
    done = subprocess.run(
        command, env=environment, cwd=project_folder(), stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        raise TaskError("The table or the development data could not be made: see the message above.")
    return done.stdout


def wait_until_ready(reloader: Reloader, children: Sequence[Child]) -> None:
    """Wait until requests are answered, with a 503 if need be."""
    deadline = time.monotonic() + READY_SECONDS
    try:
        while not (state := reloader.wait(POLL_SECONDS)):
            require_alive(children)
            if time.monotonic() > deadline:
                raise TaskError(f"The server did not start within {READY_SECONDS} s.")
    except WorkerError:
        raise TaskError("The server did not start: see its messages above.") from None
    if state == BROKEN:
        print("Broken: requests get a 503 until this is repaired: see above.", flush=True)


def watch(reloader: Reloader, children: Sequence[Child]) -> None:
    """Run until a signal arrives, a child ends, or the parent (make, a terminal) is gone."""
    parent = os.getppid()
    while os.getppid() == parent:
        require_alive(children)
        try:
            reloader.tend()
        except WorkerError:
            raise TaskError("The server ended unexpectedly: see its messages above.") from None
        time.sleep(POLL_SECONDS)


def require_alive(children: Sequence[Child]) -> None:
    """Raise TaskError when a child has ended."""
    for child in children:
        if not child.running:
            raise TaskError(f"The {child.name} ended unexpectedly: see {child.messages}.")


def _stop(number: int, _frame: object) -> None:
    for other in SIGNALS:
        with suppress(ValueError):
            signal.signal(other, signal.SIG_IGN)
    raise KeyboardInterrupt(number)


if __name__ == "__main__":
    sys.exit(main())
