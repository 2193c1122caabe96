"""A field of a resource, as the source that it becomes, and what it may refer to."""

import re
from dataclasses import dataclass
from pathlib import Path

from tasks.errors import TaskError

# Ids of items that tests refer to (tests/targets.py).
FIRST, SECOND, TEAM = (f"01BX5ZZKBKACTAV9WEVGEMMVR{letter}" for letter in "XYZ")
# Who may look at one of them: words and callers of the row in tests/api/expected_access.py.
CORE = {"teams": ("member or admin", "MEMBER_OR_ADMIN"), "users": ("owner or admin", "OWNER_OR_ADMIN")}
ROW = r'\("GET", "/api/v1/{things}/{{{thing}_id}}"\): Access\(\s*"{things}:read", "([^"]+)", (.+?)\s*\),\n'


@dataclass(frozen=True)
class Target:
    """A resource that fields refer to.

    :param words: who may look at one of its items; `who` are the callers of the tests who may.
    :param goes: its items are deleted with others that they refer to.
    """

    things: str
    thing: str
    words: str
    who: str
    goes: bool = False
    is_of_team: bool = False


@dataclass(frozen=True)
class Field:
    """A field; the texts are Python source.

    :param stored: PynamoDB's attribute.
    :param declaration: the schema's field with its limits, and ... for further arguments.
    :param example: a good value, and `other` another one; `bad` ones are refused.
    :param limits: what is allowed, in words.
    :param fresh: of a unique one, a value that no other item has.
    :param when_deleted: what happens to the items with their `target`, which they refer to.
    :param is_owner: says whose an item is, from its creation on.
    """

    name: str
    required: bool
    stored: str
    declaration: str
    example: str
    other: str
    bad: tuple[str, ...]
    limits: str
    blank: str = "None"
    listed: bool = True
    fresh: str = ""
    target: Target | None = None
    when_deleted: str = ""
    is_owner: bool = False
    type: str = ""
    has_filter: bool = False

    @property
    def is_nullable(self) -> bool:
        """Whether it may be null."""
        return not self.required and self.blank == "None"

    @property
    def tried(self) -> tuple[str, ...]:
        """The ids that tests give it."""
        return (f'"{FIRST}"', f'"{SECOND}"', *([self.example] if self.is_owner else []))

    @property
    def attribute(self) -> str:
        """How a model stores it."""
        if self.required:
            return f"{self.stored}()"
        return f"{self.stored}(null=True)" if self.is_nullable else f"{self.stored}(default={self.blank})"

    @property
    def schema_field(self) -> str:
        """How a schema declares it."""
        also = ["required=True"] * self.required + ["allow_none=True"] * self.is_nullable
        described = ', "description": "Unique, in any case of letters."' if self.fresh else ""
        also.append(f'metadata={{"example": {self.example}{described}}}')
        return self.declaration.replace("...", ", ".join(also))

    @property
    def parameter(self) -> str:
        """How a query declares it, in which it has the value that is wanted."""
        # without an example, which the documentation page would fill in
        described = '"description": "Only those of this value. Filter by one field at a time."'
        return self.declaration.replace("...", f"metadata={{{described}}}")

    @property
    def rule(self) -> str:
        """The rule for patches of the field."""
        return "Rule()" if self.required or self.is_nullable else f"Rule(blank={self.blank})"

    @property
    def refused(self) -> list[str]:
        """Bad values, null among them unless it may be null."""
        return [*self.bad, *["None"] * (not self.is_nullable)]


def find_target(root: Path, things: str) -> Target:
    """Return the resource of a name, which is a plural.

    :raises TaskError: there is none.
    """
    route = rf'"GET", "/api/v1/{re.escape(things)}/{{(\w+)_id}}", {re.escape(things)}\.get_\1\)'
    found = re.search(route, (root / "app.py").read_text("utf-8"))
    rows = (root / "tests/api/expected_access.py").read_text("utf-8")
    row = found and re.search(ROW.format(things=things, thing=found[1]), rows)
    if not found or not (things in CORE or row):
        raise TaskError(
            f"There is no resource {things!r} to refer to. Create it first, without a reference back: two "
            "resources cannot refer to each other, nor one to itself, since imports go one way."
        )
    words, who = row.groups() if row else CORE[things]
    models, permissions = (
        (root / f"chalicelib/{things}/{name}.py").read_text("utf-8") for name in ("models", "permissions")
    )
    goes = 'when_deleted="cascade"' in models or "delete_each" in models
    return Target(things, found[1], words, who, goes, "after=" in permissions)
