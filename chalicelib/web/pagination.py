"""Lists: a page by cursor (or offset, for old clients), Link, and X-Total-Count where it is known."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic
from urllib.parse import quote, urlencode

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from chalicelib.db import counters
from chalicelib.db.entries import IndexEntry
from chalicelib.db.index import Index
from chalicelib.db.table import Item, T, query
from chalicelib.errors import InvalidValueError
from chalicelib.security.seals import seal, unseal
from chalicelib.web.body import schema_of
from chalicelib.web.call import Call
from chalicelib.web.fields import pattern_metadata
from chalicelib.web.request import Request

DEFAULT_LIMIT = 20
MAX_LIMIT = 100
MAX_OFFSET = 1000
OLDEST, NEWEST = "oldest", "newest"
MAX_CURSOR = 256  # characters; more than any position takes that is listed by
CURSOR = re.compile("[A-Za-z0-9_-]*")


def _range(least: int, most: int, advice: str = "") -> validate.Range:
    return validate.Range(least, most, error=f"Must be between {least} and {most}.{advice}")


class PageQuery(Schema):
    """Which part of a list that goes only by cursor."""

    limit = fields.Integer(
        strict=True,
        load_default=DEFAULT_LIMIT,
        validate=_range(1, MAX_LIMIT),
        metadata={"description": "How many elements at most."},
    )
    cursor = fields.String(
        load_default="",
        validate=validate.Length(max=MAX_CURSOR),
        metadata=pattern_metadata(
            CURSOR,
            MAX_CURSOR,
            description="Where to continue: take it from the Link header of the page before.",
        ),
    )


class ListQuery(PageQuery):
    """Which part of a list, and in which order."""

    offset = fields.Integer(
        strict=True,
        load_default=0,
        validate=_range(0, MAX_OFFSET, " Use cursor to go further."),
        metadata={"description": "How many elements to skip; for old clients, cursor goes further."},
    )
    order = fields.String(
        load_default=OLDEST,
        validate=validate.OneOf((OLDEST, NEWEST)),
        metadata={"description": "Which come first, by their ids: those of what was made first, or last."},
    )

    @validates_schema
    def _one_way(self, data: dict[str, Any], **_: Any) -> None:
        if data.get("cursor") and data.get("offset"):
            raise ValidationError("Use either cursor or offset.", "offset")


@dataclass(frozen=True)
class Listing:
    """Something that can be listed.

    :param partition: gsi1pk of the listing; pk, when a prefix is given.
    :param prefix: list the table itself: sort keys that begin with this.
    :param schema: what is shown of each item, so that nothing else is read.
    :param others: attributes that are read beside it.
    :param begins: of a listing, only the places that begin with this.
    """

    partition: str
    prefix: str | None = None
    schema: type[Schema] | None = None
    others: tuple[str, ...] = ()
    begins: str = ""

    @property
    def attributes(self) -> tuple[str, ...]:
        """What is read of each item; nothing stands for everything."""
        found = schema_of(self.schema).fields.items() if self.schema else ()
        names = (*(field.attribute or name for name, field in found), *self.others)
        return (*names, "gsi1sk" if self.prefix is None else "sk") if names else ()


@dataclass(frozen=True)
class Page(Generic[T]):
    """One page of a list.

    :param total: how many there are altogether; None if they are not counted.
    """

    items: Sequence[T]
    total: int | None
    next_cursor: str | None


def read_page(call: Call, kind: type[T], listing: Listing, total: int | None = None) -> Page[T]:
    """Read the page that the query asks for, with one Query.

    :param total: how many there are altogether; None if they are not counted.
    :raises InvalidValueError: the cursor was not made here, for this listing.
    """
    limit, offset = call.query["limit"], call.query.get("offset", 0)
    after = open_cursor(call, listing, call.query["cursor"]) if call.query["cursor"] else ""
    found = query(
        kind,
        listing.partition,
        prefix=listing.prefix,
        after=after,
        limit=offset + limit + 1,
        attributes=listing.attributes,
        backwards=_is_backwards(call),
        begins=listing.begins,
    )
    items = found[offset : offset + limit]
    more = len(found) > offset + limit
    return Page(items, total, make_cursor(call, listing, _position(items[-1], listing)) if more else None)


def read_found(call: Call, kind: type[T], listing: str, wanted: Mapping[str, Any]) -> Page[T]:
    """Read the page of the items that have certain values, with one Query and one BatchGetItem.

    The index is a moment late, so a page may be short: `Link` says whether there are more. They are not
    counted.

    :param listing: gsi1pk of the listing that all items of the kind are in.
    :param wanted: by their attributes, of which each has an index; the first one finds the items.
    """
    indexes = {index.attribute: index for index in kind.indexes}
    first = next(iter(wanted))
    partition, begins = indexes[first].search(listing, wanted[first])
    page = read_page(call, IndexEntry, Listing(partition, others=("pk", "sk"), begins=begins))
    found = dict.fromkeys(entry.finds for entry in page.items)
    call.context.read(found)
    items = [item for key in found if (item := call.context.find(kind, key))]
    return Page([item for item in items if _has(item, indexes, wanted)], None, page.next_cursor)


def _has(item: Item, indexes: Mapping[str, Index], wanted: Mapping[str, Any]) -> bool:
    return all(indexes[name].matches(getattr(item, name), value) for name, value in wanted.items())


def count(call: Call, name: str) -> int:
    """Add up a counter whose shards were read with the caller; now, those that were opened since."""
    call.context.read(counters.in_use(name, call.context.items))
    return counters.total(name, call.context.items)


def _position(item: Item, listing: Listing) -> str:
    return str(item.gsi1sk) if listing.prefix is None else item.sk.removeprefix(listing.prefix)


def _is_backwards(call: Call) -> bool:
    return call.query.get("order") == NEWEST


def _purpose(call: Call, listing: Listing) -> tuple[str | None, ...]:
    begins = [listing.begins] if listing.begins else []
    return (listing.partition, listing.prefix, *begins, *([NEWEST] if _is_backwards(call) else []))


def make_cursor(call: Call, listing: Listing, position: str) -> str:
    """Seal a position, bound to its listing and order."""
    return seal(call.context.keyring.mac_key("cursor"), _purpose(call, listing), position)


def open_cursor(call: Call, listing: Listing, cursor: str) -> str:
    """Return the position of a cursor.

    :raises InvalidValueError: it was changed, made up, or belongs to another listing.
    """
    position = unseal(call.context.keyring.mac_key("cursor"), _purpose(call, listing), cursor)
    if position is None:
        detail = "This cursor is not valid here: take it from the Link header, unchanged."
        raise InvalidValueError(errors=[{"parameter": "cursor", "detail": detail}])
    return position


def page_headers(request: Request, page: Page[Any]) -> dict[str, str]:
    """Return X-Total-Count and, unless this page is the last, Link (RFC 8288)."""
    headers = {} if page.total is None else {"X-Total-Count": str(page.total)}
    if page.next_cursor:
        kept = {name: values[0] for name, values in request.query.items() if name not in ("cursor", "offset")}
        parameters = urlencode({**kept, "cursor": page.next_cursor})
        path = quote(request.path_of_route)
        headers["Link"] = f'<{request.base_url}{path}?{parameters}>; rel="next"'
    return headers
