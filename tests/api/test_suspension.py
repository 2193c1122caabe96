"""Suspended clients: an admin sets `is_active`, and until it is set back the client gets nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from chalicelib.oauth.clients.models import CONFIDENTIAL, OAuth2Client
from chalicelib.users.models import User
from tests.api import audit_tools
from tests.api.audit_tools import Trail
from tests.api.code_tools import CALLBACK, Browser, get_code, query_of, redeem
from tests.api.oauth_tools import TOKEN, me
from tests.conftest import PASSWORD, SECRET
from tests.http import Answer, Client
from tests.support import Clients, MakeClient, MakeUser, TokenFor, dump_table, replace

trail = audit_tools.trail  # a fixture
BASIC = ("server", SECRET)
SUSPEND, RESUME = [replace("/is_active", False)], [replace("/is_active", True)]
SIGN_IN = {"grant_type": "password", "username": "user", "password": PASSWORD}


@pytest.fixture
def server(make_client: MakeClient, admin: User) -> OAuth2Client:
    """A confidential client with every grant."""
    grants = ["authorization_code", "client_credentials", "password", "refresh_token"]
    return make_client(
        "server", admin, client_type=CONFIDENTIAL, grant_types=grants, redirect_uris=[CALLBACK]
    )


@pytest.fixture
def admins(api: Client, admin: User, token_for: TokenFor) -> Clients:
    """Calls as an admin."""
    return Clients(api, token_for(admin))


def ask(api: Client, **form: str) -> Answer:
    """Ask for tokens as the client."""
    return api("POST", TOKEN, form=form, basic=BASIC)


@dataclass
class Given:
    """What the client got before."""

    code: str
    tokens: dict[str, Any]
    service: str

    @classmethod
    def to(cls, api: Client) -> "Given":
        """Sign the user in through it, and get a code and a token of its own."""
        return cls(
            get_code(api, "user", PASSWORD, client_id="server"),
            ask(api, **SIGN_IN).json,
            ask(api, grant_type="client_credentials").json["access_token"],
        )


def _redeem(api: Client, given: Given) -> Answer:
    return redeem(api, given.code, client_id="server", client_secret=SECRET)


def _refresh(api: Client, given: Given) -> Answer:
    return ask(api, grant_type="refresh_token", refresh_token=given.tokens["refresh_token"])


GRANTS: dict[str, Callable[[Client, Given], Answer]] = {
    "authorization_code": _redeem,
    "client_credentials": lambda api, _: ask(api, grant_type="client_credentials"),
    "password": lambda api, _: ask(api, **SIGN_IN),
    "refresh_token": _refresh,
}


@pytest.mark.parametrize("grant", GRANTS)
def test_no_grant_gives_tokens(
    *, api: Client, user: User, server: OAuth2Client, admins: Clients, grant: str
) -> None:
    """Each of them is refused until the client is resumed; what was not used is good then."""
    given = Given.to(api)
    assert admins("PATCH", "server", SUSPEND).status == 200
    refused = GRANTS[grant](api, given)
    assert (refused.status, refused.json["error"]) == (400, "unauthorized_client")
    assert admins("PATCH", "server", RESUME).status == 200
    assert GRANTS[grant](api, given).status == 200


def test_access_tokens_are_refused(api: Client, user: User, server: OAuth2Client, admins: Clients) -> None:
    """Those of people and the client's own, with the next request."""
    given = Given.to(api)
    admins("PATCH", "server", SUSPEND)
    assert [me(api, token) for token in (given.tokens["access_token"], given.service)] == [401, 401]


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
def test_introspection_calls_tokens_inactive(
    api: Client, user: User, server: OAuth2Client, admins: Clients, kind: str
) -> None:
    """Introspection answers only that the token is not active."""
    token = ask(api, **SIGN_IN).json[kind]
    admins("PATCH", "server", SUSPEND)
    answer = api("POST", "/auth/oauth2/introspect", form={"token": token}, basic=BASIC)
    assert (answer.status, answer.body) == (200, b'{"active":false}')


def test_nobody_signs_in_on_the_page(api: Client, user: User, server: OAuth2Client, admins: Clients) -> None:
    """The page says so; one that was open before leads nowhere."""
    before, after = Browser(api), Browser(api)
    before.open(**query_of("server"))
    admins("PATCH", "server", SUSPEND)
    after.open(**query_of("server"))
    before.submit("sign_in", username="user", password=PASSWORD)
    for browser in (before, after):
        assert browser.last is not None
        assert (browser.last.status, "it is suspended" in browser.text) == (400, True)


def test_it_is_shown(api: Client, admin: User, server: OAuth2Client, admins: Clients) -> None:
    """By the client itself and by the list."""
    listed = f"?user_id={admin.id}"
    shown = []
    for patch in (SUSPEND, RESUME):
        changed = admins("PATCH", "server", patch).json
        found = {client["client_id"]: client for client in admins.list(listed).json}
        assert admins("GET", "server").json == changed == found["server"]
        shown.append(changed["is_active"])
    assert shown == [False, True]


def test_it_is_in_the_audit_trail(admin: User, server: OAuth2Client, admins: Clients, trail: Trail) -> None:
    """As a change of the client, with what it was set to."""
    for patch in (SUSPEND, RESUME):
        admins("PATCH", "server", patch)
    details = [event["details"] for event in trail(user_id=admin.id) if event["event"] == "client_change"]
    assert details == [
        {"client": "server", "fields": ["is_active"], "is_active": is_active} for is_active in (True, False)
    ]


PEOPLE: dict[str, dict[str, bool]] = {
    "owner": {},
    "outsider": {},
    "admin without write access": {"is_admin": True, "is_regular_user": False},
}


@pytest.mark.parametrize("is_active", [True, False])
@pytest.mark.parametrize("caller", PEOPLE)
def test_it_is_an_admins_to_set(
    *,
    api: Client,
    make_user: MakeUser,
    make_client: MakeClient,
    token_for: TokenFor,
    caller: str,
    is_active: bool,
) -> None:
    """An owner neither resumes what an admin suspended nor suspends, nor does an admin who may only read."""
    user = make_user("caller", **PEOPLE[caller])
    make_client("mine", user if caller == "owner" else make_user("other"), is_active=not is_active)
    before = dump_table()
    answer = Clients(api, token_for(user))("PATCH", "mine", [replace("/is_active", is_active)])
    assert (answer.status, dump_table()) == (403, before)


def test_a_service_of_an_admin_does_not_set_it(api: Client, server: OAuth2Client) -> None:
    """It takes a sign-in, so that no client suspends or resumes another one."""
    token = ask(api, grant_type="client_credentials").json["access_token"]
    assert Clients(api, token)("PATCH", "server", SUSPEND).status == 403


def test_an_internal_account_sets_it(
    api: Client, make_user: MakeUser, server: OAuth2Client, token_for: TokenFor
) -> None:
    """Through a first-party client, as admins do."""
    inside = Clients(api, token_for(make_user("inside", is_internal=True)))
    assert [inside("PATCH", "server", patch).status for patch in (SUSPEND, RESUME)] == [200, 200]


@pytest.mark.parametrize("value", [None, 0, "false"])
def test_it_is_true_or_false(server: OAuth2Client, admins: Clients, value: Any) -> None:
    """Only booleans are accepted."""
    assert admins("PATCH", "server", [replace("/is_active", value)]).status == 422


def test_a_registration_does_not_set_it(admins: Clients) -> None:
    """A new client is active; a registration cannot set the field."""
    assert admins.register(is_active=False).status == 422
    assert admins.register().json["is_active"] is True


def test_the_owner_of_a_suspended_client_still_deletes_it(
    api: Client, user: User, make_client: MakeClient, token_for: TokenFor
) -> None:
    """It only takes away."""
    make_client("mine", user, is_active=False)
    assert Clients(api, token_for(user))("DELETE", "mine").status == 204
