"""`invoke module.create` and `invoke module.remove`."""

from invoke.context import Context
from invoke.exceptions import Exit
from invoke.tasks import task

from tasks.module.names import ModuleError
from tasks.module.remove import remove
from tasks.processes import project_folder

WRONG = 2  # exit code for wrong arguments


@task(
    name="create",
    iterable=["field"],
    help={
        "name": "in the plural: articles",
        "singular": "article",
        "field": "NAME:TYPE[:required][:min=N][:max=N][:values=A,B], for each field; TYPE is string, text, "
        "integer, boolean, datetime or enum; by default title:string:required",
    },
)
def create_module(
    _context: Context, name: str = "", singular: str = "", field: list[str] | None = None
) -> None:
    """Generate a resource: model, permissions, handlers, routes, scopes, tests, documentation."""
    # imports what ships, see openapi.export
    from tasks.module.create import create  # noqa: PLC0415 - see above

    try:
        plan = create(project_folder(), name, singular, field or ["title:string:required"])
    except ModuleError as error:
        raise Exit(str(error), WRONG) from error
    print("Created:", *plan.files, sep="\n  ")
    print("Changed:", *plan.changed, sep="\n  ")
    print(f"`make check && make test` tries it, `make run` serves it at /api/v1/{name}.")


@task(
    name="remove",
    help={"name": "in the plural: articles", "force": "also if generated files were edited"},
)
def remove_module(_context: Context, name: str = "", force: bool = False) -> None:
    """Take out what module.create put in; items in tables stay."""
    try:
        removal = remove(project_folder(), name, force=force)
    except ModuleError as error:
        raise Exit(str(error), WRONG) from error
    print("Removed:", *(path for path, text in removal.changes.items() if text is None), sep="\n  ")
    print("Changed:", *(path for path, text in removal.changes.items() if text is not None), sep="\n  ")
    if removal.left:
        print("Not found as it was put in, so look there:", *removal.left, sep="\n  ")
