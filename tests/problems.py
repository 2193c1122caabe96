"""What a refusal has to look like: RFC 9457; RFC 6749 §5.2 at the OAuth2 endpoints; or a page for people."""

from urllib.parse import urlsplit

from chalicelib.errors import all_problems
from tests.api.code_tools import AUTHORIZE
from tests.http import Answer

MEMBERS = {"type", "title", "status", "detail", "instance", "request_id"}
KINDS = {kind.slug: kind for kind in all_problems()}


def flaws(answer: Answer, path: str = "") -> list[str]:
    """List what is wrong with a refusal; nothing with one that is as it should be."""
    is_account = path.startswith("/account") and answer.status != 405
    if is_account or (path == AUTHORIZE and answer.status not in (404, 405)):
        return _page_flaws(answer)
    if path.startswith("/auth/oauth2/") and answer.status not in (404, 405):
        return _oauth_flaws(answer)
    if answer.headers["content-type"] != "application/problem+json":
        return [f"content type {answer.headers['content-type']}"]
    body = answer.json
    kind = KINDS.get(urlsplit(body["type"]).path.removeprefix("/errors/"))
    if kind is None:
        return [f"unknown type {body['type']}"]
    checks = {
        "members": set(body) - {"errors", "challenge"} == MEMBERS,
        "challenge": body.get("challenge") == answer.headers.get("www-authenticate"),
        "status": body["status"] == answer.status == kind.status,
        "title": body["title"] == kind.title,
        "detail": isinstance(body["detail"], str) and bool(body["detail"]),
        "request_id": body["request_id"] == answer.headers["x-request-id"],
        "instance": body["instance"].startswith("/"),
        "errors": all(_is_violation(entry) for entry in body.get("errors", [])),
        "cache": answer.headers["cache-control"] == "no-store",
    }
    return [name for name, holds in checks.items() if not holds]


def _oauth_flaws(answer: Answer) -> list[str]:
    body = answer.json
    checks = {
        "content type": answer.headers["content-type"] == "application/json",
        "members": set(body) == {"error", "error_description"},
        "cache": answer.headers["cache-control"] == "no-store",
    }
    return [name for name, holds in checks.items() if not holds]


def _page_flaws(answer: Answer) -> list[str]:
    checks = {
        "content type": answer.headers["content-type"] == "text/html; charset=utf-8",
        "alert": b'role="alert"' in answer.body,
        # a form that is shown again needs no help
        "request id": b"<form" in answer.body or answer.headers["x-request-id"].encode() in answer.body,
        "cache": answer.headers["cache-control"] == "no-store",
    }
    return [name for name, holds in checks.items() if not holds]


def _is_violation(entry: dict[str, str]) -> bool:
    where = entry.keys() - {"detail"}
    return where in ({"pointer"}, {"parameter"}) and all(isinstance(value, str) for value in entry.values())
