"""The audit trail as admins read it: filters, pages, and for how long."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import app as application
from chalicelib.db import keys
from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.settings import Settings
from chalicelib.users.models import User
from tests.api import audit_tools
from tests.api.audit_tools import AUDIT, Trail, write_event
from tests.api.oauth_tools import password
from tests.conftest import PASSWORD
from tests.http import Answer, Client
from tests.support import NOBODY, dump_table
from tests.target import path_of

trail = audit_tools.trail  # a fixture

NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=1)


@pytest.fixture
def events(user: User, admin: User) -> list[str]:
    """Ids of 25 events, a minute apart, newest first: of the user, the admin and nobody in turn."""
    found = []
    for number in range(25):
        event_id = keys.first_id(NOON + timedelta(minutes=number))[:-1] + keys.ALPHABET[number % 7]
        write_event([user, admin, None][number % 3], event_id)
        found.append(event_id)
    return found[::-1]


def test_all_events_are_listed_the_last_first(trail: Trail, events: list[str]) -> None:
    """In order, from all the parts of the listing."""
    assert [event["id"] for event in trail(limit=100)] == events
    assert [event["id"] for event in trail(limit=3)] == events[:3]


def test_events_of_one_account(trail: Trail, user: User, events: list[str]) -> None:
    """Filter by user: none of anybody else's."""
    found = trail(user_id=user.id, limit=100)
    assert [event["id"] for event in found] == [events[24 - n] for n in range(24, -1, -1) if n % 3 == 0]
    assert trail(user_id=NOBODY) == []


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ({"from_": NOON + timedelta(minutes=20)}, range(20, 25)),
        ({"to": NOON + timedelta(minutes=3)}, range(3)),
        ({"from_": NOON + timedelta(minutes=4), "to": NOON + timedelta(minutes=6)}, range(4, 6)),
        ({"from_": NOON + timedelta(minutes=4, microseconds=1), "to": NOON + timedelta(minutes=6)}, [5]),
        ({"from_": NOON, "to": NOON + timedelta(microseconds=1)}, [0]),
        ({"from_": NOON, "to": NOON}, []),
        ({"from_": NOON + timedelta(minutes=6), "to": NOON}, []),
        ({"from_": "1969-12-31T23:59:59Z", "to": "1970-01-01T00:00:00Z"}, []),
        ({"from_": "0001-01-01T00:00:00+23:59", "to": "9999-12-31T23:59:59-23:59"}, range(25)),
    ],
)
@pytest.mark.parametrize("of", ["all", "user"])
def test_events_of_a_time(
    *, trail: Trail, user: User, events: list[str], query: dict[str, Any], numbers: Any, of: str
) -> None:
    """Filter by time: from is included, to is not; to the millisecond."""
    texts = {name: value if isinstance(value, str) else value.isoformat() for name, value in query.items()}
    more = {"user_id": user.id} if of == "user" else {}
    expected = [events[24 - n] for n in reversed(numbers) if of == "all" or n % 3 == 0]
    assert [event["id"] for event in trail(limit=100, **texts, **more)] == expected


def test_offsets_and_small_letters_are_times(trail: Trail, events: list[str]) -> None:
    """RFC 3339 §5.6: any offset from UTC, and t and z as well as T and Z."""
    there = (NOON + timedelta(hours=2, minutes=20)).strftime("%Y-%m-%dT%H:%M:%S+02:00")
    small = (NOON + timedelta(minutes=20)).strftime("%Y-%m-%dt%H:%M:%S.000z")
    assert [len(trail(from_=text)) for text in (there, small)] == [5, 5]


def test_a_time_of_an_answer_goes_into_the_query_as_it_is(
    api: Client, trail: Trail, events: list[str]
) -> None:
    """An event's time can be pasted into ?from= without encoding: it ends in Z, not in an offset with a +."""
    times = {event["id"]: event["time"] for event in trail(limit=100)}
    answer = api("GET", f"{AUDIT}?limit=100&from={times[events[7]]}", token=trail.token)
    assert [event["id"] for event in answer.json] == events[:8]


def test_a_pasted_plus_is_explained(api: Client, trail: Trail) -> None:
    """The query string turns it into a blank: the problem says what to write."""
    answer = api("GET", f"{AUDIT}?from=2026-01-31T12:00:00+00:00", token=trail.token)
    (error,) = answer.json["errors"]
    assert (answer.status, error["parameter"], "%2B" in error["detail"]) == (422, "from", True)


@pytest.mark.parametrize(
    "text",
    ["yesterday", "", "2026-01-31", "2026-01-31T12:00:00", "20260131T120000Z", "2026-W05-1T00:00:00Z",
     "2026-02-30T00:00:00Z", "1767225600", "2026-01-31T12:00:00Z\n", "2026-01-31T12:00:00 01:00"],
)  # fmt: skip
@pytest.mark.parametrize("name", ["from_", "to"])
def test_other_times_are_422(trail: Trail, name: str, text: str) -> None:
    """A query parameter against its schema, named as callers know it."""
    answer = trail.ask(**{name: text})
    assert (answer.status, answer.json["errors"][0]["parameter"]) == (422, name.rstrip("_"))


@pytest.mark.parametrize(
    "text", ["me", "", "01ARZ3NDEKTSV4RRFFQ69G5FA", "SHARD#0", "01ARZ3NDEKTSV4RRFFQ69G5FAV\n"]
)
def test_what_is_no_id_is_422(trail: Trail, text: str) -> None:
    """Only valid values become part of a key."""
    answer = trail.ask(user_id=text)
    assert (answer.status, answer.json["errors"][0]["parameter"]) == (422, "user_id")


def next_page(trail: Trail, answer: Answer) -> Answer:
    """Follow the link to the next page."""
    path = path_of(answer.headers["link"].split(">")[0][1:])
    return trail.api("GET", path, token=trail.token)


@pytest.mark.parametrize("limit", [1, 4, 24, 25])
@pytest.mark.parametrize("of", ["all", "user"])
def test_pages_follow_each_other(trail: Trail, user: User, events: list[str], limit: int, of: str) -> None:
    """By cursor and Link, with the filters kept; nothing twice, nothing left out."""
    query = {"user_id": user.id} if of == "user" else {}
    first = (NOON + timedelta(minutes=2)).isoformat()
    answer = trail.ask(limit=limit, from_=first, **query)
    found = answer.json
    while "link" in answer.headers:
        # newer events do not shift the pages
        write_event(user, keys.new_id())
        answer = next_page(trail, answer)
        assert 0 < len(answer.json) <= limit
        found += answer.json
    expected = [events[24 - n] for n in range(24, 1, -1) if of == "all" or n % 3 == 0]
    assert [event["id"] for event in found] == expected


def test_there_is_no_total(trail: Trail, events: list[str]) -> None:
    """Events are not counted, so there is no X-Total-Count, and no offset either."""
    assert "x-total-count" not in trail.ask().headers
    answer = trail.ask(offset=1)
    assert (answer.status, answer.json["errors"][0]["parameter"]) == (422, "offset")


def test_cursors_are_of_their_listing(trail: Trail, user: User, events: list[str]) -> None:
    """Cursors are tamper-evident, and bound to the listing."""
    link = trail.ask(limit=2).headers["link"]
    cursor = link.split("cursor=")[1].split(">")[0]
    assert trail.ask(cursor=cursor).status == 200
    assert [trail.ask(cursor=cursor, user_id=user.id).status, trail.ask(cursor=cursor[:-1]).status] == [
        422,
        422,
    ]


@pytest.mark.parametrize(("query", "trips"), [("", 4), ("user_id={}", 1)])
@pytest.mark.parametrize("amount", [3, 40])
def test_round_trips_do_not_grow(
    *, api: Client, user: User, trail: Trail, round_trips: list[str], amount: int, query: str, trips: int
) -> None:
    """One Query for an account, one per part for all."""
    for _ in range(amount):
        write_event(user, keys.new_id())
    round_trips.clear()
    api("GET", f"{AUDIT}?{query.format(user.id)}", token=trail.token)
    assert round_trips == ["BatchGetItem"] + ["Query"] * trips


def test_events_go_when_their_time_is_over(
    *,
    api: Client,
    user: User,
    documentation: OAuth2Client,
    trail: Trail,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """TTL by settings; expired events are not shown, even before they are removed."""
    password(api, "user", PASSWORD)
    (item,) = [item for item in dump_table() if item["kind"]["S"] == "audit_event"]
    days = (int(item["expires_at"]["N"]) - datetime.now(UTC).timestamp()) / 86400
    assert 89.9 < days <= 90
    old = keys.first_id(datetime.now(UTC) - timedelta(days=8))
    write_event(user, old)
    assert len(trail()) == 2
    monkeypatch.setattr(application.api, "settings", replace(settings, audit_days=7))
    assert [len(trail()), len(trail(user_id=user.id))] == [1, 1]
    assert trail(from_="2020-01-01T00:00:00Z") == trail()
