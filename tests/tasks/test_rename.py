"""`invoke project.rename`, in a copy of the project."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tasks.errors import TaskError
from tasks.rename import KEPT, OLD, rename
from tests import engine
from tests.architecture.source import ROOT

NEW = "ac" + "me"  # a name that must not occur in the project
TESTS = (
    "tests/architecture/test_docs.py",
    "tests/architecture/test_tasks.py",
    "tests/api/test_main_job.py",
    "tests/api/test_metadata.py",
    "tests/api/test_openapi.py",
    "tests/api/test_policies.py",
    "tests/security",
    "tests/tasks/test_deploy.py",
    "tests/tasks/test_stages.py",
    "tests/tasks/test_template.py",
)


def git(folder: Path, *arguments: str) -> str:
    """Run git as somebody, and return what it prints."""
    who = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(  # noqa: S603 - words that stand here
        ["git", *who, *arguments],  # noqa: S607 - from PATH
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone with everything that is not committed here yet; the last test renames it."""
    tmp_path = tmp_path_factory.mktemp("project")
    if not (ROOT / ".git").exists():
        pytest.skip("this is not a git repository")
    for name in git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0"):
        if name and (ROOT / name).is_file():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tmp_path / name)
    engine.share(tmp_path)
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-q", "-m", "Begin")
    return tmp_path


def run(project: Path, *arguments: str) -> str:
    """Run a module in the copy, which has to succeed."""
    done = subprocess.run(  # noqa: S603 - this very interpreter
        [sys.executable, "-m", *arguments], cwd=project, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("name", ["", "a", "Shop", "1st", "my-shop", "a" * 17, "users"])
def test_an_unsuitable_name_is_refused(name: str, project: Path) -> None:
    """It becomes a part of names in DNS, S3 and Python, and could not be told from a word that is there."""
    with pytest.raises(TaskError, match=r"--name must|already occurs"):
        rename(project, name)
    assert git(project, "status", "--porcelain") == ""


def test_changes_that_are_not_committed_are_safe(project: Path) -> None:
    """They could not be told from those of the renaming."""
    (project / "app.py").write_text("")
    with pytest.raises(TaskError, match="Commit your changes first"):
        rename(project, NEW)
    assert (project / "app.py").read_text() == ""
    git(project, "checkout", "-q", ".")


@pytest.mark.slow
def test_a_renamed_project_passes_its_checks_and_tests(project: Path) -> None:
    """Only the files that tell where it comes from keep the old name."""
    if (ROOT / ".mypy_cache").exists():
        shutil.copytree(ROOT / ".mypy_cache", project / ".mypy_cache")
    run(project, "invoke", "project.rename", "--name", NEW)
    git(project, "add", "-A")
    assert set(git(project, "grep", "-Iil", OLD).split()) <= set(KEPT)
    assert [name for name in git(project, "ls-files").splitlines() if OLD in name] == []
    run(project, "invoke", "check")
    run(project, "pytest", "-q", "-n0", "-p", "no:cacheprovider", *TESTS)
