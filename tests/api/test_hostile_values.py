"""Values that attack what stands behind the parsers: kept exactly or refused, never a 500."""

import json
from typing import Any

import pytest

from tests.api import hostile
from tests.api.hostile import TEAMS, post
from tests.api.world import World
from tests.http import FORM, JSON
from tests.problems import flaws

ACUTE, BOTH = "e\u0301", "\u00e9"

world = hostile.world  # a fixture


@pytest.mark.parametrize(
    "name", ["x" * 2048, "x" * 60_000, "", "\u0000", "\r\nX: y", "__proto__", "id", "version"]
)
def test_unknown_members_are_invalid_and_named(world: World, name: str) -> None:
    """Behaviour 39, 50: whatever their names; what the server owns is unknown to a sender."""
    answer = post(world, json.dumps({"title": "Engines", name: 1}).encode())
    assert (answer.status, flaws(answer)) == (422, [])
    assert [entry["pointer"] for entry in answer.json["errors"]] == [f"/{name}"[:100]]


@pytest.mark.parametrize(
    ("title", "kept"),
    [
        ("Ünïcödé", "Ünïcödé"),
        ("\U0001f680\U0001f680\U0001f680", "\U0001f680\U0001f680\U0001f680"),
        (ACUTE * 3, BOTH * 3),
        (ACUTE * 50, BOTH * 50),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ('"; DROP TABLE teams; --', '"; DROP TABLE teams; --'),
        ("{{7*7}} ${7*7}", "{{7*7}} ${7*7}"),
        ("TEAM#x / USER#y", "TEAM#x / USER#y"),
        ("\u200fgnp.exe", "\u200fgnp.exe"),
        ("\ufdfa" * 50, "\ufdfa" * 50),
    ],
)
def test_odd_texts_are_kept_exactly(world: World, title: str, kept: str) -> None:
    """Behaviour 50: in NFC, and otherwise as they came."""
    created = post(world, json.dumps({"title": title}).encode())
    read = world.api("GET", f"{TEAMS}/{created.json['id']}", token=world.token("admin"))
    assert (created.status, created.json["title"], read.json["title"]) == (201, kept, kept)


@pytest.mark.parametrize("content_type", [JSON, FORM])
@pytest.mark.parametrize("control", ["\x00", "\r", "\n", "\t", "\x1b", "\x7f", "\x85", "\u2028", "\u202e"])
def test_control_characters_are_invalid(world: World, control: str, content_type: str) -> None:
    """Behaviour 50: NUL, CR, LF and their like reach no log line, and nothing turns what follows around."""
    text = f"Engi{control}nes"
    body = (
        json.dumps({"title": text})
        if content_type == JSON
        else "title=" + "".join(f"%{b:02x}" for b in text.encode())
    )
    answer = post(world, body.encode(), content_type)
    assert (answer.status, flaws(answer)) == (422, [])


@pytest.mark.parametrize("field", ["email", "first_name", "username", "password", "recaptcha_key"])
@pytest.mark.parametrize(
    "value", ["\ufdfa" * 100, "x" * 60_000, "\x00", "a\r\nb", 1.5, int("9" * 39), [], {}, None, True]
)
def test_no_value_of_a_sign_up_breaks_us(world: World, field: str, value: Any) -> None:
    """Behaviour 50: stored or refused."""
    body = {"username": "ada", "email": "ada@test.example", "password": "analytical engine"}
    text = f"{value}@test.example" if field == "email" and isinstance(value, str) else value
    answer = world.api("POST", "/api/v1/users", token=world.token("admin"), data={**body, field: text})
    assert answer.status == 201 or (answer.status in (422, 403) and flaws(answer) == [])


def test_an_address_that_folds_to_a_long_name_is_unique_all_the_same(world: World) -> None:
    """Behaviour 50, 62: NFKC makes 18 characters of one; DynamoDB takes keys of 2,048 bytes."""
    body = {"email": "\ufdfa" * 100 + "@test.example", "password": "analytical engine"}
    statuses = [
        world.api("POST", "/api/v1/users", token=world.token("admin"), data={**body, "username": name}).status
        for name in ("ada", "grace")
    ]
    assert statuses == [201, 409]


@pytest.mark.parametrize(
    "where", ["/errors/%0d%0aX-Injected:%201", "/api/v1/teams/%0d%0aX-Injected:%201", "/health?a=%0d%0ab"]
)
def test_nothing_is_injected_into_headers(world: World, where: str) -> None:
    """Behaviour 50: CRLF in what is reflected."""
    answer = world.api("GET", where, token=world.token("admin"))
    assert [
        name for name, value in answer.headers.items() if "injected" in name or set("\r\n") & set(value)
    ] == []


@pytest.mark.parametrize(
    "query", ["limit=1%0d%0aX:1&offset=0", "limit=%ff", "limit=%00", "limit=1&x=%0d%0a%ff", "&&==&"]
)
def test_odd_queries_are_ignored_or_invalid(world: World, query: str) -> None:
    """Behaviour 50: and never reflected into Link as they came."""
    answer = world.api("GET", f"{TEAMS}?{query}", token=world.token("admin"))
    assert answer.status == 200 or (answer.status, flaws(answer)) == (422, [])
    assert not set("\r\n") & set(answer.headers.get("link", ""))


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "bearer\tx",
        "Basic eDp5",
        "Token x",
        "Bearer a b",
        "Bearer \u00e9",
        "Bearer " + "x" * 9000,
        "Bearer a.b.c, Bearer d.e.f",
        "Bearer ..",
        "Bearer " + "." * 3000,
    ],
)
def test_odd_credentials_are_bad_tokens(world: World, header: str) -> None:
    """Behaviour 17, 50: any value is 401, never a server error."""
    answer = world.api("GET", "/api/v1/users/me", headers={"Authorization": header})
    assert (answer.status, flaws(answer)) == (401, [])


@pytest.mark.parametrize("path", ["/api/v1/users/me", TEAMS, "/api/v1/users"])
def test_a_token_in_the_query_is_refused(world: World, path: str) -> None:
    """Behaviour 17: since logs keep URLs, a token in one is no credential, and an error beside a header."""
    token = world.token("admin")
    answers = [world.api("GET", f"{path}?access_token={token}", token=extra) for extra in (None, token)]
    assert [answer.status for answer in answers] == [400, 400]
