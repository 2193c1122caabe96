"""Ends a process when its parent is gone, even by `kill -9`.

The starter keeps the writing end of the child's standard input open. Only the standard library is used here:
`python -P tasks/lifeline.py SCRIPT ARGUMENT…` runs any script of any environment in this way.
"""

import os
import runpy
import signal
import sys
import threading


def end_with_parent() -> None:
    """Send this process SIGTERM as soon as its standard input ends."""
    threading.Thread(target=_watch, daemon=True, name="lifeline").start()


def _watch() -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    end_with_parent()
    sys.argv = sys.argv[1:]
    runpy.run_path(sys.argv[0], run_name="__main__")
