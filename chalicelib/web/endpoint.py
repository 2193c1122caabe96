"""From a request to a response: authenticate, load, authorize, validate, handle, dump."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Protocol

from chalice.app import Chalice, Response

from chalicelib.db.table import Item, get_many
from chalicelib.errors import (
    ApiError,
    ForbiddenError,
    InsufficientScopeError,
    InvalidTokenError,
    MalformedRequestError,
    NotFoundError,
    OutcomeUnknownError,
    UnauthenticatedError,
)
from chalicelib.security.actor import Actor
from chalicelib.security.keystore import Keystore
from chalicelib.security.tokens import Claims, verify
from chalicelib.settings import Settings
from chalicelib.telemetry.logs import describe_causes, log
from chalicelib.telemetry.measure import note
from chalicelib.web.access import measured
from chalicelib.web.body import load_body, load_query, parse_body, schema_of
from chalicelib.web.conditional import etag_of, etag_of_text, is_known, is_unchanged
from chalicelib.web.cors import preflight_headers
from chalicelib.web.operation import JSON, LOOK, OTHER, Call, Document, Load, Operation, Reply, Tag
from chalicelib.web.pagination import Page, page_headers
from chalicelib.web.problem import empty_response, finish, json_response, problem_response
from chalicelib.web.rate_limit import Budget
from chalicelib.web.request import Request, read_request, with_head


class Authenticator(Protocol):
    """What the application injects: how a token's claims become a caller."""

    def loads(self, claims: Claims) -> tuple[Load[Any], ...]:
        """List what has to be read of a token's subject."""
        ...

    def actor(self, call: Call, claims: Claims) -> Actor:
        """Build the caller from what was read.

        :raises InvalidTokenError: the token is revoked, or its subject gone or disabled.
        """
        ...


class Api:
    """Puts operations on a Chalice application's routes."""

    def __init__(
        self, app: Chalice, settings: Settings, keys: Keystore, authenticator: Authenticator
    ) -> None:
        self.app = app
        self.settings = settings
        self.keys = keys
        self.authenticator = authenticator
        self.operations: dict[str, dict[str, Operation]] = {}
        self.tag = OTHER
        app.register_middleware(measured(self.name_of), "http")
        app.register_middleware(finish(settings, self.shares), "http")

    def find(self, method: str, path: str) -> Operation | None:
        """Return the operation of a method and a route, if there is one; HEAD is GET without the body."""
        return self.operations.get(path, {}).get("GET" if method == "HEAD" else method)

    def name_of(self, method: str, path: str) -> str | None:
        """Name the operation of a method and a route, if there is one."""
        operation = self.find(method, path)
        return operation.name if operation else None

    def shares(self, path: str) -> bool:
        """Tell whether pages of other origins may read what a route answers."""
        return all(operation.cors for operation in self.operations.get(path, {}).values())

    def group(self, name: str, description: str) -> None:
        """Open a group: the routes that follow are documented under its name."""
        self.tag = Tag(name, description)

    def route(self, method: str, path: str, operation: Operation) -> None:
        """Serve an operation under a method and a path.

        OPTIONS comes with the first operation of a path, HEAD with its GET.

        :raises TypeError: what is given is not declared as an operation.
        """
        if not isinstance(operation, Operation):
            raise TypeError(f"{method} {path} is not an operation: declare who may call it")
        operation = replace(operation, tag=self.tag)
        if path not in self.operations:
            self._register(["OPTIONS"], path, lambda request, params: self._options(path, request, params))
        self.operations.setdefault(path, {})[method] = operation
        methods = with_head([method])
        self._register(methods, path, lambda request, params: self._respond(operation, request, params))

    def _register(
        self, methods: list[str], path: str, respond: Callable[[Request, dict[str, str]], Response]
    ) -> None:
        def view(**params: str) -> Response:
            return self._guard(path, params, respond)

        # No content types for Chalice: it would answer 415 to a GET, too; parse_body decides instead.
        name = f"{methods[0]}_{path}".replace("/", "_")
        self.app.route(path, methods=methods, content_types=[], name=name)(view)

    def _guard(
        self,
        path: str,
        params: dict[str, str],
        respond: Callable[[Request, dict[str, str]], Response],
    ) -> Response:
        """Answer whatever happens; an exception that nobody foresaw is logged and told without detail."""
        current = self.app.current_request
        assert current is not None  # noqa: S101 - Chalice sets it before it calls any view
        request = read_request(current, self.settings)
        operation = self.find(request.method, path)
        try:
            check_text(request, params)
            return respond(request, params)
        except ApiError as error:
            note(problem=error.code_name)
            if error.status >= 500:
                note(error=describe_causes(error))
            if isinstance(error, OutcomeUnknownError):
                error = error.told(operation.if_unsure if operation else LOOK)
            return refusal(request, error, operation)
        except Exception as error:
            note(problem=ApiError.slug, error=describe_causes(error))
            log.exception("%s %s failed", request.request_id, path)
            return refusal(request, ApiError(), operation)

    def _respond(self, operation: Operation, request: Request, params: dict[str, str]) -> Response:
        call = Call(request, params, self.settings, self.keys, patch=operation.patch)
        if operation.authenticates:
            call.claims = self._claims(call, required=not operation.permission.public)
        unreadable = read_payload(call, operation)
        limit = operation.rate_limit
        if limit and (limit.when is None or limit.when(call.payload)):
            factor = self.settings.rate_limit_factor
            call.budget = Budget.of(limit, operation.name, call.subject, factor)
        self._load(call, [operation])
        if call.budget is None:
            return answer(call, operation, unreadable)
        return call.budget.answer(call.items, lambda: answer(call, operation, unreadable))

    def _claims(self, call: Call, *, required: bool) -> Claims | None:
        token = bearer_token(call.request)
        if token is None:
            if required:
                raise UnauthenticatedError
            return None
        return verify(call.keyring, call.request.base_url, token)

    def _load(self, call: Call, operations: Iterable[Operation]) -> None:
        """Read the caller and everything that the operations need in one BatchGetItem."""
        loads = list(self.authenticator.loads(call.claims)) if call.claims else []
        wanted = [load for operation in operations for load in operation.all_loads]
        found = [load.key(call) for load in loads + wanted]
        extra = list(call.budget.limits) if call.budget else []
        extra += [key for operation in operations for key in operation.loads_keys(call)]
        call.items = get_many([key for key in found if key] + extra)
        if call.claims:
            call.caller = self.authenticator.actor(call, call.claims)
            note(actor_id=call.caller.id, client_id=call.claims.client_id)

    def _options(self, path: str, request: Request, params: dict[str, str]) -> Response:
        """Tell a preflight what pages may send, and everyone else what this caller may do here."""
        resource = self.operations[path]
        if "access-control-request-method" in request.headers:
            origin = request.headers.get("origin") if self.shares(path) else None
            headers = preflight_headers(origin, with_head(resource), self.settings)
            return empty_response(204, headers)
        call = Call(request, params, self.settings, self.keys)
        public = any(operation.permission.public for operation in resource.values())
        call.claims = self._claims(call, required=not public)
        self._load(call, resource.values())
        allowed = [method for method, operation in resource.items() if may(call, operation)]
        if call.caller and not allowed:
            check_loads(call, resource.values())
        return empty_response(204, {"Allow": ", ".join(with_head({*allowed, "OPTIONS"}))})


def check_text(request: Request, params: Mapping[str, str]) -> None:
    """Check that everything but the body is Unicode text.

    :raises MalformedRequestError: there is half of a surrogate pair in it.
    """
    if not request.is_text(params.values()):
        raise MalformedRequestError("Path, query or headers hold half of a surrogate pair.")


def refusal(request: Request, error: ApiError, operation: Operation | None) -> Response:
    """Render an error in the form that the operation has for its errors, else as a problem."""
    if operation and operation.error_page:
        return as_response(operation.error_page(request, error), {"Cache-Control": "no-store"})
    if operation and operation.render_error:
        body, headers = operation.render_error(error)
        return json_response(error.status, body, headers, JSON)
    return problem_response(error, base=request.base_url, instance=request.path, request=request.request_id)


def answer(call: Call, operation: Operation, unreadable: ApiError | None) -> Response:
    """Authorize, validate, handle and dump.

    :param unreadable: what is wrong with the body, for those who may call the operation.
    """
    authorize(call, operation)
    if unreadable:
        raise unreadable
    validate(call, operation)
    return dump(call, operation, operation.handler(call))


def read_payload(call: Call, operation: Operation) -> ApiError | None:
    """Parse the body, since ids in it may be loaded with the caller.

    What is wrong with it is given back, to be told to those alone who may call the operation.
    """
    try:
        call.payload = parse_body(call, operation)
    except ApiError as error:
        return error
    return None


def bearer_token(request: Request) -> str | None:
    """Take the access token from the Authorization header (RFC 6750 §2.1), and from nowhere else.

    :raises InvalidTokenError: the header holds something else than one bearer token.
    :raises UnauthenticatedError: the header holds credentials of another scheme.
    :raises MalformedRequestError: a token comes in the query too, where logs would keep it.
    """
    header = request.headers.get("authorization", "").strip()
    if "access_token" in request.query:
        raise MalformedRequestError("Send the access token in the Authorization header, never in the URL.")
    if not header:
        return None
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer":
        raise UnauthenticatedError
    if not token.strip():
        raise InvalidTokenError
    return token.strip()


def authorize(call: Call, operation: Operation) -> None:
    """Check scopes, then existence, then the permission; then the existence of what outsiders may not see.

    :raises InsufficientScopeError: the token lacks a scope.
    :raises NotFoundError: what the path names does not exist.
    :raises ForbiddenError: the permission refuses.
    """
    if not operation.permission.public and not call.actor.has_scopes(operation.scopes):
        raise InsufficientScopeError(operation.scopes)
    check_loads(call, [operation])
    if not operation.permission.allows(call):
        raise ForbiddenError(f"Who may do this: {operation.permission.sentence}.")
    check_loads(call, [operation], hidden=True)


def check_loads(call: Call, operations: Iterable[Operation], *, hidden: bool = False) -> None:
    """Answer 404 where something that the path names does not exist."""
    for operation in operations:
        if any(call.params[name] not in names for name, names in operation.choices.items()):
            raise NotFoundError
        for load in operation.all_loads:
            if load.required and load.hidden == hidden and call.get(load) is None:
                raise NotFoundError


def may(call: Call, operation: Operation) -> bool:
    """Tell whether a call would pass the authorization of an operation."""
    try:
        authorize(call, operation)
    except (UnauthenticatedError, InsufficientScopeError, NotFoundError, ForbiddenError):
        return False
    return True


def validate(call: Call, operation: Operation) -> None:
    """Load query and body by their schemas."""
    if operation.query:
        call.query = load_query(operation.query, call.request.query)
    if operation.body:
        call.body = load_body(operation.body, call.payload)


def send(call: Call, operation: Operation, document: Document) -> Response:
    """Answer with a document, unless the caller has it already."""
    headers = {"Cache-Control": "no-store"} if operation.no_store else {}
    if operation.etag:
        headers |= {**document.headers, "ETag": etag_of_text(document.text)}
        if is_known(call.request, headers["ETag"]):
            return empty_response(304, headers)
    return as_response(document, headers)


def as_response(document: Document, headers: dict[str, str]) -> Response:
    """Turn a document into a response; text says in which encoding it is."""
    kind = document.media_type
    charset = "; charset=utf-8" if kind.startswith("text/") else ""
    more: dict[str, str | list[str]] = {"Content-Type": kind + charset, **headers, **document.headers}
    return Response(document.text, more, document.status)


def dump(call: Call, operation: Operation, result: Any) -> Response:
    """Render what a handler gave: an item, a page of items, or a reply."""
    if isinstance(result, Document):
        return send(call, operation, result)
    reply = result if isinstance(result, Reply) else Reply(result)
    headers = {"Cache-Control": "no-store"} if operation.no_store else {}
    headers |= reply.headers
    value = reply.value
    if isinstance(value, Page):
        headers |= page_headers(call, value)
        value = value.items
    if operation.etag and isinstance(value, Item):
        headers["ETag"] = etag_of(value)
        if is_unchanged(call.request, value):
            return empty_response(304, headers)
    if operation.status == 204:
        return empty_response(204, headers)
    if operation.response:
        value = schema_of(operation.response).dump(value, many=operation.many)
    return json_response(reply.status or operation.status, value, headers, JSON)
