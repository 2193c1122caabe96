"""docs/settings.md: its table is that of chalicelib/settings.py."""

import dataclasses
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from chalicelib import settings
from chalicelib.settings import LOCAL_FOLDER, Settings
from tests.architecture.source import ROOT

PAGE = (ROOT / "docs" / "settings.md").read_text("utf-8")
ROWS = re.findall(r"^\| ?(.*?) ?\| `(\w+)` \| (.+?) \| (.+?) \|", PAGE, re.MULTILINE)
DEPLOYED = {"STAGE": "dev", "SECRETS": "ssm:/grail/dev/secrets"}
NOT_SETTINGS = {"AWS_CHALICE_CLI_MODE", "LAMBDA_TASK_ROOT"}  # set by Chalice and Lambda


class Recorder(Mapping[str, str]):
    """An environment that notes what is read."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.read.add(name)
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


@pytest.fixture(autouse=True)
def nothing_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No `make run` serves this folder."""
    monkeypatch.setattr(settings, "RUNNING", tmp_path / "running.json")


def shown(value: object) -> str:
    """A value as the table has it."""
    if value in (None, ()):
        return "none"
    return f"`{str(value).replace(f'{LOCAL_FOLDER.parent}/', '')}`"


def test_every_setting_has_a_row() -> None:
    """One each, in any order."""
    assert sorted(name for _, name, *_ in ROWS) == sorted(
        field.name for field in dataclasses.fields(Settings)
    )


@pytest.mark.parametrize(("column", "environment"), [(2, {}), (3, DEPLOYED)], ids=["local", "deployed"])
def test_defaults_are_those_of_the_code(column: int, environment: Mapping[str, str]) -> None:
    """On a local stage and on a deployed one; what a deployed stage has to name is "required"."""
    values = dataclasses.asdict(Settings.from_env(environment))
    required = {"secrets": "required"} if environment else {}
    expected = {name: shown(value) for name, value in values.items()} | required
    assert {row[1]: row[column] for row in ROWS} == expected


def test_every_variable_is_named() -> None:
    """What the class reads from the environment, and nothing else."""
    environments = [Recorder(values) for values in ({}, DEPLOYED)]
    for environment in environments:
        Settings.from_env(environment)
    named = {name for row in ROWS for name in re.findall(r"`(\w+)`", row[0])}
    assert named == set().union(*(each.read for each in environments)) - NOT_SETTINGS
