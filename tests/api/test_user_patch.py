"""Changing users: what needs the current password, what needs a role, and what stays unique."""

from typing import Any

import pytest

from chalicelib.db.table import get_many
from chalicelib.users.models import User
from tests.conftest import PASSWORD
from tests.http import Answer, Client
from tests.support import MakeUser, Operations, SignIn, TokenFor, confirmed, replace, stored

NEW_PASSWORD = "another horse battery"
FLAGS = ("is_active", "is_regular_user", "is_admin")
SENSITIVE = [
    ("password", NEW_PASSWORD),
    ("email", "new@test.example"),
    ("is_active", False),
    ("is_regular_user", False),
    ("is_admin", True),
]


class Patcher:
    """Patches one user as another."""

    def __init__(self, api: Client, token_for: TokenFor) -> None:
        self.api = api
        self.token_for = token_for

    def __call__(self, caller: User, target: User, operations: Operations) -> Answer:
        """Send the patch."""
        path = f"/api/v1/users/{target.id}"
        return self.api("PATCH", path, token=self.token_for(caller), data=operations)


@pytest.fixture
def patch(api: Client, token_for: TokenFor) -> Patcher:
    """Send patches."""
    return Patcher(api, token_for)


@pytest.mark.parametrize("field", ["first_name", "middle_name", "last_name"])
@pytest.mark.parametrize("caller", ["user", "admin"])
def test_names_need_no_password(patch: Patcher, user: User, admin: User, field: str, caller: str) -> None:
    """The owner and an admin change names freely."""
    answer = patch({"user": user, "admin": admin}[caller], user, [replace(f"/{field}", "Ada")])
    assert (answer.status, answer.json[field]) == (200, "Ada")


@pytest.mark.parametrize(("field", "value"), SENSITIVE)
def test_without_the_current_password_it_is_422(
    patch: Patcher, admin: User, user: User, field: str, value: Any
) -> None:
    """A test of /current_password that is absent is 422; the item is unchanged."""
    before = stored()
    assert (patch(admin, user, [replace(f"/{field}", value)]).status, stored()) == (422, before)


@pytest.mark.parametrize(("field", "value"), SENSITIVE)
def test_a_test_behind_the_change_comes_too_late(
    patch: Patcher, admin: User, user: User, field: str, value: Any
) -> None:
    """The test of /current_password has to precede."""
    operations = confirmed(PASSWORD, replace(f"/{field}", value))[::-1]
    assert patch(admin, user, operations).status == 422


@pytest.mark.parametrize("password", ["user@test.example", "newcomer99", "newcomer@test.example"])
def test_the_address_that_comes_with_a_password_is_none(patch: Patcher, user: User, password: str) -> None:
    """ASVS 5.0 6.2.11: a new address counts, too; nothing is changed then."""
    before = stored()
    email = "user@test.example" if password == "user@test.example" else "newcomer@test.example"
    changes = [replace("/email", email), replace("/password", password)]
    answer = patch(user, user, confirmed(PASSWORD, *changes))
    assert (answer.status, answer.json["errors"][0]["pointer"]) == (422, "/password")
    assert "username or email address" in answer.json["errors"][0]["detail"]
    assert stored() == before


WRONG = [*((*change, "wrong") for change in SENSITIVE)] + [
    ("email", "new@test.example", password)
    for password in ("", None, 5, True, ["x"], {"x": 1}, PASSWORD + " ", PASSWORD.upper())
]


@pytest.mark.parametrize(("field", "value", "password"), WRONG)
def test_a_wrong_current_password_is_403(
    *, patch: Patcher, admin: User, user: User, field: str, value: Any, password: Any
) -> None:
    """A wrong current password is 403; the user is unchanged."""
    before = patch.api("GET", f"/api/v1/users/{user.id}", token=patch.token_for(admin)).json
    answer = patch(admin, user, confirmed(password, replace(f"/{field}", value)))
    after = patch.api("GET", f"/api/v1/users/{user.id}", token=patch.token_for(admin)).json
    assert (answer.status, after) == (403, before)


def test_the_current_password_is_tested_once(patch: Patcher, user: User) -> None:
    """One patch costs one argon2 computation, however long it is."""
    operations = confirmed(PASSWORD, *confirmed(PASSWORD, replace("/email", "x@test.example")))
    answer = patch(user, user, operations)
    assert (answer.status, answer.json["errors"][0]["pointer"]) == (422, "/1/path")


def test_the_password_that_counts_is_the_callers(patch: Patcher, admin: User, make_user: MakeUser) -> None:
    """An admin confirms with the own password, never with the changed user's."""
    theirs = "the password of theirs"
    patcher = patch(admin, make_user("other"), confirmed(theirs, replace("/email", "x@test.example")))
    assert patcher.status == 403


@pytest.mark.parametrize(("field", "value"), [item for item in SENSITIVE if item[0] != "password"])
def test_an_admin_changes_what_is_confirmed(
    patch: Patcher, admin: User, user: User, field: str, value: Any
) -> None:
    """With the current password the change is made and shown."""
    answer = patch(admin, user, confirmed(PASSWORD, replace(f"/{field}", value)))
    assert (answer.status, answer.json[field]) == (200, value)


@pytest.mark.parametrize("flag", FLAGS)
@pytest.mark.parametrize("value", [True, False])
def test_role_flags_are_an_admins(patch: Patcher, user: User, flag: str, value: bool) -> None:
    """Behaviour 39: role flags without the right are 403, password or not."""
    before = get_many([user.key])[user.key].attribute_values
    answers = [
        patch(user, user, [replace(f"/{flag}", value)]),
        patch(user, user, confirmed(PASSWORD, replace(f"/{flag}", value))),
    ]
    after = get_many([user.key])[user.key].attribute_values
    assert ([answer.status for answer in answers], after) == ([403, 403], before)


@pytest.mark.parametrize("value", [True, False])
def test_is_internal_is_nobodys(patch: Patcher, admin: User, user: User, value: bool) -> None:
    """is_internal is never settable over the API."""
    assert patch(admin, user, confirmed(PASSWORD, replace("/is_internal", value))).status == 403


@pytest.mark.parametrize("flag", FLAGS)
@pytest.mark.parametrize("value", [1, 0, 1.0, "true", None, [], {}])
def test_a_flag_is_true_or_false(patch: Patcher, admin: User, user: User, flag: str, value: Any) -> None:
    """Behaviour 43: what merely equals a boolean in Python is an invalid result: 422."""
    before = stored()
    answer = patch(admin, user, confirmed(PASSWORD, replace(f"/{flag}", value)))
    assert (answer.status, stored()) == (422, before)


INVALID = [
    *(("first_name", value) for value in ("x" * 31, 5, None, ["x"], {"x": "y"}, "a\x00b")),
    *(("email", value) for value in ("nobody", "", None, 5, f"{'e' * 120}@test.example")),
    *(("password", value) for value in ("seven c", "password123", "x" * 1025, None, 12345678)),
]


@pytest.mark.parametrize(("field", "value"), INVALID)
def test_an_invalid_value_is_422(patch: Patcher, user: User, field: str, value: Any) -> None:
    """Behaviour 43: policy or value error 422; the item is unchanged."""
    before = stored()
    answer = patch(user, user, confirmed(PASSWORD, replace(f"/{field}", value)))
    assert (answer.status, stored()) == (422, before)


@pytest.mark.parametrize("flag", ["is_admin", "is_active"])
def test_the_last_active_admin_stays(patch: Patcher, admin: User, make_user: MakeUser, flag: str) -> None:
    """Behaviour 40: neither demoted nor disabled; a disabled admin beside does not count."""
    make_user("retired", is_admin=True, is_active=False)
    before = stored()
    answer = patch(admin, admin, confirmed(PASSWORD, replace(f"/{flag}", False)))
    assert (answer.status, stored()) == (409, before)


@pytest.mark.parametrize("flag", ["is_admin", "is_active"])
def test_an_admin_may_go_while_another_stays(
    patch: Patcher, admin: User, make_user: MakeUser, flag: str
) -> None:
    """Behaviour 40: of two admins one may go, then the other may not."""
    second = make_user("second", is_admin=True)
    statuses = [
        patch(admin, second, confirmed(PASSWORD, replace(f"/{flag}", False))).status,
        patch(admin, admin, confirmed(PASSWORD, replace(f"/{flag}", False))).status,
    ]
    assert statuses == [200, 409]


def test_a_promoted_admin_counts(patch: Patcher, admin: User, user: User) -> None:
    """Behaviour 40: who makes somebody else an admin may step down."""
    statuses = [
        patch(admin, user, confirmed(PASSWORD, replace("/is_admin", True))).status,
        patch(admin, admin, confirmed(PASSWORD, replace("/is_admin", False))).status,
    ]
    assert statuses == [200, 200]


def test_a_new_password_replaces_the_old_one(patch: Patcher, user: User, sign_in: SignIn) -> None:
    """After the change the new password signs in, the old one does not."""
    patch(user, user, confirmed(PASSWORD, replace("/password", NEW_PASSWORD)))
    form = {"grant_type": "password", "client_id": "documentation", "username": "user"}
    old = patch.api("POST", "/auth/oauth2/token", form={**form, "password": PASSWORD})
    assert (old.status, sign_in("user", NEW_PASSWORD)["token_type"]) == (400, "Bearer")


@pytest.mark.parametrize("change", [("password", NEW_PASSWORD), ("is_active", False)])
@pytest.mark.parametrize("caller", ["user", "admin"])
def test_a_new_password_ends_all_tokens(
    *, patch: Patcher, admin: User, user: User, sign_in: SignIn, change: tuple[str, Any], caller: str
) -> None:
    """Behaviour 18 and 26: access and refresh tokens end with the password, or with the account."""
    tokens, doer = sign_in(), user if caller == "user" and change[0] == "password" else admin
    assert patch(doer, user, confirmed(PASSWORD, replace(f"/{change[0]}", change[1]))).status == 200
    form = {"grant_type": "refresh_token", "client_id": "documentation"}
    refreshed = patch.api(
        "POST", "/auth/oauth2/token", form={**form, "refresh_token": tokens["refresh_token"]}
    )
    called = patch.api("GET", "/api/v1/users/me", token=tokens["access_token"])
    assert (called.status, refreshed.status, refreshed.json["error"]) == (401, 400, "invalid_grant")


@pytest.mark.parametrize("operation", [replace("/first_name", "Ada"), replace("/email", "new@test.example")])
def test_other_changes_end_no_token(
    patch: Patcher, user: User, sign_in: SignIn, operation: dict[str, Any]
) -> None:
    """Only password change, disabling and deletion end tokens."""
    token = sign_in()["access_token"]
    patch(user, user, confirmed(PASSWORD, operation))
    assert patch.api("GET", "/api/v1/users/me", token=token).status == 200


def test_a_disabled_account_revived_keeps_its_tokens_dead(
    patch: Patcher, admin: User, user: User, sign_in: SignIn
) -> None:
    """Behaviour 26: disabling ends tokens permanently."""
    token = sign_in()["access_token"]
    for value in (False, True):
        patch(admin, user, confirmed(PASSWORD, replace("/is_active", value)))
    assert patch.api("GET", "/api/v1/users/me", token=token).status == 401
