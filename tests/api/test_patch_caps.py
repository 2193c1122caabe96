"""Patches that grow: caps on the number of operations and on the result."""

from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.users.models import User
from tests.http import Answer, Client
from tests.support import MakeClient, Operations, TokenFor, dump_table, expect, replace

URI = "https://app.test/callback"


@pytest.fixture
def client(make_client: MakeClient, user: User) -> OAuth2Client:
    """A client whose arrays a patch may work in."""
    return make_client("mine", user, redirect_uris=[URI])


class Patcher:
    """Patches the client as its owner."""

    def __init__(self, api: Client, token: str) -> None:
        self.api = api
        self.token = token

    def __call__(self, operations: Operations) -> Answer:
        """Send the patch."""
        return self.api("PATCH", "/api/v1/auth/oauth2_clients/mine", token=self.token, data=operations)


@pytest.fixture
def patch(api: Client, user: User, client: OAuth2Client, token_for: TokenFor) -> Patcher:
    """Send patches."""
    return Patcher(api, token_for(user))


COPIES = [
    {"op": "copy", "from": "/redirect_uris", "path": "/redirect_uris/-"},
    {"op": "copy", "from": "/redirect_uris", "path": "/redirect_uris/0"},
    {"op": "copy", "from": "/redirect_uris", "path": "/redirect_uris/0/0"},
]


@pytest.mark.parametrize("copy", COPIES)
@pytest.mark.parametrize("times", [20, 64])
def test_a_copy_bomb_is_422(patch: Patcher, copy: dict[str, Any], times: int) -> None:
    """Behaviour 45: the result is capped while it grows, and nothing is written."""
    before = dump_table()
    assert (patch([copy] * times).status, dump_table()) == (422, before)


def test_a_bomb_that_is_removed_again_is_422(patch: Patcher) -> None:
    """Behaviour 45: the cap holds in between, not just for what comes out."""
    bomb = [COPIES[0]] * 12  # of 100 KB by then
    assert patch([*bomb, replace("/redirect_uris", [URI])]).status == 422


@pytest.mark.parametrize(("number", "status"), [(1, 200), (64, 200), (65, 422), (900, 422)])
def test_the_number_of_operations_is_capped(patch: Patcher, number: int, status: int) -> None:
    """Behaviour 45: at most 64 operations."""
    assert patch([expect("/client_type", "confidential")] * number).status == status


def test_operations_are_counted_before_they_are_read(patch: Patcher) -> None:
    """A patch that is too long is refused before its content is checked: the work stays bounded."""
    assert patch([*[expect("/client_type", "confidential")] * 64, {"op": "none"}]).status == 422


def test_a_huge_value_is_422(patch: Patcher) -> None:
    """Behaviour 45: the size is capped whatever made it grow, and however short it gets again."""
    huge = [replace(f"/redirect_uris/{number}", URI + "x" * 40_000) for number in (0, 1)]
    copied = [huge[0], {"op": "copy", "from": "/redirect_uris/0", "path": "/redirect_uris/1"}]
    assert patch([*copied, replace("/redirect_uris", [URI])]).status == 422


@pytest.mark.parametrize(("number", "status"), [(128, 409), (129, 422)])
@pytest.mark.parametrize("shape", [list, dict.fromkeys, lambda found: [list(found)[1:]]])
def test_the_elements_of_a_value_are_capped(
    patch: Patcher, shape: Callable[[range], object], number: int, status: int
) -> None:
    """128 in a value at every level together: each operation copies all of them."""
    assert patch([expect("/client_type", shape(range(number)))]).status == status


def test_the_elements_of_the_result_are_capped(patch: Patcher) -> None:
    """What several operations put together is copied as often: it may not grow either."""
    empty = [{"op": "add", "path": "/redirect_uris/-", "value": [""] * 100}] * 2
    answer = patch([*empty, replace("/redirect_uris", [URI])])
    assert (answer.status, answer.json["errors"][0]["detail"]) == (422, "The result is too large.")


@pytest.mark.parametrize(("length", "detail"), [(256, "There is"), (257, "A pointer may have at most 256")])
def test_the_length_of_a_pointer_is_capped(patch: Patcher, length: int, detail: str) -> None:
    """The documented length of a pointer is checked before it is parsed."""
    path = "/redirect_uris/0".ljust(length, "x")
    answer = patch([{"op": "copy", "from": path, "path": "/redirect_uris/-"}])
    assert (answer.status, answer.json["errors"][0]["detail"].startswith(detail)) == (422, True)


def test_a_number_of_5000_digits_is_no_server_error(patch: Patcher) -> None:
    """Behaviour 50: odd numbers are refused, never a 500."""
    raw = b'[{"op":"test","path":"/client_type","value":' + b"9" * 5000 + b"}]"
    headers = {"Content-Type": "application/json-patch+json"}
    path = "/api/v1/auth/oauth2_clients/mine"
    assert patch.api("PATCH", path, token=patch.token, raw=raw, headers=headers).status in {400, 409}


INDEXES = ["-1", "1", "01", "1e0", "99999999999999999999", "x", "", " 0", "+0", "\u0661", "0/0", "-/-"]


@pytest.mark.parametrize("index", INDEXES)
@pytest.mark.parametrize(("op", "status"), [("replace", 422), ("remove", 422), ("test", 409)])
def test_an_odd_index_is_refused(patch: Patcher, index: str, op: str, status: int) -> None:
    """Behaviour 46: an invalid index (RFC 6901 §4) is 422, and a test of one fails."""
    before = dump_table()
    path = f"/redirect_uris/{index}"
    assert (patch([{"op": op, "path": path, "value": URI}]).status, dump_table()) == (status, before)


PARTS: list[tuple[Operations, list[str]]] = [
    ([{"op": "add", "path": "/redirect_uris/-", "value": f"{URI}/2"}], [URI, f"{URI}/2"]),
    ([{"op": "add", "path": "/redirect_uris/0", "value": f"{URI}/2"}], [f"{URI}/2", URI]),
    ([replace("/redirect_uris/0", f"{URI}/2")], [f"{URI}/2"]),
    ([{"op": "remove", "path": "/redirect_uris/0"}], []),
    ([expect("/redirect_uris/0", URI), expect("/redirect_uris", [URI])], [URI]),
]


@pytest.mark.parametrize(("operations", "uris"), PARTS)
def test_parts_of_an_array_can_be_patched(patch: Patcher, operations: Operations, uris: list[str]) -> None:
    """All operations work on what the policy opens."""
    answer = patch(operations)
    assert (answer.status, answer.json["redirect_uris"]) == (200, uris)
