"""`make run`: engine, table, development data and server, until Ctrl-C."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress

from tasks import engine
from tasks.processes import LOOPBACK, Child, module, port_taken, project_folder

READY_SECONDS = 60
USAGE_ERROR = 2
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

BANNER = """
Grail answers at {url}  (documentation: {url}/api/v1)
{accounts}
A token, by password:

  curl -s {url}/auth/oauth2/token -d grant_type=password -d client_id=documentation \\
    -d username=root -d password=q

Data and keys are kept under .local/. Ctrl-C stops everything.
"""


class RunError(Exception):
    """Nothing can be served; the message says why in one line."""


def main() -> int:
    """Serve until a signal, and give the exit status."""
    for number in SIGNALS:
        signal.signal(number, _stop)
    os.umask(0o077)  # data and keys are nobody else's
    try:
        with ExitStack() as stack:
            serve(stack)
    except (RunError, engine.EngineError) as error:
        print(error, file=sys.stderr)
        return USAGE_ERROR
    except KeyboardInterrupt:
        print("\nStopped.", flush=True)
    return 0


def serve(stack: ExitStack) -> None:
    """Start everything in order and watch over it."""
    port = port_from("PORT", 8000)
    if port_taken(port):
        raise RunError(
            f"Port {port} is taken: stop what listens there, or choose another: make run PORT=8010"
        )
    stack.enter_context(only_one_here())
    environment, children = start_engine(stack)
    url = environment["PUBLIC_URL"] = f"http://{LOOPBACK}:{port}"
    accounts = prepare(environment)
    children.append(started(stack, Child("server", module("tasks.server", str(port)), environment)))
    wait_until_ready(url, children)
    print(BANNER.format(url=url, accounts=accounts), flush=True)
    watch(children)


def port_from(variable: str, default: int) -> int:
    """Read a port from the environment."""
    text = os.environ.get(variable) or str(default)
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise RunError(f"{variable} must be a port between 1 and 65535, not {text!r}.")
    return int(text)


@contextmanager
def only_one_here() -> Iterator[None]:
    """Keep a second `make run` from the same data."""
    engine.LOCAL.mkdir(exist_ok=True)
    engine.LOCAL.chmod(0o700)
    with (engine.LOCAL / "run.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RunError(
                "This folder is served already by another `make run`: stop that one first."
            ) from None
        yield


def start_engine(stack: ExitStack) -> tuple[dict[str, str], list[Child]]:
    """Start the engine, unless DYNAMODB_ENDPOINT names one, and give the server's environment."""
    if endpoint := os.environ.get("DYNAMODB_ENDPOINT"):
        return environment_for(endpoint), []
    port = port_from("ENGINE_PORT", 8001)
    return environment_for(f"http://{LOOPBACK}:{port}"), [started(stack, engine.start(port))]


def environment_for(endpoint: str) -> dict[str, str]:
    """Give the environment of local processes: a local engine, and never someone's real credentials."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    local = {
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    return {**inherited, **local, "STAGE": "local", "DYNAMODB_ENDPOINT": endpoint}


def started(stack: ExitStack, child: Child) -> Child:
    """Have a child stopped at the end."""
    stack.callback(child.stop)
    return child


def prepare(environment: dict[str, str]) -> str:
    """Make table and data, and give the text about the accounts."""
    done = subprocess.run(
        module("tasks.prepare"),
        env=environment,
        cwd=project_folder(),
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RunError("The table or the development data could not be made: see the message above.")
    return done.stdout


def wait_until_ready(url: str, children: Sequence[Child]) -> None:
    """Wait for the server's first answer."""
    deadline = time.monotonic() + READY_SECONDS
    while not engine.answers(f"{url}/health"):
        require_alive(children)
        if time.monotonic() > deadline:
            raise RunError(f"The server did not answer at {url}/health: see its messages above.")
        time.sleep(0.05)


def watch(children: Sequence[Child]) -> None:
    """Run until a signal comes, a child ends, or whoever started this (make, a terminal) is gone."""
    parent = os.getppid()
    while os.getppid() == parent:
        require_alive(children)
        time.sleep(0.3)


def require_alive(children: Sequence[Child]) -> None:
    """Stop the run when one of its parts has ended."""
    for child in children:
        if not child.running:
            raise RunError(f"The {child.name} has ended by itself: see {child.messages}.")


def _stop(number: int, _frame: object) -> None:
    for other in SIGNALS:
        with suppress(ValueError):
            signal.signal(other, signal.SIG_IGN)
    raise KeyboardInterrupt(number)
