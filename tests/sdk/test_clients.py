"""Generated clients that do the job, against the server that `make run` starts, over HTTP."""

import re
from urllib.parse import parse_qsl, urlsplit

import pytest

from tasks.processes import module
from tests.api.code_tools import Browser
from tests.e2e.stack import Stack
from tests.sdk.conftest import HERE, SDK, Sdk, run
from tests.sdk.faulty import faulty_server

LANGUAGES = ("python", "typescript")
PRINTED = r"""ada-\w+ is signed in
2 of (\d+) teams
((?:- .+\n)+)Difference engines
412 - somebody was faster: read it again, and decide
Invalid value http://127.0.0.1:\d+/errors/invalid-value
/password .+
2 teams seen by the service
signed out: true
"""
ASKED = {
    "follows_no_redirect": [("/auth/oauth2/token", "password")],
    "sends_a_refresh_token_once": [
        ("/auth/oauth2/token", "password"),
        ("/auth/oauth2/token", "refresh_token"),
    ],
}
AGAIN = ("sends_a_lost_post_again", "gives_up_after_three_attempts")
BROWSER = "signs_in_by_the_browser"
PROMISES = re.findall(r"^def (\w+)\(url: str\)", (HERE / "renewal.py").read_text("utf-8"), re.MULTILINE)
STRICT = ("--strict", "--follow-imports=silent", "--config-file=")


@pytest.fixture(params=LANGUAGES)
def sdk(request: pytest.FixtureRequest) -> Sdk:
    """One language after the other."""
    made: Sdk = request.getfixturevalue(request.param)
    return made


def test_the_example_does_the_main_job(sdk: Sdk, stack: Stack) -> None:
    """Sign up, sign in, page through a list, patch with If-Match, 412, a problem, a service, sign out."""
    printed = sdk.run("example", stack.url)
    found = re.fullmatch(PRINTED, printed.replace("True", "true"))
    assert found, printed
    assert found[2].count("\n") == int(found[1])


def test_a_generated_resource_is_used(sdk: Sdk, stack: Stack) -> None:
    """With a team as owner, a reference, a unique value and a filter: 404, 409 and 422 included."""
    assert sdk.run("resource", stack.url) == "done\n"


@pytest.mark.parametrize("promise", [name for name in PROMISES if name not in {*ASKED, *AGAIN, BROWSER}])
def test_the_helper_keeps_its_promises(promise: str, sdk: Sdk, stack: Stack) -> None:
    """OAuth2 around the generated client; tests/sdk/renewal.py says what each promise means."""
    sdk.run("renewal", stack.url, promise)


@pytest.mark.parametrize("promise", ASKED)
def test_the_helper_sends_nothing_twice(promise: str, sdk: Sdk) -> None:
    """A token endpoint that leads elsewhere, or falls silent, is asked once."""
    with faulty_server() as (url, asked):
        sdk.run("renewal", url, promise)
    assert asked == ASKED[promise]


def test_the_helper_sends_a_lost_post_again(sdk: Sdk) -> None:
    """Behaviour 64: no answer, a 503 and half an answer are answered by the same key again."""
    with faulty_server() as (url, asked):
        sdk.run("renewal", url, AGAIN[0])
    keys = [key for _, key in asked]
    assert keys == [keys[0]] * 3 + [keys[-1]] * 2
    assert keys[0] != keys[-1]
    assert all(re.fullmatch(r'"[0-9a-f-]{36}"', key) for key in keys)


def test_the_helper_gives_up_after_three_attempts(sdk: Sdk) -> None:
    """Behaviour 64: a key that the caller chose is sent each time."""
    with faulty_server() as (url, asked):
        sdk.run("renewal", url, AGAIN[1])
    assert asked == [("/api/v1/teams", "my-own")] * 3


def test_the_helper_signs_in_by_the_browser(sdk: Sdk, stack: Stack) -> None:
    """The authorization code grant with PKCE: the answer to another sign-in is refused."""
    with sdk.start("renewal", stack.url, BROWSER) as program:
        assert program.stdout
        query = dict(parse_qsl(urlsplit(program.stdout.readline().strip()).query))
        browser = Browser(stack.api)
        browser.open(**query)
        answer = browser.submit("sign_in", username="user", password="w")
        answer = answer if answer.status == 303 else browser.submit("allow")
        printed, _ = program.communicate(answer.headers["location"] + "\n", timeout=60)
    assert program.returncode == 0, printed


def test_both_languages_promise_the_same() -> None:
    """Both helpers are tested for the same promises."""
    text = (HERE / "renewal.ts").read_text("utf-8")
    assert re.findall(r"^  async (\w+)\(basePath\) ", text, re.MULTILINE) == PROMISES


def test_the_python_helper_is_typed(python: Sdk) -> None:
    """It passes mypy --strict inside the package, and so does a program that uses it."""
    assert python.path
    package = python.path / "grail_client"
    modules = sorted(path.name for path in (SDK / "python" / "grail_client").glob("*.py"))
    files = [str(package / name) for name in modules]
    run(module("mypy", *STRICT, *files, "example.py"), python.folder, python.path)


def test_the_python_package_has_its_version_and_types(python: Sdk) -> None:
    """It has a name and a version, and tools see that it is typed."""
    assert python.path
    assert [path.name for path in python.path.glob("*.dist-info")] == ["grail_client-0.1.0.dist-info"]
    assert (python.path / "grail_client" / "py.typed").exists()
