"""What a new resource may refer to: resources that the route table has."""

import re
from dataclasses import dataclass
from pathlib import Path

from tasks.errors import TaskError
from tasks.module.files import read

# Ids of items that tests refer to (tests/targets.py).
FIRST, SECOND, TEAM = (f"01BX5ZZKBKACTAV9WEVGEMMVR{letter}" for letter in "XYZ")
# Who may look at one of them: words and callers of the row in tests/api/expected_access.py.
CORE = {"teams": ("member or admin", "MEMBER_OR_ADMIN"), "users": ("owner or admin", "OWNER_OR_ADMIN")}
ROW = r'\("GET", "/api/v1/{things}/{{{thing}_id}}"\): Access\(\s*"{things}:read", "([^"]+)", (.+?)\s*\),\n'


@dataclass(frozen=True)
class Target:
    """A resource that fields refer to.

    :param words: who may look at one of its items.
    :param who: the callers of the tests who may.
    :param goes: its items are deleted with others that they refer to.
    :param is_of_team: teams own its items.
    """

    things: str
    thing: str
    words: str
    who: str
    goes: bool = False
    is_of_team: bool = False

    @property
    def is_users(self) -> bool:
        """Whether its items are people's accounts, whose erasure nothing hinders."""
        return self.things == "users"


def find_target(root: Path, things: str) -> Target:
    """Return the resource of a name.

    :param root: the project's folder.
    :param things: its name in the plural.
    :raises TaskError: there is none.
    """
    route = rf'"GET", "/api/v1/{re.escape(things)}/{{(\w+)_id}}", {re.escape(things)}\.get_\1\)'
    found = re.search(route, read(root / "app.py"))
    row = found and re.search(
        ROW.format(things=things, thing=found[1]), read(root / "tests/api/expected_access.py")
    )
    if not found or not (things in CORE or row):
        raise TaskError(f"There is no resource {things!r} to refer to: take one of /api/v1 with GET by id.")
    words, who = row.groups() if row else CORE[things]
    models, permissions = (
        read(root / f"chalicelib/{things}/{name}.py") for name in ("models", "permissions")
    )
    goes = 'when_deleted="cascade"' in models or "delete_each" in models
    return Target(things, found[1], words, who, goes, "after=" in permissions)
