"""Keys that change under a running server: clients that refresh, call and verify notice nothing of it."""

import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest

from tests.e2e.stack import Stack, copy_project
from tests.http import Answer

CACHE, LIFETIME = 1, 5  # seconds
CLIENTS = 3
ME = "/api/v1/users/me"


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """A running stack whose keys may change each second, and whose tokens live for five."""
    copy_project(tmp_path)
    stack = Stack(tmp_path, SECRETS_CACHE_SECONDS=str(CACHE), ACCESS_TOKEN_LIFETIME=str(LIFETIME))
    stack.start()
    try:
        yield stack
    finally:
        stack.stop()


class Verifier:
    """Another service: it caches the JWK Set for as long as it may, and verifies only with that."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.until = 0.0
        self.keys: Any = None

    def check(self, token: str) -> str:
        """Verify a token, and return the id of its key."""
        if time.monotonic() >= self.until:
            answer = self.stack.api("GET", "/.well-known/jwks.json")
            age = int(answer.headers["cache-control"].rpartition("max-age=")[2])
            self.keys, self.until = jwt.PyJWKSet.from_dict(answer.json), time.monotonic() + age
        kid: str = jwt.get_unverified_header(token)["kid"]
        jwt.decode(token, self.keys[kid].key, ["RS256"], audience=self.stack.url, issuer=self.stack.url)
        return kid


class Loop(threading.Thread):
    """A client that refreshes and calls in a loop, with each token for as long as it lives."""

    def __init__(self, stack: Stack) -> None:
        super().__init__()
        self.stack = stack
        self.verifier = Verifier(stack)
        self.ending = threading.Event()
        self.kids: list[str] = []
        self.calls = 0
        self.failures: list[str] = []

    def run(self) -> None:
        try:
            self.work()
        except Exception as error:  # noqa: BLE001 - whatever it is, the test has to tell
            self.failures.append(repr(error))

    def work(self) -> None:
        """Run until the end."""
        tokens = self.expect(self.stack.token("user", "w")).json
        held: list[tuple[float, str]] = []
        while not self.ending.is_set():
            form = {"client_id": "documentation", "refresh_token": tokens["refresh_token"]}
            asked = time.monotonic()
            tokens = self.expect(
                self.stack.api("POST", "/auth/oauth2/token", form={"grant_type": "refresh_token", **form})
            ).json
            held = [(since, token) for since, token in held if asked - since < LIFETIME - 1]
            held.append((asked, tokens["access_token"]))
            self.kids.append(self.verifier.check(tokens["access_token"]))
            for _, token in (held[0], held[-1]):
                self.expect(self.stack.api("GET", ME, token=token))

    def expect(self, answer: Answer) -> Answer:
        """Count a call, and note failures."""
        self.calls += 1
        if answer.status != 200:
            self.failures.append(f"{answer.status} {answer.body!r}")
        return answer


def kids_of(stack: Stack) -> list[str]:
    """Which keys are published."""
    return [key["kid"] for key in stack.api("GET", "/.well-known/jwks.json").json["keys"]]


@pytest.mark.slow
def test_a_rotation_under_load_fails_no_request(stack: Stack) -> None:
    """Behaviour 33: 0 failures through publish, sign and retire."""
    (old,) = kids_of(stack)
    loops = [Loop(stack) for _ in range(CLIENTS)]
    for loop in loops:
        loop.start()
    told = stack.invoke("keys.rotate")
    # The last tokens of the old key expire, then it goes: early, for a test that waits for no leeway.
    time.sleep(LIFETIME + 2 * CACHE)
    assert old in kids_of(stack)
    stack.invoke("keys.revoke", f"--kid={old}")  # one in 64 ids begins with a hyphen
    time.sleep(2 * CACHE)
    for loop in loops:
        loop.ending.set()
        loop.join()
    new = re.findall(r"Signs now: (\S+)", told)
    assert [loop.failures for loop in loops] == [[]] * CLIENTS
    assert [list(dict.fromkeys(loop.kids)) for loop in loops] == [[old, *new]] * CLIENTS
    assert kids_of(stack) == new
    print(f"{sum(loop.calls for loop in loops)} requests, 0 failures")  # noqa: T201 - for the record


def seconds_until(status: int, ask: Any) -> float:
    """Poll until the answer is as expected, and return the seconds."""
    started = time.monotonic()
    while ask().status != status:
        assert time.monotonic() < started + 10 * CACHE
        time.sleep(0.02)
    return time.monotonic() - started


@pytest.mark.slow
def test_an_emergency_ends_old_tokens_within_the_cache_time(stack: Stack) -> None:
    """Behaviour 33: a revoked key's tokens are refused; new sign-ins and refreshes work."""
    tokens = stack.token("user", "w").json
    token = tokens["access_token"]
    assert stack.api("GET", ME, token=token).status == 200
    told = stack.invoke("keys.revoke", *kids_of(stack))
    # Counted from the end of the task, whose own start takes longer than the change.
    assert seconds_until(401, lambda: stack.api("GET", ME, token=token)) <= CACHE + 0.5
    assert f"within {CACHE} s" in told
    form = {"client_id": "documentation", "refresh_token": tokens["refresh_token"]}
    refreshed = stack.api("POST", "/auth/oauth2/token", form={"grant_type": "refresh_token", **form})
    for fresh in (stack.token("user", "w"), refreshed):
        assert stack.api("GET", ME, token=fresh.json["access_token"]).status == 200
