"""`python -m tests.templates STAGE FILE`: write a stage's template, without the code that it deploys.

Building the code takes most of the time that packaging takes, and has no part in the template.
"""

import json
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from chalice.cli.factory import CLIFactory
from chalice.deploy import packager

from tasks.cloud import template
from tasks.cloud.package import Runtime
from tasks.processes import project_folder


def template_of(stage: str) -> template.Template:
    """Make the template of a stage as `invoke package` does."""
    os.environ["AWS_CHALICE_CLI_MODE"] = "true"
    factory = CLIFactory(str(project_folder()))
    config = factory.create_config_obj(chalice_stage_name=stage)
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "infra.json").write_text(json.dumps(template.fragments(stage)))
        code = folder / "code.zip"
        code.touch()
        build: Any = packager.LambdaDeploymentPackager
        build.create_deployment_package = lambda *_: str(code)
        options = factory.create_package_options()
        making = factory.create_app_packager(
            config, options, "cloudformation", "json", str(folder / "infra.json")
        )
        making.package_app(config, str(folder / "made"), stage)
        made = json.loads((folder / "made" / "sam.json").read_text("utf-8"))
    return template.complete(made, "build", Runtime.of(stage))


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(json.dumps(template_of(sys.argv[1])), "utf-8")
