"""Items as their kinds have them, from a page of a Scan or by their keys; those that can't be read, too."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from itertools import islice

from chalicelib.db.keys import Key
from chalicelib.db.table import Item, is_expired
from tasks.data import table
from tasks.data.kinds import UnreadableError, all_kinds, key_of, parse
from tasks.data.table import RawItem

AT_ONCE = 100  # keys per BatchGetItem (AWS quota)

Found = Mapping[Key, Item]
known_kinds = cache(all_kinds)


def read(keys: Iterable[Key]) -> dict[Key, Item]:
    """Read items, strongly consistent; one that can't be parsed is returned without a kind."""
    todo, found = iter(dict.fromkeys(keys)), {}
    while some := list(islice(todo, AT_ONCE)):
        for raw in table.get(some):
            item = _item_or_place(raw)
            if not is_expired(item):
                found[item.key] = item
    return found


def _item_or_place(raw: RawItem) -> Item:
    try:
        return parse(known_kinds(), raw)
    except UnreadableError:
        return Item.at(key_of(raw))


def parsed(raws: Sequence[RawItem]) -> tuple[list[Item], dict[Key, str]]:
    """Read the items of a page; expired ones are left out.

    :returns: the items, and by its key what is wrong with each that can't be read.
    """
    items, wrong = [], {}
    for raw in raws:
        try:
            items.append(parse(known_kinds(), raw))
        except UnreadableError as error:
            wrong[key_of(raw)] = str(error)
    return [item for item in items if not is_expired(item)], wrong
