"""How items name a person: each kind declares where they are, what an export shows, and what erasure does."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Person:
    """Whom an export or an erasure is about.

    :param email: the last address that the account had; empty if it is not confirmed.
    """

    id: str
    email: str


@dataclass(frozen=True)
class Place:
    """Where there are items of one kind, as `query` in db/table.py takes it.

    :param partition: value of gsi1pk; or of pk, when a prefix is given.
    :param finds: its items are index entries, which find those of the kind.
    """

    partition: str
    prefix: str | None = None
    finds: bool = False


@dataclass(frozen=True, kw_only=True)
class Personal:
    """How the items of a kind name a person.

    :param show: what an export shows of an item, which is no secret and no hash of one; None shows nothing.
    :param erase: erases at most 25 items found there, and returns how many it changed; None deletes them. It
        is repeated until nothing is found, and may be stopped anywhere.
    """

    places: Callable[[Person], Sequence[Place]]
    show: Callable[[Any, Person], dict[str, Any]] | None = None
    erase: Callable[[Sequence[Any], Person], int] | None = None


# Of kinds that hold random ids and counts, or that go with the account in one transaction.
NOT_PERSONAL = Personal(places=lambda _: ())


def shown(*names: str) -> Callable[[Any, Person], dict[str, Any]]:
    """Return what shows these attributes of an item."""
    return lambda item, _: {name: getattr(item, name) for name in names}
