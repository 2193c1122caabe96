"""HEAD: what GET would answer, without the body (RFC 9110 §9.3.2)."""

import pytest

import app as application
from chalicelib.settings import Settings
from tests.api.expected_access import CALLERS
from tests.api.world import World
from tests.http import Answer
from tests.log_tools import deployed_log

PATHS = [path for path, methods in application.api.operations.items() if "GET" in methods]
# what differs from request to request, and what describes the length, which over HTTP only GET has
VARYING = ("x-request-id", "date", "ratelimit", "set-cookie", "content-length", "transfer-encoding")


def lasting(answer: Answer) -> dict[str, str]:
    """Return the headers that two answers to one question share."""
    return {name: value for name, value in answer.headers.items() if name not in VARYING}


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("path", PATHS)
def test_head_answers_whatever_get_answers(world: World, path: str, caller: str) -> None:
    """The same status and headers for every caller, refusals included; never a body."""
    address, token = world.address(caller, "GET", path), world.token(caller)
    whole, head = (world.api(method, address, token=token) for method in ("GET", "HEAD"))
    assert (head.status, lasting(head), head.body) == (whole.status, lasting(whole), b"")


def test_head_of_an_unchanged_item_is_304(world: World) -> None:
    """RFC 9110 §13.1.2: a condition holds for HEAD as it does for GET."""
    token = world.token("owner")
    tag = world.api("HEAD", "/api/v1/users/me", token=token).headers["etag"]
    again = world.api("HEAD", "/api/v1/users/me", token=token, headers={"If-None-Match": tag})
    assert (again.status, again.headers["etag"]) == (304, tag)


@pytest.mark.in_process("reads the application's log")
def test_the_log_names_head(world: World, settings: Settings) -> None:
    """The line holds the method that was sent, and the operation that it asked for."""
    with deployed_log(settings) as log:
        world.api("HEAD", "/health")
    (line,) = log.lines
    assert (line["method"], line["operation"], line["status"]) == ("HEAD", "get_health", 200)
