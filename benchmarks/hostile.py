"""What bombs do to honest requests: 200 keep-alive clients at `make run`, with and without bombs.

`python -m benchmarks.hostile [SECONDS]` starts a stack of its own and prints both rounds side by side.
It fails if the honest requests' 99th percentile grows to three times what it was, if any answer was a 5xx, if
a write that was acknowledged is missing afterwards, or if `invoke db.check` finds something.
"""

import asyncio
import itertools
import json
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import CalledProcessError
from typing import Any
from urllib.parse import urlencode, urlsplit

from tests import conftest  # noqa: F401 - the environment that app.py wants
from tests.bombs import bombs
from tests.e2e.stack import Stack, copy_project
from tests.http import FORM, JSON

CLIENTS = 200
SECONDS = 60
BOMB_EVERY = 5  # requests
MOST_GROWTH = 3.0
TEAMS = "/api/v1/teams"
PASSWORD = "analytical engine"  # noqa: S105 - of accounts that live as long as the measurement


@dataclass(frozen=True)
class Request:
    """A request as it goes over the wire."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Round:
    """What the clients saw.

    :ivar times: milliseconds of every honest request.
    :ivar statuses: of all requests, bombs included.
    """

    times: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    bombs: int = 0

    @property
    def p99(self) -> float:
        """The 99th percentile of the honest requests, in milliseconds."""
        return statistics.quantiles(self.times, n=100)[98]

    @property
    def failed(self) -> int:
        """How many answers had a status of 500 or more."""
        return sum(number for status, number in self.statuses.items() if status >= 500)

    def __str__(self) -> str:
        """Show the figures in one line."""
        return (
            f"{len(self.times)} honest requests and {self.bombs} bombs: "
            f"p50 {statistics.median(self.times):.0f} ms, p99 {self.p99:.0f} ms; "
            f"{self.failed} answers of 5xx; {dict(sorted(self.statuses.items()))}"
        )


class Connection:
    """A keep-alive connection from its own address, reopened after the server closed it."""

    def __init__(self, netloc: str, number: int) -> None:
        host, _, port = netloc.partition(":")
        self.host, self.port, self.netloc = host, int(port), netloc
        self.source = (f"127.0.{1 + number // 200}.{1 + number % 200}", 0)
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(self, request: Request) -> tuple[int, bytes]:
        """Return the status and the body of the answer."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(self.host, self.port, local_addr=self.source)
        reader, writer = self._streams
        writer.write(self._head(request) + request.body)
        await writer.drain()
        status, headers = await self._answer_head(reader)
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        if headers.get("connection", "").lower() == "close":
            self.close()
        return status, body

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        if self._streams:
            self._streams[1].close()
            self._streams = None

    def _head(self, request: Request) -> bytes:
        headers = {"Host": self.netloc, **request.headers}
        if request.body:
            headers["Content-Length"] = str(len(request.body))
        lines = [f"{request.method} {request.path} HTTP/1.1", *(f"{k}: {v}" for k, v in headers.items())]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    @staticmethod
    async def _answer_head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in lines if line)
        return int(first.split()[1]), {name.lower(): value.strip() for name, _, value in pairs}


@dataclass
class Person:
    """An account with a connection and a token, and the teams that it was told it has."""

    connection: Connection
    username: str
    token: str = ""
    teams: dict[str, str] = field(default_factory=dict)

    async def sign_up(self) -> None:
        """Create the account and sign in.

        :raises RuntimeError: the server refused.
        """
        email = f"{self.username}@test.example"
        account = {"username": self.username, "email": email, "password": PASSWORD}
        await self._expect(201, _form("/api/v1/users", recaptcha_key="secret_key", **account))
        grant = {"grant_type": "password", "client_id": "documentation"}
        sign_in = _form("/auth/oauth2/token", username=self.username, password=PASSWORD, **grant)
        self.token = json.loads(await self._expect(200, sign_in))["access_token"]

    async def _expect(self, status: int, request: Request) -> bytes:
        got, body = await self.connection.send(request)
        if got != status:
            raise RuntimeError(f"{request.method} {request.path}: {got} {body[:500]!r}")
        return body

    def requests(self) -> Iterator[Request]:
        """Yield honest requests without end: read, create, rename, read."""
        for number in itertools.count():
            yield self._request("GET", "/api/v1/users/me")
            yield self._request("POST", TEAMS, {"title": f"team {number}"})
            if self.teams:
                team = next(reversed(self.teams))
                rename = {"op": "replace", "path": "/title", "value": f"renamed {number}"}
                yield self._request("PATCH", f"{TEAMS}/{team}", [rename])
            yield self._request("GET", f"{TEAMS}?limit=20")

    def _request(self, method: str, path: str, data: Any = None) -> Request:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": JSON}
        return Request(method, path, headers, json.dumps(data).encode() if data else b"")

    def remember(self, request: Request, status: int, body: bytes) -> None:
        """Note what the server acknowledged; a change without an answer may or may not have happened."""
        if request.method in ("POST", "PATCH") and status in (200, 201):
            team = json.loads(body)
            self.teams[team["id"]] = team["title"]
        elif request.method == "PATCH":
            self.teams.pop(request.path.rpartition("/")[2])

    async def lost(self) -> int:
        """Count the teams that are missing, or have another title than was acknowledged."""
        found = [await self._title(team) == title for team, title in self.teams.items()]
        return found.count(False)

    async def _title(self, team: str) -> str | None:
        status, body = await self.connection.send(self._request("GET", f"{TEAMS}/{team}"))
        return str(json.loads(body)["title"]) if status == 200 else None


def _form(path: str, **values: str) -> Request:
    return Request("POST", path, {"Content-Type": FORM}, urlencode(values).encode())


def hostile_requests(token: str) -> list[Request]:
    """Return the bombs of all operations, shuffled with a fixed seed."""
    import app  # noqa: PLC0415 - after the environment is set

    ids = {"problem": "not-found", "file": "docs.css"}
    found = []
    for path, methods in app.api.operations.items():
        for method, operation in methods.items():
            for bomb in bombs(path, operation):
                address = path.format_map(_Ids(ids | bomb.parts))
                headers = {"Authorization": f"Bearer {token}", **bomb.headers}
                query = f"?{bomb.query}" if bomb.query else ""
                found.append(Request(method, address + query, headers, bomb.body or b""))
    random.Random(1).shuffle(found)  # noqa: S311 - no secret
    return found


class _Ids(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return "client-01arz3ndektsv4rrffq69g5fav" if name == "client_id" else "01ARZ3NDEKTSV4RRFFQ69G5FAV"


async def _live(person: Person, deadline: float, hostile: Sequence[Request], seen: Round) -> None:
    dangers = itertools.cycle(hostile) if hostile else None
    for number, request in enumerate(person.requests(), 1):
        if time.monotonic() > deadline:
            return
        started = time.perf_counter()
        status, body = await person.connection.send(request)
        seen.times.append((time.perf_counter() - started) * 1000)
        seen.statuses[status] += 1
        person.remember(request, status, body)
        if dangers and number % BOMB_EVERY == 0:
            seen.bombs += 1
            seen.statuses[(await person.connection.send(next(dangers)))[0]] += 1


async def play(people: Sequence[Person], seconds: float, hostile: Sequence[Request]) -> Round:
    """Send requests as everybody for that long, each one after the answer to the one before.

    :param hostile: bombs, of which every person begins with another one; none for a calm round.
    """
    seen, deadline = Round(), time.monotonic() + seconds
    orders = [
        [*hostile[n % len(hostile) :], *hostile[: n % len(hostile)]] if hostile else []
        for n in range(len(people))
    ]
    await asyncio.gather(
        *(_live(*each, seen) for each in zip(people, [deadline] * len(people), orders, strict=True))
    )
    return seen


@asynccontextmanager
async def crowd(url: str) -> AsyncIterator[list[Person]]:
    """Everybody, signed in."""
    netloc = urlsplit(url).netloc
    people = [Person(Connection(netloc, number), f"person{number:03}") for number in range(CLIENTS)]
    try:
        for person in people:
            await person.sign_up()
        yield people
    finally:
        for person in people:
            person.connection.close()


async def compare(url: str, seconds: float) -> bool:
    """Print a calm and a hostile round, and whether acknowledged writes were lost."""
    async with crowd(url) as people:
        calm = await play(people, seconds, [])
        sys.stdout.write(f"without bombs: {calm}\n")
        hostile = await play(people, seconds, hostile_requests(people[0].token))
        lost = sum([await person.lost() for person in people])
        growth = hostile.p99 / calm.p99
        written = sum(len(person.teams) for person in people)
        sys.stdout.write(
            f"with bombs: {hostile}\np99 grows {growth:.2f} times; {lost} of {written} teams lost\n"
        )
        return growth < MOST_GROWTH and not (calm.failed or hostile.failed or lost)


def main(seconds: float) -> int:
    """Measure at a stack of its own, and look at its data afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        copy_project(Path(folder))
        stack = Stack(Path(folder))
        stack.start()
        try:
            well = asyncio.run(compare(stack.url, seconds))
            sys.stdout.write(stack.invoke("db.check"))
        except CalledProcessError as error:
            sys.stdout.write(str(error.output))
            return 1
        else:
            return 0 if well else 1
        finally:
            stack.stop()


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS))
