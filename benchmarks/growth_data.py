"""A table of any number of items, in which there is always the same to see from one caller's place."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count, islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from pynamodb.attributes import UnicodeAttribute

from benchmarks.data import Data
from benchmarks.growth_file import multiply
from chalicelib.context import Context
from chalicelib.db import keys
from chalicelib.db.companions import entries_of
from chalicelib.db.keys import Key
from chalicelib.db.personal import NOT_PERSONAL
from chalicelib.db.relations import Index
from chalicelib.db.table import BATCH_WRITE_LIMIT, Item, connection
from chalicelib.db.unique import UniqueName
from chalicelib.teams.models import Team, new_member
from chalicelib.users.models import new_user
from chalicelib.web.pagination import make_cursor, read_found
from tests.http import Answer

NUMBER = "~~~~~~"  # stands for six digits in what is written
PARTS = "PARTS"
RawItem = dict[str, Any]


class Part(Item, discriminator="growth_part"):
    """A resource with a filter, as module.create makes them."""

    personal = NOT_PERSONAL
    indexes = (Index("status"),)
    id = UnicodeAttribute()
    status = UnicodeAttribute()

    def listed(self) -> tuple[str, str]:
        """Return the listing that this item is in (gsi1pk), and its place there (gsi1sk)."""
        return PARTS, self.id


@dataclass
class Grown:
    """A table that was filled, and what requests need to know of it.

    :param items: how many were written beside the caller's own.
    :param folder: where DynamoDB Local has its file; None if it has its data in memory.
    :ivar ids: what stands for the parameters of paths and queries.
    """

    data: Data
    items: int
    folder: Path | None = None
    ids: dict[str, str] = field(init=False)
    _numbers: Iterator[int] = field(default_factory=count)

    def __post_init__(self) -> None:
        """Fill the table."""
        crowd = keys.new_id()  # a team, of which all users are members
        written = _write(crowd, self.items, self.folder)
        number = len(written) // 2
        title = keys.place_of(f"team {number:06}", written[number])
        self.ids = self.data.ids | {"username": f"name{number:06}", "crowd": crowd}
        for name, place, position in (
            ("users", (keys.USERS, None), written[number]),
            ("teams", (keys.TEAMS, None), written[number]),
            ("titles", (keys.indexed(keys.TEAMS, "title"), None, "team"), title),
            ("members", (keys.team(crowd).pk, keys.MEMBERS), written[number]),
            ("parts", (keys.indexed(PARTS, "status", "new"), None), written[number]),
        ):
            self.ids[f"after_{name}"] = make_cursor(_call(), place, position)

    def get(self, path: str) -> None:
        """Get something as an admin."""
        succeed(self.data("GET", path.format(**self.ids)))

    def rename(self, path: str, pointer: str) -> None:
        """Change a name, to another one of the same length each time."""
        patch = [{"op": "replace", "path": pointer, "value": f"Looms {next(self._numbers):03}"}]
        succeed(self.data("PATCH", path.format(**self.ids), patch))

    def find_parts(self, limit: int, cursor: str = "") -> None:
        """Read a page of the parts that have a status, without the caller's own request to the table."""
        page = read_found(_call(limit=limit, cursor=cursor), Part, PARTS, {"status": "new"})
        if len(page.value) != limit:
            raise RuntimeError(f"{len(page.value)} parts were found")


def succeed(answer: Answer) -> None:
    """Stop where a request is refused."""
    if answer.status >= 400:
        raise RuntimeError(f"{answer.status} {answer.body!r}")


def _call(**query: Any) -> Any:
    """Stand in for a request to a resource that is not there."""
    from app import api  # noqa: PLC0415 - it reads the environment when it is imported

    context = Context(settings=api.settings, keystore=api.keystore, source="", request_id="")
    request = SimpleNamespace(base_url="", path_of_route="", query={})
    return SimpleNamespace(context=context, query=query, request=request)


def _write(crowd: str, items: int, folder: Path | None) -> list[str]:
    """Write items, seven for each id, and return the ids in their order.

    :param crowd: id of a team that gets all users.
    """
    team = Team.at(keys.team(crowd), id=crowd, title="Crowd", member_count=items, version=1)
    _put([team.serialize()])
    model, template = _template(crowd)
    ids = sorted(keys.new_id() for _ in range(items // len(template)))
    copies = [(each, f"{number:06}") for number, each in enumerate(ids)]
    if folder:
        _put(template)
        multiply(folder, (model, NUMBER), copies)
        return ids
    text = json.dumps(template)
    filled_in = (text.replace(model, each).replace(NUMBER, number) for each, number in copies)
    raw = (item for items_of_one in filled_in for item in json.loads(items_of_one))
    while batch := list(islice(raw, BATCH_WRITE_LIMIT)):
        _put(batch)
    return ids


def _template(crowd: str) -> tuple[str, list[RawItem]]:
    """Make one of each kind as they are stored, and return their id, too."""
    name = f"name{NUMBER}"
    user = new_user(username=name, email=f"{name}@test.example", password_hash="x" * 97, version=1)
    team = Team.at(keys.team(user.id), id=user.id, title=f"Team {NUMBER}", version=1)
    part = Part.at(Key(f"PART#{user.id}", "PART"), id=user.id, status="new", version=1)
    items = [
        user,
        UniqueName.of(user, user.unique()["username"]),
        new_member(crowd, user.id, name, is_leader=False),
        *(team, *entries_of(team)),
        *(part, *entries_of(part)),
    ]
    for item in items:
        item.version = item.version or 1
    return user.id, [item.serialize() for item in items]


def _put(items: list[RawItem]) -> None:
    requests = [{"PutRequest": {"Item": item}} for item in items]
    answer = connection().connection.client.batch_write_item(RequestItems={Item.Meta.table_name: requests})
    if answer.get("UnprocessedItems"):
        raise RuntimeError("DynamoDB Local throttles")
