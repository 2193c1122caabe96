"""The check that every answer in these tests passes: it does find what the document does not have."""

import json
from dataclasses import replace
from typing import Any

import pytest

import app as application
from chalicelib.scopes import SCOPES
from chalicelib.settings import LOCAL_URL
from chalicelib.web.openapi.document import build
from tests.http import Answer, InProcess
from tests.spec import SpecCheck

CHECK = SpecCheck(build(application.api.operations, SCOPES, LOCAL_URL))
ID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
TEAM = {
    "id": ID,
    "title": "Explorers",
    "created": "2026-01-01T00:00:00Z",
    "updated": "2026-01-01T00:00:00Z",
    "members": [{"user": {"id": ID, "username": "ada"}, "is_leader": True}],
}
HEADERS = {"content-type": "application/json", "etag": '"1"', "x-request-id": "a-request-id"}


def answer(**changes: Any) -> Answer:
    """Return the answer that shows a team, with changed fields."""
    return Answer(200, HEADERS, json.dumps(TEAM | changes).encode())


def test_conftest_checks_every_answer() -> None:
    """Behaviour 38: an answer beside the document fails the test that met it."""
    assert isinstance(InProcess.check, SpecCheck)


def test_what_is_documented_passes() -> None:
    """The refusals below are not for some other reason."""
    CHECK("GET", f"/api/v1/teams/{ID}?x=1", answer())
    CHECK("GET", f"/api/v1/teams/{ID}/", answer())


@pytest.mark.parametrize(
    "wrong",
    [
        answer(secret="x"),
        answer(title=None),
        answer(created="yesterday"),
        answer(members=[{"user": {"id": ID, "username": "ada", "email": "x"}, "is_leader": True}]),
        Answer(200, HEADERS, json.dumps({"id": ID}).encode()),
        Answer(200, HEADERS | {"location": "/"}, json.dumps(TEAM).encode()),
        replace(answer(), headers=HEADERS | {"content-type": "text/html"}),
        replace(answer(), status=202),
        replace(answer(), status=304),
    ],
    ids=["field", "null", "time", "nested field", "missing", "header", "type", "status", "body of a 304"],
)
def test_what_is_not_documented_fails(wrong: Answer) -> None:
    """Statuses, media types, headers and fields that the document does not have."""
    with pytest.raises(AssertionError, match="GET /api/v1/teams/"):
        CHECK("GET", f"/api/v1/teams/{ID}", wrong)


@pytest.mark.parametrize(("method", "path"), [("GET", "/nowhere"), ("PUT", "/health"), ("get", "/health")])
def test_what_has_no_operation_is_held_to_nothing(method: str, path: str) -> None:
    """Unknown paths and methods are answered by no operation."""
    CHECK(method, path, Answer(405, {}, b"{}"))
