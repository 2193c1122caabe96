"""`invoke openapi.*`: the document, what changed in it, and clients made from it."""

from pathlib import Path

from invoke.exceptions import Exit

from tasks.console import command

ADVICE = (
    "The errors, and changes of `securitySchemes`, break clients. Keep what is there and deprecate it, or "
    "accept a change: add its line to docs/openapi-accepted.txt, and to CHANGELOG.md what clients have to do."
)


@command(
    format="json or yaml",
    target="apigateway, to add integrations, validators and gateway responses",
    output="file to write (default: the terminal)",
    url="the API's public URL",
    function="ARN of the function, for --target apigateway",
    json_only="leave out the forms of bodies that may be JSON",
    version="of OpenAPI: 3.0 or 3.1",
)
def export(
    format: str = "json",
    target: str = "",
    output: str = "",
    url: str = "",
    function: str = "",
    *,
    json_only: bool = False,
    version: str = "3.0",
) -> None:
    """Write the OpenAPI document to a file."""
    from tasks import openapi

    text = openapi.export(format, target, url, function, json_only=json_only, version=version)
    if output:
        Path(output).write_text(text, "utf-8")
    else:
        print(text, end="")


@command(
    language="python, typescript, or another one that openapi-generator knows",
    version="version of the client (default: that of the document)",
    output="folder (default: clients/LANGUAGE)",
    url="the API's public URL",
)
def codegen(language: str, version: str = "", output: str = "", url: str = "") -> None:
    """Generate a client of the API, with OAuth2 for Python and TypeScript."""
    from tasks.codegen import generate

    print(generate(language, version, output, url))


@command()
def diff() -> None:
    """Print what changed in the API since the last release, and fail if it breaks clients."""
    from tasks import contract

    breaks, changes = contract.diff()
    print(changes)
    if breaks:
        raise Exit(ADVICE, contract.BREAKS)


@command()
def release() -> None:
    """Make the document as it is the one that `openapi.diff` compares with."""
    from tasks import contract

    contract.release()
