"""Who may do what: permissions that carry the words of the documentation, and how a call is authorized."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from chalicelib.db.keys import Key
from chalicelib.errors import (
    ForbiddenError,
    InsufficientScopeError,
    InvalidTokenError,
    MalformedRequestError,
    NotFoundError,
    UnauthenticatedError,
    excerpt,
)
from chalicelib.rate_limit import RateLimit
from chalicelib.web.call import Call, Load, Request


@dataclass(frozen=True)
class Permission:
    """Who may: a test, and the words for it."""

    sentence: str  # in the words of the documentation: "Owner, or Admin with write access"
    test: Callable[[Call], bool]
    loads: tuple[Load[Any], ...] = ()  # what the test looks at
    public: bool = False  # everybody may, without a token
    binds_internal: bool = False  # internal accounts need it, too; they pass others without being asked

    def allows(self, call: Call) -> bool:
        """Whether a call passes."""
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
    """What a patch may do with one field."""

    permission: Permission | None = None  # who may, beyond who may call the operation
    confirm: bool = False  # a test of /current_password has to precede
    parts: bool = False  # paths inside the field work too; it is an array then
    blank: str | bool | tuple[str, ...] | None = None  # what a removal makes of it; None if it has no blank

    def check(self, call: Call, target: str) -> None:
        """Check that the caller may set the field that a pointer names.

        :raises ForbiddenError: somebody else may.
        """
        if self.permission and not self.permission.allows(call):
            raise ForbiddenError(f"Who may set {excerpt(target)}: {self.permission.sentence}.")


@dataclass(frozen=True)
class Access:
    """Who may call an operation, how often, and what is read to decide it."""

    permission: Permission  # being public is a decision, too, so there is no default
    scopes: frozenset[str] = frozenset()  # what the token must carry
    reads: tuple[Load[Any], ...] = ()  # beside what the permission looks at; all in one BatchGetItem
    also_reads: Callable[[Call], Collection[Key | None]] = lambda _: ()  # such as the shards of a counter
    limit: RateLimit | None = None  # how often each caller may call it
    optional_token: bool = False  # a public operation that looks at the caller if there is one
    # What a part of the path may be; with anything else there is nothing under the address.
    choices: Mapping[str, Collection[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse, at import, what decides nothing."""
        if self.permission.public == bool(self.scopes):
            raise ValueError("a public operation has no scopes, every other one has some")

    @cached_property
    def authenticates(self) -> bool:
        """Whether a token is looked at."""
        return self.optional_token or not self.permission.public

    @cached_property
    def loads(self) -> tuple[Load[Any], ...]:
        """What the handler and the permission need."""
        return self.reads + self.permission.loads


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


def authorize(call: Call, access: Access) -> None:
    """Check scopes, then existence, then the permission; then the existence of what outsiders may not see."""
    if not access.permission.public and not call.actor.has_scopes(access.scopes):
        raise InsufficientScopeError(access.scopes)
    check_loads(call, [access])
    if not access.permission.allows(call):
        raise ForbiddenError(f"This operation requires: {access.permission.sentence}.")
    check_loads(call, [access], hidden=True)


def check_loads(call: Call, accesses: Iterable[Access], *, hidden: bool = False) -> None:
    """Answer 404 where something that the path names does not exist."""
    for access in accesses:
        if any(call.params[name] not in names for name, names in access.choices.items()):
            raise NotFoundError
        for load in access.loads:
            if load.required and load.hidden == hidden and call.get(load) is None:
                raise NotFoundError


def may(call: Call, access: Access) -> bool:
    """Whether a call would be authorized."""
    try:
        authorize(call, access)
    except (UnauthenticatedError, InsufficientScopeError, NotFoundError, ForbiddenError):
        return False
    return True
