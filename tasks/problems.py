"""What the gateway answers by itself: the application's own problems, in the form they have when deployed."""

from dataclasses import dataclass

from chalice.app import Request

from chalicelib.errors import ApiError
from chalicelib.settings import Settings
from chalicelib.web.problem import decorate, problem_response
from chalicelib.web.request import base_url


@dataclass(frozen=True)
class Answer:
    """A response ready to be sent."""

    status: int
    headers: dict[str, str | list[str]]
    body: bytes = b""


def render(error: ApiError, method: str, path: str, headers: dict[str, str], request_id: str) -> Answer:
    """Write an error as the application would have, had the request reached it."""
    settings = Settings.from_env()
    context = {"httpMethod": method, "resourcePath": path, "path": path, "requestId": request_id}
    request = Request(_event(headers, context))
    base = base_url(context, settings)
    response = problem_response(error, base=base, instance=path, request=request_id)
    decorate(response, request, settings)
    return Answer(response.status_code, dict(response.headers), str(response.body).encode())


def _event(headers: dict[str, str], context: dict[str, str]) -> dict[str, object]:
    return {
        "headers": headers,
        "requestContext": context,
        "body": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": {},
        "stageVariables": {},
    }
