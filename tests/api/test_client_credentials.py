"""The client credentials grant: a service that acts for the owner of its client."""

from collections.abc import Callable

import jwt
import pytest

from chalicelib.db import keys
from chalicelib.oauth.clients.models import PUBLIC_CLIENT, OAuth2Client
from chalicelib.users.models import User
from tests.acting import change_user
from tests.api.oauth_tools import TOKEN, database_down, error_of, me
from tests.conftest import SECRET
from tests.http import Answer, Client

CLIENTS = "/api/v1/auth/oauth2_clients"


def ask(api: Client, client_id: str = "service", secret: str = SECRET, **more: str) -> Answer:
    """Ask for a token by HTTP Basic."""
    return api("POST", TOKEN, form={"grant_type": "client_credentials", **more}, basic=(client_id, secret))


def test_there_is_no_refresh_token(
    api: Client, admin: User, make_client: Callable[..., OAuth2Client]
) -> None:
    """Behaviour 6: not even for a client that may use refresh tokens (RFC 6749 §4.4.3)."""
    make_client("service", admin, grant_types=["client_credentials", "refresh_token"])
    assert ask(api).json.keys() == {"access_token", "token_type", "expires_in", "scope"}


@pytest.mark.parametrize("more", [{}, {"client_secret": "guess"}])
def test_a_public_client_is_refused(
    api: Client, admin: User, make_client: Callable[..., OAuth2Client], more: dict[str, str]
) -> None:
    """Behaviour 6: public clients cannot authenticate, so they never get it, whatever their grant types."""
    make_client("spa-client", admin, client_type=PUBLIC_CLIENT)
    answer = api("POST", TOKEN, form={"grant_type": "client_credentials", "client_id": "spa-client", **more})
    assert answer.status == (401 if more else 400)
    assert answer.json["error"] == ("invalid_client" if more else "unauthorized_client")


def test_the_subject_is_the_client(
    api: Client, admin: User, service: OAuth2Client, token_for: Callable[..., str]
) -> None:
    """Behaviour 6: sub is the client's id, which no user can have; the account is the owner's."""
    made = api("POST", CLIENTS, token=token_for(admin), data={"default_scopes": ["users:read"]}).json
    token = ask(api, made["client_id"], made["client_secret"]).json["access_token"]
    sub = jwt.decode(token, options={"verify_signature": False})["sub"]
    assert (sub, keys.is_id(sub)) == (made["client_id"], False)
    assert api("GET", "/api/v1/users/me", token=token).json["id"] == admin.id


def test_no_client_id_can_be_a_user_id() -> None:
    """Behaviour 6: ids of clients and users never coincide (RFC 9700 §4.15)."""
    assert [name for name in (keys.new_id() for _ in range(50)) if keys.CLIENT_ID.fullmatch(name)] == []


def test_a_service_acts_within_its_scopes(api: Client, service: OAuth2Client) -> None:
    """The owner's rights do not widen what was asked."""
    token = ask(api, scope="teams:read").json["access_token"]
    statuses = [api("GET", path, token=token).status for path in ("/api/v1/teams", "/api/v1/users")]
    assert statuses == [200, 403]


def test_a_disabled_owner_gets_no_token(
    api: Client, admin: User, make_user: Callable[..., User], make_client: Callable[..., OAuth2Client]
) -> None:
    """Behaviour 18: neither a new token nor the one that is out works for a disabled owner."""
    owner = make_user("owner")
    make_client("service", owner)
    token = ask(api).json["access_token"]
    change_user(owner, {"is_active": False})
    assert (error_of(ask(api)), me(api, token)) == ((400, "unauthorized_client"), 401)


def test_a_deleted_owner_gets_no_token(
    api: Client, make_user: Callable[..., User], make_client: Callable[..., OAuth2Client]
) -> None:
    """Behaviour 18: a client whose owner is deleted gets no token."""
    owner = make_user("owner")
    make_client("service", owner)
    token = ask(api).json["access_token"]
    owner.delete()
    assert (error_of(ask(api)), me(api, token)) == ((400, "unauthorized_client"), 401)


def rotated(api: Client, token: str) -> str:
    """Rotate the secret of the service."""
    secret: str = api("POST", f"{CLIENTS}/service/secret", token=token).json["client_secret"]
    return secret


def test_two_secrets_overlap_during_a_rotation(
    api: Client, admin: User, service: OAuth2Client, token_for: Callable[..., str]
) -> None:
    """Behaviour 11: the new secret works at once, the one before for a while."""
    fresh = rotated(api, token_for(admin))
    assert [ask(api, secret=secret).status for secret in (fresh, SECRET, "wrong")] == [200, 200, 401]


def test_the_overlap_ends(
    api: Client, admin: User, service: OAuth2Client, token_for: Callable[..., str]
) -> None:
    """Behaviour 11: after the overlap, the old secret is as wrong as any other."""
    fresh = rotated(api, token_for(admin))
    service.refresh()
    service.update([OAuth2Client.previous_secret_until.set(1)])
    assert [ask(api, secret=secret).status for secret in (fresh, SECRET)] == [200, 401]


def test_a_second_rotation_ends_the_first_secret(
    api: Client, admin: User, service: OAuth2Client, token_for: Callable[..., str]
) -> None:
    """Behaviour 11: two secrets overlap, never three."""
    token = token_for(admin)
    first, second = rotated(api, token), rotated(api, token)
    assert [ask(api, secret=secret).status for secret in (second, first, SECRET)] == [200, 200, 401]


def test_it_costs_two_round_trips(api: Client, service: OAuth2Client, round_trips: list[str]) -> None:
    """client_credentials needs at most two requests to the table."""
    round_trips.clear()
    assert (ask(api).status, len(round_trips) <= 2) == (200, True)


def test_a_database_that_is_down_gives_no_token(api: Client, service: OAuth2Client) -> None:
    """Behaviour 57: authentication never fails open."""
    with database_down():
        answer = ask(api)
    assert (answer.status, answer.headers["retry-after"].isdigit()) == (503, True)
