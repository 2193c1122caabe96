"""Deprecated operations: headers, the document, a metric of who still calls them, and an end that is kept."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from chalice.app import Chalice
from openapi_spec_validator import validate

import app as application
from chalicelib.errors import ConflictError
from chalicelib.scopes import DESCRIPTIONS
from chalicelib.settings import Settings
from chalicelib.users.handlers import get_me
from chalicelib.users.models import User
from chalicelib.web.access import PUBLIC, Access
from chalicelib.web.endpoint import Api
from chalicelib.web.headers import DEPRECATION
from chalicelib.web.openapi.document import build
from chalicelib.web.openapi.version_31 import to_31
from chalicelib.web.operation import Docs, Gives, Operation, Reply
from tests.http import Client, InProcess
from tests.log_tools import deployed_log
from tests.spec import SpecCheck
from tests.support import TokenFor

URL = "https://api.grail.test"
GUIDE = "https://grail.test/guides/things"
SINCE, SUNSET = date(2027, 1, 1), date(2027, 7, 1)
SAID = {"deprecation": "@1798761600", "sunset": "Thu, 01 Jul 2027 00:00:00 GMT"}
pytestmark = pytest.mark.in_process("serves operations of its own")


@Operation(access=Access(PUBLIC))
def get_new_thing(call: Any) -> dict[str, str]:
    """Return a thing."""
    return {}


@Operation(access=Access(PUBLIC))
def get_part(call: Any) -> dict[str, str]:
    """Return a part of a thing."""
    return {}


def get_thing(call: Any) -> Reply:
    """Return a thing as it was once."""
    return Reply(
        {}, headers={"Link": f'<{URL}/old>; rel="next"'} if call.params["thing_id"] == "list" else {}
    )


def refuse_thing(call: Any) -> None:
    """Refuse to change a thing."""
    raise ConflictError


Serve = Callable[..., tuple[Client, Api]]


@pytest.fixture
def serve(settings: Settings) -> Serve:
    """Make an application in which something is deprecated."""

    def make(**more: Any) -> tuple[Client, Api]:
        app = Chalice(app_name="old")
        stage = replace(settings, public_url=URL)
        api = Api(app, stage, application.api.keystore, application.api.authenticator)
        docs = Docs(deprecated=SINCE, sunset=SUNSET, **more)
        old = Operation(access=Access(PUBLIC), gives=Gives(etag=True), docs=docs)
        failing = Operation(access=Access(PUBLIC), docs=replace(docs, problems=(ConflictError,)))
        api.route("GET", "/old/{thing_id}", old(get_thing))
        api.route("DELETE", "/old/{thing_id}", failing(refuse_thing))
        api.route("GET", "/new/{thing_id}", get_new_thing)
        api.route("GET", "/new/{thing_id}/parts/{part_id}", get_part)
        return Client(InProcess(app)), api

    return make


def test_every_answer_says_since_when_and_until_when(serve: Serve) -> None:
    """RFC 9745, RFC 8594: answers to GET and HEAD, and refusals; other operations say nothing."""
    client, api = serve(successor=get_new_thing)
    check = SpecCheck(build(api.operations, DESCRIPTIONS, URL))
    for method, path in (("GET", "/old/a"), ("HEAD", "/old/a"), ("DELETE", "/old/a")):
        answer = client(method, path)
        assert {name: answer.headers.get(name) for name in SAID} == SAID
        check(method, path, answer)
    new = client("GET", "/new/a")
    assert new.status == 200
    assert not {name.lower() for name in DEPRECATION} & new.headers.keys()


@pytest.mark.parametrize(
    ("declared", "link"),
    [
        ({}, None),
        ({"guide": GUIDE}, f'<{GUIDE}>; rel="deprecation"'),
        ({"successor": get_new_thing}, f'<{URL}/new/a%20b>; rel="successor-version"'),
        # its path needs what the request does not have
        ({"successor": get_part}, None),
        (
            {"successor": get_new_thing, "guide": GUIDE},
            f'<{GUIDE}>; rel="deprecation", <{URL}/new/a%20b>; rel="successor-version"',
        ),
    ],
    ids=["neither", "guide", "successor", "other parameters", "both"],
)
def test_answers_link_to_what_comes_next(serve: Serve, declared: dict[str, Any], link: str | None) -> None:
    """The same thing at the operation that replaces this one, and a page about it."""
    client, _ = serve(**declared)
    assert client("GET", "/old/a%20b").headers.get("link") == link


def test_half_a_surrogate_pair_in_the_path_is_400(serve: Serve) -> None:
    """The refusal announces the deprecation, too; a link cannot hold such text."""
    client, _ = serve(successor=get_new_thing)
    assert isinstance(client.transport, InProcess)
    event = client.transport.gateway.event_converter.create_lambda_event("GET", "/old/a", {"host": "x"}, b"")
    event["pathParameters"] = {"thing_id": "\ud800"}
    answer = client.transport.call(event)
    found = (answer["statusCode"], answer["headers"]["Link"])
    assert found == (400, f'<{URL}/new/%3F>; rel="successor-version"')


def test_links_of_the_answer_itself_stay(serve: Serve) -> None:
    """A list that is deprecated still has its next page."""
    client, api = serve(successor=get_new_thing)
    answer = client("GET", "/old/list")
    assert answer.headers["link"] == (f'<{URL}/old>; rel="next", <{URL}/new/list>; rel="successor-version"')
    SpecCheck(build(api.operations, DESCRIPTIONS, URL))("GET", "/old/a", answer)


def test_the_document_marks_the_operation(serve: Serve) -> None:
    """For people, for generated clients, and for the tool that compares documents."""
    _, api = serve(successor=get_new_thing, guide=GUIDE)
    document = build(api.operations, DESCRIPTIONS, URL)
    old, new = (document["paths"][f"/{name}/{{thing_id}}"]["get"] for name in ("old", "new"))
    assert (old["deprecated"], old["x-sunset"]) == (True, "2027-07-01")
    for words in ("since 2027-01-01", "from 2027-07-01 on", "`GET /new/{thing_id}`", GUIDE):
        assert words in old["description"]
    assert "deprecated" not in new
    assert {*DEPRECATION, "Link"} <= old["responses"]["200"]["headers"].keys()
    validate(document)
    validate(to_31(document))


def test_a_document_in_which_nothing_is_deprecated_has_no_such_headers() -> None:
    """Linters report components that nothing uses."""
    operations = {
        path: {
            method: replace(each, docs=replace(each.docs, deprecated=None))
            for method, each in methods.items()
        }
        for path, methods in application.api.operations.items()
    }
    document = build(operations, DESCRIPTIONS, URL)
    assert not set(DEPRECATION) & document["components"]["headers"].keys()


@pytest.fixture
def deprecated_me(settings: Settings, table: None) -> Client:
    """The API with a deprecated operation that needs a token."""
    app = Chalice(app_name="old")
    api = Api(app, settings, application.api.keystore, application.api.authenticator)
    api.route("GET", "/me", replace(get_me, docs=Docs(deprecated=SINCE, sunset=SUNSET)))
    api.route("GET", "/new/{thing_id}", get_new_thing)
    return Client(InProcess(app))


def test_the_log_says_who_still_calls_it(
    deprecated_me: Client, settings: Settings, user: User, token_for: TokenFor
) -> None:
    """A metric by operation, in a line that has the client; other operations have neither."""
    with deployed_log(settings) as log:
        deprecated_me("GET", "/me", token=token_for(user))
        deprecated_me("GET", "/new/a")
    old, new = log.lines
    assert (old["deprecated_calls"], old["client_id"]) == (1, "documentation")
    metrics = [
        (directive["Dimensions"], metric["Name"])
        for directive in old["_aws"]["CloudWatchMetrics"]
        for metric in directive["Metrics"]
    ]
    assert ([["stage", "operation"]], "deprecated_calls") in metrics
    assert "deprecated_calls" not in new


@pytest.mark.parametrize("sunset", [SINCE, date(2026, 12, 31), date.max])
def test_an_operation_goes_after_it_was_deprecated(sunset: date) -> None:
    """Declaring it otherwise fails at import."""
    with pytest.raises(ValueError, match="later than deprecated"):
        Docs(deprecated=SINCE, sunset=sunset)


def overdue(operations: dict[str, dict[str, Operation]], today: date) -> list[str]:
    """List the operations whose last day has passed."""
    return [
        f"{method} {path}"
        for path, methods in operations.items()
        for method, operation in methods.items()
        if operation.docs.deprecated and operation.docs.sunset <= today
    ]


def test_no_operation_outlives_its_date() -> None:
    """Once the date has passed, the operation is removed, or clients are given a later date."""
    assert overdue(application.api.operations, datetime.now(UTC).date()) == []


def test_an_operation_that_outlives_its_date_is_found(serve: Serve) -> None:
    """From the sunset on, not before it."""
    _, api = serve()
    assert overdue(api.operations, date(2027, 6, 30)) == []
    assert overdue(api.operations, SUNSET) == ["GET /old/{thing_id}", "DELETE /old/{thing_id}"]


def test_what_replaces_an_operation_is_a_route() -> None:
    """It has an address."""
    successors = {
        operation.docs.successor.name
        for methods in application.api.operations.values()
        for operation in methods.values()
        if operation.docs.successor
    }
    assert successors <= application.api.paths.keys()
