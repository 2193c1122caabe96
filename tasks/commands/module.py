"""`invoke module.create` and `invoke module.remove`."""

from invoke.context import Context
from invoke.tasks import task

from tasks.console import refusing
from tasks.module.names import ModuleError
from tasks.module.remove import remove as take_out
from tasks.processes import project_folder


@task(
    iterable=["field"],
    help={
        "name": "in the plural: articles",
        "singular": "article",
        "field": "NAME:TYPE[:required][:min=N][:max=N][:values=A,B], for each field; TYPE is string, text, "
        "integer, boolean, datetime or enum; by default title:string:required",
    },
)
def create(_context: Context, name: str = "", singular: str = "", field: list[str] | None = None) -> None:
    """Generate a resource: model, permissions, handlers, routes, scopes, tests, documentation."""
    # imports what ships, see openapi.export
    from tasks.module.create import create as create_files  # noqa: PLC0415 - see above

    with refusing(ModuleError):
        plan = create_files(project_folder(), name, singular, field or ["title:string:required"])
    print("Created:", *plan.files, sep="\n  ")
    print("Changed:", *plan.changed, sep="\n  ")
    print(f"`make check && make test` tries it, `make run` serves it at /api/v1/{name}.")


@task(
    help={"name": "in the plural: articles", "force": "also if generated files were edited"},
)
def remove(_context: Context, name: str = "", force: bool = False) -> None:
    """Take out what module.create put in; items in tables stay."""
    with refusing(ModuleError):
        removal = take_out(project_folder(), name, force=force)
    print("Removed:", *(path for path, text in removal.changes.items() if text is None), sep="\n  ")
    print("Changed:", *(path for path, text in removal.changes.items() if text is not None), sep="\n  ")
    if removal.left:
        print("Not found as it was put in, so look there:", *removal.left, sep="\n  ")
