"""The export: everything that names a person, and no secret."""

from typing import Any

import pytest

from chalicelib.db.personal import Personal
from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.users.models import User
from tasks.data.items import known_kinds
from tests.api.rich import CANARIES, SOURCE, make_rich
from tests.http import Answer, Client
from tests.support import PASSING, MakeUser, TokenFor, dump_table, items_naming

EXPORT = "/api/v1/users/me/export"
# Kinds that name a person, and why an export leaves them out.
LEFT_OUT = {
    "unique_name": "the user shows the names",
    "counter": "counts what is exported",
    "tally": "counts requests, for two windows of time",
}
OURS = {name: kind for name, kind in known_kinds().items() if kind.__module__.startswith("chalicelib.")}


@pytest.fixture
def ada(
    *, api: Client, admin: User, user: User, app: OAuth2Client, make_user: MakeUser, token_for: TokenFor
) -> User:
    """An account with something of every kind."""
    return make_rich(api, admin=admin, user=user, make_user=make_user, token_for=token_for)


def pages(api: Client, token: str, limit: int = 100) -> list[Answer]:
    """Follow the links from page to page."""
    found, path = list[Answer](), f"{EXPORT}?limit={limit}"
    while path:
        found.append(api("GET", path, token=token))
        assert found[-1].status == 200, found[-1].body
        link = found[-1].headers.get("link", "")
        path = EXPORT + "?" + link.split("?")[1].split(">")[0] if link else ""
    return found


def export(api: Client, token: str, limit: int = 100) -> list[dict[str, Any]]:
    """All entries."""
    return [entry for answer in pages(api, token, limit) for entry in answer.json]


def staying(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All entries but letters, which a server sends and deletes in the meantime."""
    return [entry for entry in entries if entry["kind"] not in PASSING]


@pytest.mark.parametrize("name", OURS)
def test_each_kind_says_how_it_names_a_person(name: str) -> None:
    """Behaviour 68: export and erasure read the declaration, so there is no default."""
    assert isinstance(vars(OURS[name]).get("personal"), Personal), f"declare `personal` in {OURS[name]}"


def test_it_has_every_kind_that_names_the_person(api: Client, ada: User, token_for: TokenFor) -> None:
    """Behaviour 68: no item with the account's id or names is of a kind that the export lacks."""
    named = {item["kind"]["S"] for text in (ada.id, "canary") for item in items_naming(text)}
    found = {entry["kind"] for entry in export(api, token_for(ada))}
    assert named - LEFT_OUT.keys() == found
    assert len(found) >= 8


def test_it_has_all_items_of_each_kind(api: Client, ada: User, token_for: TokenFor) -> None:
    """Behaviour 68: as many as there are in the table, on pages of any size, each once."""
    token = token_for(ada)
    whole = staying(export(api, token))
    for limit in (1, 3, len(whole) - 1):
        assert staying(export(api, token, limit)) == whole
    events = [item for item in dump_table() if item["pk"]["S"] == f"AUDIT#{ada.id}"]
    assert len([entry for entry in whole if entry["kind"] == "audit_event"]) == len(events)
    teams = [entry["item"] for entry in whole if entry["kind"] == "member"]
    assert [team["is_leader"] for team in teams] == [False, True]


@pytest.mark.in_process("sends requests from another address")
def test_it_shows_what_the_person_gave(api: Client, ada: User, token_for: TokenFor) -> None:
    """Names, addresses, clients; and no hash, token or secret."""
    entries = export(api, token_for(ada))
    text = repr(entries)
    never = {"user agent", "wrong password", "e-mail address"}  # the last was replaced
    assert {name for name, canary in CANARIES.items() if canary in text} == CANARIES.keys() - never
    names = {name for entry in entries for name in entry["item"]}
    assert [name for name in names if "hash" in name or "secret" in name or name == "version"] == []
    assert "argon2" not in text


@pytest.mark.in_process("sends requests from another address")
def test_it_does_not_say_where_others_came_from(
    api: Client, admin: User, ada: User, token_for: TokenFor
) -> None:
    """What an admin did to the account is in it, without the admin's address."""
    entries = export(api, token_for(ada))
    events = [entry["item"] for entry in entries if entry["kind"] == "audit_event"]
    assert {event["address"] for event in events if event["actor_id"] == admin.id} == {None}
    assert {event["address"] for event in events if event["actor_id"] is None} == {SOURCE}


def test_it_has_nothing_of_others(api: Client, user: User, ada: User, token_for: TokenFor) -> None:
    """Two members of the same teams."""
    text = repr(export(api, token_for(user)))
    assert [name for name, canary in CANARIES.items() if canary in text] == []


def test_a_page_takes_a_bounded_number_of_reads(
    api: Client, ada: User, token_for: TokenFor, round_trips: list[str]
) -> None:
    """One query for each kind at most, however much there is."""
    token = token_for(ada)
    for limit in (1, 100):
        round_trips.clear()
        assert api("GET", f"{EXPORT}?limit={limit}", token=token).status == 200
        assert round_trips.count("Query") <= len(OURS)
        assert set(round_trips) == {"BatchGetItem", "Query", "TransactWriteItems"}


@pytest.mark.parametrize("cursor", ["x", "AAAA", ""])
def test_a_cursor_that_was_made_up_is_refused(
    api: Client, user: User, token_for: TokenFor, cursor: str
) -> None:
    """Cursors are sealed; an empty one is the first page."""
    answer = api("GET", f"{EXPORT}?cursor={cursor}", token=token_for(user))
    assert answer.status == (422 if cursor else 200)


def test_a_cursor_of_somebody_else_is_refused(
    api: Client, user: User, ada: User, token_for: TokenFor
) -> None:
    """It is bound to the account."""
    (first, *_) = pages(api, token_for(ada), 1)
    query = first.headers["link"].split("?")[1].split(">")[0]
    assert api("GET", f"{EXPORT}?{query}", token=token_for(user)).status == 422
