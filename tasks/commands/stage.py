"""`invoke stage.create`."""

from tasks.console import command
from tasks.processes import project_folder
from tasks.stages import create_stage


@command(name="a name of at most 20 characters: a-z, 0-9 and hyphens", like="the stage that it is like")
def create(name: str, like: str = "dev") -> None:
    """Write the files of another stage, which `invoke destroy --delete-data` may remove with its data."""
    print(*create_stage(project_folder(), name, like), sep="\n")
    print(f"Next: invoke keys.generate --stage {name}, and invoke deploy --stage {name}")
