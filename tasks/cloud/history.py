"""What was deployed to a stage, kept beside its packages: a rollback builds nothing."""

import json
import time
from dataclasses import asdict, dataclass

from tasks.cloud.account import Account
from tasks.errors import TaskError


@dataclass(frozen=True)
class Record:
    """A deployment.

    :param template: URL of the template, which names the code by its digest.
    :param parameters: those of the stack.
    :param digest: SHA-256 of the code.
    """

    template: str
    parameters: dict[str, str]
    digest: str


@dataclass(frozen=True)
class History:
    """The deployments of a stage that succeeded, the latest last."""

    account: Account
    stage: str

    def add(self, record: Record) -> None:
        """Write a deployment down."""
        moment = f"{time.time_ns():020}"
        body = json.dumps(asdict(record)).encode()
        self.account.s3.put_object(Bucket=self.account.bucket, Key=f"{self._prefix}{moment}.json", Body=body)

    def latest(self) -> Record | None:
        """Return the latest deployment."""
        return self._read(-1)

    def before(self) -> Record | None:
        """Return the deployment before the latest one."""
        return self._read(-2)

    def pop(self) -> None:
        """Forget the latest deployment, as it was taken back."""
        self.account.s3.delete_object(Bucket=self.account.bucket, Key=self._keys()[-1])

    def require(self, digest: str) -> None:
        """Check that the stage runs this very code, which passed its test there.

        :param digest: SHA-256 of the code.
        :raises TaskError: it runs other code, or none.
        """
        latest = self.latest()
        running = latest.digest if latest else "nothing"
        if running != digest:
            raise TaskError(
                f"{self.stage} runs {running[:12]}, and this package is {digest[:12]}: deploy it to "
                f"{self.stage} first."
            )

    def clear(self) -> None:
        """Forget all deployments, and delete their templates; code belongs to all stages."""
        for key in self._keys(f"grail/{self.stage}/"):
            self.account.s3.delete_object(Bucket=self.account.bucket, Key=key)

    @property
    def _prefix(self) -> str:
        return f"grail/{self.stage}/deployments/"

    def _keys(self, prefix: str = "") -> list[str]:
        place = {"Bucket": self.account.bucket, "Prefix": prefix or self._prefix}
        pages = self.account.s3.get_paginator("list_objects_v2").paginate(**place)
        return sorted(entry["Key"] for page in pages for entry in page.get("Contents", []))

    def _read(self, place: int) -> Record | None:
        keys = self._keys()
        if len(keys) < -place:
            return None
        body = self.account.s3.get_object(Bucket=self.account.bucket, Key=keys[place])["Body"]
        return Record(**json.loads(body.read()))
