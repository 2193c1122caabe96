"""The project's tasks: `invoke --list` shows them, and tasks/commands has them."""

import sys
from pathlib import Path
from typing import Any

# The console script `invoke` has its own folder on the path, not this project's.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


def __getattr__(name: str) -> Any:
    """Import the tasks only for `invoke`: `make run` must start even while they are broken."""
    if name != "namespace":
        raise AttributeError(name)
    from tasks.commands import namespace  # noqa: PLC0415 - see above

    return namespace
