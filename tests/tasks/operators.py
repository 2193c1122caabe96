"""Shorthands for the tests of operators' tasks."""

import io
from collections.abc import Callable
from typing import Any

import pytest
from invoke.context import Context
from invoke.exceptions import Exit


def stdin(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Replace standard input by what a script would send."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))


def refused(words: str, task: Callable[..., Any], *arguments: Any, **options: Any) -> None:
    """Check that a task fails with one line that has these words, and status 2."""
    with pytest.raises(Exit) as told:
        task(Context(), *arguments, **options)
    message = str(told.value.message)
    assert words in message
    assert (told.value.code, len(message.splitlines())) == (2, 1)
