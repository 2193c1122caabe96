"""`invoke openapi.*`: the document, a fuzzer, and clients made from it."""

import sys

from invoke.context import Context

from tasks.console import command, number
from tasks.fuzz import NIGHTLY
from tasks.fuzz import fuzz as run_fuzzer


@command(
    format="json or yaml",
    target="apigateway: with integrations, validators and gateway responses",
    output="file to write, by default the terminal",
    url="the API's public URL",
    function="ARN of the function, for --target apigateway",
    json_only="leave out the forms of bodies that may be JSON",
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
    from tasks import openapi

    openapi.write(openapi.export(format, target, url, function, json_only=json_only), output)


@command(
    examples="cases per operation and role, by default 300",
    role="anonymous, user or admin; by default each in turn",
    nightly="as many cases as make 50,000 altogether",
)
def fuzz(_context: Context, examples: str = "300", role: str = "", nightly: bool = False) -> None:
    """Run schemathesis in every role against the server on PORT, whose data it changes."""
    sys.exit(run_fuzzer(NIGHTLY if nightly else number("--examples", examples), role))


@command(
    language="python, typescript, or another one that openapi-generator knows",
    version="of the client, by default that of the document",
    output="folder, by default clients/<language>",
    url="the API's public URL",
)
def codegen(_context: Context, language: str, version: str = "", output: str = "", url: str = "") -> None:
    """Generate a client of the API, with OAuth2 for Python and TypeScript."""
    from tasks.codegen import generate

    print(generate(language, version, output, url))
