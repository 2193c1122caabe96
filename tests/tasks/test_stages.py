"""Which stages a task can work on, and what is asked before one of them is written to."""

from collections.abc import Iterator

import pytest

from chalicelib.db.table import Item, connect
from chalicelib.settings import Settings
from tasks.stages import StageError, settings_of
from tasks.tables import open_table


@pytest.fixture
def _reconnected() -> Iterator[None]:
    """Later tests find the table that they had."""
    yield
    connect(Settings.from_env())


def test_a_deployed_stage_is_read_from_the_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    """Issue 6: --stage names what a deployed stage's functions know, and a region of the caller's."""
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    found = settings_of("prod")
    assert (found.stage, found.secrets, found.region) == ("prod", "ssm:/grail/prod/secrets", "eu-central-1")
    assert found.table_name == "grail-prod"


def test_a_local_stage_needs_no_configuration() -> None:
    """Issue 6: --stage works for local and deployed ones alike."""
    assert settings_of("local").is_local


def test_an_unknown_stage_is_refused_by_naming_those_there_are() -> None:
    """Issue 6: a wrong argument gives one clear line."""
    with pytest.raises(StageError, match="local, dev, prod"):
        settings_of("nowhere")


@pytest.mark.usefixtures("_reconnected")
def test_prod_is_written_to_by_whoever_types_its_name() -> None:
    """Issue 6: production asks before it writes."""
    open_table("dev", writes=True, ask=lambda _: "")
    with pytest.raises(StageError, match="Nothing"):
        open_table("prod", writes=True, ask=lambda _: "y")
    assert Item.Meta.table_name == "grail-dev"
    open_table("prod", writes=True, ask=lambda _: "prod")
    assert Item.Meta.table_name == "grail-prod"


@pytest.mark.usefixtures("_reconnected")
def test_reading_asks_nothing() -> None:
    """Issue 6: only writing is dangerous."""

    def ask(text: str) -> str:
        raise AssertionError(text)

    assert open_table("prod", ask=ask).stage == "prod"
