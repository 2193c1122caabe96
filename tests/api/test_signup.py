"""Signing up: limits, uniqueness, the captcha, and who may set which field."""

from typing import Any

import pytest

from chalicelib.users.models import User
from tests.conftest import PASSWORD
from tests.http import Answer, Client
from tests.support import SignIn, TokenFor, stored
from tests.target import path_of

FORM: dict[str, Any] = {
    "username": "ada",
    "email": "ada@test.example",
    "password": "analytical engine",
    "recaptcha_key": "secret_key",
}
E_ACUTE, E_WITH_ACUTE = "\u00e9", "e\u0301"  # the same letter in NFC and in NFD


def sign_up(api: Client, **fields: Any) -> Answer:
    """Sign up with some fields of the form changed; None leaves one out."""
    return api("POST", "/api/v1/users", data={k: v for k, v in {**FORM, **fields}.items() if v is not None})


def test_a_new_user_is_created_with_its_address(api: Client, sign_in: SignIn) -> None:
    """201 with a Location that leads to the account."""
    answer = sign_up(api)
    token = sign_in("ada", FORM["password"])["access_token"]
    path = path_of(answer.headers["location"])
    assert (answer.status, api("GET", path, token=token).json) == (201, answer.json)


def test_a_form_works_like_json(api: Client) -> None:
    """Bodies of resource POSTs are JSON or form-encoded."""
    answer = api("POST", "/api/v1/users", form={**FORM, "first_name": "Ada"})
    assert (answer.status, answer.json["first_name"]) == (201, "Ada")


def test_new_users_write_and_have_no_other_role(api: Client) -> None:
    """A new account has no role by default."""
    flags = ("is_active", "is_regular_user", "is_admin", "is_internal")
    account = sign_up(api).json
    assert [account[name] for name in flags] == [True, True, False, False]


@pytest.mark.parametrize(
    "password", ["Ada.Lovelace", "1815ada.lovelace!", "countess1815", "COUNTESS@test.example"]
)
def test_the_own_name_is_no_password(api: Client, password: str) -> None:
    """ASVS 5.0 6.2.11: neither the username nor the email address, whatever stands around it."""
    answer = sign_up(api, username="ada.lovelace", email="countess@test.example", password=password)
    assert (answer.status, [error["pointer"] for error in answer.json["errors"]]) == (422, ["/password"])
    assert "username or email address" in answer.json["errors"][0]["detail"]


GOOD = [
    ("username", "a"),
    ("username", "aZ09._-" + "x" * 73),
    ("email", f"{'e' * 60}@{'d' * 51}.example"),
    ("email", f"rene{E_ACUTE}@test.example"),
    ("first_name", "x" * 30),
    ("middle_name", E_WITH_ACUTE * 30),
    ("last_name", "O'Neill-Müller"),
    ("last_name", ""),
    ("password", "eight ch"),
    ("password", "long " * 200),
]


@pytest.mark.parametrize(("field", "value"), GOOD)
def test_values_within_the_limits_are_taken(api: Client, field: str, value: str) -> None:
    """Behaviour 36 for passwords."""
    assert sign_up(api, **{field: value}).status == 201


BAD = [
    *(("username", name) for name in ("", "x" * 81, "a b", "a@b", "é", "a/b", "a\n", "#", 7, None, ["a"])),
    ("email", f"{'e' * 60}@{'d' * 52}.example"),
    *(("email", address) for address in ("", "nobody", "a@", "@test.example", "a b@test.example", 1, None)),
    *(("email", address) for address in ("a@test.example\n", "a@test.example,b@test.example")),
    # what mail servers do not take
    *(("email", address) for address in ('"a,b"@test.example', '"a"@test.example', "a@[192.0.2.1]")),
    *((name, "x" * 31) for name in ("first_name", "middle_name", "last_name")),
    *(("first_name", name) for name in ("a\x00b", "a\nb", " ", 5, ["x"])),
    *(("password", word) for word in ("seven c", "password123", "x" * 1025, "é" * 513, 12345678, None)),
    *((name, "forged") for name in ("id", "version", "password_hash", "created", "updated", "gsi1pk", "x")),
]


@pytest.mark.parametrize(("field", "value"), BAD)
def test_values_beyond_the_limits_are_422(api: Client, field: str, value: Any) -> None:
    """Behaviour 36, 39: the problem points at the field, and nothing is written."""
    before = stored()
    answer = sign_up(api, **{field: value})
    pointers = [entry["pointer"].split("/")[1] for entry in answer.json.get("errors", [])]
    assert (answer.status, pointers, stored()) == (422, [field], before)


@pytest.mark.parametrize("payload", [[], "text", 5, None, [FORM]])
def test_a_body_that_is_no_object_is_422(api: Client, payload: Any) -> None:
    """A body against its schema is 422."""
    raw = b"null" if payload is None else None
    headers = {"Content-Type": "application/json"} if raw else None
    assert api("POST", "/api/v1/users", data=payload, raw=raw, headers=headers).status == 422


@pytest.mark.parametrize("field", ["first_name", "middle_name", "last_name", "email"])
def test_text_is_kept_in_nfc(api: Client, field: str) -> None:
    """Names and e-mail in NFC."""
    suffix = "@test.example" if field == "email" else ""
    assert sign_up(api, **{field: E_WITH_ACUTE + suffix}).json[field] == E_ACUTE + suffix


@pytest.mark.parametrize("spelling", [f"p{E_ACUTE}ssword", f"p{E_WITH_ACUTE}ssword"])
def test_a_password_works_in_both_spellings(api: Client, sign_in: SignIn, spelling: str) -> None:
    """Behaviour 36: passwords are compared in NFC."""
    sign_up(api, password=f"p{E_ACUTE}ssword")
    assert sign_in("ada", spelling)["token_type"] == "Bearer"


def test_no_password_is_truncated(api: Client, sign_in: SignIn) -> None:
    """Behaviour 36: the last byte of a long password counts."""
    sign_up(api, password="x" * 1023 + "y")
    form = {"grant_type": "password", "client_id": "documentation", "username": "ada"}
    answer = api("POST", "/auth/oauth2/token", form={**form, "password": "x" * 1024})
    assert (answer.status, sign_in("ada", "x" * 1023 + "y")["token_type"]) == (400, "Bearer")


TAKEN = [
    ("username", "Ada", "aDA"),
    ("email", "ada@test.example", "ADA@Test.Example"),
    ("email", f"{E_ACUTE}@test.example", f"{E_WITH_ACUTE}@test.example"),
    ("email", "straße@test.example", "STRASSE@test.example"),
    ("email", "ada@test.example", "\uff41da@test.example"),
]


@pytest.mark.parametrize(("field", "first", "second"), TAKEN)
def test_a_name_that_looks_alike_is_taken(api: Client, field: str, first: str, second: str) -> None:
    """Behaviour 62 without the race: 409 by case, NFC and NFKC, and nothing of the second remains."""
    other = {"username": "other", "email": "other@test.example"}
    sign_up(api, **{field: first})
    before = stored()
    answer = sign_up(api, **{**other, field: second})
    pointers = [entry["pointer"] for entry in answer.json["errors"]]
    assert (answer.status, pointers, stored()) == (409, [f"/{field}"], before)


def test_a_refused_sign_up_leaves_its_other_name_free(api: Client) -> None:
    """Behaviour 62: no orphan marker keeps a name that nobody has."""
    sign_up(api)
    assert sign_up(api, username="grace").status == 409
    assert sign_up(api, username="grace", email="grace@test.example").status == 201


@pytest.mark.parametrize("key", [None, "", "wrong", "secret_key ", "SECRET_KEY"])
def test_without_a_solved_captcha_nobody_signs_up(api: Client, key: str | None) -> None:
    """Captcha missing or wrong is 403."""
    assert sign_up(api, recaptcha_key=key).status == 403


def test_a_user_needs_a_captcha_too(api: Client, user: User, token_for: TokenFor) -> None:
    """Only an admin creates users without one."""
    form = {**FORM, "recaptcha_key": ""}
    assert api("POST", "/api/v1/users", data=form, token=token_for(user)).status == 403


@pytest.mark.parametrize("flag", ["is_active", "is_regular_user", "is_admin", "is_internal"])
@pytest.mark.parametrize("value", [True, False])
@pytest.mark.parametrize("signed_in", [True, False])
def test_roles_are_not_for_everybody_to_set(
    *, api: Client, user: User, token_for: TokenFor, flag: str, value: bool, signed_in: bool
) -> None:
    """Behaviour 39: role flags without the right are 403, and there is no account then."""
    token, before = token_for(user) if signed_in else None, stored()
    answer = api("POST", "/api/v1/users", data={**FORM, flag: value}, token=token)
    assert (answer.status, stored()) == (403, before)


@pytest.mark.parametrize("flag", ["is_active", "is_regular_user", "is_admin"])
@pytest.mark.parametrize("value", [True, False])
def test_an_admin_sets_roles_without_captcha(
    api: Client, admin: User, token_for: TokenFor, flag: str, value: bool
) -> None:
    """Admins create users without captcha, with the roles that they choose, if they prove who they are."""
    form = {name: given for name, given in FORM.items() if name != "recaptcha_key"}
    answer = api(
        "POST",
        "/api/v1/users",
        data={**form, flag: value, "current_password": PASSWORD},
        token=token_for(admin),
    )
    assert (answer.status, answer.json[flag]) == (201, value)


def test_not_even_an_admin_makes_internal_users(api: Client, admin: User, token_for: TokenFor) -> None:
    """is_internal is never settable over the API."""
    answer = api("POST", "/api/v1/users", data={**FORM, "is_internal": True}, token=token_for(admin))
    assert answer.status == 403


@pytest.mark.parametrize("value", [1, 0, "true", None, []])
def test_a_role_is_true_or_false(api: Client, admin: User, token_for: TokenFor, value: Any) -> None:
    """A value against its schema is 422, also one that merely looks like a boolean."""
    answer = api("POST", "/api/v1/users", data={**FORM, "is_admin": value}, token=token_for(admin))
    assert answer.status == 422


def test_a_bad_token_is_never_ignored(api: Client) -> None:
    """Where a token is optional, a bad one is 401."""
    assert api("POST", "/api/v1/users", data=FORM, token="a.b.c").status == 401


def test_the_list_counts_each_new_user(api: Client, admin: User, token_for: TokenFor) -> None:
    """X-Total-Count is exact, refused sign-ups do not count."""
    for _ in range(2):
        sign_up(api)
    answer = api("GET", "/api/v1/users", token=token_for(admin))
    assert (answer.headers["x-total-count"], len(answer.json)) == ("2", 2)


def test_a_password_is_nowhere_in_the_table(api: Client) -> None:
    """Behaviour 28: a dump of the table holds hashes only."""
    sign_up(api, password=PASSWORD)
    assert PASSWORD not in repr(stored())
