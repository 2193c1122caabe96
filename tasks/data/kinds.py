"""Every kind of item that the code knows, those of generated resources included."""

from importlib import import_module
from typing import Any

from chalicelib.db import counters, windows
from chalicelib.db.keys import Key
from chalicelib.db.table import Item
from tasks.data.table import RawItem
from tasks.processes import project_folder

BASE = (counters, windows)  # have kinds of their own


class UnreadableError(Exception):
    """An item does not have the form of its kind; the message says why."""


def all_kinds() -> dict[str, type[Item]]:
    """Import the models of all resources, and return the kinds by their names."""
    for path in sorted((project_folder() / "chalicelib").rglob("models.py")):
        import_module(".".join(path.relative_to(project_folder()).with_suffix("").parts))
    attribute: Any = Item.kind
    return {attribute.get_discriminator(kind): kind for kind in attribute.get_registered_subclasses(Item)}


def key_of(raw: RawItem) -> Key:
    """Return the key of an item."""
    return Key(raw["pk"]["S"], raw["sk"]["S"])


def schema_of(raw: RawItem) -> int:
    """Return the version of an item's schema, 1 by default.

    :raises UnreadableError: the version is invalid.
    """
    said = str(raw.get("schema", {}).get("N", 1))
    if not said.isdecimal() or said == "0":
        raise UnreadableError(f"has schema {said}, which is not a number of at least 1")
    return int(said)


def parse(kinds: dict[str, type[Item]], raw: RawItem) -> Item:
    """Read an item by its kind.

    :raises UnreadableError: the code knows no such kind or schema, or attributes are missing or wrong.
    """
    name = raw.get("kind", {}).get("S", "")
    kind = kinds.get(name)
    if kind is None:
        raise UnreadableError(f"is of the kind {name!r}, which this code does not know")
    if schema_of(raw) > kind.SCHEMA:
        raise UnreadableError(f"has schema {schema_of(raw)} of {name}, newer than this code's {kind.SCHEMA}")
    missing = sorted(name for name in needed(kind) if "NULL" in raw.get(name, {"NULL": True}))
    # older items get what a later schema added from db.migrate
    if missing and schema_of(raw) == kind.SCHEMA:
        raise UnreadableError(f"lacks {', '.join(missing)}")
    try:
        return kind.from_raw_data(raw)
    except (TypeError, ValueError) as error:
        raise UnreadableError(f"can't be read: {error}") from error


def needed(kind: type[Item]) -> set[str]:
    """List the attributes that items of a kind must have."""
    own = {
        attribute.attr_name
        for attribute in own_attributes(kind)
        if not attribute.null and attribute.default is None
    }
    # a tally that is counted on its own has no other time stamp
    return own | ({"version"} if kind is windows.Tally else {"version", "created", "updated"})


def own_attributes(kind: type[Item]) -> list[Any]:
    """List the attributes that a kind has beyond those of all kinds."""
    base = Item.get_attributes()
    return [attribute for name, attribute in kind.get_attributes().items() if name not in base]
