"""docs/operations.md says what there is: alarms, fields and metrics."""

import re
from typing import Any

from chalicelib.telemetry.metrics import METRICS
from tasks.cloud.template import fragments
from tasks.processes import project_folder

PAGE = (project_folder() / "docs" / "operations.md").read_text("utf-8")
ALARM = "AWS::CloudWatch::Alarm"


def section(title: str) -> str:
    """The text under a heading of the second level."""
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, title
    return found[1]


def rows(text: str) -> list[list[str]]:
    """The rows of its tables, without their heads."""
    lines = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line] for line in lines]


def names(cell: str) -> list[str]:
    """What stands between backticks."""
    return re.findall(r"`(\w+)`", cell)


def test_every_alarm_says_what_to_do() -> None:
    """The name of every alarm is a heading."""
    resources: dict[str, Any] = fragments("dev")["Resources"]
    alarms = [each["Properties"] for each in resources.values() if each.get("Type") == ALARM]
    named = {each["AlarmName"]["Fn::Sub"].removeprefix("grail-${Stage} ") for each in alarms}
    assert named == set(re.findall(r"^### (.+)$", section("Alarms"), re.MULTILINE))


def test_every_metric_is_listed_with_its_dimensions() -> None:
    """What can be graphed."""
    listed = {tuple(names(cells[0])): names(cells[1]) for cells in rows(section("Metrics"))}
    assert listed == {dimensions: sorted_like(listed[dimensions], units) for dimensions, units in METRICS}


def sorted_like(order: list[str], units: dict[str, str]) -> list[str]:
    """Names in a given order, as far as it goes."""
    return sorted(units, key=lambda name: order.index(name) if name in order else len(order))


def test_every_metric_is_a_field_that_is_explained() -> None:
    """The page explains every metric."""
    assert {name for _, units in METRICS for name in units} <= fields()


def fields() -> set[str]:
    """The fields that are explained."""
    return {name for cells in rows(section("What a log line says")) for name in names(cells[0])}
