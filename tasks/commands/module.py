"""`invoke module.create`."""

from tasks.console import command
from tasks.processes import project_folder


@command(
    iterable=["field", "filter"],
    name="name in the plural, such as articles",
    singular="name in the singular, such as article",
    field="NAME:TYPE[:OPTION…], for each field (docs/extending.md); by default title:string:required",
    filter="name of a field by whose values the list may be filtered, for each such field",
    owner="whose its items are: user (whoever creates them) or team",
)
def create(
    name: str = "",
    singular: str = "",
    field: list[str] | None = None,
    filter: list[str] | None = None,
    owner: str = "user",
) -> None:
    """Generate a resource: model, permissions, handlers, routes, scopes, tests, documentation."""
    from tasks.module.create import create as create_files

    fields = field or ["title:string:required"]
    new, changed = create_files(project_folder(), name, singular, fields, owner, filters=filter or [])
    print("Created:", *new, sep="\n  ")
    print("Changed:", *changed, sep="\n  ")
    print(f"`make check && make test` tests it, `make run` serves it at /api/v1/{name}.")
