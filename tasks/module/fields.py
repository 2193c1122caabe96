"""The fields of a resource, by what `--field` and `--filter` say."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from marshmallow import Schema

from chalicelib.db.table import Item
from tasks.errors import TaskError
from tasks.module.field import Field
from tasks.module.names import check_name
from tasks.module.types_of_fields import TYPES, Options, team_as_owner
from tasks.processes import project_folder

SYNTAX = "NAME:TYPE[:required][:unique][:min=N][:max=N][:places=N][:values=A,B]"
SYNTAX_OF_REF = "NAME:ref:RESOURCE[:required][:refuse|:cascade]"
MAX_FIELDS = 20
FILTERS = ("string", "integer", "boolean", "date", "enum", "ref")  # equal values of these are equal texts
PARAMETERS = {"limit", "cursor", "offset", "order"}  # of every list
# Names that items, schemas, forms or the generated code use themselves.
TAKEN = {*dir(Item), *dir(Schema()), "access_token", "cls", "hash_key", "id", "range_key", "self", "user_id"}


def parse_fields(
    said: Iterable[str], thing: str, root: Path | None = None, owner: str = "user"
) -> list[Field]:
    """Parse the descriptions of all fields; a team as the owner is the first one.

    :raises TaskError: a description is invalid.
    """
    root = root or project_folder()
    fields = [team_as_owner(root)] if owner == "team" else []
    fields += [parse_field(entry, thing, root) for entry in said]
    if len({field.name for field in fields}) < len(fields):
        raise TaskError("Two fields have the same name.")
    targets = [field.target.things for field in fields if field.target]
    if len(set(targets)) < len(targets):
        raise TaskError("Two fields refer to the same resource, which can list only the referrers by one.")
    if len(fields) > MAX_FIELDS:
        raise TaskError(f"At most {MAX_FIELDS} fields are allowed.")
    return fields


def parse_field(said: str, thing: str, root: Path) -> Field:
    """Parse the description of one field.

    :raises TaskError: a description is invalid.
    """
    name, *rest = said.split(":")
    if not rest or rest[0] not in TYPES:
        types = ", ".join(name for name in TYPES if name != "ref")
        raise TaskError(f"--field {said}: write {SYNTAX}, where TYPE is one of {types}, or {SYNTAX_OF_REF}.")
    check_name(name, "a field")
    if {name, f"{name}_id" if rest[0] == "ref" else name} & (TAKEN | {thing, f"{thing}_id"}):
        raise TaskError(f"{name!r} can't be a field: every item has or needs something of this name.")
    options = Options(name, rest[1:], root)
    if options.unique and rest[0] != "string":
        raise TaskError(f"{name}: only a string can be unique.")
    field = TYPES[rest[0]](options)
    if options.flags:
        raise options.unknown()
    if options.given:
        kind = f"{'a required' if options.required else 'an optional'} {rest[0]}"
        raise TaskError(f"{name}: {kind} does not take {', '.join(options.given)}.")
    return replace(field, type=rest[0])


def with_filters(fields: list[Field], names: Sequence[str]) -> list[Field]:
    """Return the fields, some of which lists are filtered by.

    :raises TaskError: there is no such field, or lists cannot be filtered by it.
    """
    known = {field.name for field in fields if field.type in FILTERS} - PARAMETERS
    for name in names:
        if name not in known:
            here = ", ".join(field.name for field in fields if field.name in known) or "there is none"
            raise TaskError(f"--filter {name}: name a field of the type {', '.join(FILTERS)} (here {here}).")
    return [replace(field, has_filter=field.name in names) for field in fields]
