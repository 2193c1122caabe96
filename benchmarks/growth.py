"""What requests cost as the table grows: requests to the table, capacity units, and time.

`python -m benchmarks.growth` prints the table of docs/scaling.md and draws its picture; other numbers of
items may follow. It needs a JDK of version 17 or newer, and Maven, for AWS's DynamoDB Local, and a gigabyte
of disk for a million items.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks import growth_picture
from benchmarks.capacity import Cost, filled, on_dynamodb_local
from benchmarks.growth_data import Grown, succeed
from benchmarks.metering import metered
from benchmarks.operations import ROOT, TEAMS, USERS
from tests.http import Client

SIZES = (100, 10_000, 1_000_000)
OWN = 8  # users, teams and clients beside them, which the caller is one of
ROUNDS = 51
SIGN_IN = "a sign-in by password"
PAGE = 5  # elements, so that the smallest table has several pages
Request = Callable[[Grown], None]


def get(path: str) -> Request:
    """Get something as an admin."""
    return lambda grown: grown.get(path)


def sign_in(grown: Grown) -> None:
    """Sign in by password."""
    succeed(grown.data.grant(grant_type="password", **ROOT))


REQUESTS: dict[str, Request] = {
    "your own account": get(f"{USERS}/me"),
    "an account by its username": get(f"{USERS}?username={{username}}"),
    "users": get(f"{USERS}?limit={PAGE}"),
    "users, from the middle": get(f"{USERS}?limit={PAGE}&cursor={{after_users}}"),
    "teams, the newest first": get(f"{TEAMS}?limit={PAGE}&order=newest"),
    "teams, from the middle": get(f"{TEAMS}?limit={PAGE}&cursor={{after_teams}}"),
    "teams by title": get(f"{TEAMS}?limit={PAGE}&title=team"),
    "teams by title, from the middle": get(f"{TEAMS}?limit={PAGE}&title=team&cursor={{after_titles}}"),
    # as the action of a generated list; the caller is one more request to the table
    "a filter": lambda grown: grown.find_parts(PAGE),
    "a filter, from the middle": lambda grown: grown.find_parts(PAGE, grown.ids["after_parts"]),
    "a team with its members": get(f"{TEAMS}/{{team_id}}"),
    "members, from the middle": get(f"{TEAMS}/{{crowd}}/members?limit={PAGE}&cursor={{after_members}}"),
    "a change of a user": lambda grown: grown.rename(f"{USERS}/{{user_id}}", "/first_name"),
    "a change of a title": lambda grown: grown.rename(f"{TEAMS}/{{team_id}}", "/title"),
    SIGN_IN: sign_in,
}


@dataclass(frozen=True)
class Figures:
    """What a request used at one size of the table.

    :param milliseconds: of the fastest of several rounds.
    """

    cost: Cost
    milliseconds: float


def measure(
    client: Client, items: int, *, rounds: int = ROUNDS, folder: Path | None = None
) -> dict[str, Figures]:
    """Fill a table, and make every request on it.

    :param folder: where DynamoDB Local has its file, if not in memory.
    """
    with filled(client, OWN) as data:
        began = time.monotonic()
        grown = Grown(data, items, folder)
        sys.stderr.write(f"{items} items were written in {time.monotonic() - began:.0f} s.\n")
        costs = {name: _cost(request, grown) for name, request in REQUESTS.items()}
        # in turn, so that other work of the machine holds up all of them
        times = [{name: _time(REQUESTS[name], grown) for name in REQUESTS} for _ in range(rounds)]
        return {name: Figures(costs[name], min(each[name] for each in times)) for name in REQUESTS}


def _cost(request: Request, grown: Grown) -> Cost:
    request(grown)  # what is imported and connected only once
    with metered() as meter:
        request(grown)
    return Cost(meter.reads, meter.writes, meter.trips)


def _time(request: Request, grown: Grown) -> float:
    before = time.perf_counter()
    request(grown)
    return 1000 * (time.perf_counter() - before)


def table(found: dict[int, dict[str, Figures]]) -> list[str]:
    """Format the figures of all sizes; a cost that differs has all its values."""
    titles = ["request", "requests to the table", "RCU", "WCU", *(f"ms at {size:,}" for size in found)]
    lines = [f"| {' | '.join(titles)} |", f"|---|{'---:|' * (len(titles) - 1)}"]
    for name in REQUESTS:
        each = [figures[name] for figures in found.values()]
        costs = [[one.cost.trips, one.cost.reads, one.cost.writes] for one in each]
        cells = [
            " / ".join(dict.fromkeys(f"{value:g}" for value in values)) for values in zip(*costs, strict=True)
        ]
        cells += [f"{one.milliseconds:.1f}" for one in each]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def main() -> None:
    """Measure at each size, the smallest first; the figures of each one are printed when they are there."""
    sizes = [int(size) for size in sys.argv[1:]] or SIZES
    found = {}
    with tempfile.TemporaryDirectory() as folder, on_dynamodb_local("-dbPath", folder) as client:
        measure(client, sizes[0], folder=Path(folder))  # until the engine's code is compiled
        for size in sizes:
            found[size] = measure(client, size, folder=Path(folder))
    times = {name: [found[size][name].milliseconds for size in sizes] for name in REQUESTS}
    del times[SIGN_IN]  # most of it is the hash of a password, beside which nothing else could be seen
    growth_picture.draw(times, sizes)
    sys.stdout.write("\n".join([*table(found), ""]))


if __name__ == "__main__":
    main()
