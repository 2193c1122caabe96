"""Imports without the garbage collector, which would go through what stays, for a third of their time.

Imported before everything large.
"""

import gc

gc.disable()


def finish() -> None:
    """Leave what was imported out of all later collections, and collect what requests leave behind."""
    gc.freeze()
    gc.enable()
