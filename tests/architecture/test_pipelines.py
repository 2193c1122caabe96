"""The pipelines: pinned, with few rights, and only existing commands."""

import hashlib
import os
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from tasks import namespace
from tests.architecture.source import ROOT, name_of

FOLDER = ROOT / ".github" / "workflows"
WORKFLOWS = sorted(FOLDER.glob("*.yml"))
CI, DEPLOY = FOLDER / "ci.yml", FOLDER / "deploy.yml"
PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}")
TAGGED = re.compile(r"uses: \S+@[0-9a-f]{40} # v[0-9]+\.[0-9]+\.[0-9]+$")
INSTALLED = re.compile(r"pip install (.*)")
INVOKED = re.compile(r"-m invoke ([\w.-]+)")
ROLES = {"dev", "prod"}
# What jobs may do beyond reading: assume a role, sign what was made, upload CodeQL's findings.
RIGHTS = {
    **{name: {"id-token"} for name in (*ROLES, "stage")},
    "attest": {"attestations", "id-token"},
    "analyze": {"security-events"},
}


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
    """Later steps, and artifacts of the folder, cannot read the token."""
    checkouts = [step for step in steps(path) if step.get("uses", "").startswith("actions/checkout@")]
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


@pytest.mark.parametrize("path", WORKFLOWS, ids=name_of)
def test_what_pipelines_install_by_name_is_pinned(path: Path) -> None:
    """Otherwise the next run takes whatever was released in the meantime."""
    found = [words for step in steps(path) for words in INSTALLED.findall(step.get("run", ""))]
    assert [words for words in found if not ("--require-hashes" in words or "==" in words)] == []


PROMOTION = {"prod": "--promote dev "}  # only what dev runs


@pytest.mark.parametrize("name", sorted(ROLES))
def test_a_job_with_a_role_builds_nothing(name: str) -> None:
    """It takes the package that the checks made, by its digests, and installs little, by its hashes."""
    job = jobs(DEPLOY)[name]
    commands = [step["run"] for step in job["steps"] if "run" in step]
    assert commands == [
        "python -m pip install --require-hashes --only-binary=:all: -r requirements-deploy.txt",
        'echo "$DIGESTS" | sha256sum --check --strict',
        f"python -m invoke deploy --stage {name} --packaged packaged/{name} {PROMOTION.get(name, '')}--yes",
    ]
    (check,) = [step for step in job["steps"] if "sha256sum" in step.get("run", "")]
    assert check["env"] == {"DIGESTS": "${{ needs.ci.outputs.digests }}"}
    assert "ci" in job["needs"]


def test_packages_are_made_where_no_role_can_be_assumed() -> None:
    """Digests and upload come before anything else may touch the files."""
    job = jobs(CI)["package"]
    assert "permissions" not in job
    names = [step.get("id") or step.get("uses") or step["run"] for step in job["steps"]]
    made = names.index(".venv/bin/python -m invoke package --stage prod")
    assert names[made + 1] == "digests"
    assert names[made + 2].startswith("actions/upload-artifact@")


def test_the_bill_of_materials_has_everything_that_ships(tmp_path: Path) -> None:
    """The whole lock, and Chalice, whose runtime `chalice package` adds by itself; the same each time."""
    (step,) = [each for each in steps(CI) if each.get("id") == "list"]
    fake = tmp_path / "cyclonedx-py"
    fake.write_text('#!/bin/sh\n[ "$5" = --output-reproducible ] && cp "$2" "$7"\n')
    fake.chmod(0o755)
    for name in ("requirements.txt", "requirements-dev.txt"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    given = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "GITHUB_OUTPUT": str(tmp_path / "output")}
    command = ["bash", "-euc", step["run"]]
    subprocess.run(command, cwd=tmp_path, env=given, check=True)  # noqa: S603 - our own step
    listed = (tmp_path / "grail.cdx.json").read_text("utf-8")
    lock = (ROOT / "requirements.txt").read_text("utf-8")
    assert listed.startswith(lock)
    added = listed.removeprefix(lock).splitlines()
    assert [line for line in added if not line.startswith(("chalice==", "    --hash=sha256:"))] == []
    assert len(added) > 1
    made = hashlib.sha256(listed.encode()).hexdigest()
    assert (tmp_path / "output").read_text() == f"digest={made}  grail.cdx.json\n"


def test_what_is_attested_is_what_was_made() -> None:
    """The job runs nothing of the project: it signs the digests of CI, and a list that it has checked."""
    job = jobs(DEPLOY)["attest"]
    assert [step["run"] for step in job["steps"] if "run" in step] == [
        'echo "$SBOM" | sha256sum --check --strict'
    ]
    signed = [step["with"] for step in job["steps"] if step.get("uses", "").startswith("actions/attest@")]
    assert {each["subject-checksums"] for each in signed} == {"${{ needs.ci.outputs.digests }}"}


@pytest.mark.parametrize("path", WORKFLOWS, ids=name_of)
def test_a_workflow_may_read_and_nothing_else(path: Path) -> None:
    """Jobs declare any further rights themselves."""
    assert yaml.safe_load(path.read_text("utf-8"))["permissions"] == {"contents": "read"}
    more = {name: set(job.get("permissions", {})) - {"contents"} for name, job in jobs(path).items()}
    assert more == {name: RIGHTS.get(name, set()) for name in more}


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
    found = jobs(DEPLOY)
    assert (found["dev"]["needs"], found["prod"]["needs"]) == ("ci", ["ci", "dev"])
    assert {name: found[name]["environment"] for name in ROLES} == {name: name for name in ROLES}


RELEASE = FOLDER / "release.yml"
VERSION: str = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]


def run_step(name: str, tag: str, folder: Path) -> int:
    """Run a step of the release for a tag, in a folder with the files that it reads."""
    for file in ("CHANGELOG.md", "pyproject.toml"):
        (folder / file).write_text((ROOT / file).read_text("utf-8"), "utf-8")
    (step,) = (each for each in steps(RELEASE) if each.get("id") == name)
    command = ["bash", "-euc", step["run"]]
    environment = {**os.environ, "GITHUB_REF_NAME": tag}
    return subprocess.run(command, cwd=folder, env=environment, check=False).returncode  # noqa: S603 - our own step


def test_a_release_has_the_version_of_its_tag(tmp_path: Path) -> None:
    """Another tag ends the workflow before anything else runs."""
    assert run_step("compare", f"v{VERSION}", tmp_path) == 0
    assert run_step("compare", "v0.0.1", tmp_path) != 0
    assert jobs(RELEASE)["ci"]["needs"] == "version"


def test_a_release_says_what_the_changelog_says_of_it(tmp_path: Path) -> None:
    """The section of this version without those around it; a version without one is no release."""
    assert run_step("notes", "v0.0.1", tmp_path) != 0
    assert run_step("notes", f"v{VERSION}", tmp_path) == 0
    notes = (tmp_path / "notes.md").read_text("utf-8")
    assert "### " in notes
    assert not re.search("^## ", notes, re.MULTILINE)


def test_a_release_keeps_its_document_for_the_next_ones() -> None:
    """Nothing is published while the released document is that of another version."""
    steps = "\n".join(step.get("run", "") for step in jobs(RELEASE)["contract"]["steps"])
    assert "openapi.release" in steps
    assert "git diff --exit-code docs" in steps


def test_only_the_job_that_publishes_may_write_to_the_repository() -> None:
    """It comes after all checks, and runs nothing of the project."""
    writers = {
        (path.stem, name): job
        for path in WORKFLOWS
        for name, job in jobs(path).items()
        if job.get("permissions", {}).get("contents") == "write"
    }
    assert writers.keys() == {("release", "publish")}
    (job,) = writers.values()
    assert job["needs"] == ["contract", "ci"]
    commands = [line.split()[0] for step in job["steps"] for line in step.get("run", "").splitlines()]
    assert set(commands) <= {"awk", "echo", "grep", "gh"}


@pytest.mark.parametrize(("path", "name"), [(DEPLOY, "attest"), (FOLDER / "codeql.yml", "analyze")])
def test_what_private_repositories_pay_for_runs_in_public_ones_only(path: Path, name: str) -> None:
    """Attestations and code scanning would fail in a private copy."""
    condition = jobs(path)[name]["if"]
    assert "visibility == 'public'" in condition or "!github.event.repository.private" in condition
