"""The way of docs/deploy.md from an empty account to a stage in use, in its order, on the local cloud."""

import json
import re
import shlex
from collections.abc import Callable

import pytest

from tasks.cloud.trial import Trial
from tasks.processes import project_folder
from tests.cloud.stage import SECRETS, Stage, import_the_rest
from tests.cloud.test_tasks import invoke, protect

pytestmark = pytest.mark.cloud
PAGE = project_folder() / "docs" / "deploy.md"


def way() -> list[tuple[str, list[str]]]:
    """The commands of the page's first transcript, each with the lines that it prints."""
    found = re.search(r"^```console\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert found
    blocks = found[1].removeprefix("$ ").split("\n$ ")
    commands = [(block.splitlines()[0].partition("  #")[0], block.splitlines()[1:]) for block in blocks]
    return [(command.strip(), [line for line in printed if line.strip()]) for command, printed in commands]


def says(line: str, output: str) -> bool:
    """Whether a line is in what was printed; "…" stands for anything."""
    pattern = ".*".join(re.escape(part.strip()) for part in line.split("…"))
    return any(re.fullmatch(pattern, each.strip()) for each in output.splitlines())


def deploy(stage: Stage) -> str:
    """Deploy as `invoke deploy` does, with a package that runs on this machine."""
    # this cloud is reached without TLS, which the bucket's policy demands
    stage.account.client("s3").delete_bucket_policy(Bucket=stage.account.bucket)
    stage.answers = ["y"]
    stage.deployment.overrides.clear()  # no domain yet
    stage.deployment.test, stage.deployment.examine = Trial.run, Trial.examine
    stage.outputs = stage.deployment.deploy(stage.package)
    import_the_rest(stage)
    protect(stage)
    return "\n".join(stage.said)


def test_a_newcomer_gets_from_an_empty_account_to_a_stage(stage: Stage) -> None:
    """At most ten commands, and each prints what the page says."""
    stage.account.client("ssm").delete_parameter(Name=SECRETS)
    special: dict[str, Callable[[], str]] = {
        "invoke deploy": lambda: deploy(stage),
        "curl": lambda: json.dumps(stage.api("GET", "/health?deep=1").json, separators=(",", ":")),
    }
    commands = way()
    assert len(commands) <= 10
    for command, printed in commands:
        words = shlex.split(command)
        name = words[0] if words[0] != "invoke" else " ".join(words[:2])
        if name in special:
            output = special[name]()
        elif words[0] == "invoke":
            line = command.removeprefix("invoke ")
            output = invoke(stage, line + " --password-stdin" * (words[1] == "users.create"))
        else:
            continue  # this machine's own: nothing of them is tried here
        assert [line for line in printed if not says(line, output)] == [], command
