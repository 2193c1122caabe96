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
    """What a handler answers with, where more than the value is to be said."""

    value: Any = None
    # Of a value that is text already, without the charset; empty for one that the operation's schema renders.
    media_type: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    status: int = 200  # of such a text


@dataclass(frozen=True, kw_only=True)
class Takes:
    """What an operation takes from a request."""

    query: type[Schema] | None = None  # of the query string; nothing is known but what it has
    body: type[Schema] | None = None  # of a patch, it has the fields that may change
    # What a JSON (Merge) Patch may change of the target, by field; it may test whatever the answer shows.
    patch: Mapping[str, Rule] = field(default_factory=dict)
    nobody: frozenset[str] = frozenset()  # fields that no caller may change over the API: 403
    confirm: Callable[[Call, Any], None] | None = None  # checks the value of a test of /current_password
    target: Load[Any] | None = None  # what is changed: held back if If-Match names another version of it
    needs_key: bool = False  # a POST without an Idempotency-Key is refused
    parse: Callable[[Request], Any] | None = None  # reads a form of another kind than the API's

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
    """What an operation answers with."""

    schema: type[Schema] | None = None  # of the answer; of each element of a list
    status: int = 200
    many: bool = False  # a list: handlers return pages of it (pagination.py)
    etag: bool = False  # an item's version, or the digest of a text
    types: tuple[str, ...] = (JSON,)
    errors: Callable[[Request, ApiError], Reply] | None = None  # renders errors, where they are no problems
    error_schema: type[Schema] | None = None  # of what that renders, where it is JSON
    no_store: bool = True
    cors: bool = True  # pages of other origins may read it, if the settings list them


@dataclass(frozen=True, kw_only=True)
class Docs:
    """What clients are told beyond the rest of the declaration."""

    problems: tuple[type[ApiError], ...] = ()  # what the handler and its action may refuse
    headers: tuple[str, ...] = ()  # of the answer
    also: Mapping[int, str] = field(default_factory=dict)  # other statuses of the answer, and when
    limits: Mapping[str, RateLimit] = field(default_factory=dict)  # that an action counts, by what is limited
    # What to do if it is not known whether a write took effect: the answer is a 503 without Retry-After then.
    # None if the same request may simply be sent again.
    if_unsure: str | None = LOOK
    relation: str = ""  # the link relation under which the API catalog lists it (RFC 8631)
    deprecated: date | None = None  # the day from which clients should not use it any more (UTC)
    sunset: date = date.max  # the day from which a deprecated operation may be gone (UTC)
    successor: "Operation | None" = None  # answers link to it if its path needs no other parameters
    guide: str = ""  # URL of a page about the change

    def __post_init__(self) -> None:
        if self.deprecated and not self.deprecated < self.sunset < date.max:
            raise ValueError("sunset has to be given, and be later than deprecated")

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
    """One endpoint's declaration; used as a decorator it takes the handler in."""

    access: Access
    takes: Takes = Takes()
    gives: Gives = Gives()
    docs: Docs = Docs()
    handler: Callable[[Call], Any] = _undeclared
    group: str = OTHER  # the route table sets it, and the method
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
