"""The tasks and what is written of them."""

import inspect
import re

import pytest

from tasks import namespace
from tests.architecture.source import ROOT

DOCS = (ROOT / "docs" / "tasks.md").read_text("utf-8")
NAMED = {name for span in re.findall(r"`([^`\n]+)`", DOCS) for name in span.split()}
TASKS = sorted(namespace.task_names)


@pytest.mark.parametrize("name", TASKS)
def test_a_task_is_documented(name: str) -> None:
    """docs/tasks.md names each of them."""
    assert name in NAMED


@pytest.mark.parametrize("name", TASKS)
def test_a_task_and_its_arguments_are_explained(name: str) -> None:
    """--help has a sentence for the task, and one for each argument."""
    task = namespace[name]
    parameters = list(inspect.signature(task.body).parameters)[1:]
    assert inspect.getdoc(task.body)
    assert [parameter for parameter in parameters if not task.help.get(parameter)] == []
