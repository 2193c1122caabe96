"""Operations on the routes of a Chalice application, OPTIONS included, and an answer in any case."""

from dataclasses import replace

from chalice.app import Chalice, Response

from chalicelib.context import Context, Listener
from chalicelib.errors import (
    ApiError,
)
from chalicelib.security.keystore import Keystore
from chalicelib.settings import Settings
from chalicelib.telemetry.logs import describe_causes, log
from chalicelib.telemetry.measure import note
from chalicelib.web.access import check_loads, may
from chalicelib.web.answers import Authenticator, load, read_claims, respond
from chalicelib.web.call import Call, Request, read_request, source_behind, with_head
from chalicelib.web.log_lines import measured
from chalicelib.web.operation import OTHER, Operation
from chalicelib.web.responses import announce, empty_response, finish, preflight_headers, refusal


class Api:
    """Puts operations on a Chalice application's routes."""

    def __init__(
        self,
        app: Chalice,
        settings: Settings,
        keystore: Keystore,
        authenticator: Authenticator,
        listeners: tuple[Listener, ...] = (),
    ) -> None:
        self.app = app
        self.settings = settings
        self.keystore = keystore
        self.authenticator = authenticator
        self.listeners = listeners
        self.operations: dict[str, dict[str, Operation]] = {}
        self.paths: dict[str, str] = {}
        self.groups = {OTHER: ""}  # with their descriptions
        app.register_middleware(measured(self.find), "http")
        app.register_middleware(finish(settings, self.shares), "http")

    def find(self, method: str, path: str) -> Operation | None:
        """Return the operation of a method and a route, if there is one; HEAD is GET without the body."""
        return self.operations.get(path, {}).get("GET" if method == "HEAD" else method)

    def shares(self, path: str) -> bool:
        """Whether pages of other origins may read what a route answers."""
        return all(operation.gives.cors for operation in self.operations.get(path, {}).values())

    def group(self, name: str, description: str) -> None:
        """Open a group: the routes that follow are documented under its name."""
        self.groups[name] = description

    def route(self, method: str, path: str, operation: Operation) -> None:
        """Serve an operation under a method and a path.

        OPTIONS comes with the first operation of a path, HEAD with its GET.

        :raises TypeError: what is given is not declared as an operation.
        """
        if not isinstance(operation, Operation):
            raise TypeError(f"{method} {path} is not an operation: declare who may call it")
        operation = replace(operation, group=list(self.groups)[-1], method=method)
        if path not in self.operations:
            self._register(["OPTIONS"], path)
        self.operations.setdefault(path, {})[method] = operation
        self.paths[operation.name] = path
        self._register(with_head([method]), path)

    def context(self, *, source: str, request_id: str) -> Context:
        """Begin a unit of work."""
        return Context(
            settings=self.settings,
            keystore=self.keystore,
            listeners=self.listeners,
            source=source,
            request_id=request_id,
        )

    def _register(self, methods: list[str], path: str) -> None:
        def view(**params: str) -> Response:
            return self._guard(path, params)

        # No content types for Chalice: it would answer 415 to a GET, too; parse_body decides instead.
        name = f"{methods[0]}_{path}".replace("/", "_")
        self.app.route(path, methods=methods, content_types=[], name=name)(view)

    def _guard(self, path: str, params: dict[str, str]) -> Response:
        """Answer in any case; an unexpected exception is logged, and answered without detail."""
        current = self.app.current_request
        assert current is not None  # noqa: S101 - Chalice sets it before it calls any view
        request = read_request(current, self.settings)
        operation = self.find(request.method, path)
        try:
            request.check_text(params.values())
            if operation is None:
                response = self._options(path, request, params)
            else:
                response = respond(self._call(request, params), operation, self.authenticator)
        except ApiError as error:
            note(problem=error.code_name)
            if error.status >= 500:
                note(error=describe_causes(error))
            response = refusal(request, error, operation)
        except Exception as error:
            note(problem=ApiError.slug, error=describe_causes(error))
            log.exception("%s %s failed", request.request_id, path)
            response = refusal(request, ApiError(), operation)
        if operation:
            announce(response, operation.docs, request.base_url, self.paths, params)
        return response

    def _call(self, request: Request, params: dict[str, str]) -> Call:
        request = replace(request, source=source_behind(request, self.keystore))
        context = self.context(source=request.source, request_id=request.request_id)
        return Call(request, params, context, self.paths)

    def _options(self, path: str, request: Request, params: dict[str, str]) -> Response:
        """Answer a preflight with what pages may send, others with what this caller may do here."""
        resource = self.operations[path]
        if "access-control-request-method" in request.headers:
            origin = request.headers.get("origin") if self.shares(path) else None
            headers = preflight_headers(origin, with_head(resource), self.settings)
            return empty_response(204, headers)
        call = self._call(request, params)
        public = any(operation.access.permission.public for operation in resource.values())
        call.claims = read_claims(call, required=not public)
        load(call, resource.values(), self.authenticator)
        allowed = [method for method, operation in resource.items() if may(call, operation.access)]
        if call.caller and not allowed:
            check_loads(call, [operation.access for operation in resource.values()])
        headers = {"Allow": ", ".join(with_head({*allowed, "OPTIONS"}))}
        if "PATCH" in resource:
            headers["Accept-Patch"] = ", ".join(resource["PATCH"].takes.types)  # RFC 5789 §3.1
        return empty_response(204, headers)
