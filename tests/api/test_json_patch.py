"""RFC 6902 over the public view: operations, refusals, and what a patch cannot reveal."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.users.models import User
from tests.conftest import PASSWORD
from tests.http import Answer, Client
from tests.support import Operations, TokenFor, confirmed, dump_table, expect, items_naming, replace

Patch = Callable[[Any], Answer]


@pytest.fixture
def patch(api: Client, make_user: Callable[..., User], token_for: TokenFor) -> Patch:
    """Patch an own account with every name filled in."""
    account = make_user("user", first_name="Ada", middle_name="King", last_name="Lovelace")
    path, token = f"/api/v1/users/{account.id}", token_for(account)
    return lambda operations: api("PATCH", path, token=token, data=operations)


NAMES = ("first_name", "middle_name", "last_name")
WORKING: list[tuple[Operations, list[str]]] = [
    ([replace("/first_name", "Grace")], ["Grace", "King", "Lovelace"]),
    ([{"op": "add", "path": "/first_name", "value": "Grace"}], ["Grace", "King", "Lovelace"]),
    ([{"op": "remove", "path": "/middle_name"}], ["Ada", "", "Lovelace"]),
    ([{"op": "move", "from": "/middle_name", "path": "/first_name"}], ["King", "", "Lovelace"]),
    ([{"op": "copy", "from": "/last_name", "path": "/first_name"}], ["Lovelace", "King", "Lovelace"]),
    ([{"op": "copy", "from": "/username", "path": "/first_name"}], ["user", "King", "Lovelace"]),
    ([expect("/first_name", "Ada"), replace("/first_name", "Grace")], ["Grace", "King", "Lovelace"]),
    ([replace("/first_name", "A"), replace("/first_name", "B")], ["B", "King", "Lovelace"]),
    ([expect("/is_active", True), expect("/username", "user")], ["Ada", "King", "Lovelace"]),
    ([{**replace("/first_name", "Grace"), "comment": "ignored"}], ["Grace", "King", "Lovelace"]),
    ([], ["Ada", "King", "Lovelace"]),
]


@pytest.mark.parametrize(("operations", "names"), WORKING)
def test_every_operation_works(patch: Patch, operations: Operations, names: list[str]) -> None:
    """All six operations, applied in order; unknown members are ignored (RFC 6902 §4)."""
    answer = patch(operations)
    assert (answer.status, [answer.json.get(name) for name in NAMES]) == (200, names)


def test_a_patch_grows_the_version(patch: Patch) -> None:
    """Every change of an item shows in its ETag."""
    etags = [patch([replace("/first_name", name)]).headers["etag"] for name in ("A", "B", "C")]
    assert len(set(etags)) == len(etags)


MALFORMED: list[Any] = [
    {},
    "text",
    replace("/first_name", "x"),
    ["text"],
    [[]],
    [{}],
    [{"op": "replace"}],
    [{"op": "replace", "path": "/first_name"}],
    [{"op": "add", "path": "/first_name"}],
    [{"op": "test", "path": "/first_name"}],
    [{"op": "move", "path": "/first_name"}],
    [{"op": "copy", "path": "/first_name"}],
    [{"path": "/first_name", "value": "x"}],
    [{"op": "REPLACE", "path": "/first_name", "value": "x"}],
    [{"op": "increment", "path": "/first_name", "value": 1}],
    [{"op": None, "path": "/first_name", "value": "x"}],
    [{"op": ["replace"], "path": "/first_name", "value": "x"}],
    [{"op": {"a": 1}, "path": "/first_name", "value": "x"}],
    [replace("first_name", "x")],
    [{"op": "replace", "path": 5, "value": "x"}],
    [{"op": "replace", "path": None, "value": "x"}],
    [{"op": "copy", "from": "last_name", "path": "/first_name"}],
    [{"op": "copy", "from": ["last_name"], "path": "/first_name"}],
    [replace("/first~2name", "x")],
    [replace("/first_name~", "x")],
    [replace("/first_name", "x"), {"op": "nonsense", "path": "/first_name"}],
]


@pytest.mark.parametrize("payload", MALFORMED)
def test_what_is_no_patch_is_400(patch: Patch, payload: Any) -> None:
    """Behaviour 43: malformed is 400, and the item is unchanged."""
    before = dump_table()
    assert (patch(payload).status, dump_table()) == (400, before)


@pytest.mark.parametrize("raw", [b"", b"[", b'[{"op":"test"', b"[NaN]", b"null", b"\xff"])
def test_what_does_not_parse_is_400(api: Client, user: User, token_for: TokenFor, raw: bytes) -> None:
    """Behaviour 43: JSON that does not parse, or is no array."""
    path, headers = f"/api/v1/users/{user.id}", {"Content-Type": "application/json-patch+json"}
    assert api("PATCH", path, token=token_for(user), raw=raw, headers=headers).status == 400


TYPES = ["text/plain", "application/xml", "application/x-www-form-urlencoded", "text/json", ""]


@pytest.mark.parametrize("media_type", TYPES)
def test_another_type_is_415(api: Client, user: User, token_for: TokenFor, media_type: str) -> None:
    """Behaviour 43: 415 lists the accepted types in Accept-Patch (RFC 5789 §2.2)."""
    raw, headers = b'[{"op":"replace","path":"/first_name","value":"x"}]', {"Content-Type": media_type}
    answer = api("PATCH", f"/api/v1/users/{user.id}", token=token_for(user), raw=raw, headers=headers)
    accepted = {kind.strip() for kind in answer.headers["accept-patch"].split(",")}
    known = {"application/json-patch+json", "application/json", "application/merge-patch+json"}
    assert (answer.status, accepted) == (415, known)


@pytest.mark.parametrize("media_type", ["application/json-patch+json", "APPLICATION/JSON; charset=utf-8"])
def test_both_types_work(api: Client, user: User, token_for: TokenFor, media_type: str) -> None:
    """Behaviour 51: types are compared without case and parameters."""
    raw, headers = b'[{"op":"replace","path":"/first_name","value":"x"}]', {"Content-Type": media_type}
    path = f"/api/v1/users/{user.id}"
    assert api("PATCH", path, token=token_for(user), raw=raw, headers=headers).status == 200


FAILING: list[dict[str, Any]] = [
    expect("/first_name", "ada"),
    expect("/first_name", None),
    expect("/first_name", ["Ada"]),
    expect("/is_active", False),
    expect("/is_active", 1),
    expect("/is_active", 1.0),
    expect("/is_admin", 0),
    expect("/is_active", "true"),
    expect("/first_name/0", "A"),
    expect("/first_name/x/y", "A"),
]


@pytest.mark.parametrize("operation", FAILING)
def test_a_failed_test_is_409_and_undoes_all(patch: Patch, operation: dict[str, Any]) -> None:
    """Behaviour 43: a failed test is 409; a number never equals a boolean (RFC 6902 §4.6)."""
    before = dump_table()
    assert (patch([replace("/last_name", "Byron"), operation]).status, dump_table()) == (409, before)


FORBIDDEN: list[dict[str, Any]] = [
    *(replace(f"/{name}", "x") for name in ("id", "version", "password_hash", "created", "updated", "pk")),
    *(
        replace(f"/{name}", "x")
        for name in ("username", "kind", "gsi1sk", "nothing", "first_name/0", "first_name/x")
    ),
    replace("", {"first_name": "x"}),
    {"op": "add", "path": "", "value": {"is_admin": True}},
    {"op": "remove", "path": ""},
    {"op": "copy", "from": "", "path": "/first_name"},
    {"op": "move", "from": "", "path": "/first_name"},
    {"op": "copy", "from": "/first_name", "path": ""},
    expect("", {}),
    replace("/", "x"),
    replace("//first_name", "x"),
    replace("/first_name/", "x"),
    replace("/first~1name", "x"),
    replace("/~0first_name", "x"),
    replace("/~1first_name", "x"),
    replace("/first_name~1", "x"),
    replace("/%66irst_name", "x"),
    replace("/FIRST_NAME", "x"),
    replace("/first_name\x00", "x"),
    replace("/__class__", "x"),
    {"op": "remove", "path": "/id"},
    {"op": "add", "path": "/extra", "value": "x"},
    {"op": "add", "path": "/first_name/-", "value": "x"},
    {"op": "move", "from": "/username", "path": "/first_name"},
    {"op": "move", "from": "/first_name", "path": "/id"},
    {"op": "copy", "from": "/first_name/0", "path": "/last_name"},
    {"op": "copy", "from": "/is_active", "path": "/first_name"},
]


@pytest.mark.parametrize("operation", FORBIDDEN, ids=str)
def test_a_path_outside_the_policy_is_422(patch: Patch, operation: dict[str, Any]) -> None:
    """Behaviour 39, 43, 44, 46: 422, and what was patched before is undone."""
    before = dump_table()
    assert (patch([replace("/last_name", "Byron"), operation]).status, dump_table()) == (422, before)


HIDDEN = ("password_hash", "password", "credentials_version", "version", "pk", "kind", "gsi1pk")


READINGS = [(name, op) for name in HIDDEN for op in ("test", "copy", "move")]


@pytest.mark.parametrize(("hidden", "op"), READINGS)
@pytest.mark.parametrize("proven", [False, True])
def test_a_hidden_field_looks_like_none(
    *, api: Client, user: User, token_for: TokenFor, hidden: str, op: str, proven: bool
) -> None:
    """Behaviour 44: right guess, wrong guess and a field that does not exist answer alike."""
    stored = items_naming(user.id)[-1].get(hidden, {"S": PASSWORD})
    answers = []
    for name, value in ((hidden, next(iter(stored.values()))), (hidden, "wrong"), ("unheard_of", "x")):
        place = (
            {"from": f"/{name}", "path": "/first_name"} if op in {"copy", "move"} else {"path": f"/{name}"}
        )
        operations = [{"op": op, "value": value, **place}]
        sent = confirmed(PASSWORD, *operations) if proven else operations
        answer = api("PATCH", f"/api/v1/users/{user.id}", token=token_for(user), data=sent)
        problem = {key: found for key, found in answer.json.items() if key != "request_id"}
        answers.append((answer.status, json.dumps(problem).replace(name, "NAME")))
    assert (answers[0][0], len(set(answers))) == (422, 1)
