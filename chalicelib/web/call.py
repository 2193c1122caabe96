"""One request on its way through an operation, and the items that it looks at."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from chalicelib.context import Context
from chalicelib.db import keys
from chalicelib.db.keys import Key
from chalicelib.db.table import Item
from chalicelib.errors import NotFoundError, UnauthenticatedError
from chalicelib.rate_limit import network
from chalicelib.security.actor import Actor
from chalicelib.security.tokens import Claims
from chalicelib.web.request import Request

T = TypeVar("T", bound=Item)


class _Named(Protocol):
    """Whatever the route table knows by a name: an operation."""

    @property
    def name(self) -> str:
        """The operationId."""
        ...


@dataclass
class Call:
    """One request; each step fills in what it found.

    :param params: the parts of the path.
    :param context: what actions work with.
    :param paths: the route table: the path of each operation, by its name.
    :param claims: of the access token.
    :param payload: the body as it was parsed, not validated.
    :param body: the body as its schema loaded it; of a patch, the fields that it changes.
    """

    request: Request
    params: Mapping[str, str]
    context: Context
    paths: Mapping[str, str]
    claims: Claims | None = None
    caller: Actor | None = None
    payload: Any = None
    body: Any = None
    query: dict[str, Any] = field(default_factory=dict)
    _keys: "dict[Load[Any], Key | None]" = field(default_factory=dict)

    @property
    def actor(self) -> Actor:
        """The caller of an operation that needs one.

        :raises UnauthenticatedError: there is none.
        """
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
        """Return what a load found.

        :raises NotFoundError: nothing.
        """
        item = self.get(load)
        if item is None:
            raise NotFoundError
        return item

    def url_for(self, operation: _Named, **params: str) -> str:
        """Return the public URL of an operation, as the route table has it.

        :param params: the parts of the path.
        """
        return self.request.base_url + self.paths[operation.name].format(**params)


@dataclass(frozen=True)
class Load(Generic[T]):
    """An item that is read together with the caller, in the same BatchGetItem.

    :param kind: the item's kind.
    :param key: where it is for a call; None if the call's ids cannot name anything.
    :param required: answer 404 when it is absent.
    :param hidden: its absence is told only to those whom the permission lets pass.
    :param after: the item that says which one it is; a second BatchGetItem reads what comes after others.
    """

    kind: type[T]
    key: Callable[[Call], Key | None]
    required: bool = True
    hidden: bool = False
    after: "Load[Any] | None" = None
