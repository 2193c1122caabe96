"""The pipelines: pinned, with few rights, and no command that is not there."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tasks import namespace
from tests.architecture.source import ROOT, name_of

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}")
TAGGED = re.compile(r"uses: \S+@[0-9a-f]{40} # v[0-9]+\.[0-9]+\.[0-9]+$")
INSTALLED = re.compile(r"pip install (.*)")
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
def test_actions_are_pinned_by_commit(path: Path) -> None:
    """A tag may be moved; each pin says which tag it was, for people and for Dependabot."""
    used = [step["uses"] for step in steps(path) if "uses" in step]
    assert [each for each in used if not PINNED.fullmatch(each)] == []
    lines = [line for line in path.read_text("utf-8").splitlines() if "uses: " in line and "@" in line]
    assert [line for line in lines if not TAGGED.search(line)] == []


def test_an_action_has_one_pin() -> None:
    """The same commit in every workflow."""
    used = {step["uses"] for path in WORKFLOWS for step in steps(path) if "uses" in step}
    repositories = ["/".join(each.partition("@")[0].split("/")[:2]) for each in used]
    commits = {(name, each.partition("@")[2]) for name, each in zip(repositories, used, strict=True)}
    assert len(commits) == len(set(repositories))


@pytest.mark.parametrize("path", WORKFLOWS, ids=name_of)
def test_no_job_keeps_the_token_of_the_checkout(path: Path) -> None:
    """Later steps, and artifacts of the folder, have no way to it."""
    checkouts = [step for step in steps(path) if step.get("uses", "").startswith("actions/checkout@")]
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


@pytest.mark.parametrize("path", WORKFLOWS, ids=name_of)
def test_what_pipelines_install_by_name_is_pinned(path: Path) -> None:
    """Else the next run takes whatever was released in the meantime."""
    found = [words for step in steps(path) for words in INSTALLED.findall(step.get("run", ""))]
    assert [words for words in found if not ("--require-hashes" in words or "==" in words)] == []


@pytest.mark.parametrize("name", sorted(ROLES))
def test_a_job_with_a_role_builds_nothing(name: str) -> None:
    """It takes the package that the checks made, by its digests, and installs little, by its hashes."""
    job = jobs(ROOT / ".github" / "workflows" / "deploy.yml")[name]
    commands = [step["run"] for step in job["steps"] if "run" in step]
    assert commands == [
        "python -m pip install --require-hashes --only-binary=:all: -r requirements-deploy.txt",
        'echo "$DIGESTS" | sha256sum --check --strict',
        f"python -m invoke deploy --stage {name} --packaged packaged/{name} --yes",
    ]
    (check,) = [step for step in job["steps"] if "sha256sum" in step.get("run", "")]
    assert check["env"] == {"DIGESTS": "${{ needs.ci.outputs.digests }}"}
    assert "ci" in job["needs"]


def test_packages_are_made_where_no_role_can_be_assumed() -> None:
    """Digests and upload come before anything else may touch the files."""
    job = jobs(ROOT / ".github" / "workflows" / "ci.yml")["package"]
    assert "permissions" not in job
    names = [step.get("id") or step.get("uses") or step["run"] for step in job["steps"]]
    made = names.index(".venv/bin/python -m invoke package --stage prod")
    assert names[made + 1] == "digests"
    assert names[made + 2].startswith("actions/upload-artifact@")


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
    """AWS is reached by OIDC."""
    assert "secrets." not in path.read_text("utf-8")


def test_the_tasks_that_pipelines_run_exist() -> None:
    """A renamed task would be noticed by the next deployment."""
    called = {name for path in WORKFLOWS for name in INVOKED.findall(path.read_text("utf-8"))}
    assert called >= {"package", "deploy", "e2e"}
    assert called <= set(namespace.task_names)


def test_prod_comes_after_dev_and_after_all_checks() -> None:
    """Prod needs dev, dev needs CI, and both are environments, which approvals belong to."""
    found = jobs(ROOT / ".github" / "workflows" / "deploy.yml")
    assert (found["dev"]["needs"], found["prod"]["needs"]) == ("ci", ["ci", "dev"])
    assert {name: found[name]["environment"] for name in ROLES} == {name: name for name in ROLES}
