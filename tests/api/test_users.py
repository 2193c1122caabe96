"""Reading users: who sees whom, and which fields."""

from datetime import datetime, timedelta

import pytest

from chalicelib.db import keys
from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.users.models import User
from tests.api.expected_fields import LISTED_USER, USER
from tests.conftest import SECRET
from tests.http import Client
from tests.support import NOBODY, MakeUser, TokenFor


def test_a_list_shows_the_declared_fields_alone(api: Client, admin: User, token_for: TokenFor) -> None:
    """Behaviour 41: a user in a list."""
    answer = api("GET", "/api/v1/users", token=token_for(admin))
    assert [set(found) for found in answer.json] == [LISTED_USER]


def test_the_list_is_in_the_order_of_creation(
    api: Client, admin: User, make_user: MakeUser, token_for: TokenFor
) -> None:
    """Lists are ordered by id, and ids by creation."""
    made = [admin.id, *(make_user(name).id for name in ("zoe", "ada", "mia"))]
    answer = api("GET", "/api/v1/users", token=token_for(admin))
    assert [found["id"] for found in answer.json] == sorted(made)


def test_the_list_is_for_admins(api: Client, user: User, token_for: TokenFor) -> None:
    """GET /users is an admin's."""
    assert api("GET", "/api/v1/users", token=token_for(user)).status == 403


@pytest.mark.parametrize("path", ["/api/v1/users/me", "/api/v1/users/{id}", "/api/v1/users/{id}/"])
def test_a_user_sees_the_own_account(api: Client, user: User, token_for: TokenFor, path: str) -> None:
    """Behaviour 41: all declared fields and no other, with or without a trailing slash."""
    answer = api("GET", path.format(id=user.id), token=token_for(user))
    assert (answer.status, set(answer.json), answer.json["id"]) == (200, USER, user.id)


def test_an_admin_sees_everybody(api: Client, admin: User, user: User, token_for: TokenFor) -> None:
    """GET /users/{user_id} is the owner's and an admin's."""
    answer = api("GET", f"/api/v1/users/{user.id}", token=token_for(admin))
    assert (answer.status, answer.json["email"]) == (200, user.email)


def test_nobody_else_sees_an_account(
    api: Client, user: User, make_user: MakeUser, token_for: TokenFor
) -> None:
    """Someone else's account is 403."""
    other = make_user("other")
    assert api("GET", f"/api/v1/users/{other.id}", token=token_for(user)).status == 403


@pytest.mark.parametrize("role", ["user", "admin"])
@pytest.mark.parametrize("user_id", [NOBODY, NOBODY.lower(), "nobody", "1", "Z" * 26, "a" * 300])
def test_an_id_that_names_nobody_is_404(
    api: Client, make_user: MakeUser, token_for: TokenFor, user_id: str, role: str
) -> None:
    """Unknown ids are 404 for everyone."""
    caller = make_user("caller", is_admin=role == "admin")
    assert api("GET", f"/api/v1/users/{user_id}", token=token_for(caller)).status == 404


def test_a_client_sees_its_owner_as_me(api: Client, admin: User, service: OAuth2Client) -> None:
    """client_credentials on /users/me shows the owner."""
    form = {"grant_type": "client_credentials"}
    token = api("POST", "/auth/oauth2/token", form=form, basic=(service.client_id, SECRET)).json
    assert api("GET", "/api/v1/users/me", token=token["access_token"]).json["id"] == admin.id


def test_times_are_rfc_3339_in_utc(api: Client, user: User, token_for: TokenFor) -> None:
    """Times are those of RFC 3339, in UTC, and end in Z."""
    answer = api("GET", "/api/v1/users/me", token=token_for(user)).json
    times = [answer[name] for name in ("created", "updated")]
    assert [datetime.fromisoformat(text).utcoffset() for text in times] == [timedelta(0)] * 2
    assert [text[-1] for text in times] == ["Z", "Z"]


def test_ids_are_ulids(api: Client, user: User, token_for: TokenFor) -> None:
    """Ids are ULID strings."""
    assert keys.is_id(api("GET", "/api/v1/users/me", token=token_for(user)).json["id"])


@pytest.mark.parametrize("path", ["/api/v1/users/me", "/api/v1/users/{id}"])
def test_an_account_has_an_etag(api: Client, user: User, token_for: TokenFor, path: str) -> None:
    """ETag on every single-item GET; it answers If-None-Match with 304 (RFC 9110 §13.1.2)."""
    path, token = path.format(id=user.id), token_for(user)
    etag = api("GET", path, token=token).headers["etag"]
    again = api("GET", path, token=token, headers={"If-None-Match": f"W/{etag}"})
    assert (again.status, again.body, again.headers["etag"]) == (304, b"", etag)


def test_the_sign_up_form_tells_the_captcha_key(api: Client) -> None:
    """{"recaptcha_server_key": …}, for everybody."""
    assert api("GET", "/api/v1/users/signup-form").json == {"recaptcha_server_key": "secret_key"}
