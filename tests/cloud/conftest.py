"""The package, built once, and stages that it is deployed to."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.cloud.package import Package, Runtime
from tests.cloud import local
from tests.cloud.stage import NAME, Stage, disconnect
from tests.packages import packaged


@pytest.fixture(scope="session")
def package() -> Package:
    """The package of the stage dev, made for this machine, where the local cloud runs it."""
    if not Runtime.here():
        pytest.skip("packages are for Linux with glibc: run this on such a machine")
    return packaged(NAME)


@pytest.fixture
def stage(package: Package, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """A cloud that has only a document of secrets."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, local.ROOT)
    with local.cloud(tmp_path / "cloud") as url:
        found = Stage(url, package, tmp_path)
        found.make_secrets()
        yield found
    disconnect()


@pytest.fixture
def deployed(stage: Stage) -> Stage:
    """A stage with the development data."""
    stage.deploy()
    stage.seed()
    return stage
