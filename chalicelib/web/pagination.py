"""Lists: a page by cursor (or offset, for old clients), Link, and X-Total-Count where it is known."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlencode

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from chalicelib.db import counters
from chalicelib.db.companions import IndexEntry
from chalicelib.db.relations import Index
from chalicelib.db.table import Item, query
from chalicelib.errors import InvalidValueError
from chalicelib.security.seals import seal, unseal
from chalicelib.web.body import schema_of
from chalicelib.web.call import Call
from chalicelib.web.fields import pattern_metadata
from chalicelib.web.operation import Reply

DEFAULT_LIMIT = 20
MAX_LIMIT = 100
MAX_OFFSET = 1000
OLDEST, NEWEST = "oldest", "newest"
MAX_CURSOR = 256  # characters; more than any position takes that is listed by
CURSOR = re.compile("[A-Za-z0-9_-]*")
Place = Sequence[str | None]


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


def shown_by(schema: type[Schema]) -> tuple[str, ...]:
    """Return the attributes of items that a schema shows."""
    return tuple(field.attribute or name for name, field in schema_of(schema).fields.items())


def read_page(
    call: Call,
    kind: type[Item],
    partition: str,
    attributes: Sequence[str] = (),
    *,
    prefix: str | None = None,
    begins: str = "",
    backwards: bool = False,
    total: int | None = None,
) -> Reply:
    """Read the page that the query asks for, with one Query.

    :param partition: gsi1pk of the listing; pk, when a prefix is given.
    :param attributes: what is read of each item, beside its place; nothing stands for everything.
    :param prefix: list the table itself: sort keys that begin with this.
    :param begins: of a listing, only the places that begin with this.
    :param backwards: the last ones come first, whatever the query says.
    :param total: how many there are altogether; None if they are not counted.
    :raises InvalidValueError: the cursor was not made here, for this listing.
    """
    limit, offset = call.query["limit"], call.query.get("offset", 0)
    is_newest = call.query.get("order") == NEWEST
    place = (partition, prefix, *([begins] if begins else []), *([NEWEST] if is_newest else []))
    at = "gsi1sk" if prefix is None else "sk"
    found = query(
        kind,
        partition,
        prefix=prefix,
        after=open_cursor(call, place),
        limit=offset + limit + 1,
        attributes=(*attributes, at) if attributes else (),
        backwards=backwards or is_newest,
        begins=begins,
    )
    items = found[offset : offset + limit]
    more = len(found) > offset + limit
    following = str(getattr(items[-1], at)).removeprefix(prefix or "") if more else ""
    return page_of(call, place, items, following, total)


def read_found(call: Call, kind: type[Item], listing: str, wanted: Mapping[str, Any]) -> Reply:
    """Read the page of the items that have certain values, with one Query and one BatchGetItem.

    The index is a moment late, so a page may be short: `Link` says whether there are more. They are not
    counted.

    :param listing: gsi1pk of the listing that all items of the kind are in.
    :param wanted: by their attributes, of which each has an index; the first one finds the items.
    """
    indexes = {index.attribute: index for index in kind.indexes}
    first = next(iter(wanted))
    partition, begins = indexes[first].search(listing, wanted[first])
    page = read_page(call, IndexEntry, partition, ("pk", "sk"), begins=begins)
    found = dict.fromkeys(entry.finds for entry in page.value)
    call.context.read(found)
    items = [item for key in found if (item := call.context.find(kind, key))]
    return replace(page, value=[item for item in items if _has(item, indexes, wanted)])


def _has(item: Item, indexes: Mapping[str, Index], wanted: Mapping[str, Any]) -> bool:
    return all(indexes[name].matches(getattr(item, name), value) for name, value in wanted.items())


def count(call: Call, name: str) -> int:
    """Add up a counter whose shards were read with the caller; now, those that were opened since."""
    call.context.read(counters.in_use(name, call.context.items))
    return counters.total(name, call.context.items)


def page_of(
    call: Call, place: Place, items: Sequence[Any], following: str = "", total: int | None = None
) -> Reply:
    """Answer with a page of a list, X-Total-Count and, unless it is the last page, Link (RFC 8288).

    :param place: what is listed, and in which order.
    :param following: the position after which the next page begins, if there is one.
    :param total: how many there are altogether; None if they are not counted.
    """
    headers = {} if total is None else {"X-Total-Count": str(total)}
    if following:
        request = call.request
        kept = {name: values[0] for name, values in request.query.items() if name not in ("cursor", "offset")}
        parameters = urlencode({**kept, "cursor": make_cursor(call, place, following)})
        path = quote(request.path_of_route)
        headers["Link"] = f'<{request.base_url}{path}?{parameters}>; rel="next"'
    return Reply(items, headers=headers)


def make_cursor(call: Call, place: Place, position: str) -> str:
    """Seal a position, bound to what is listed."""
    return seal(call.context.keyring.mac_key("cursor"), place, position)


def open_cursor(call: Call, place: Place) -> str:
    """Return the position of the query's cursor; empty if it has none.

    :raises InvalidValueError: it was changed, made up, or belongs to another listing.
    """
    cursor = call.query["cursor"]
    if not cursor:
        return ""
    position = unseal(call.context.keyring.mac_key("cursor"), place, cursor)
    if position is None:
        detail = "This cursor is not valid here: take it from the Link header, unchanged."
        raise InvalidValueError(errors=[{"parameter": "cursor", "detail": detail}])
    return position
