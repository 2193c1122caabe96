"""Whether the time of a failed sign-in tells that a user exists: known and unknown names in turn.

`python -m benchmarks.sign_in [SIGN-INS]` starts a stack of its own, prints the figures side by side, and
fails when the medians differ by more than 2% and 1 ms in each of three rounds: chance does not do that.
"""

import random
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.stack import Stack, copy_project
from tests.http import Answer, Client

SIGN_INS = 1000
ROUNDS = 3
WARM_UP = 5  # pairs
MOST_SHARE, MOST_MILLISECONDS = 0.02, 1.0
PASSWORD = "correct horse battery"  # noqa: S105 - of users that live as long as the measurement


@dataclass(frozen=True)
class Figures:
    """Medians in milliseconds."""

    known: float
    unknown: float

    @property
    def difference(self) -> float:
        """How much longer a known name takes, in milliseconds."""
        return self.known - self.unknown

    @property
    def are_alike(self) -> bool:
        """Whether the difference is within the tolerance."""
        most = max(MOST_MILLISECONDS, MOST_SHARE * max(self.known, self.unknown))
        return abs(self.difference) <= most

    def __str__(self) -> str:
        """Return the figures side by side."""
        share = 100 * self.difference / self.unknown
        return (
            f"known users {self.known:.2f} ms, unknown users {self.unknown:.2f} ms: "
            f"{self.difference:+.2f} ms ({share:+.2f}%)"
        )


def sign_up(client: Client, number: int) -> None:
    """Create the known users.

    :raises RuntimeError: one was refused, so nothing could be compared.
    """
    for index in range(number):
        body = {"username": f"known{index:06}", "email": f"known{index:06}@test.example"}
        form = {**body, "password": PASSWORD, "recaptcha_key": "secret_key"}
        answer = client("POST", "/api/v1/users", form=form)
        if answer.status != 201:
            raise RuntimeError(f"{answer.status} {answer.body!r}")


def sign_in(client: Client, username: str) -> tuple[float, Answer]:
    """Try a wrong password, and return the milliseconds that it took."""
    form = {"grant_type": "password", "client_id": "documentation", "username": username, "password": "wrong"}
    started = time.perf_counter()
    answer = client("POST", "/auth/oauth2/token", form=form)
    return (time.perf_counter() - started) * 1000, answer


def measure(client: Client, pairs: int) -> Figures:
    """Try each known user once, and each time an unknown one just before or after.

    :raises RuntimeError: answers differ, or tell of something else than a wrong password.
    """
    times: dict[str, list[float]] = {"known": [], "absent": []}
    bodies: set[tuple[int, bytes]] = set()
    for index in range(-WARM_UP, pairs):
        kinds = ["known", "absent"]
        random.shuffle(kinds)
        for kind in kinds:
            taken, answer = sign_in(client, f"{kind}{index % pairs:06}")
            bodies.add((answer.status, answer.body))
            if index >= 0:
                times[kind].append(taken)
    if len(bodies) != 1 or next(iter(bodies))[0] != 400:
        raise RuntimeError(f"the answers are not alike: {bodies}")
    return Figures(statistics.median(times["known"]), statistics.median(times["absent"]))


def main(sign_ins: int) -> int:
    """Measure until a round is within the tolerance, and print each."""
    with tempfile.TemporaryDirectory() as folder:
        copy_project(Path(folder))
        stack = Stack(Path(folder))
        stack.start()
        try:
            sign_up(stack.api, sign_ins // 2)
            for _ in range(ROUNDS):
                figures = measure(stack.api, sign_ins // 2)
                sys.stdout.write(f"{sign_ins} failed sign-ins: {figures}\n")
                if figures.are_alike:
                    return 0
            return 1
        finally:
            stack.stop()


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else SIGN_INS))
