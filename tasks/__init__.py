"""The project's tasks: `invoke --list` shows them."""

import shlex
import subprocess
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


@task(
    name="export",
    help={
        "format": "json or yaml",
        "target": "apigateway: with integrations, validators and gateway responses",
        "output": "file to write, by default the terminal",
        "url": "the API's public URL",
        "function": "ARN of the function, for --target apigateway",
    },
)
def openapi_export(
    _context: Context,
    format: str = "json",  # noqa: A002 - it is the name of the option
    target: str = "",
    output: str = "",
    url: str = "",
    function: str = "",
) -> None:
    """Write the OpenAPI document to a file."""
    # `make run` and `make check` do without the application, and start the faster for it.
    from tasks import openapi  # noqa: PLC0415 - see above

    try:
        openapi.write(openapi.export(format, target, url, function), output)
    except ValueError as error:
        sys.exit(str(error))


@task(name="lint")
def lint_openapi(_context: Context) -> None:
    """Run Redocly and Spectral over the OpenAPI document; needs Node.js and npm."""
    from tasks import lint  # noqa: PLC0415 - as above

    try:
        sys.exit(lint.lint())
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(str(error))


@task(
    name="fuzz",
    help={
        "examples": "cases per operation and role, by default 300",
        "role": "anonymous, user or admin; by default each in turn",
        "nightly": "as many cases as make 50,000 altogether",
    },
)
def fuzz_openapi(_context: Context, examples: int = 300, role: str = "", nightly: bool = False) -> None:
    """Run schemathesis in every role against the server on PORT, whose data it changes."""
    try:
        sys.exit(fuzz.fuzz(fuzz.NIGHTLY if nightly else examples, role))
    except ValueError as error:
        sys.exit(str(error))


namespace = Collection(run, test, check, openapi=Collection(openapi_export, lint_openapi, fuzz_openapi))
