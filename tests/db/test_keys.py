"""Keys and ids: unique, ordered, and distinct for each kind."""

import time
import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.db import keys

MOST_MILLISECONDS = 253402300798999  # the last whole second that datetime knows
ULID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


def moment(ulid: str) -> int:
    """Read the milliseconds of a ULID, as its specification has them: the first ten characters."""
    return sum(keys.ALPHABET.index(c) << 5 * place for place, c in enumerate(reversed(ulid[:10])))


def test_the_alphabet_is_crockfords() -> None:
    """The ULID specification: 32 characters without I, L, O and U, in ASCII order."""
    expected = sorted(set("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") - set("ILOU"))
    assert list(keys.ALPHABET) == expected


def test_a_new_id_tells_its_time() -> None:
    """Ids sort by creation, since they begin with the milliseconds."""
    before = time.time_ns() // 1_000_000
    made = keys.new_id()
    assert before <= moment(made) <= time.time_ns() // 1_000_000


def test_new_ids_are_ids_and_differ() -> None:
    """80 random bits: no two of the same millisecond are alike."""
    made = {keys.new_id() for _ in range(2000)}
    assert (len(made), {len(text) for text in made}, all(map(keys.is_id, made))) == (2000, {26}, True)


@pytest.mark.parametrize(("earlier", "later"), [(1.0, 1.5), (1e9, 2e9), (1.7e9, 4e12)])
def test_ids_sort_by_time(monkeypatch: pytest.MonkeyPatch, earlier: float, later: float) -> None:
    """Order by id is order by creation."""
    made = []
    for moment_of in (later, earlier):
        monkeypatch.setattr(time, "time", lambda now=moment_of: now)
        made.append(keys.new_id())
    assert sorted(made) == made[::-1]


@given(st.integers(0, 2**48 - 1), st.integers(0, 999))
def test_the_first_id_of_a_time_is_the_lowest_of_it(milliseconds: int, more: int) -> None:
    """Ids of an earlier time are below it, those of this time or later are not."""
    at = keys.EPOCH + timedelta(milliseconds=min(milliseconds, MOST_MILLISECONDS))
    first = keys.first_id(at)
    assert keys.moment_of(first) == at
    assert first.endswith("0" * 16)
    later = keys.first_id(at + timedelta(microseconds=more))
    assert (later == first) == (more == 0)


@given(st.integers(1, 2**128 - 1))
def test_the_id_before_is_right_below(number: int) -> None:
    """Consecutive ids have nothing between them."""
    ulid = keys._ulid(number)
    assert keys._number(keys.id_before(ulid)) == number - 1
    assert keys.id_before(ulid) < ulid <= keys.LAST_ID


def test_nothing_is_below_the_lowest_id() -> None:
    """The lower end of all listings."""
    assert keys.id_before(keys.first_id(datetime(1, 1, 1, tzinfo=UTC))) == ""


BAD_IDS = ["", ULID.lower(), ULID[:-1], ULID + "0", "8" + ULID[1:], f"{ULID}\n", f" {ULID}", ULID[:-1] + "U"]


@pytest.mark.parametrize("text", [*BAD_IDS, ULID[:-1] + "#", ULID[:-1] + "\u0661", None, 5, [ULID]])
def test_what_is_no_id(text: object) -> None:
    """Ids are ULID strings; nothing else gets into a key."""
    assert not keys.is_id(text)


ALIKE = [
    ("Ada", "aDA"),
    ("\u00e9", "e\u0301"),
    ("\uff21da", "ada"),
    ("straße", "STRASSE"),
    ("\ufb01", "fi"),
    ("\u03c3", "\u03c2"),
    ("\u212b", "\u00e5"),
]


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_names_that_look_alike_share_a_marker(one: str, other: str) -> None:
    """NFKC and casefold."""
    assert (keys.username(one), keys.email(one)) == (keys.username(other), keys.email(other))


@pytest.mark.parametrize(("one", "other"), [("ada", "adb"), ("a.b", "ab"), ("e", "\u00e9"), ("a b", "ab")])
def test_names_that_differ_have_markers_of_their_own(one: str, other: str) -> None:
    """Folding does not make a free name unavailable."""
    assert keys.username(one) != keys.username(other)


@given(st.text(max_size=20))
def test_folding_twice_changes_nothing(text: str) -> None:
    """Otherwise the marker that is written would differ from the one that is read."""
    assert keys.unique(keys.unique(text, 400), 400) == keys.unique(text, 400)


@given(st.text(max_size=20))
def test_every_normal_form_is_the_same_name(text: str) -> None:
    """NFC, NFD, NFKC and NFKD of a name share its marker."""
    forms = {keys.unique(unicodedata.normalize(form, text), 400) for form in ("NFC", "NFD", "NFKC", "NFKD")}
    assert forms == {keys.unique(text, 400)}


KINDS: list[Callable[[str], keys.Key]] = [
    keys.user,
    keys.username,
    keys.email,
    lambda text: keys.unique_value("user", "name", text),
    lambda text: keys.unique_value("team", "name", text),
    keys.team,
    lambda text: keys.member(text, text),
    keys.cleanup,
    lambda text: keys.cascade(text, text, text),
    keys.client,
    lambda text: keys.family(text, text),
    lambda text: keys.used_refresh_token(text, text),
    keys.revoked_token,
    lambda text: keys.failures(text, 1),
    keys.counter,
    lambda text: keys.counter(text, 1),
]


def every_key(text: str) -> list[keys.Key]:
    """One key of every kind, all made of the same text."""
    return [make(text) for make in KINDS]


@pytest.mark.parametrize("text", [ULID, "documentation", "USERS", "1"])
def test_no_two_kinds_share_a_key(text: str) -> None:
    """In the one table, no two kinds of items share a key."""
    made = every_key(text)
    assert len(set(made)) == len(made)


def test_a_listing_of_clients_is_its_owners() -> None:
    """Lists of clients are bound to a user."""
    names = {keys.clients_of(ULID), keys.clients_of(ULID[:-1] + "W"), keys.USERS, keys.TEAMS, keys.ADMINS}
    assert len(names) == 5
