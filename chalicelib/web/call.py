"""A request, whatever gateway it came through; its way through an operation, and the items it looks at."""

import hmac
import ipaddress
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from chalice.app import Request as ChaliceRequest

from chalicelib.context import Context
from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.db.table import Item
from chalicelib.errors import MalformedRequestError, NotFoundError, UnauthenticatedError
from chalicelib.rate_limit import network
from chalicelib.security.actor import Actor
from chalicelib.security.keystore import Keystore
from chalicelib.security.tokens import Claims
from chalicelib.settings import LOCAL_URL, Settings

SURROGATE = re.compile(r"[\ud800-\udfff]")  # Python's text has no pairs
# What a distribution of CloudFront (infra/edge.yaml) sets, over what the viewer sends under these names.
EDGE_SECRET, EDGE_VIEWER = "x-edge-secret", "cloudfront-viewer-address"
T = TypeVar("T", bound=Item)


@dataclass(frozen=True, kw_only=True)
class Request:
    """One HTTP request."""

    method: str
    path: str  # as the caller wrote it, without query
    headers: dict[str, str]  # names in lower case
    query: dict[str, list[str]]
    body: bytes | None  # undecoded, empty if there is none; None if the gateway's encoding of it is broken
    source: str  # the address of the caller as the gateway saw it, or our own distribution
    request_id: str
    base_url: str  # the public URL of the stage, without a trailing slash
    route: str = ""  # as declared, such as /api/v1/teams/{team_id}

    @property
    def path_of_route(self) -> str:
        """The path that the route describes; API Gateway leaves the base path of a domain in front of it."""
        path = self.path.rstrip("/")
        parts = path.rsplit("/", self.route.count("/")) if self.route else [path]
        return "/".join(["", *parts[1:]]) if len(parts) > 1 else path

    def check_text(self, more: Iterable[str] = ()) -> None:
        """Check that everything but the body is Unicode text: JSON brings half of a surrogate pair, too.

        :raises MalformedRequestError: there is half of a pair.
        """
        values = (value for values in self.query.values() for value in values)
        text = "".join((self.path, *self.query, *values, *self.headers, *self.headers.values(), *more))
        if not text.isascii() and SURROGATE.search(text):
            raise MalformedRequestError("Path, query or headers hold half of a surrogate pair.")


class _Named(Protocol):
    """Whatever the route table knows by a name: an operation."""

    @property
    def name(self) -> str:
        """The operationId."""
        ...


@dataclass
class Call:
    """One request; each step fills in what it found."""

    request: Request
    params: Mapping[str, str]  # the parts of the path
    context: Context  # what actions work with
    paths: Mapping[str, str]  # the route table: the path of each operation, by its name
    claims: Claims | None = None  # of the access token
    caller: Actor | None = None
    payload: Any = None  # the body as it was parsed, not validated
    body: Any = None  # as its schema loaded it; of a patch, the fields that it changes
    query: dict[str, Any] = field(default_factory=dict)
    _keys: "dict[Load[Any], Key | None]" = field(default_factory=dict)

    @property
    def actor(self) -> Actor:
        """The caller; without one, 401."""
        if self.caller is None:
            raise UnauthenticatedError
        return self.caller

    @property
    def subject(self) -> str:
        """Whose rate limits count: the account's if there is one, else the source address's."""
        if self.claims:
            return f"{keys.ACCOUNT}{self.claims.owner}"
        return f"{keys.ADDRESS}{network(self.request.source)}"

    def begin_again(self) -> None:
        """Forget what was read: the next attempt reads and decides everything itself."""
        self.context, self.caller, self._keys = self.context.again(), None, {}

    def key_of(self, load: "Load[Any]") -> Key | None:
        """Return the key of a load; it is worked out once, after the body was parsed."""
        if load not in self._keys:
            self._keys[load] = load.key(self)
        return self._keys[load]

    def get(self, load: "Load[T]") -> T | None:
        """Return what a load found, if anything."""
        return self.context.find(load.kind, self.key_of(load))

    def __getitem__(self, load: "Load[T]") -> T:
        """Return what a load found; without it, 404."""
        item = self.get(load)
        if item is None:
            raise NotFoundError
        return item

    def url_for(self, operation: _Named, **params: str) -> str:
        """Return the public URL of an operation; `params` are the parts of its path."""
        return self.request.base_url + self.paths[operation.name].format(**params)


@dataclass(frozen=True)
class Load(Generic[T]):
    """An item that is read together with the caller, in the same BatchGetItem."""

    kind: type[T]
    key: Callable[[Call], Key | None]  # where it is; None if the call's ids cannot name anything
    required: bool = True  # answer 404 when it is absent
    hidden: bool = False  # its absence is told only to those whom the permission lets pass
    after: "Load[Any] | None" = None  # the item that says which one it is: a second BatchGetItem reads this


def with_head(methods: Collection[str]) -> list[str]:
    """Return methods in order, with HEAD wherever GET is (RFC 9110 §9.1)."""
    return sorted({*methods, *(["HEAD"] if "GET" in methods else [])})


def read_request(request: ChaliceRequest, settings: Settings) -> Request:
    """Take from Chalice's request what operations may see."""
    event: dict[str, Any] = request.to_original_event()
    context = request.context
    return Request(
        method=request.method,
        path=path_of(event),
        headers={name.lower(): value for name, value in request.headers.items()},
        query=event.get("multiValueQueryStringParameters") or {},
        body=_body(request),
        source=str(context.get("identity", {}).get("sourceIp") or "unknown"),
        request_id=request_id(request),
        base_url=base_url(context, settings),
        route=str(context.get("resourcePath", "")),
    )


def _body(request: ChaliceRequest) -> bytes | None:
    try:
        body = request.raw_body
        return body.encode() if isinstance(body, str) else body
    except ValueError:
        return None


def path_of(event: dict[str, Any]) -> str:
    """Return the path that was called, without the stage that requestContext has in front of it."""
    context: dict[str, Any] = event.get("requestContext", {})
    return str(event.get("path") or context.get("path") or context.get("resourcePath", ""))


def request_id(request: ChaliceRequest | None) -> str:
    """Return the id of the request, the one that the gateway's and the function's logs show."""
    context = request.context if request else {}
    own = getattr(request.lambda_context, "aws_request_id", None) if request else None
    return str(context.get("requestId") or own or "unknown")


def base_url(context: dict[str, Any], settings: Settings) -> str:
    """Derive the public URL of the stage: from settings, else from what API Gateway sets.

    Never from Host or X-Forwarded-*, which a caller can forge.
    """
    if settings.public_url:
        return settings.public_url
    domain, stage = context.get("domainName"), context.get("stage")
    if not domain:
        return LOCAL_URL
    return f"https://{domain}/{stage}" if ".execute-api." in domain else f"https://{domain}"


def source_behind(request: Request, keystore: Keystore) -> str:
    """Return the address that the distribution saw, if it proves to be ours, else the gateway's.

    So a caller who passes it by, or sends these headers, is counted under the address that it has.
    """
    given = request.headers.get(EDGE_SECRET)
    if given is None:
        return request.source
    secret = keystore.keyring().edge_secret
    if secret is None or not hmac.compare_digest(given.encode(), secret.encode()):
        return request.source
    address = request.headers.get(EDGE_VIEWER, "").rpartition(":")[0].strip("[]")  # the viewer's port follows
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        return request.source
