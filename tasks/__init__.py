"""The project's tasks: `invoke --list` shows them, and tasks/commands has them."""

import sys
from pathlib import Path

# The console script `invoke` has its own folder on the path, not this project's.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tasks.commands import namespace

__all__ = ["namespace"]
