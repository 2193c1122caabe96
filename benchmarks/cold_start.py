"""What a cold start costs: import and the first GET /users/me, against plain packages.

`python -m benchmarks.cold_start` builds the package, starts the local engine, and compares CPU times of whole
processes: our package, the same application as plain `chalice package` makes it, and a bare boto3 handler
that reads one item. Medians of 9 runs taken in turn.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.starts import Variant, event, in_turn, unpacked
from chalicelib.db import keys
from tasks import engine
from tasks.cloud import packaging
from tasks.cloud.package import Runtime
from tasks.processes import module, project_folder
from tasks.run import environment_for
from tasks.seed import DOCUMENTATION, USERS
from tests.ports import free_port

RUNS = 9
GOAL = 0.5
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
BOTO3 = "boto3==1.44.5"  # of the same day as the botocore that ships
HANDLER = """
import json
import os

import boto3

client = boto3.client("dynamodb", endpoint_url=os.environ["DYNAMODB_ENDPOINT"])


def handle(event, context):
    answer = client.get_item(
        TableName="grail-local", Key=json.loads(os.environ["KEY"]), ConsistentRead=True
    )
    return {"statusCode": 200, "body": json.dumps(answer["Item"])}
"""


def main() -> int:
    """Print the table; exit status 1 if a goal is missed, or this machine cannot run the package."""
    runtime = Runtime.here()
    if not runtime:
        sys.stdout.write("Packages are for Linux with glibc: measure them on such a machine.\n")
        return 1
    sys.stdout.write(f"On {runtime.name}, {runtime.architecture}:\n")
    with tempfile.TemporaryDirectory() as temporary, served(Path(temporary)) as environment:
        folder = Path(temporary)
        package = packaging.build("dev", folder / "packaged", runtime)
        ours = unpacked(package.code, folder / "ours")
        plain = unpacked(package.plain, folder / "plain")
        me = event("GET", "/api/v1/users/me", {"Authorization": f"Bearer {token(ours, environment)}"})
        variants = [
            Variant("this package", ours, "app.app", me, environment),
            Variant("plain chalice package", plain, "app.app", me, environment),
            Variant("bare boto3 handler", bare(folder / "bare"), "handler.handle", {}, environment),
        ]
        for variant in variants:
            require_ok(variant.run())
            variant.seconds.clear()
        in_turn(variants, RUNS)
    return report(variants)


def report(variants: list[Variant]) -> int:
    """Print CPU times and ratios."""
    ours = variants[0].median
    rows = [f"{each.name:30}{each.median * 1000:8.0f}{ours / each.median:20.2f}" for each in variants]
    title = f"{'cold start and first request':30}{'CPU ms':>8}  this package to it"
    sys.stdout.write("\n".join([title, *rows, ""]))
    return int(any(ours / variant.median > GOAL for variant in variants[1:]))


@contextmanager
def served(folder: Path) -> Iterator[dict[str, str]]:
    """Run the engine with the development data, and yield the environment of handlers."""
    port = free_port()
    child, endpoint = engine.start(port, folder / "dynamodb", folder / "engine.log")
    try:
        environment = environment_for(endpoint)
        environment |= {"SECRETS": f"file:{folder}/secrets.json", "AWS_DEFAULT_REGION": "us-east-1"}
        environment["LOG_LEVEL"] = "INFO"  # a line for each request, as when deployed
        subprocess.run(  # noqa: S603 - a module of this project
            module("tasks.seed"),
            env=environment,
            cwd=project_folder(),
            stdout=subprocess.DEVNULL,
            check=True,
        )
        key = keys.username("root")
        yield environment | {"KEY": json.dumps({"pk": {"S": key.pk}, "sk": {"S": key.sk}})}
    finally:
        child.stop()


def token(folder: Path, environment: dict[str, str]) -> str:
    """Sign in as the first user of the development data."""
    form = f"grant_type=password&client_id={DOCUMENTATION}&username=root&password={USERS['root']['password']}"
    asked = event("POST", "/auth/oauth2/token", FORM, form)
    answer = require_ok(Variant("sign-in", folder, "app.app", asked, environment).run())
    return str(json.loads(answer["body"])["access_token"])


def bare(folder: Path) -> Path:
    """Package the bare handler as pip puts it."""
    pip = module("pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile")
    subprocess.run([*pip, "--target", str(folder), BOTO3], check=True)  # noqa: S603 - as above
    (folder / "handler.py").write_text(HANDLER)
    shutil.rmtree(folder / "bin", ignore_errors=True)
    return folder


def require_ok(answer: Any) -> Any:
    """Check that a handler works before it is measured."""
    if answer["statusCode"] != 200:
        sys.exit(f"The handler answered {answer}")
    return answer


if __name__ == "__main__":
    sys.exit(main())
