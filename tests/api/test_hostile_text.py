"""Half of a surrogate pair outside the body, as JSON can bring it in a gateway's event: never a 500."""

from collections.abc import Callable
from typing import Any

import pytest

import app as application
from chalicelib.web.operation import Operation
from tests.http import Client, InProcess

pytestmark = pytest.mark.in_process("over HTTP there are bytes")

HALF = "\ud800"
OPERATIONS = [
    (method, path, operation)
    for path, methods in application.api.operations.items()
    for method, operation in methods.items()
]
PLACES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "path": lambda event: event.update(path=f"/x{HALF}"),
    "name": lambda event: event.update(multiValueQueryStringParameters={HALF: ["x"]}),
    "value": lambda event: event.update(multiValueQueryStringParameters={"state": ["x", HALF]}),
    "header": lambda event: event["headers"].update({"x-any": HALF}),
    "header name": lambda event: event["headers"].update({HALF: "x"}),
}


def send(api: Client, method: str, path: str, spoil: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    """Call the function with an event that was spoilt."""
    assert isinstance(api.transport, InProcess)
    event = api.transport.gateway.event_converter.create_lambda_event(method, path, {"host": "x"}, b"")
    spoil(event)
    answer: dict[str, Any] = api.transport.call(event)
    return answer


def form_of(operation: Operation) -> str:
    """The media type of an operation's errors."""
    if operation.gives.errors is None:
        return "application/problem+json"
    return "application/json" if operation.gives.error_schema else "text/html; charset=utf-8"


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    ("method", "path", "operation"), OPERATIONS, ids=lambda each: getattr(each, "name", "")
)
def test_half_a_pair_is_malformed_everywhere(
    api: Client, method: str, path: str, operation: Operation, place: str
) -> None:
    """400 in the form of the operation, wherever the text would have been read."""
    answer = send(api, method, path.replace("{", "").replace("}", ""), PLACES[place])
    assert (answer["statusCode"], answer["headers"]["Content-Type"]) == (400, form_of(operation))
    answer["body"].encode()


@pytest.mark.parametrize(("method", "resource"), [("PUT", "/api/v1/users"), ("GET", "/nothing")])
def test_half_a_pair_where_no_operation_is(api: Client, method: str, resource: str) -> None:
    """A problem all the same, with a path that can be read."""

    def spoil(event: dict[str, Any]) -> None:
        event["requestContext"]["resourcePath"] = resource
        PLACES["path"](event)

    answer = send(api, method, "/api/v1/users", spoil)
    assert (400 <= answer["statusCode"] < 500, "/x%3F" in answer["body"]) == (True, True)
    answer["body"].encode()


def test_half_a_pair_in_a_part_of_the_path(api: Client) -> None:
    """The gateway hands over the parts of a path on their own."""
    spoilt = send(api, "GET", "/errors/x", lambda event: event.update(pathParameters={"problem": HALF}))
    assert spoilt["statusCode"] == 400


@pytest.mark.parametrize("text", ["\u00e9", "\U0001f680", "\ufffd"])
def test_any_text_of_unicode_is_taken(api: Client, text: str) -> None:
    """Only halves are refused."""
    whole = send(api, "GET", "/health", lambda event: event["headers"].update({"x-any": text}))
    assert whole["statusCode"] == 200
