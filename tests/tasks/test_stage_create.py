"""`invoke stage.create`: the files of another stage."""

import json
import shutil
from pathlib import Path

import pytest

from tasks.errors import TaskError
from tasks.processes import project_folder
from tasks.stages import create_stage


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A copy of what stages are made of."""
    for name in (".chalice", "infra"):
        shutil.copytree(project_folder() / name, tmp_path / name, ignore=shutil.ignore_patterns("deploy*"))
    return tmp_path


def test_a_stage_like_another_has_its_own_names_and_unprotected_data(root: Path) -> None:
    """Every name of the other stage is replaced, and nothing else."""
    written = create_stage(root, "pr-123", "prod")
    policies = {path.name.replace("prod", "pr-123") for path in (root / ".chalice").glob("policy-prod*.json")}
    assert "policy-pr-123-clean_up.json" in policies
    assert set(written) == {
        ".chalice/config.json",
        "infra/parameters/pr-123.json",
        *(f".chalice/{name}" for name in policies),
    }
    entry = json.loads((root / ".chalice" / "config.json").read_text())["stages"]["pr-123"]
    assert entry["environment_variables"] == {"STAGE": "pr-123", "SECRETS": "ssm:/grail/pr-123/secrets"}
    texts = [(root / name).read_text() for name in written if "pr-123" in name]
    assert [text for text in texts if "grail-prod" in text or "/prod/" in text] == []
    assert "table/grail-pr-123/index/gsi1" in (root / ".chalice" / "policy-pr-123.json").read_text()
    parameters = json.loads((root / "infra" / "parameters" / "pr-123.json").read_text())
    assert (parameters["DeletionProtection"], parameters["WebAcl"]) == ("false", "yes")


@pytest.mark.parametrize(
    ("name", "like", "said"),
    [
        ("PR_1", "dev", "a-z, 0-9 and single hyphens"),
        ("a" * 21, "dev", "at most 20 characters"),
        ("prod", "dev", "There is a stage prod already"),
        ("bootstrap", "dev", "does not begin with bootstrap"),
        ("deploy-1", "dev", "does not begin with bootstrap, boundary, deploy"),
        ("local", "dev", "There is a stage local already"),
        ("pr-1", "staging", "--like is one of dev, prod"),
    ],
)
def test_a_stage_that_cannot_be_is_refused(root: Path, name: str, like: str, said: str) -> None:
    """Before anything is written."""
    before = (root / ".chalice" / "config.json").read_text()
    with pytest.raises(TaskError, match=said):
        create_stage(root, name, like)
    assert (root / ".chalice" / "config.json").read_text() == before
