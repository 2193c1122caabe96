"""What a developer runs all day: the server, the tests, the checks."""

import sys

from invoke.context import Context

from tasks import checks
from tasks import run as local
from tasks.console import command, words


@command()
def run(_context: Context) -> None:
    """Serve on 127.0.0.1 over a local DynamoDB engine (PORT, HOST, ENGINE_PORT, DYNAMODB_ENDPOINT)."""
    sys.exit(local.main())


@command(
    default=True,
    arguments="passed on to pytest, such as '-k teams'",
    http="run only the API tests, over HTTP, with their own engine and server",
    slow="run those that `make test` leaves out: packages, copies of the project, tasks one by one",
)
def test(_context: Context, arguments: str = "", http: bool = False, slow: bool = False) -> None:
    """Run the tests; with CI set, a skipped test is a failure."""
    run_tests = checks.test_over_http if http else checks.test_slowly if slow else checks.test
    sys.exit(run_tests(words(arguments)))


@command("sdk", arguments="passed on to pytest")
def try_generated_clients(_context: Context, arguments: str = "") -> None:
    """Generate clients, compile them, and drive the server with them; needs Java and Node.js."""
    sys.exit(checks.test_sdk(words(arguments)))


@command()
def check(_context: Context) -> None:
    """Run ruff, mypy and import-linter."""
    sys.exit(checks.check())
