"""`invoke project.rename`."""

from tasks.console import command
from tasks.processes import project_folder


@command(name="new name: 2 to 16 characters of a-z and 0-9")
def rename(name: str = "") -> None:
    """Replace the project's name in every file and path, before the first deployment."""
    from tasks.rename import rename as rename_files

    changed = rename_files(project_folder(), name)
    print(f"{len(changed)} files changed. Only LICENSE, NOTICE and CHANGELOG.md keep the old name.")
    print("Remove .local/, whose table has the old name; `make check && make test` tests the rest.")
