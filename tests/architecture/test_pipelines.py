"""The pipelines: pinned, with few rights, and no command that is not there."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tasks import namespace
from tests.architecture.source import ROOT, name_of

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
TAG = re.compile(r"[\w./-]+@v[0-9]+")
INVOKED = re.compile(r"-m invoke ([\w.-]+)")
ROLES = {"dev", "prod"}


def jobs(path: Path) -> dict[str, dict[str, Any]]:
    """The jobs of a workflow."""
    found: dict[str, dict[str, Any]] = yaml.safe_load(path.read_text("utf-8"))["jobs"]
    return found


def steps(path: Path) -> list[dict[str, Any]]:
    """All steps of a workflow."""
    return [step for job in jobs(path).values() for step in job.get("steps", [])]


@pytest.mark.parametrize("path", WORKFLOWS, ids=name_of)
def test_actions_are_pinned(path: Path) -> None:
    """Issue 5: by a tag; dependabot proposes later ones."""
    used = [step["uses"] for step in steps(path) if "uses" in step]
    assert [each for each in used if not TAG.fullmatch(each)] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=name_of)
def test_a_workflow_may_read_and_nothing_else(path: Path) -> None:
    """What a job may do beyond that, it says itself: assume a role, or tell what CodeQL found."""
    assert yaml.safe_load(path.read_text("utf-8"))["permissions"] == {"contents": "read"}
    more = {name: set(job.get("permissions", {})) - {"contents"} for name, job in jobs(path).items()}
    for name, rights in more.items():
        assert rights == (
            {"id-token"} if name in ROLES else {"security-events"} if name == "analyze" else set()
        )


@pytest.mark.parametrize("path", WORKFLOWS, ids=name_of)
def test_jobs_end(path: Path) -> None:
    """A job that hangs costs hours by default."""
    assert [
        name for name, job in jobs(path).items() if "uses" not in job and "timeout-minutes" not in job
    ] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=name_of)
def test_no_long_lived_secret_is_used(path: Path) -> None:
    """Issue 5: AWS is reached by OIDC."""
    assert "secrets." not in path.read_text("utf-8")


def test_the_tasks_that_pipelines_run_exist() -> None:
    """A renamed task would be noticed by the next deployment."""
    called = {name for path in WORKFLOWS for name in INVOKED.findall(path.read_text("utf-8"))}
    assert called >= {"package", "deploy", "e2e"}
    assert called <= set(namespace.task_names)


def test_prod_comes_after_dev_and_after_all_checks() -> None:
    """Issue 5: prod needs dev, dev needs CI, and both are environments, which approvals belong to."""
    found = jobs(ROOT / ".github" / "workflows" / "deploy.yml")
    assert (found["dev"]["needs"], found["prod"]["needs"]) == ("ci", "dev")
    assert {name: found[name]["environment"] for name in ROLES} == {name: name for name in ROLES}
