"""What an endpoint declares. Enforcement, OpenAPI, OPTIONS and the authorization tests all read this."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from typing import Any

from marshmallow import Schema

from chalicelib.errors import ApiError
from chalicelib.rate_limit import RateLimit
from chalicelib.web.access import Access, Rule
from chalicelib.web.call import Call, Load, Request
from chalicelib.web.headers import DEPRECATION, IDEMPOTENCY_KEY, IF_MATCH, IF_NONE_MATCH
from chalicelib.web.media import FORM, HTML, JSON, JSON_PATCH, MERGE_PATCH

LOOK = "Look whether it did before you send it again."
OTHER = "Other"  # the group of operations that are in none
MAX_BODY = 64 * 1024  # bytes; what is longer is not looked at


@dataclass(frozen=True)
class Reply:
    """What a handler answers with, where more than the value is to be said.

    :param media_type: of a value that is text already, without the charset; if the operation declares ETags,
        its ETag is the digest of the text. Empty for a value that the schema of the operation renders.
    :param status: of such a text.
    """

    value: Any = None
    media_type: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    status: int = 200


@dataclass(frozen=True, kw_only=True)
class Takes:
    """What an operation takes from a request.

    :param query: schema of the query string; nothing is known but what it has.
    :param body: schema of the body; of a patch, of the fields that it changes.
    :param patch: what a JSON Patch, or a JSON Merge Patch, may change of the target, by field; it may test
        whatever the answer shows.
    :param nobody: fields that no caller may change over the API: 403.
    :param confirm: checks the value of a test of /current_password, and raises if it is wrong.
    :param target: the item that is changed: the write is held back if If-Match names another version of it.
    :param needs_key: whether a POST without an Idempotency-Key is refused.
    :param parse: how the body is read, where it is a form of another kind than the API's.
    """

    query: type[Schema] | None = None
    body: type[Schema] | None = None
    patch: Mapping[str, Rule] = field(default_factory=dict)
    nobody: frozenset[str] = frozenset()
    confirm: Callable[[Call, Any], None] | None = None
    target: Load[Any] | None = None
    needs_key: bool = False
    parse: Callable[[Request], Any] | None = None

    @cached_property
    def types(self) -> tuple[str, ...]:
        """The media types that the body may come in."""
        if self.patch:
            return (JSON_PATCH, JSON, MERGE_PATCH)
        if self.parse:
            return (FORM,)
        return (JSON, FORM) if self.body else ()


@dataclass(frozen=True)
class Gives:
    """What an operation answers with.

    :param schema: of the answer; of each element where the handler gives a page.
    :param many: the answer is a list.
    :param etag: the answer has an ETag.
    :param types: media types of the answer.
    :param errors: renders errors, where they are no problems.
    :param error_schema: of what that renders, where it is JSON.
    :param no_store: caches must not keep the answer.
    :param cors: pages of other origins may read the answer, if the settings list them.
    """

    schema: type[Schema] | None = None
    status: int = 200
    many: bool = False
    etag: bool = False
    types: tuple[str, ...] = (JSON,)
    errors: Callable[[Request, ApiError], Reply] | None = None
    error_schema: type[Schema] | None = None
    no_store: bool = True
    cors: bool = True


@dataclass(frozen=True, kw_only=True)
class Docs:
    """What clients are told beyond the rest of the declaration.

    :param problems: what the handler and its action may refuse.
    :param headers: of the answer.
    :param also: other statuses that the handler answers with, and when.
    :param limits: limits that an action counts, by what is limited.
    :param if_unsure: what the caller should do if it is not known whether a write took effect; the answer
        is a 503 without Retry-After then. None if the same request may simply be sent again.
    :param relation: the link relation under which the API catalog lists it (RFC 8631).
    :param deprecated: the day from which clients should not use it any more (UTC).
    :param sunset: the day from which it may be gone (UTC), if it is deprecated.
    :param successor: the operation to use instead; answers link to it if its path needs no other
        parameters.
    :param guide: URL of a page about the change, if there is one.
    :raises ValueError: it is to be gone before it is deprecated.
    """

    problems: tuple[type[ApiError], ...] = ()
    headers: tuple[str, ...] = ()
    also: Mapping[int, str] = field(default_factory=dict)
    limits: Mapping[str, RateLimit] = field(default_factory=dict)
    if_unsure: str | None = LOOK
    relation: str = ""
    deprecated: date | None = None
    sunset: date = date.max
    successor: "Operation | None" = None
    guide: str = ""

    def __post_init__(self) -> None:
        if self.deprecated and self.sunset <= self.deprecated:
            raise ValueError("sunset has to be later than deprecated")

    @property
    def all_headers(self) -> tuple[str, ...]:
        """The headers of the answer, with those that tell of a deprecation."""
        if self.deprecated is None:
            return self.headers
        return (*self.headers, *DEPRECATION, *(["Link"] if self.successor or self.guide else []))


def _undeclared(call: Call) -> Any:
    raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One endpoint's declaration; used as a decorator it takes the handler in.

    :param group: under which it is documented; the route table sets it, and the method.
    """

    access: Access
    takes: Takes = Takes()
    gives: Gives = Gives()
    docs: Docs = Docs()
    handler: Callable[[Call], Any] = _undeclared
    group: str = OTHER
    method: str = ""

    def __call__(self, handler: Callable[[Call], Any]) -> "Operation":
        """Declare a handler.

        :raises TypeError: there is one already: an operation is no function, call its action.
        """
        if self.handler is not _undeclared:
            raise TypeError(f"{self.name} is an operation and cannot be called: call its action")
        return replace(self, handler=handler)

    @property
    def name(self) -> str:
        """The operationId."""
        return self.handler.__name__

    @property
    def has_etag(self) -> bool:
        """Whether its answer has an ETag: lists have a weak one."""
        return self.gives.etag or self.gives.many

    @property
    def checks_query(self) -> bool:
        """Whether the query is validated, and unknown parameters are refused.

        The endpoints of RFC 6749 and pages read it by themselves, and ignore what they do not know.
        """
        return self.gives.errors is None and HTML not in self.gives.types

    @cached_property
    def headers(self) -> tuple[str, ...]:
        """The headers of a request that it heeds, beyond those of every request."""
        heeds = {
            IF_MATCH: self.takes.target is not None,
            IF_NONE_MATCH: self.takes.target is not None or (self.method == "GET" and self.has_etag),
            # Where errors have another form, it is RFC 6749 that says what a repetition does.
            IDEMPOTENCY_KEY: self.method == "POST" and self.gives.errors is None,
        }
        return tuple(header for header, is_heeded in heeds.items() if is_heeded)
