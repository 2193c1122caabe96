"""A packaged stage: files that are ready to be deployed."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from tasks.cloud.dependencies import architecture_of
from tasks.errors import TaskError


@dataclass(frozen=True)
class Package:
    """A stage's template and code, ready to be deployed.

    :param plain: the code as Chalice makes it.
    :param architecture: that of the functions, x86_64 or arm64.
    """

    template: Path
    code: Path
    plain: Path
    architecture: str

    @classmethod
    def in_folder(cls, folder: Path, stage: str) -> "Package":
        """Return the package of a stage that is in a folder."""
        return cls(
            template=folder / "template.json",
            code=folder / "deployment.zip",
            plain=folder / "plain.zip",
            architecture=architecture_of(stage),
        )

    @property
    def digest(self) -> str:
        """SHA-256 of the code, in hexadecimal."""
        return hashlib.sha256(self.code.read_bytes()).hexdigest()

    def require_ready(self, stage: str) -> None:
        """Check a package that was made elsewhere.

        :raises TaskError: a file is missing, or the package is for another stage.
        """
        missing = [path for path in (self.template, self.code) if not path.is_file()]
        if missing:
            raise TaskError(f"There is no {missing[0]}: invoke package --stage {stage} makes it.")
        made_for = json.loads(self.template.read_text("utf-8"))["Parameters"]["Stage"]["Default"]
        if made_for != stage:
            raise TaskError(f"{self.template} is for the stage {made_for}, not for {stage}.")
