"""`invoke openapi.diff`: changes that break clients are reported, and others are not."""

import copy
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tasks import contract
from tasks.contract import RELEASED, TOOL, compare, diff, release
from tasks.module.create import create
from tests.architecture.source import ROOT
from tests.tasks.test_module import copy_to, run

BEFORE: dict[str, Any] = json.loads(RELEASED.read_text("utf-8"))
USERS, TEAMS, TEAM, ME = "/api/v1/users", "/api/v1/teams", "/api/v1/teams/{team_id}", "/api/v1/users/me"
TOKEN = "/auth/oauth2/token"
NOTHING = (False, "No changes detected")
Node = dict[str, Any]
pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True, scope="module")
def _go() -> None:
    """Skip without Go; in CI that would hide that nothing was tested."""
    if not shutil.which("go"):
        (pytest.fail if os.environ.get("CI") else pytest.skip)(contract.NO_GO)


def model(document: Node, name: str) -> Node:
    """Find a model."""
    found: Node = document["components"]["schemas"][name]
    return found


def field(document: Node, name: str, of: str) -> Node:
    """Find a field of a model."""
    found: Node = model(document, of)["properties"][name]
    return found


def operation(document: Node, path: str, method: str = "get") -> Node:
    """Find an operation."""
    found: Node = document["paths"][path][method]
    return found


def parameter(document: Node, name: str, path: str = TEAMS) -> Node:
    """Find a parameter of a list."""
    found: Node = next(each for each in operation(document, path)["parameters"] if each.get("name") == name)
    return found


def without(nodes: list[Node], name: str) -> list[Node]:
    """Leave out a parameter."""
    return [each for each in nodes if each.get("name") != name]


BREAKING: dict[str, Callable[[Node], object]] = {
    "a path is gone": lambda d: d["paths"].pop(ME),
    "a method is gone": lambda d: d["paths"][TEAMS].pop("post"),
    "an operation is called otherwise": lambda d: operation(d, TEAMS).update(operationId="getTeams"),
    "an operation is in another group": lambda d: operation(d, TEAMS).update(tags=["Groups"]),
    "a model is called otherwise": lambda d: _rename(d, "ServerMetadata", "Squad"),
    "a parameter is gone": lambda d: operation(d, TEAMS).update(
        parameters=without(operation(d, TEAMS)["parameters"], "offset")
    ),
    "a parameter is required": lambda d: parameter(d, "limit").update(required=True),
    "a new parameter is required": lambda d: operation(d, TEAMS)["parameters"].append(
        {"in": "query", "name": "kind", "required": True, "schema": {"type": "string"}}
    ),
    "a parameter takes less": lambda d: parameter(d, "limit")["schema"].update(maximum=50),
    "a parameter means something else if it is left out": lambda d: parameter(d, "limit")["schema"].update(
        default=10
    ),
    "a parameter is of another type": lambda d: parameter(d, "limit")["schema"].update(type="boolean"),
    "a field of a body is required": lambda d: model(d, "SignUp")["required"].append("first_name"),
    "a field of a body is gone": lambda d: model(d, "SignUp")["properties"].pop("first_name"),
    "a text of a body is shorter": lambda d: field(d, "title", "TeamInput").update(maxLength=40),
    "a text of a body is longer at least": lambda d: field(d, "title", "TeamInput").update(minLength=5),
    "a text of a body has another form": lambda d: field(d, "title", "TeamInput").update(pattern="^[a-z]+$"),
    "a choice of a body is gone": lambda d: field(d, "op", "PatchOperation")["enum"].remove("test"),
    "a body comes in fewer forms": lambda d: operation(d, TEAMS, "post")["requestBody"]["content"].pop(
        "application/x-www-form-urlencoded"
    ),
    "a field of an answer is gone": lambda d: (
        model(d, "Team")["properties"].pop("created") and model(d, "Team")["required"].remove("created")
    ),
    "a field of an answer may be missing": lambda d: model(d, "Team")["required"].remove("created"),
    "a field of an answer may be null": lambda d: field(d, "title", "Team").update(nullable=True),
    "a field of an answer is of another type": lambda d: field(d, "title", "Team").update(type="integer"),
    "an answer has another form": lambda d: _move(
        operation(d, TEAM)["responses"]["200"]["content"], "application/json", "application/xml"
    ),
    "an answer has another status": lambda d: _move(operation(d, TEAMS, "post")["responses"], "201", "202"),
    "a header of an answer is gone": lambda d: operation(d, TEAMS)["responses"]["200"]["headers"].pop(
        "X-Total-Count"
    ),
    "an operation needs another scope": lambda d: operation(d, ME).update(
        security=[{"oauth2": ["users:write"]}]
    ),
    "a public operation needs a token": lambda d: operation(d, "/health").update(
        security=[{"oauth2": ["users:read"]}]
    ),
    "a scope is gone": lambda d: d["components"]["securitySchemes"]["oauth2"]["flows"]["password"][
        "scopes"
    ].pop("teams:write"),
    "tokens come from elsewhere": lambda d: d["components"]["securitySchemes"]["oauth2"]["flows"][
        "password"
    ].update(tokenUrl="https://api.example.org/token"),
}
COMPATIBLE: dict[str, Callable[[Node], object]] = {
    "a path is new": lambda d: d["paths"].update({"/api/v1/groups": {"get": _new(d)}}),
    "a method is new": lambda d: d["paths"][ME].update(put=_new(d)),
    "a parameter is new": lambda d: operation(d, TEAMS)["parameters"].append(
        {"in": "query", "name": "title", "schema": {"type": "string"}}
    ),
    "a parameter takes more": lambda d: parameter(d, "limit")["schema"].update(maximum=200),
    "a parameter is explained better": lambda d: parameter(d, "limit").update(description="How many."),
    "a field of a body is new": lambda d: model(d, "TeamInput")["properties"].update(
        motto={"type": "string"}
    ),
    "a field of a body need not be sent": lambda d: model(d, "SignUp")["required"].remove("email"),
    "a text of a body may be longer": lambda d: field(d, "title", "TeamInput").update(maxLength=80),
    "a text of a body may be shorter": lambda d: field(d, "title", "TeamInput").update(minLength=1),
    "a text of a body has any form": lambda d: field(d, "title", "TeamInput").pop("pattern"),
    "a choice of a body is new": lambda d: field(d, "op", "PatchOperation")["enum"].append("append"),
    "a body comes in one more form": lambda d: operation(d, TEAMS, "post")["requestBody"]["content"].update(
        {"application/cbor": operation(d, TEAMS, "post")["requestBody"]["content"]["application/json"]}
    ),
    "a field of a body may be null": lambda d: field(d, "title", "TeamInput").update(nullable=True),
    "a field of an answer is new": lambda d: model(d, "Team")["properties"].update(motto={"type": "string"}),
    "a new field of an answer is always there": lambda d: (
        model(d, "Team")["properties"].update(motto={"type": "string"}),
        model(d, "Team")["required"].append("motto"),
    ),
    "a text of an answer is shorter": lambda d: field(d, "title", "Team").update(maxLength=40),
    "a header of an answer is new": lambda d: operation(d, ME)["responses"]["200"]["headers"].update(
        {"RateLimit": {"$ref": "#/components/headers/RateLimit"}}
    ),
    "a header of an answer may be longer": lambda d: d["components"]["headers"]["ETag"]["schema"].update(
        maxLength=64
    ),
    "a refusal is new": lambda d: operation(d, ME)["responses"].update(
        {"409": operation(d, TEAM, "delete")["responses"]["401"]}
    ),
    "an operation is described better": lambda d: operation(d, ME).update(summary="You", description="You."),
    "an operation is deprecated, with a date": lambda d: operation(d, ME).update(
        {"deprecated": True, "x-sunset": "2099-12-31"}
    ),
    "an operation becomes public": lambda d: operation(d, ME).update(security=[]),
    "a scope is new": lambda d: d["components"]["securitySchemes"]["oauth2"]["flows"]["password"][
        "scopes"
    ].update({"audit:read": "Read the audit trail."}),
    "a group is described otherwise": lambda d: d["tags"][0].update(description="People."),
    "an example is another one": lambda d: field(d, "title", "Team").update(example="Pioneers"),
    "the version is another one": lambda d: d["info"].update(version="0.1.1"),
    "a model is new": lambda d: d["components"]["schemas"].update(Spare={"type": "object"}),
}


def _rename(document: Node, old: str, new: str) -> None:
    _move(document["components"]["schemas"], old, new)
    document.update(json.loads(json.dumps(document).replace(f"schemas/{old}", f"schemas/{new}")))


def _move(node: Node, old: str, new: str) -> None:
    node[new] = node.pop(old)


def _new(document: Node) -> Node:
    return {**copy.deepcopy(operation(document, ME)), "operationId": "somethingNew"}


def changed(change: Callable[[Node], object]) -> tuple[bool, str]:
    """Return whether a change of the released document breaks clients, and what is printed."""
    after = copy.deepcopy(BEFORE)
    change(after)
    assert after != BEFORE
    return compare(json.dumps(BEFORE), json.dumps(after))


@pytest.mark.parametrize("name", BREAKING)
def test_a_change_that_breaks_clients_is_reported(name: str) -> None:
    """Clients of the last release would fail, be refused, or get something else than they asked for."""
    breaks, text = changed(BREAKING[name])
    assert breaks, text


@pytest.mark.parametrize("name", COMPATIBLE)
def test_a_change_that_clients_do_not_notice_passes(name: str) -> None:
    """Clients of the last release go on as before."""
    breaks, text = changed(COMPATIBLE[name])
    assert not breaks, text


def test_nothing_is_reported_of_a_document_that_is_the_same() -> None:
    """Neither the order nor the layout of the text is a change."""
    assert compare(json.dumps(BEFORE), json.dumps(BEFORE, sort_keys=True, indent=8)) == NOTHING


def test_a_deprecated_operation_may_go_after_its_date() -> None:
    """Announced by `deprecated` and `x-sunset`: before that day its removal breaks clients."""
    for date, breaks in (("2020-01-01", False), ("2099-12-31", True)):
        before, after = copy.deepcopy(BEFORE), copy.deepcopy(BEFORE)
        operation(before, ME).update({"deprecated": True, "x-sunset": date})
        del after["paths"][ME]["get"]
        assert compare(json.dumps(before), json.dumps(after))[0] is breaks


def test_an_accepted_change_is_none_that_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Only the lines that were accepted; another change of the same kind is still reported."""
    accepted = tmp_path / "accepted.txt"
    accepted.write_text("# intended\n", "utf-8")
    monkeypatch.setattr(contract, "ACCEPTED", accepted)
    for left in (2, 1, 0):
        breaks, text = changed(lambda d: (d["paths"].pop(ME), d["paths"][TEAMS].pop("post")))
        errors = [line for line in text.splitlines() if line.startswith("error")]
        assert (breaks, len(errors)) == (left > 0, left)
        with accepted.open("a", encoding="utf-8") as file:
            print(*errors[:1], file=file)


def test_a_release_is_compared_with_itself(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """After `invoke openapi.release` nothing has changed, and nothing is accepted any more."""
    for name in ("RELEASED", "ACCEPTED"):
        monkeypatch.setattr(contract, name, tmp_path / name)
    release()
    assert diff() == NOTHING
    assert all(line.startswith("#") for line in (tmp_path / "ACCEPTED").read_text("utf-8").splitlines())


@pytest.mark.parametrize(
    ("line", "status"), [("", 1), ("GET /api/v1/users/me API path removed without deprecation", 0)]
)
def test_the_task_fails_on_what_breaks_clients(line: str, status: int, tmp_path: Path) -> None:
    """Exit status 1, and the changes in words; 0 if they are accepted."""
    for name in ("app.py", "chalicelib", "tasks", ".chalice", "docs", "pyproject.toml"):
        origin = ROOT / name
        copier = shutil.copytree if origin.is_dir() else shutil.copy
        copier(origin, tmp_path / name)
    application = (tmp_path / "app.py").read_text("utf-8")
    (tmp_path / "app.py").write_text(
        application.replace('api.route("GET", "/api/v1/users/me", users.get_me)\n', ""), "utf-8"
    )
    with (tmp_path / "docs" / "openapi-accepted.txt").open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")
    done = run(tmp_path, "invoke", "openapi.diff")
    assert done.returncode == status
    assert ("GET /api/v1/users/me API path removed" in done.stdout) is bool(status)
    assert ("docs/openapi-accepted.txt" in done.stderr) is bool(status)


def test_a_new_resource_breaks_no_client(tmp_path: Path) -> None:
    """Answers that hold scopes have no enum, of which clients would refuse new values."""
    create(copy_to(tmp_path), "gizmos", "gizmo", ["title:string:required"])
    done = run(tmp_path, "invoke", "openapi.diff")
    assert (done.returncode, "GET /api/v1/gizmos endpoint added" in done.stdout) == (0, True)


def test_oasdiff_is_pinned() -> None:
    """The same answer everywhere: an exact version, and the checksums of all that it is made of."""
    assert "github.com/oasdiff/oasdiff v1." in (TOOL / "go.mod").read_text("utf-8")
    assert "github.com/oasdiff/oasdiff v1." in (TOOL / "go.sum").read_text("utf-8")
