"""The project's tasks: `invoke --list` shows them."""

import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from invoke.collection import Collection
from invoke.context import Context
from invoke.tasks import task

# The console script `invoke` has its own folder on the path, not this project's.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tasks import checks, fuzz, mutation
from tasks import run as local
from tasks.cloud.tasks import deploy, destroy, e2e, package
from tasks.module.command import create_module, remove_module


def refuse(error: object) -> NoReturn:
    """Say in one line why a task could not be done, and end with status 2."""
    print(error, file=sys.stderr)
    sys.exit(2)


@task
def run(_context: Context) -> None:
    """Serve on 127.0.0.1 over a local DynamoDB engine (PORT, ENGINE_PORT, DYNAMODB_ENDPOINT)."""
    sys.exit(local.main())


@task(
    default=True,
    help={
        "arguments": "what else to tell pytest, such as '-k teams'",
        "http": "the API tests alone, over HTTP against a stack of their own",
    },
)
def test(_context: Context, arguments: str = "", http: bool = False) -> None:
    """Run the tests; with CI set, a skipped test is a failure."""
    run_tests = checks.test_over_http if http else checks.test
    sys.exit(run_tests(shlex.split(arguments)))


@task(name="sdk", help={"arguments": "passed on to pytest"})
def try_generated_clients(_context: Context, arguments: str = "") -> None:
    """Generate clients, compile them, and drive the server with them; needs Java and Node.js."""
    sys.exit(checks.test_sdk(shlex.split(arguments)))


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
        refuse(error)


@task(name="lint")
def lint_openapi(_context: Context) -> None:
    """Run Redocly and Spectral over the OpenAPI document; needs Node.js and npm."""
    from tasks import lint  # noqa: PLC0415 - as above

    try:
        sys.exit(lint.lint())
    except (OSError, subprocess.CalledProcessError) as error:
        refuse(error)


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
        refuse(error)


@task(
    name="codegen",
    help={
        "language": "python, typescript, or another one that openapi-generator knows",
        "version": "of the client, by default that of the document",
        "output": "folder, by default clients/<language>",
        "url": "the API's public URL",
    },
)
def generate_client(
    _context: Context, language: str, version: str = "", output: str = "", url: str = ""
) -> None:
    """Generate a client of the API, with OAuth2 for Python and TypeScript."""
    from tasks import codegen  # noqa: PLC0415 - imports the application, see openapi_export

    try:
        print(codegen.generate(language, version, output, url))
    except codegen.CodegenError as error:
        refuse(error)


def on_keys(work: Callable[[Any, Any], None], stage: str) -> None:
    """Do something with the keys of a stage, and tell in one line why it could not be done."""
    # The other tasks start the faster without botocore.
    from tasks import keys  # noqa: PLC0415 - see above
    from tasks.rotation import KeysError  # noqa: PLC0415 - see above

    try:
        with keys.explained():
            work(keys, keys.open_stage(stage))
    except KeysError as error:
        refuse(error)


STAGE_HELP = "a stage of .chalice/config.json; without it, what SECRETS names, or the local stage"
KMS_HELP = "AWS KMS makes and keeps the key"
ALGORITHM_HELP = "RS256, ES256 or EdDSA"


@task(name="generate", help={"stage": STAGE_HELP, "algorithm": ALGORITHM_HELP, "kms": KMS_HELP})
def generate_keys(_context: Context, stage: str = "", algorithm: str = "RS256", kms: bool = False) -> None:
    """Write a stage's first document of secrets; never over another one."""
    on_keys(lambda keys, opened: keys.generate(opened, algorithm, kms=kms), stage)


@task(name="list", help={"stage": STAGE_HELP})
def list_keys(_context: Context, stage: str = "") -> None:
    """Show a stage's signing keys, and what each of them does."""
    on_keys(lambda keys, opened: keys.show(opened), stage)


@task(
    name="rotate",
    help={
        "stage": STAGE_HELP,
        "algorithm": f"{ALGORITHM_HELP}; by default the present one",
        "kms": KMS_HELP,
        "wait": "--no-wait: one step alone, and tell when the next one is due",
    },
)
def rotate_keys(
    _context: Context, stage: str = "", algorithm: str = "", kms: bool = False, wait: bool = True
) -> None:
    """Publish a new signing key, wait until everybody knows it, then sign with it."""
    on_keys(lambda keys, opened: keys.rotate(opened, algorithm, kms=kms, wait=wait), stage)


@task(name="revoke", help={"kid": "the key, as keys.list shows it", "stage": STAGE_HELP})
def revoke_key(_context: Context, kid: str, stage: str = "") -> None:
    """Take a signing key away at once, with all its tokens (emergency)."""
    on_keys(lambda keys, opened: keys.revoke_key(opened, kid), stage)


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
    names = shlex.split(mutants)
    if report:
        return mutation.report()
    sys.exit(mutation.show(names) if show else mutation.run(names, workers, tests))


namespace = Collection(
    run,
    check,
    package,
    deploy,
    destroy,
    e2e,
    test=Collection(test, try_generated_clients, mutate),
    openapi=Collection(openapi_export, lint_openapi, generate_client, fuzz_openapi),
    keys=Collection(generate_keys, list_keys, rotate_keys, revoke_key),
    module=Collection(create_module, remove_module),
)
