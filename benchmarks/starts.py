"""What a cold start costs: import and first request, in a fresh process that can't write bytecode."""

import json
import resource
import statistics
import subprocess
import sys
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tasks.errors import TaskError

# What Lambda does with a handler such as app.app, without Lambda's own part.
CHILD = """
import importlib, json, sys
sys.path.insert(0, sys.argv[1])
module, _, name = sys.argv[2].rpartition(".")
handler = getattr(importlib.import_module(module), name)
print(json.dumps(handler(json.load(sys.stdin), None)))
"""


@dataclass(frozen=True)
class Variant:
    """One package of those that are compared.

    :param folder: what is in /var/task.
    :param handler: module and name, as Lambda's configuration has it.
    """

    name: str
    folder: Path
    handler: str
    event: Mapping[str, Any]
    environment: Mapping[str, str]
    seconds: list[float] = field(default_factory=list)

    def run(self) -> Any:
        """Start once, record the CPU time of the whole process, and return the answer.

        :raises TaskError: the process fails.
        """
        command = [sys.executable, "-s", "-S", "-c", CHILD, str(self.folder), self.handler]
        environment = {
            **self.environment,
            "PYTHONDONTWRITEBYTECODE": "1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        with subprocess.Popen(  # noqa: S603 - this very interpreter
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            cwd=self.folder,
        ) as process:
            before = cpu_of_children()
            output, messages = process.communicate(json.dumps(self.event).encode())
            self.seconds.append(cpu_of_children() - before)
        if process.returncode:
            reason = messages.decode(errors="replace")
            raise TaskError(f"The package ({self.name}) does not start:\n{reason}")
        # lines of the log come before
        return json.loads(output.splitlines()[-1])

    @property
    def median(self) -> float:
        """CPU seconds of the median run."""
        return statistics.median(self.seconds)


def cpu_of_children() -> float:
    """Seconds that ended children of this process took, in user and system mode."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def in_turn(variants: Sequence[Variant], runs: int) -> None:
    """Run the variants in turn, several times, so that disturbances of the machine affect all of them."""
    for _ in range(runs):
        for variant in variants:
            variant.run()


def unpacked(package: Path, folder: Path) -> Path:
    """Unpack a package as Lambda does."""
    with zipfile.ZipFile(package) as archive:
        archive.extractall(folder)
    return folder


def event(method: str, path: str, headers: Mapping[str, str], body: str | None = None) -> dict[str, Any]:
    """Make the event that API Gateway sends for a route without parameters."""
    return {
        "httpMethod": method,
        "path": path,
        "resource": path,
        "headers": dict(headers),
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "body": body,
        "isBase64Encoded": False,
        "requestContext": {
            "httpMethod": method,
            "resourcePath": path,
            "path": path,
            "requestId": "cold-start",
            "identity": {"sourceIp": "203.0.113.7"},
        },
    }
