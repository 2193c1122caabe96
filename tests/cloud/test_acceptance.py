"""The API tests over HTTP, through the gateway of the local cloud, against the code that would ship."""

import subprocess
import sys
from typing import Any

import pytest

from tasks.processes import project_folder
from tests.cloud.stage import NAME, Stage

pytestmark = [pytest.mark.cloud, pytest.mark.slow]
# where the tests' pages are
ORIGINS = "http://localhost http://localhost:3000 https://localhost:8443 http://127.0.0.1:5173"


def list_origins(template: dict[str, Any]) -> None:
    """Set what only local stages have by default."""
    handler = template["Resources"]["APIHandler"]["Properties"]
    handler["Environment"]["Variables"]["CORS_ORIGINS"] = ORIGINS


def test_the_api_tests_pass(stage: Stage) -> None:
    """The same tests as in process, apart from those that tests/cloud/left_out.py names."""
    stage.deploy(list_origins)
    place = {
        "url": stage.url,
        "engine": stage.cloud,
        "table": f"grail-{NAME}",
        "secrets": f"file:{stage.secrets}",
    }
    command = [sys.executable, "-m", "pytest", "-q", "-n0", "-p", "tests.cloud.left_out", "tests/api"]
    options = [f"--{name}={value}" for name, value in place.items()]
    done = subprocess.run([*command, *options], cwd=project_folder(), check=False)  # noqa: S603 - of ours
    assert done.returncode == 0
