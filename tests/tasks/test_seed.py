"""The development data: the same however often it is made."""

import pytest

from chalicelib.db import keys
from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.scopes import SCOPES
from tasks import seed as data
from tasks.seed import seed
from tests.http import Client
from tests.support import dump_table


def sign_in(api: Client, username: str, password: str) -> str:
    """Get an access token as the documentation client."""
    form = {"grant_type": "password", "client_id": "documentation", "username": username}
    answer = api("POST", "/auth/oauth2/token", form={**form, "password": password})
    assert answer.status == 200
    token: str = answer.json["access_token"]
    return token


def test_seeding_again_changes_nothing(table: None) -> None:
    """A second start finds the very same items."""
    seed()
    before = dump_table()
    seed()
    assert dump_table() == before


def test_seeding_leaves_changes_alone(api: Client) -> None:
    """What a developer changed stays as he left it."""
    seed()
    token = sign_in(api, "user", "w")
    me = api("GET", "/api/v1/users/me", token=token).json["id"]
    patch = [{"op": "replace", "path": "/first_name", "value": "Ada"}]
    assert api("PATCH", f"/api/v1/users/{me}", token=token, data=patch).status == 200
    seed()
    assert api("GET", "/api/v1/users/me", token=token).json["first_name"] == "Ada"


def test_a_new_resource_can_be_tried_with_old_data(api: Client) -> None:
    """The documentation client has every scope, also those that came after it."""
    seed()
    client = OAuth2Client.get(*keys.client("documentation"))
    client.update([OAuth2Client.default_scopes.set(["users:read"])])
    seed()
    assert OAuth2Client.get(*keys.client("documentation")).default_scopes == sorted(SCOPES)


@pytest.mark.parametrize(
    ("username", "password", "roles"),
    [("root", "q", {"is_admin"}), ("user", "w", set()), ("internal", "q", {"is_internal"})],
)
def test_users_have_the_roles_of_the_design(
    username: str, password: str, roles: set[str], api: Client
) -> None:
    """root/q is an admin, user/w has no role, internal/q is internal."""
    seed()
    me = api("GET", "/api/v1/users/me", token=sign_in(api, username, password)).json
    assert me["username"] == username
    assert {flag for flag in ("is_admin", "is_internal") if me[flag]} == roles


def test_the_service_gets_a_token_by_its_secret(api: Client) -> None:
    """A confidential client for client_credentials."""
    seed()
    form = {"grant_type": "client_credentials"}
    answer = api("POST", "/auth/oauth2/token", form=form, basic=("service", "development-secret"))
    assert answer.status == 200


def test_prepare_tells_what_to_sign_in_with(
    table: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The text names every user with his password and role, and both clients."""
    # the table already exists, in this process
    monkeypatch.setattr(data, "connect", lambda _: None)
    data.main()
    assert capsys.readouterr().out.splitlines() == [
        "Users:    root/q (admin), user/w, internal/q (internal)",
        "Clients:  documentation (public), service/development-secret (client_credentials)",
    ]
