"""`invoke openapi.*`: the document, what linters and a fuzzer say of it, and clients made from it."""

import subprocess
import sys

from invoke.context import Context
from invoke.tasks import task

from tasks.console import at_least, refusing
from tasks.fuzz import NIGHTLY
from tasks.fuzz import fuzz as run_fuzzer


@task(
    help={
        "format": "json or yaml",
        "target": "apigateway: with integrations, validators and gateway responses",
        "output": "file to write, by default the terminal",
        "url": "the API's public URL",
        "function": "ARN of the function, for --target apigateway",
        "json_only": "leave out the forms of bodies that may be JSON",
    },
)
def export(
    _context: Context,
    format: str = "json",  # noqa: A002 - it is the name of the option
    target: str = "",
    output: str = "",
    url: str = "",
    function: str = "",
    *,
    json_only: bool = False,
) -> None:
    """Write the OpenAPI document to a file."""
    # `make run` and `make check` do without the application, and start the faster for it.
    from tasks import openapi  # noqa: PLC0415 - see above

    with refusing(ValueError, OSError):
        openapi.write(openapi.export(format, target, url, function, json_only=json_only), output)


@task
def lint(_context: Context) -> None:
    """Run Redocly and Spectral over the OpenAPI document; needs Node.js and npm."""
    from tasks.lint import lint as run_linters  # noqa: PLC0415 - as above

    with refusing(OSError, subprocess.CalledProcessError):
        sys.exit(run_linters())


@task(
    help={
        "examples": "cases per operation and role, by default 300",
        "role": "anonymous, user or admin; by default each in turn",
        "nightly": "as many cases as make 50,000 altogether",
    },
)
def fuzz(_context: Context, examples: int = 300, role: str = "", nightly: bool = False) -> None:
    """Run schemathesis in every role against the server on PORT, whose data it changes."""
    at_least(1, examples=examples)
    with refusing(ValueError):
        sys.exit(run_fuzzer(NIGHTLY if nightly else examples, role))


@task(
    help={
        "language": "python, typescript, or another one that openapi-generator knows",
        "version": "of the client, by default that of the document",
        "output": "folder, by default clients/<language>",
        "url": "the API's public URL",
    },
)
def codegen(_context: Context, language: str, version: str = "", output: str = "", url: str = "") -> None:
    """Generate a client of the API, with OAuth2 for Python and TypeScript."""
    from tasks.codegen import CodegenError, generate  # noqa: PLC0415 - imports the application, see export

    with refusing(CodegenError, OSError):
        print(generate(language, version, output, url))
