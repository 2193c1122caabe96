"""What an endpoint declares. Enforcement, OpenAPI, OPTIONS and the authorization tests all read this."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Generic, TypeVar

from marshmallow import Schema

from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.db.table import Item
from chalicelib.db.transaction import Transaction
from chalicelib.errors import ApiError, ForbiddenError, NotFoundError, UnauthenticatedError, shown
from chalicelib.security.actor import Actor
from chalicelib.security.keys import Keyring
from chalicelib.security.keystore import Keystore
from chalicelib.security.tokens import Claims
from chalicelib.settings import Settings
from chalicelib.web.rate_limit import Budget, RateLimit, network
from chalicelib.web.request import Request

T = TypeVar("T", bound=Item)

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
JSON_PATCH = "application/json-patch+json"
LOOK = "Look whether it did before you send it again."
MAX_BODY = 64 * 1024  # bytes, where an operation declares nothing else


@dataclass
class Call:
    """One request on its way through an operation; each step fills in what it found."""

    request: Request
    params: Mapping[str, str]
    settings: Settings
    keys: Keystore
    claims: Claims | None = None
    caller: Actor | None = None
    payload: Any = None  # the body as it was parsed, not validated
    body: Any = None  # the body as its schema loaded it
    query: dict[str, Any] = field(default_factory=dict)
    items: dict[Key, Item] = field(default_factory=dict)
    confirmed: bool = False  # the caller proved to know the current password
    patch: "PatchPolicy | None" = None  # the operation's
    budget: Budget | None = None  # of the operation's rate limit

    @cached_property
    def keyring(self) -> Keyring:
        """The keyring, the same one for the whole call.

        :raises ServiceUnavailableError: it could not be read for too long.
        """
        return self.keys.keyring()

    @property
    def actor(self) -> Actor:
        """The caller of an operation that needs one.

        :raises UnauthenticatedError: there is none.
        """
        if self.caller is None:
            raise UnauthenticatedError
        return self.caller

    @property
    def policy(self) -> "PatchPolicy":
        """The policy of an operation that patches.

        :raises LookupError: it declares none.
        """
        if self.patch is None:
            raise LookupError("an operation that patches declares its policy")
        return self.patch

    @property
    def subject(self) -> str:
        """Whose rate limits count: the account's if there is one, else the source address's."""
        if self.claims:
            return f"{keys.ACCOUNT}{self.claims.owner}"
        return f"{keys.ADDRESS}{network(self.request.source)}"

    def transaction(self) -> Transaction:
        """Begin what the operation writes; a rate limit that its transaction counts is in it."""
        return self.budget.transaction() if self.budget else Transaction()

    def get(self, load: "Load[T]") -> T | None:
        """Give what a load found, if anything."""
        key = load.key(self)
        item = self.items.get(key) if key else None
        return item if isinstance(item, load.kind) else None

    def __getitem__(self, load: "Load[T]") -> T:
        """Give what a load found.

        :raises NotFoundError: nothing.
        """
        item = self.get(load)
        if item is None:
            raise NotFoundError
        return item


@dataclass(frozen=True)
class Load(Generic[T]):
    """An item that is read together with the caller, in the same BatchGetItem.

    :param kind: the item's kind.
    :param key: where it is for a call; None if the call's ids cannot name anything.
    :param required: answer 404 when it is absent.
    :param hidden: its absence is told to those alone whom the permission lets pass.
    """

    kind: type[T]
    key: Callable[[Call], Key | None]
    required: bool = True
    hidden: bool = False


@dataclass(frozen=True)
class Permission:
    """Who may: a test, and the words for it.

    :param sentence: in the words of the documentation: "Owner, or Admin with write access".
    :param test: asked with the caller and everything loaded.
    :param loads: what the test looks at.
    :param binds_internal: internal accounts need it, too; they pass others without being asked.
    """

    sentence: str
    test: Callable[[Call], bool]
    loads: tuple[Load[Any], ...] = ()
    public: bool = False
    binds_internal: bool = False

    def allows(self, call: Call) -> bool:
        """Decide for one call."""
        if self.public or (not self.binds_internal and call.actor.account.is_internal):
            return True
        return self.test(call)

    def __or__(self, other: "Permission") -> "Permission":
        """Either."""
        joint = ", or " if any(" with " in one.sentence for one in (self, other)) else " or "
        return self._joined(other, joint, lambda call: self.allows(call) or other.allows(call))

    def __and__(self, other: "Permission") -> "Permission":
        """Both."""
        first = replace(self, sentence=f"({self.sentence})") if " or " in self.sentence else self
        joint = " and " if " with " in self.sentence else " with "
        return first._joined(other, joint, lambda call: self.allows(call) and other.allows(call))

    def _joined(self, other: "Permission", joint: str, test: Callable[[Call], bool]) -> "Permission":
        # Its parts are asked one by one, and each knows whether internal accounts pass it.
        sentence = f"{self.sentence}{joint}{other.sentence}"
        return Permission(sentence, test, self.loads + other.loads, binds_internal=True)


PUBLIC = Permission("Public", lambda _: True, public=True)
ACTIVE_USER = Permission("Active user", lambda call: call.caller is not None)
WRITE_ACCESS = Permission("write access", lambda call: call.actor.account.is_regular_user)
ADMIN = Permission("Admin", lambda call: call.actor.account.is_admin)
ADMIN_WRITER = ADMIN & WRITE_ACCESS
FIRST_PARTY = Permission(
    "a sign-in through a first-party client", lambda call: call.actor.is_first_party, binds_internal=True
)
# Whatever gives rights to an account, or takes it over, needs this, and the caller's password.
FIRST_PARTY_ADMIN = ADMIN_WRITER & FIRST_PARTY


@dataclass(frozen=True)
class Rule:
    """What may be done with one field of a view.

    :param permission: who may change it, beyond who may call the operation; None for all of them.
    :param confirm: a test of /current_password has to precede.
    :param parts: paths inside the field work too; it is an array then.
    :param blank: what the field becomes when it is removed; None if it can't be, or may be null.
    """

    permission: Permission | None = None
    confirm: bool = False
    parts: bool = False
    blank: str | bool | tuple[str, ...] | None = None

    def check(self, call: Call, target: str) -> None:
        """Check that the caller may set the field.

        :param target: pointer to it.
        :raises ForbiddenError: somebody else may.
        """
        if self.permission and not self.permission.allows(call):
            raise ForbiddenError(f"Who may set {shown(target)}: {self.permission.sentence}.")


@dataclass(frozen=True)
class PatchPolicy:
    """Which paths a patch may touch.

    :param view: the schema of the public view: whatever it shows may be tested, or copied from.
    :param changes: the schema that validates the fields which changed.
    :param rules: what may be changed, by field.
    :param nobody: fields that no caller whatsoever may change over the API: 403.
    :param confirm: checks the value of a test of /current_password, and raises if it is wrong.
    """

    view: type[Schema]
    changes: type[Schema]
    rules: Mapping[str, Rule]
    nobody: frozenset[str] = frozenset()
    confirm: Callable[[Call, Any], None] | None = None


@dataclass
class Reply:
    """What a handler answers with, where the value alone does not say it all."""

    value: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    status: int | None = None


@dataclass(frozen=True)
class Document:
    """An answer that is text already; where the operation declares ETags, its ETag is the digest of it.

    :param media_type: without the charset.
    """

    text: str
    media_type: str
    headers: dict[str, str]
    status: int = 200


def _undeclared(call: Call) -> Any:
    raise NotImplementedError


@dataclass(frozen=True)
class Tag:
    """A group of operations, as the documentation and generated clients show it."""

    name: str
    description: str = ""


OTHER = Tag("Other")


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One endpoint's declaration; used as a decorator it takes the handler in.

    :param permission: who may call it; being public is a decision too, so there is no default.
    :param scopes: what the token must carry.
    :param optional_token: a public operation that looks at the caller if there is one.
    :param loads: what is read beside the caller.
    :param loads_keys: further keys to read, such as the shards of a counter.
    :param choices: what a part of the path may be; with anything else there is nothing under the address.
    :param body: schema of the body; body_types are the media types it may come in.
    :param max_body: bytes that a body may have; what is longer is not looked at.
    :param form: schema of a form that the handler reads by itself; documentation alone uses it.
    :param patch: what a JSON Patch may do here.
    :param query: schema of the query string.
    :param own_query: schema of a query string that the handler reads by itself, as form is for the body.
    :param response: schema of the answer; of each element where the handler gives a page.
    :param total: a list tells how many elements there are altogether.
    :param if_match: the write is held back if If-Match names another version; so does every patch.
    :param also: other statuses that the handler answers with, and when.
    :param headers: headers of the answer, beyond what the declaration implies.
    :param problems: what the handler itself may refuse, beyond what the declaration implies.
    :param render_error: the form of errors, where they are no problems; error is its schema.
    :param error_page: the form of errors, where a person reads them in a browser.
    :param produces: media types of the answer.
    :param rate_limit: how often each caller may call it.
    :param own_limits: limits that the handler counts by itself, since who is limited is known there only, by
        what they count; the documentation uses it.
    :param if_unsure: what to do where nobody knows whether a write took effect, which is a 503 without
        Retry-After then; None where the same request may simply be sent again.
    :param no_store: keep the answer out of all caches.
    :param cors: pages of other origins may read the answer, if the settings list them.
    :param tag: the group in which it is documented; the route table sets it.
    """

    permission: Permission
    handler: Callable[[Call], Any] = _undeclared
    scopes: frozenset[str] = frozenset()
    optional_token: bool = False
    loads: tuple[Load[Any], ...] = ()
    loads_keys: Callable[[Call], list[Key]] = lambda _: []
    choices: Mapping[str, Collection[str]] = field(default_factory=dict)
    body: type[Schema] | None = None
    body_types: tuple[str, ...] = ()
    max_body: int = MAX_BODY
    form: type[Schema] | None = None
    patch: PatchPolicy | None = None
    query: type[Schema] | None = None
    own_query: type[Schema] | None = None
    response: type[Schema] | None = None
    status: int = 200
    many: bool = False
    total: bool = True
    etag: bool = False
    if_match: bool = False
    also: Mapping[int, str] = field(default_factory=dict)
    headers: tuple[str, ...] = ()
    problems: tuple[type[ApiError], ...] = ()
    render_error: Callable[[ApiError], tuple[dict[str, Any], dict[str, str]]] | None = None
    error: type[Schema] | None = None
    error_page: Callable[[Request, ApiError], Document] | None = None
    produces: tuple[str, ...] = (JSON,)
    rate_limit: RateLimit | None = None
    own_limits: Mapping[str, RateLimit] = field(default_factory=dict)
    if_unsure: str | None = LOOK
    no_store: bool = True
    cors: bool = True
    tag: Tag = OTHER

    def __post_init__(self) -> None:
        """Refuse, at import, a declaration that decides nothing.

        :raises ValueError: scopes are asked of a public operation, or a private one asks none.
        """
        if self.permission.public == bool(self.scopes):
            raise ValueError("a public operation has no scopes, every other one has some")

    def __call__(self, handler: Callable[[Call], Any]) -> "Operation":
        """Declare a handler."""
        return replace(self, handler=handler)

    @property
    def name(self) -> str:
        """The operationId."""
        return self.handler.__name__

    @property
    def is_conditional(self) -> bool:
        """Tell whether If-Match is honoured."""
        return self.if_match or self.patch is not None

    @property
    def authenticates(self) -> bool:
        """Tell whether a token is looked at."""
        return self.optional_token or not self.permission.public

    @property
    def all_loads(self) -> tuple[Load[Any], ...]:
        """What the handler and the permission need."""
        return self.loads + self.permission.loads
