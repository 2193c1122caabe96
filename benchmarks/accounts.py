"""Whether the time of an answer tells that an account exists: known and unknown addresses in turn.

`python -m benchmarks.accounts [PAIRS]` starts a stack of its own with EMAIL_VERIFICATION=required, compares
sign-ups, forgotten passwords, letters of confirmation and invitations, prints the medians side by side, and
fails when they differ by more than 2% and 1 ms in each of three rounds: chance does not do that.
"""

import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.sign_in import PASSWORD, ROUNDS, WARM_UP, Figures, sign_up
from tests.e2e.stack import Stack, copy_project
from tests.http import Answer, Client

PAIRS = 500
API, TEAMS = "/api/v1/account", "/api/v1/teams"
OF_A_TEAM = 40  # of each kind: a team has at most 100 open invitations


def sign_up_with(client: Client, kind: str, index: int) -> Answer:
    """Sign up with an address that somebody has, or nobody."""
    body = {"username": f"{kind}{time.monotonic_ns()}", "email": f"{kind}{index:06}@test.example"}
    return client("POST", "/api/v1/users", data={**body, "password": PASSWORD, "recaptcha_key": "secret_key"})


def forget(client: Client, kind: str, index: int) -> Answer:
    """Ask for another password."""
    data = {"username": f"{kind}{index:06}@test.example"}
    return client("POST", f"{API}/password-reset/request", data=data)


def ask_again(client: Client, kind: str, index: int) -> Answer:
    """Ask for the link that confirms an address."""
    return client("POST", f"{API}/email-verification/request", data={"username": f"{kind}{index:06}"})


class Inviter:
    """Invites addresses to teams, whose leader is signed in."""

    def __init__(self, client: Client, pairs: int) -> None:
        form = {"grant_type": "password", "client_id": "documentation", "username": "root", "password": "q"}
        self.token: str = client("POST", "/auth/oauth2/token", form=form).json["access_token"]
        titles = [f"Team {number}" for number in range(-(-pairs // OF_A_TEAM))]
        made = [client("POST", TEAMS, token=self.token, data={"title": title}) for title in titles]
        self.teams = [answer.json["id"] for answer in made]

    def __call__(self, client: Client, kind: str, index: int) -> Answer:
        """Invite an address that an account has, or none."""
        path = f"{TEAMS}/{self.teams[index // OF_A_TEAM]}/invitations"
        return client("POST", path, token=self.token, data={"email": f"{kind}{index:06}@test.example"})


Ask = Callable[[Client, str, int], Answer]
ASKED: dict[str, Ask] = {
    "sign-ups": sign_up_with,
    "forgotten passwords": forget,
    "letters of confirmation": ask_again,
}


def measure(client: Client, ask: Ask, pairs: int) -> Figures:
    """Ask about a known account, and about an unknown one just before or after.

    :raises RuntimeError: the answers have different statuses or lengths.
    """
    times: dict[str, list[float]] = {"known": [], "absent": []}
    found: set[int] = set()
    for index in range(-WARM_UP, pairs):
        kinds = ["known", "absent"]
        random.shuffle(kinds)
        for kind in kinds:
            started = time.perf_counter()
            answer = ask(client, kind, index % pairs)
            taken = (time.perf_counter() - started) * 1000
            found.add(answer.status)
            if index >= 0:
                times[kind].append(taken)
    if len(found) != 1 or next(iter(found)) >= 300:
        raise RuntimeError(f"the answers are not alike: {found}")
    return Figures(statistics.median(times["known"]), statistics.median(times["absent"]))


def compare(stack: Stack, pairs: int) -> bool:
    """Measure each question until a round is within the tolerance, and print each round."""
    alike = []
    for name, ask in {**ASKED, "invitations": Inviter(stack.api, pairs)}.items():
        for _ in range(ROUNDS):
            figures = measure(stack.api, ask, pairs)
            sys.stdout.write(f"{2 * pairs} {name}: {figures}\n")
            sys.stdout.flush()
            if figures.are_alike:
                break
        alike.append(figures.are_alike)
    return all(alike)


def known(folder: Path, pairs: int) -> None:
    """Make the known accounts, on a stage that takes their addresses at once."""
    stack = Stack(folder, EMAIL_VERIFICATION="optional", RATE_LIMIT_FACTOR="100000")
    stack.start()
    try:
        sign_up(stack.api, pairs)
    finally:
        stack.stop()


def main(pairs: int) -> int:
    """Measure on a stage that tells nothing of its accounts."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy_project(folder)
        known(folder, pairs)
        stack = Stack(folder, EMAIL_VERIFICATION="required", RATE_LIMIT_FACTOR="100000")
        stack.start()
        try:
            return 0 if compare(stack, pairs) else 1
        finally:
            stack.stop()


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else PAIRS))
