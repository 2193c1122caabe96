"""Which stages a task can work on, and what is asked before one of them is written to."""

import io
from pathlib import Path

import pytest

from chalicelib.db.table import Item
from chalicelib.settings import Settings
from tasks.console import no_terminal
from tasks.errors import TaskError
from tasks.stages import REGIONS, settings_of
from tasks.tables import in_region, open_table


def test_a_deployed_stage_is_read_from_the_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    """--stage names what a deployed stage's functions know, and a region of the caller's."""
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    found = settings_of("prod")
    assert (found.stage, found.secrets, found.region) == ("prod", "ssm:/grail/prod/secrets", "eu-central-1")
    assert found.table_name == "grail-prod"


def test_a_local_stage_needs_no_configuration() -> None:
    """--stage works for local and deployed ones alike."""
    assert settings_of("local").is_local


def test_an_unknown_stage_is_refused_by_naming_those_there_are() -> None:
    """A wrong argument gives one clear line."""
    with pytest.raises(TaskError, match="local, dev, prod"):
        settings_of("nowhere")


def test_prod_is_written_to_by_whoever_types_its_name() -> None:
    """Production asks before it writes."""
    open_table("dev", writes=True, ask=lambda _: "")
    with pytest.raises(TaskError, match="Nothing"):
        open_table("prod", writes=True, ask=lambda _: "y")
    assert Item.Meta.table_name == "grail-dev"
    open_table("prod", writes=True, ask=lambda _: "prod")
    assert Item.Meta.table_name == "grail-prod"


def test_reading_asks_nothing() -> None:
    """Only writing is dangerous."""

    def ask(text: str) -> str:
        raise AssertionError(text)

    assert open_table("prod", ask=ask).stage == "prod"


def test_the_region_of_a_profile_counts_where_the_environment_has_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A profile determines the region; a local stage has none."""
    (tmp_path / "config").write_text("[default]\nregion = eu-north-1\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    for name in REGIONS:
        monkeypatch.delenv(name, raising=False)
    assert in_region(settings_of("dev")).region == "eu-north-1"
    assert in_region(settings_of("local")).region == Settings().region
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    assert in_region(settings_of("dev")).region == "eu-central-1"


def test_nobody_at_the_terminal_is_told_of_yes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A script that writes to production says so; a password is no answer."""
    monkeypatch.setattr("sys.stdin", io.StringIO("prod\n"))
    with pytest.raises(TaskError, match="Pass --yes to write to grail-prod"):
        open_table("prod", writes=True, ask=no_terminal)
