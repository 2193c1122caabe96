"""`invoke module.create`."""

from invoke.context import Context

from tasks.console import command
from tasks.processes import project_folder


@command(
    iterable=["field"],
    name="name in the plural, such as articles",
    singular="name in the singular, such as article",
    field="NAME:TYPE[:required][:min=N][:max=N][:values=A,B], for each field; TYPE is string, text, "
    "integer, boolean, datetime or enum; by default title:string:required",
    owner="whose its items are: user (whoever creates them) or team",
)
def create(
    _context: Context, name: str = "", singular: str = "", field: list[str] | None = None, owner: str = "user"
) -> None:
    """Generate a resource: model, permissions, handlers, routes, scopes, tests, documentation."""
    from tasks.module.create import create as create_files

    plan = create_files(project_folder(), name, singular, field or ["title:string:required"], owner)
    print("Created:", *plan.files, sep="\n  ")
    print("Changed:", *plan.changed, sep="\n  ")
    print(f"`make check && make test` tests it, `make run` serves it at /api/v1/{name}.")
