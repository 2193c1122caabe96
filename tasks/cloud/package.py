"""A packaged stage: files that are ready to be deployed."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from tasks.cloud.dependencies import Runtime
from tasks.errors import TaskError


@dataclass(frozen=True)
class Package:
    """A stage's template and code, ready to be deployed.

    :param plain: the code as Chalice makes it.
    """

    template: Path
    code: Path
    plain: Path

    @classmethod
    def in_folder(cls, folder: Path) -> "Package":
        """Return the package that is in a folder."""
        return cls(
            template=folder / "template.json", code=folder / "deployment.zip", plain=folder / "plain.zip"
        )

    @property
    def digest(self) -> str:
        """SHA-256 of the code, in hexadecimal."""
        return hashlib.sha256(self.code.read_bytes()).hexdigest()

    def require_ready(self, stage: str) -> None:
        """Check a package that was made elsewhere.

        :raises TaskError: a file is missing, or the package is for another stage or runtime.
        """
        missing = [path for path in (self.template, self.code) if not path.is_file()]
        if missing:
            raise TaskError(f"There is no {missing[0]}: invoke package --stage {stage} makes it.")
        template = json.loads(self.template.read_text("utf-8"))
        made_for = template["Parameters"]["Stage"]["Default"]
        if made_for != stage:
            raise TaskError(f"{self.template} is for the stage {made_for}, not for {stage}.")
        runtime = Runtime.of(stage)
        found = {
            (each["Properties"]["Runtime"], *each["Properties"].get("Architectures", ["x86_64"]))
            for each in template["Resources"].values()
            if "Runtime" in each.get("Properties", {})
        }
        if found - {(runtime.name, runtime.architecture)}:
            raise TaskError(
                f"{self.template} is for {' '.join(sorted(found)[0])}, and {stage} runs on {runtime.name} "
                f"{runtime.architecture}: make it again with invoke package --stage {stage}."
            )
