"""The stages that a task can work on: the environment's, local ones, and those of .chalice/config.json."""

import json
import os
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
