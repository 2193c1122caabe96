"""The password grant: who can sign in, what failures reveal, and what remains in the table."""

import json
import logging
import unicodedata
from collections.abc import Callable
from typing import Any

import argon2
import pytest
from argon2 import PasswordHasher

from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.oauth.secrets import hash_secret
from chalicelib.users.models import User
from tests.api.oauth_tools import (
    TIMEOUT,
    UNREACHABLE,
    database_down,
    error_of,
    families,
    fault,
    me,
    password,
    refresh,
)
from tests.conftest import PASSWORD, SECRET
from tests.http import Answer, Client
from tests.support import confirmed, dump_table, replace

pytestmark = pytest.mark.full_hashes

WEAK = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1)
ENOUGH = "$argon2id$v=19$m=19456,t=2,p=1$"


def shown(answer: Answer) -> tuple[int, bytes, dict[str, str]]:
    """What distinguishes answers for a caller."""
    return answer.status, answer.body, {k: v for k, v in answer.headers.items() if k != "x-request-id"}


def stored_hash(user: User) -> str:
    """Read the hash that is stored by now."""
    user.refresh()
    return user.password_hash


def test_the_right_password_gives_a_working_pair(
    api: Client, user: User, documentation: OAuth2Client
) -> None:
    """An access token that works, and a refresh token with at least 256 random bits."""
    tokens = password(api, "user", PASSWORD).json
    assert me(api, tokens["access_token"]) == 200
    assert len(tokens["refresh_token"].rpartition(".")[2]) * 6 >= 256


@pytest.mark.parametrize("name", ["USER", "User", "ｕｓｅｒ"])  # noqa: RUF001 - full width is the point
def test_a_username_has_no_case(api: Client, user: User, documentation: OAuth2Client, name: str) -> None:
    """Names are folded by NFKC and casefold wherever they are looked up."""
    assert password(api, name, PASSWORD).status == 200


NAMES = {
    "email address": "user@test.example",
    "email address in another case": "User@Test.Example",
    "email address of a full-width keyboard": "user＠test.example",  # noqa: RUF001 - it is the point
    "email address with blanks": " user@test.example ",
    "username with blanks": "\tuser ",
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
def test_one_of_two_names_is_enough(api: Client, user: User, documentation: OAuth2Client, name: str) -> None:
    """People type the name that they remember, and their phone adds a blank."""
    assert password(api, name, PASSWORD).status == 200


def test_an_address_that_was_given_up_signs_nobody_in(
    api: Client, user: User, documentation: OAuth2Client, token_for: Callable[..., str]
) -> None:
    """The marker of the email address is moved with it, so that only the present address works."""
    change = confirmed(PASSWORD, replace("/email", "new@test.example"))
    answer = api("PATCH", f"/api/v1/users/{user.id}", token=token_for(user), data=change)
    statuses = [password(api, name, PASSWORD).status for name in ("user@test.example", "new@test.example")]
    assert (answer.status, statuses) == (200, [400, 200])


@pytest.mark.parametrize("missing", ["username", "password"])
@pytest.mark.parametrize("how", ["omitted", "empty"])
def test_both_parameters_are_needed(
    api: Client, user: User, documentation: OAuth2Client, missing: str, how: str
) -> None:
    """Behaviour 2, 3: without one of the two the request is invalid, not the grant."""
    form = {"grant_type": "password", "client_id": "documentation", "username": "user", "password": PASSWORD}
    form = {**form, missing: ""} if how == "empty" else {k: v for k, v in form.items() if k != missing}
    assert error_of(api("POST", "/auth/oauth2/token", form=form)) == (400, "invalid_request")


FAILURES = {
    "wrong password": ("user", "wrong"),
    "unknown user": ("nobody", PASSWORD),
    "disabled user": ("sleeper", PASSWORD),
    "disabled user, wrong password": ("sleeper", "wrong"),
    "password too long": ("user", PASSWORD + "x" * 1024),
    "password in another case": ("user", PASSWORD.upper()),
    "password with a blank": ("user", PASSWORD + " "),
    "wrong password, by email address": ("user@test.example", "wrong"),
    "unknown email address": ("nobody@test.example", PASSWORD),
    "disabled user, by email address": ("sleeper@test.example", PASSWORD),
    "blanks": ("   ", PASSWORD),
    "name that can't be one": ("no\x00body #/..", PASSWORD),
    "long name": ("n" * 8000, PASSWORD),
    "name that folds to much more": ("\ufdfa" * 120, PASSWORD),
}


@pytest.mark.parametrize(("username", "text"), FAILURES.values(), ids=FAILURES.keys())
def test_all_failures_look_alike(
    api: Client,
    *,
    user: User,
    make_user: Callable[..., User],
    documentation: OAuth2Client,
    monkeypatch: pytest.MonkeyPatch,
    round_trips: list[str],
    username: str,
    text: str,
) -> None:
    """Behaviour 7: the same bytes, after the same requests to the table and one argon2 of the same cost."""
    make_user("sleeper", is_active=False)
    password(api, "user", "warm up")
    verified: list[str] = []
    genuine = PasswordHasher.verify

    def spy(self: PasswordHasher, stored: str, given: bytes) -> bool:
        verified.append(stored[: len(ENOUGH)])
        return genuine(self, stored, given)

    monkeypatch.setattr(argon2.PasswordHasher, "verify", spy)
    round_trips.clear()
    answers = [password(api, "user", "another wrong one"), password(api, username, text)]
    half = len(round_trips) // 2
    assert error_of(answers[1]) == (400, "invalid_grant")
    assert shown(answers[0]) == shown(answers[1])
    assert (verified, round_trips[:half]) == ([ENOUGH, ENOUGH], round_trips[half:])


def test_a_weaker_hash_is_upgraded_on_login(
    api: Client, make_user: Callable[..., User], documentation: OAuth2Client
) -> None:
    """Behaviour 35: the next sign-in replaces it, the password and the tokens stay good."""
    user = make_user("old", password_hash=WEAK.hash(PASSWORD))
    tokens = password(api, "old", PASSWORD).json
    assert stored_hash(user).startswith(ENOUGH)
    assert (me(api, tokens["access_token"]), password(api, "old", PASSWORD).status) == (200, 200)


@pytest.mark.parametrize("text", ["wrong", ""])
def test_only_the_right_password_upgrades(
    api: Client, make_user: Callable[..., User], documentation: OAuth2Client, text: str
) -> None:
    """Behaviour 35: a failed sign-in leaves the hash as it is."""
    weak = WEAK.hash(PASSWORD)
    user = make_user("old", password_hash=weak)
    assert (password(api, "old", text).status, stored_hash(user)) == (400, weak)


def test_a_stronger_hash_is_left_alone(
    api: Client, make_user: Callable[..., User], documentation: OAuth2Client
) -> None:
    """Hashes are replaced when parameters grew, never by weaker ones."""
    strong = PasswordHasher(time_cost=3, memory_cost=20_000, parallelism=1).hash(PASSWORD)
    user = make_user("strong", password_hash=strong)
    assert (password(api, "strong", PASSWORD).status, stored_hash(user)) == (200, strong)


def test_a_fault_while_upgrading_costs_nobody_the_sign_in(
    api: Client, make_user: Callable[..., User], documentation: OAuth2Client
) -> None:
    """Behaviour 27: the grant was written: it is handed out, and the next sign-in upgrades."""
    user = make_user("old", password_hash=WEAK.hash(PASSWORD))
    with fault("TransactWriteItems", number=2):
        answer = password(api, "old", PASSWORD)
    assert (answer.status, len(families(user))) == (200, 1)
    assert refresh(api, answer.json["refresh_token"]).status == 200


CORRUPT = {
    "empty": "",
    "a word": "corrupt",
    "not ASCII": "$argon2id$é",
    "cut": WEAK.hash(PASSWORD)[:-40],
    "header only": ENOUGH,
    "another algorithm": "$2b$12$" + "a" * 53,
    "plain password": PASSWORD,
}


@pytest.mark.parametrize("stored", CORRUPT.values(), ids=CORRUPT.keys())
def test_a_corrupt_hash_is_a_failure_and_an_error_in_the_log(
    api: Client,
    make_user: Callable[..., User],
    documentation: OAuth2Client,
    caplog: pytest.LogCaptureFixture,
    stored: str,
) -> None:
    """Behaviour 35: the caller gets invalid_grant, the operators an error without the password."""
    make_user("broken", password_hash=stored)
    answer = password(api, "broken", PASSWORD)
    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert (error_of(answer), len(errors)) == ((400, "invalid_grant"), 1)
    assert PASSWORD not in caplog.text


@pytest.mark.parametrize("stored_as", ["NFC", "NFD"])
@pytest.mark.parametrize("given_as", ["NFC", "NFD"])
def test_passwords_are_compared_in_nfc(
    api: Client, documentation: OAuth2Client, stored_as: Any, given_as: Any
) -> None:
    """Behaviour 36: keyboards that compose letters differently enter the same password."""
    text = "crème brûlée à la carte"
    sign_up(api, unicodedata.normalize(stored_as, text))
    assert password(api, "ada", unicodedata.normalize(given_as, text)).status == 200


def sign_up(api: Client, text: str) -> Answer:
    """Create the account ada with a password."""
    data = {"username": "ada", "email": "ada@test.example", "recaptcha_key": "secret_key", "password": text}
    return api("POST", "/api/v1/users", data=data)


@pytest.mark.parametrize(
    "text",
    ["xk7pQz!m", "x" * 63 + "yz", "all lower case words", "🦉🦊" * 10, " spaces at both ends ", "ab" * 512],
)
def test_new_passwords_need_length_and_nothing_else(
    api: Client, documentation: OAuth2Client, text: str
) -> None:
    """Behaviour 36: 8 to 1024 bytes of any characters, and they work as they are."""
    assert (sign_up(api, text).status, password(api, "ada", text).status) == (201, 200)


@pytest.mark.parametrize(
    "text",
    ["", "short12", "e\u0301" * 7, "password", "PassWord", "12345678", "x" * 1025, "é" * 513, "x" * 60_000],
    ids=lambda text: f"{text[:10]}… {len(text)}",
)
def test_bad_new_passwords_are_refused_before_hashing(
    api: Client, table: None, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    """Behaviour 36: too short, too common or over 1024 bytes is 422, and costs no argon2."""
    hashed: list[object] = []
    monkeypatch.setattr(PasswordHasher, "hash", lambda *given: hashed.append(given))
    assert (sign_up(api, text).status, hashed) == (422, [])


@pytest.mark.parametrize("length", [72, 128, 1023])
def test_no_password_is_truncated(api: Client, documentation: OAuth2Client, length: int) -> None:
    """Behaviour 36: each byte counts, up to the last one."""
    sign_up(api, "a" * length + "b")
    answers = [password(api, "ada", "a" * length + last).status for last in ("b", "c", "")]
    assert answers == [200, 400, 400]


def test_a_sign_in_costs_three_round_trips(
    api: Client, user: User, documentation: OAuth2Client, round_trips: list[str]
) -> None:
    """Password needs at most three requests to the table."""
    round_trips.clear()
    assert (password(api, "user", PASSWORD).status, len(round_trips) <= 3) == (200, True)


@pytest.mark.parametrize(
    ("operation", "number"), [("BatchGetItem", 1), ("BatchGetItem", 2), ("TransactWriteItems", 1)]
)
@pytest.mark.parametrize("error", [UNREACHABLE, TIMEOUT], ids=["unreachable", "timeout"])
def test_a_fault_at_any_step_leaves_nothing_behind(
    api: Client, *, user: User, documentation: OAuth2Client, operation: str, number: int, error: Exception
) -> None:
    """Behaviour 27: 503, no family; the same sign-in works afterwards."""
    with fault(operation, number=number, error=error):
        answer = password(api, "user", PASSWORD)
    assert (answer.status, answer.headers["retry-after"].isdigit(), families(user)) == (503, True, [])
    assert (password(api, "user", PASSWORD).status, len(families(user))) == (200, 1)


def test_a_lost_answer_leaves_no_token_that_anybody_knows(
    api: Client, user: User, documentation: OAuth2Client
) -> None:
    """Behaviour 27: written but not confirmed is 503 without any token, and a new sign-in works."""
    with fault("TransactWriteItems", event="after-call", error=TIMEOUT):
        answer = password(api, "user", PASSWORD)
    assert (answer.status, sorted(answer.json)) == (503, ["error", "error_description"])
    assert password(api, "user", PASSWORD).status == 200


@pytest.mark.parametrize("text", [PASSWORD, "wrong"])
def test_a_database_that_is_down_is_not_a_wrong_password(
    api: Client, user: User, documentation: OAuth2Client, text: str
) -> None:
    """Behaviour 57: right or wrong, 503 with Retry-After."""
    with database_down():
        answer = password(api, "user", text)
    assert (answer.status, answer.headers["retry-after"].isdigit()) == (503, True)


def test_a_dump_of_the_table_holds_hashes_only(
    api: Client,
    admin: User,
    service: OAuth2Client,
    documentation: OAuth2Client,
    token_for: Callable[..., str],
) -> None:
    """Behaviour 28: after every kind of grant no password, secret or token is in the table."""
    sign_up(api, "a password for the dump")
    tokens = password(api, "ada", "a password for the dump").json
    fresh = refresh(api, tokens["refresh_token"]).json
    owner = token_for(admin)
    made = api("POST", "/api/v1/auth/oauth2_clients", token=owner, data={"default_scopes": []}).json
    rotated = api("POST", "/api/v1/auth/oauth2_clients/service/secret", token=owner).json
    revoked = {"client_id": "documentation", "token": fresh["access_token"]}
    assert api("POST", "/auth/oauth2/revoke", form=revoked).status == 200
    password(api, "a password in the wrong field", "a password in the wrong field")
    texts = [tokens["refresh_token"], fresh["refresh_token"]]
    plain = ["a password for the dump", "a password in the wrong field", made["client_secret"], SECRET]
    plain += [rotated["client_secret"], tokens["access_token"], fresh["access_token"], *texts]
    plain += [text.rpartition(".")[2] for text in texts]
    dump = json.dumps(dump_table(), default=str)
    assert [text for text in plain if text in dump] == []
    assert [text for text in [*texts, SECRET] if hash_secret(text) not in dump] == []
