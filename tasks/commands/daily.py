"""What a developer runs all day: the server, the tests, the checks."""

import sys

from invoke.context import Context
from invoke.tasks import task

from tasks import checks, mutation
from tasks import run as local
from tasks.console import at_least, words


@task
def run(_context: Context) -> None:
    """Serve on 127.0.0.1 over a local DynamoDB engine (PORT, HOST, ENGINE_PORT, DYNAMODB_ENDPOINT)."""
    sys.exit(local.main())


@task(
    default=True,
    help={
        "arguments": "what else to tell pytest, such as '-k teams'",
        "http": "the API tests alone, over HTTP against a stack of their own",
        "slow": "those that `make test` leaves out: packages, copies of the project, tasks one by one",
    },
)
def test(_context: Context, arguments: str = "", http: bool = False, slow: bool = False) -> None:
    """Run the tests; with CI set, a skipped test is a failure."""
    run_tests = checks.test_over_http if http else checks.test_slowly if slow else checks.test
    sys.exit(run_tests(words(arguments)))


@task(name="sdk", help={"arguments": "passed on to pytest"})
def try_generated_clients(_context: Context, arguments: str = "") -> None:
    """Generate clients, compile them, and drive the server with them; needs Java and Node.js."""
    sys.exit(checks.test_sdk(words(arguments)))


@task
def check(_context: Context) -> None:
    """Run ruff, mypy and import-linter."""
    sys.exit(checks.check())


@task(
    name="mutation",
    help={
        "mutants": "patterns of those to try again, such as 'chalicelib.security.tokens.*'; all by default",
        "workers": "processes that test at the same time",
        "tests": "most tests of tests/api that a mutant meets (0: all); what survives may be tried again",
        "show": "show what these mutants change, and try nothing",
        "report": "print the figures of the last run, and try nothing",
    },
)
def mutate(
    _context: Context,
    mutants: str = "",
    workers: int = 2,
    tests: int = 0,
    show: bool = False,
    report: bool = False,
) -> None:
    """Change chalicelib/security and chalicelib/oauth in many places; the tests have to notice (mutmut)."""
    at_least(1, workers=workers)
    at_least(0, tests=tests)
    names = words(mutants)
    if report:
        return mutation.report()
    sys.exit(mutation.show(names) if show else mutation.run(names, workers, tests))
