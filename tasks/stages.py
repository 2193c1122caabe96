"""The stages that a task can work on: the environment's, local ones, and those of .chalice/config.json."""

import json
import os
import re
from pathlib import Path
from typing import Any

from chalicelib.settings import LOCAL_STAGES, Settings
from tasks.errors import TaskError
from tasks.processes import project_folder

STAGE_HELP = "a stage of .chalice/config.json, or local (default: that of the environment)"
INFRA = project_folder() / "infra"
# Their names must be typed to confirm changes, and their stacks are protected against deletion.
PROTECTED = ("prod",)
REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")
# Part of names in DNS, IAM, Lambda and CloudFormation, in all of which it fits.
STAGE_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
MAX_NAME = 20
# First words of other names that begin with grail-: stacks and roles that are not a stage's.
RESERVED = ("bootstrap", "boundary", "deploy", "edge", "execution")
# A stage for a while: its data may go with it, and it has an address of its own only.
TEMPORARY = {"DeletionProtection": "false", "DomainName": "", "CertificateArn": "", "HostedZoneId": ""}


def settings_of(stage: str = "") -> Settings:
    """Read the settings of a stage; without a name, those of the environment.

    :raises TaskError: there is no such stage.
    :raises SettingsError: its settings can't be used.
    """
    if not stage:
        return Settings.from_env()
    if stage in LOCAL_STAGES:
        return Settings.from_env({**os.environ, "STAGE": stage})
    config = configuration()
    if stage not in config["stages"]:
        known = ", ".join(["local", *config["stages"]])
        raise TaskError(f"--stage is one of {known}, or left out for the environment's.")
    named = config.get("environment_variables", {}) | config["stages"][stage].get("environment_variables", {})
    regions = {name: os.environ[name] for name in REGIONS if name in os.environ}
    return Settings.from_env({**regions, **named})


def configuration() -> dict[str, Any]:
    """Read Chalice's configuration."""
    found: dict[str, Any] = json.loads((project_folder() / ".chalice" / "config.json").read_text("utf-8"))
    return found


def tags(**more: str) -> list[dict[str, str]]:
    """Return the tags of a stack, which its resources get from it: those of infra/tags.json, and more."""
    found: dict[str, str] = json.loads((INFRA / "tags.json").read_text("utf-8"))
    return [{"Key": key, "Value": value} for key, value in {**found, **more}.items()]


def parameters_of(stage: str) -> Path:
    """Return the file with the values of the parameters of a stage's stack."""
    return INFRA / "parameters" / f"{stage}.json"


def create_stage(root: Path, name: str, like: str) -> list[str]:
    """Write configuration, policies and parameters of a new stage, and return the paths of these files.

    :param root: the project's folder.
    :param like: the stage whose files are copied, with the new name in the place of its own.
    :raises TaskError: the name is invalid or in use, or there is no such stage.
    """
    path = root / ".chalice" / "config.json"
    config: dict[str, Any] = json.loads(path.read_text("utf-8"))
    stages = config["stages"]
    if not STAGE_NAME.fullmatch(name) or len(name) > MAX_NAME:
        raise TaskError(f"A stage's name has at most {MAX_NAME} characters: a-z, 0-9 and single hyphens.")
    if name.partition("-")[0] in RESERVED:
        raise TaskError(
            f"A stage's name does not begin with {', '.join(RESERVED)}: there are other grail-… ."
        )
    if name in stages or name in LOCAL_STAGES:
        raise TaskError(f"There is a stage {name} already.")
    if like not in stages:
        raise TaskError(f"--like is one of {', '.join(stages)}.")
    stages[name] = json.loads(_renamed(json.dumps(stages[like]), like, name))
    path.write_text(json.dumps(config, indent=2) + "\n", "utf-8")
    written = [path]
    for function in stages[like]["lambda_functions"].values():
        policy = root / ".chalice" / function["iam_policy_file"]
        copy = policy.with_name(_renamed(policy.name, like, name))
        copy.write_text(_renamed(policy.read_text("utf-8"), like, name), "utf-8")
        written.append(copy)
    parameters = root / "infra" / "parameters"
    values = json.loads((parameters / f"{like}.json").read_text("utf-8"))
    chosen = {**values, **{key: text for key, text in TEMPORARY.items() if text or values.get(key)}}
    (parameters / f"{name}.json").write_text(json.dumps(chosen, indent=2) + "\n", "utf-8")
    return [str(each.relative_to(root)) for each in [*written, parameters / f"{name}.json"]]


def _renamed(text: str, old: str, new: str) -> str:
    """Return a text with another name in the place of a stage's, where that is a whole word."""
    return re.sub(rf"(?<![a-z0-9]){re.escape(old)}(?![a-z0-9])", new, text)
