"""The project's tasks: `invoke --list` shows them."""

import shlex
import sys

from invoke.collection import Collection
from invoke.context import Context
from invoke.tasks import task

from tasks import checks, fuzz
from tasks import run as local


@task
def run(_context: Context) -> None:
    """Serve on 127.0.0.1 over a local DynamoDB engine (PORT, ENGINE_PORT, DYNAMODB_ENDPOINT)."""
    sys.exit(local.main())


@task(help={"arguments": "what else to tell pytest, such as '-k teams'"})
def test(_context: Context, arguments: str = "") -> None:
    """Run the tests; with CI set, a skipped test is a failure."""
    sys.exit(checks.test(shlex.split(arguments)))


@task
def check(_context: Context) -> None:
    """Run ruff, mypy and import-linter."""
    sys.exit(checks.check())


@task(name="fuzz", help={"examples": "cases per operation and role; 700 make 50,000 altogether"})
def fuzz_openapi(_context: Context, examples: int = 300) -> None:
    """Run schemathesis in every role against the server on PORT, whose data it changes."""
    sys.exit(fuzz.fuzz(examples))


namespace = Collection(run, test, check, openapi=Collection(fuzz_openapi))
