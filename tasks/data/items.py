"""Items by their kinds, those of generated resources included, and what is wrong with items of no kind."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib import import_module
from itertools import islice
from typing import Any

from chalicelib.db.keys import Key
from chalicelib.db.table import BATCH_READ_LIMIT, Item, is_expired
from chalicelib.rate_limit import Tally
from tasks.data import table
from tasks.data.table import RawItem
from tasks.processes import project_folder

DECLARATION = "discriminator="  # what the class of each kind is given (PynamoDB)

Found = Mapping[Key, Item]


class UnreadableError(Exception):
    """An item does not have the form of its kind; the message says why."""


@cache
def known_kinds() -> dict[str, type[Item]]:
    """Import every module that declares a kind, and return the kinds by their names."""
    for path in sorted((project_folder() / "chalicelib").rglob("*.py")):
        if DECLARATION not in path.read_text("utf-8"):
            continue
        import_module(".".join(path.relative_to(project_folder()).with_suffix("").parts))
    attribute: Any = Item.kind
    return {attribute.get_discriminator(kind): kind for kind in attribute.get_registered_subclasses(Item)}


def key_of(raw: RawItem) -> Key:
    """Return the key of an item."""
    return Key(raw["pk"]["S"], raw["sk"]["S"])


def schema_of(raw: RawItem) -> int:
    """Return the version of an item's schema: 1 where it has none.

    :raises UnreadableError: it is not a version.
    """
    said = str(raw.get("schema", {}).get("N", 1))
    if not said.isdecimal() or said == "0":
        raise UnreadableError(f"has schema {said}, which is not a number of at least 1")
    return int(said)


def parse(raw: RawItem) -> Item:
    """Read an item by its kind.

    :raises UnreadableError: the code knows no such kind or schema, or attributes are missing or wrong.
    """
    name = raw.get("kind", {}).get("S", "")
    kind = known_kinds().get(name)
    if kind is None:
        raise UnreadableError(f"is of the kind {name!r}, which this code does not know")
    if schema_of(raw) > kind.SCHEMA:
        raise UnreadableError(f"has schema {schema_of(raw)} of {name}, newer than this code's {kind.SCHEMA}")
    missing = sorted(name for name in _needed(kind) if "NULL" in raw.get(name, {"NULL": True}))
    # what a later schema added, older items get by db.migrate
    if missing and schema_of(raw) == kind.SCHEMA:
        raise UnreadableError(f"lacks {', '.join(missing)}")
    try:
        return kind.from_raw_data(raw)
    except (TypeError, ValueError) as error:
        raise UnreadableError(f"can't be read: {error}") from error


def _needed(kind: type[Item]) -> set[str]:
    """Return the names of the attributes that every item of a kind has."""
    # a tally that is counted by itself has no other stamp
    stamps = {"version"} if kind is Tally else {"version", "created", "updated"}
    own: Any = [each for name, each in kind.get_attributes().items() if name not in Item.get_attributes()]
    return stamps | {each.attr_name for each in own if not each.null and each.default is None}


def parsed(raws: Sequence[RawItem]) -> tuple[list[Item], dict[Key, str]]:
    """Read the items of a page, except those that have expired.

    :returns: the items, and by its key what is wrong with each that can't be read.
    """
    items, wrong = [], {}
    for raw in raws:
        try:
            items.append(parse(raw))
        except UnreadableError as error:
            wrong[key_of(raw)] = str(error)
    return [item for item in items if not is_expired(item)], wrong


def read(keys: Iterable[Key]) -> dict[Key, Item]:
    """Read items, strongly consistent; one that can't be parsed is returned without a kind."""
    todo, found = iter(dict.fromkeys(keys)), dict[Key, Item]()
    while some := list(islice(todo, BATCH_READ_LIMIT)):
        items, wrong = parsed(table.get(some))
        found |= {item.key: item for item in items} | {key: Item.at(key) for key in wrong}
    return found
