"""What the worst input costs, in CPU time beside a plain request to the same operation, argon2 aside.

`python -m benchmarks.bombs [OPERATION…]` sends all of tests/bombs.py in this process, on a table in memory.
It prints the worst ones, and fails when one of them takes more than 100 ms beyond a plain request.
"""

import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from unittest.mock import patch

from argon2.exceptions import VerifyMismatchError

from chalicelib.security.passwords import DUMMY_HASH
from chalicelib.web.operation import Operation
from tests import conftest  # noqa: F401 - the environment, and the table in memory
from tests.api.world import World, open_world
from tests.bombs import Bomb, bombs, callers, send
from tests.target import Process, present, use

MOST = 0.100  # seconds beyond a plain request
SHOWN = 15
ROUNDS = 3  # for those that seem costly; the lowest counts, since garbage collection may disturb any of them
Operations = Mapping[str, Mapping[str, Operation]]


class NoHasher:
    """Hashes nothing: argon2 costs the same for every password."""

    def hash(self, _: bytes) -> str:
        """Return a hash that no password has."""
        return DUMMY_HASH

    def verify(self, _: str, __: bytes) -> bool:
        """Refuse every password."""
        raise VerifyMismatchError


@dataclass(frozen=True, order=True)
class Cost:
    """CPU seconds of a bomb beyond those of a plain request, and those of the plain one."""

    beyond: float
    plain: float
    operation: str
    bomb: str
    status: int

    def __str__(self) -> str:
        """Show it as a line of the table."""
        times = f"{1000 * self.beyond:8.1f} {1000 * self.plain:8.1f}"
        return f"{times}  {self.status}  {self.operation}  {self.bomb}"


def measure(world: World, caller: str, method: str, path: str, bomb: Bomb) -> tuple[float, int]:
    """Return the CPU seconds of a request, and its status."""
    start = time.process_time()
    status = send(world, caller, method, path, bomb).status
    taken = time.process_time() - start
    if method != "GET":
        world.restore()
    return taken, status


def costs(world: World, operations: Operations, wanted: list[str]) -> Iterator[Cost]:
    """Send all bombs of the operations that are wanted; of all of them, if none is named."""
    for path, methods in operations.items():
        for method, operation in methods.items():
            if wanted and operation.name not in wanted:
                continue
            for caller in callers(operation):
                plain = min(measure(world, caller, method, path, Bomb("plain"))[0] for _ in range(ROUNDS))
                for bomb in bombs(path, operation):
                    taken, status = measure(world, caller, method, path, bomb)
                    for _ in range(ROUNDS - 1 if taken - plain > MOST / 4 else 0):
                        taken = min(taken, measure(world, caller, method, path, bomb)[0])
                    yield Cost(taken - plain, plain, operation.name, f"{bomb.name} ({caller})", status)


def main(wanted: list[str]) -> int:
    """Print the worst bombs; return the status of the process."""
    hasher = patch("chalicelib.security.passwords._hasher", NoHasher)
    import app  # noqa: PLC0415 - it reads the environment, which tests/conftest.py has set

    use(Process())
    with open_world(present().settings) as world, hasher:
        found = sorted(costs(world, app.api.operations, wanted), reverse=True)
    sys.stdout.write(f"{len(found)} bombs; CPU ms beyond a plain request, and of the plain one:\n")
    sys.stdout.writelines(f"{cost}\n" for cost in found[:SHOWN])
    return int(found[0].beyond > MOST)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
