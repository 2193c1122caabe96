"""The authorization code grant: one use, by the client that asked, with its verifier."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.db import keys
from chalicelib.db.table import get_many
from chalicelib.oauth.authorize.models import AuthorizationCode, parse_code
from chalicelib.oauth.clients.models import PUBLIC_CLIENT, OAuth2Client
from chalicelib.settings import Settings
from chalicelib.users.models import User
from tests.api.code_tools import CALLBACK, VERIFIER, challenge_of, get_code, redeem
from tests.api.oauth_tools import REVOKE, at_call, error_of, families, fault, me
from tests.conftest import PASSWORD, SECRET
from tests.http import Client
from tests.support import dump_table
from tests.target import path_of

GRANTS = "/api/v1/users/me/grants"
TOKEN = "/auth/oauth2/token"


@pytest.fixture
def code(api: Client, app: OAuth2Client, user: User) -> str:
    """A fresh code of the user for the app."""
    return get_code(api, "user", PASSWORD)


def refresh(api: Client, token: str, client_id: str = "app") -> Any:
    """Use a refresh token."""
    form = {"grant_type": "refresh_token", "client_id": client_id, "refresh_token": token}
    return api("POST", TOKEN, form=form)


def item_of(code: str) -> AuthorizationCode:
    """Read what is stored of a code."""
    parsed = parse_code(code)
    assert parsed
    item = get_many([parsed[1]])[parsed[1]]
    assert isinstance(item, AuthorizationCode)
    return item


def test_a_code_works_once(api: Client, code: str) -> None:
    """Behaviour 34: single use."""
    assert redeem(api, code).status == 200
    assert error_of(redeem(api, code)) == (400, "invalid_grant")


def test_a_second_use_ends_what_the_first_gave(api: Client, code: str) -> None:
    """Behaviour 34: reuse revokes access and refresh token, since either use may be the theft."""
    tokens = redeem(api, code).json
    redeem(api, code)
    assert me(api, tokens["access_token"]) == 401
    assert error_of(refresh(api, tokens["refresh_token"])) == (400, "invalid_grant")


def test_a_second_use_ends_what_came_of_it_later(api: Client, code: str) -> None:
    """Behaviour 34: descendants, too."""
    later = refresh(api, redeem(api, code).json["refresh_token"]).json
    redeem(api, code)
    assert me(api, later["access_token"]) == 401
    assert error_of(refresh(api, later["refresh_token"])) == (400, "invalid_grant")


def test_of_two_exchanges_at_once_one_wins_and_its_tokens_die(api: Client, code: str) -> None:
    """Behaviour 34: the code is used between another request's read and write."""
    winners: list[Any] = []
    with at_call("TransactWriteItems", lambda: winners.append(redeem(api, code))):
        loser = redeem(api, code)
    assert ([winner.status for winner in winners], error_of(loser)) == ([200], (400, "invalid_grant"))
    assert me(api, winners[0].json["access_token"]) == 401


def test_a_consent_that_ends_during_the_exchange_is_no_reuse(
    api: Client, code: str, user: User, token_for: Callable[..., str]
) -> None:
    """Behaviour 34: consent revoked between read and write: no token, and no theft is reported."""
    token = token_for(user)
    with at_call("TransactWriteItems", lambda: api("DELETE", f"{GRANTS}/app", token=token)):
        assert error_of(redeem(api, code)) == (400, "invalid_grant")
    assert (families(user), "code_reuse" in str(dump_table())) == ([], False)


def test_a_consent_that_ends_during_a_refresh_is_no_reuse(
    api: Client, code: str, user: User, token_for: Callable[..., str]
) -> None:
    """Behaviour 22: the sign-in has ended with the consent, and no theft is reported."""
    tokens, token = redeem(api, code).json, token_for(user)
    with at_call("TransactWriteItems", lambda: api("DELETE", f"{GRANTS}/app", token=token)):
        assert error_of(refresh(api, tokens["refresh_token"])) == (400, "invalid_grant")
    assert error_of(refresh(api, tokens["refresh_token"])) == (400, "invalid_grant")
    assert api("GET", "/api/v1/users/me/sessions", token=token).json == []
    assert "refresh_token_reuse" not in str(dump_table())


def test_without_refresh_tokens_a_second_use_still_ends_the_access_token(
    api: Client, admin: User, user: User, make_client: Callable[..., OAuth2Client]
) -> None:
    """Behaviour 34: also where the client may not refresh."""
    fields = {"client_type": PUBLIC_CLIENT, "grant_types": ["authorization_code"]}
    make_client("plain", admin, redirect_uris=[CALLBACK], **fields)
    code = get_code(api, "user", PASSWORD, client_id="plain")
    tokens = redeem(api, code, "plain").json
    assert "refresh_token" not in tokens
    assert me(api, tokens["access_token"]) == 200
    redeem(api, code, "plain")
    assert me(api, tokens["access_token"]) == 401


def test_a_second_use_after_the_end_of_all_makes_nothing(api: Client, user: User, code: str) -> None:
    """Behaviour 34: an item that TTL has removed is not written again just to mark it as revoked."""
    redeem(api, code)
    for family in families(user):
        family.delete()
    assert error_of(redeem(api, code)) == (400, "invalid_grant")
    assert families(user) == []


@pytest.mark.parametrize("changes", [{"code_verifier": "w" * 43}, {"redirect_uri": "https://app.test/other"}])
def test_a_second_use_by_one_who_lacks_the_verifier_ends_nothing(
    api: Client, code: str, changes: dict[str, Any]
) -> None:
    """Behaviour 34: a code found in a log cannot be exchanged, and does not sign anybody out."""
    tokens = redeem(api, code).json
    assert error_of(redeem(api, code, **changes)) == (400, "invalid_grant")
    assert me(api, tokens["access_token"]) == 200


def test_codes_live_a_minute(api: Client, code: str) -> None:
    """Behaviour 34: at most ten minutes, even if TTL has not removed it yet."""
    item_of(code).update([AuthorizationCode.valid_until.set(int(time.time()))])
    assert error_of(redeem(api, code)) == (400, "invalid_grant")


def test_a_code_is_known_as_long_as_what_it_gave(code: str, settings: Settings) -> None:
    """Behaviour 34: TTL removes it once there is nothing left that a second use would revoke."""
    left = item_of(code).expires_at - time.time()
    assert abs(left - settings.refresh_token_absolute_lifetime) < 60


def test_the_lifetime_is_short(code: str) -> None:
    """RFC 6749 §4.1.2: at most ten minutes; here one."""
    assert 50 < item_of(code).valid_until - time.time() <= 60


@pytest.mark.parametrize(
    "changes",
    [
        {"code_verifier": "w" * 43},
        {"code_verifier": VERIFIER[:-1]},
        {"code_verifier": VERIFIER + "\n"},
        {"code_verifier": challenge_of(VERIFIER)},
        {"code_verifier": "é" * 43},
        {"redirect_uri": None},
        {"redirect_uri": "https://app.test/other"},
        {"redirect_uri": CALLBACK + "/"},
        {"code": "x"},
        {"code": "0" * 26 + "." + "x" * 43},
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused_and_costs_nothing(
    api: Client, code: str, changes: dict[str, Any]
) -> None:
    """Behaviour 34: verifier and redirect URI must match; a thief with only the code cannot use it up."""
    assert error_of(redeem(api, **{"code": code, **changes})) == (400, "invalid_grant")
    assert redeem(api, code).status == 200


@pytest.mark.parametrize("name", ["code", "code_verifier"])
def test_what_is_missing_is_told(api: Client, code: str, name: str) -> None:
    """Behaviour 34: no verifier, no token."""
    changes: dict[str, Any] = {"code": code, name: None}
    assert error_of(redeem(api, **changes)) == (400, "invalid_request")


def test_another_client_gets_nothing(
    api: Client, admin: User, code: str, make_client: Callable[..., OAuth2Client]
) -> None:
    """Behaviour 23: the code stays valid for the client that requested it."""
    fields = {"client_type": PUBLIC_CLIENT, "grant_types": ["authorization_code"]}
    make_client("thief", admin, redirect_uris=[CALLBACK], **fields)
    assert error_of(redeem(api, code, "thief")) == (400, "invalid_grant")
    assert redeem(api, code).status == 200


def test_a_confidential_client_has_to_authenticate(
    api: Client, admin: User, user: User, make_client: Callable[..., OAuth2Client]
) -> None:
    """Behaviour 8: a code without client authentication is not enough."""
    make_client("server", admin, redirect_uris=[CALLBACK], grant_types=["authorization_code"])
    code = get_code(api, "user", PASSWORD, client_id="server")
    assert error_of(redeem(api, code, "server")) == (401, "invalid_client")
    assert redeem(api, code, "server", client_secret=SECRET).status == 200


@pytest.mark.parametrize("change", ["disabled", "password", "deleted"])
def test_what_ends_the_account_s_tokens_ends_its_codes(
    api: Client, user: User, code: str, change: str
) -> None:
    """Behaviour 26: between the code and its exchange."""
    if change == "deleted":
        user.delete()
    else:
        actions = {"disabled": User.is_active.set(False), "password": User.credentials_version.add(1)}
        user.update([actions[change]])
    assert error_of(redeem(api, code)) == (400, "invalid_grant")


def test_the_client_s_scopes_of_today_bound_the_token(api: Client, app: OAuth2Client, code: str) -> None:
    """The client's permissions were reduced in the meantime."""
    app.update([OAuth2Client.default_scopes.set(["users:read"])])
    assert redeem(api, code).json["scope"] == "users:read"


def test_a_client_that_lost_every_scope_gets_no_token(api: Client, app: OAuth2Client, code: str) -> None:
    """A scope has at least one name (RFC 6749 §3.3)."""
    app.update([OAuth2Client.default_scopes.set(["teams:write"])])
    assert error_of(redeem(api, code)) == (400, "invalid_scope")


def test_refresh_tokens_of_codes_rotate(api: Client, code: str) -> None:
    """Behaviour 20: as those of the password grant."""
    first = redeem(api, code).json["refresh_token"]
    second = refresh(api, first).json["refresh_token"]
    assert refresh(api, second).status == 200
    assert error_of(refresh(api, first)) == (400, "invalid_grant")


@pytest.mark.parametrize("number", [1, 2])
def test_a_fault_while_exchanging_loses_nothing(api: Client, user: User, code: str, number: int) -> None:
    """Behaviour 27: 503, and the code still works afterwards."""
    operation = ["BatchGetItem", "TransactWriteItems"][number - 1]
    with fault(operation):
        assert redeem(api, code).status == 503
    assert families(user) == []
    assert redeem(api, code).status == 200


def test_an_exchange_takes_three_round_trips(api: Client, code: str, round_trips: list[str]) -> None:
    """One read more than the code's own: the client determines which account has to be active."""
    round_trips.clear()
    assert redeem(api, code).status == 200
    assert round_trips == ["BatchGetItem", "BatchGetItem", "TransactWriteItems"]


def test_a_request_with_such_a_token_takes_one_more_item_and_no_more_round_trips(
    api: Client, code: str, round_trips: list[str]
) -> None:
    """GET one: 1."""
    token = redeem(api, code).json["access_token"]
    round_trips.clear()
    assert me(api, token) == 200
    assert round_trips == ["BatchGetItem"]


def test_revoking_the_refresh_token_keeps_the_consent(api: Client, code: str) -> None:
    """Signing out of the app does not revoke the consent."""
    tokens = redeem(api, code).json
    api("POST", REVOKE, form={"client_id": "app", "token": tokens["refresh_token"]})
    assert me(api, tokens["access_token"]) == 401
    get_code(api, "user", PASSWORD)


class TestGrants:
    """The user's signed-in apps."""

    @pytest.fixture
    def token(self, user: User, token_for: Callable[..., str]) -> str:
        """The user's own token at the documentation client."""
        return token_for(user)

    def test_they_are_listed(self, api: Client, code: str, token: str) -> None:
        """Which app, with which scopes."""
        answer = api("GET", GRANTS, token=token)
        assert (answer.status, answer.headers["x-total-count"]) == (200, "1")
        [entry] = answer.json
        assert {name: entry[name] for name in ("client_id", "client_name", "scope")} == {
            "client_id": "app",
            "client_name": "Planner & Co <b>",
            "scope": "teams:read users:read",
        }

    def test_others_are_not(self, api: Client, code: str, admin: User, token_for: Callable[..., str]) -> None:
        """Behaviour 38: not even to admins."""
        assert api("GET", GRANTS, token=token_for(admin)).json == []
        assert api("DELETE", f"{GRANTS}/app", token=token_for(admin)).status == 404

    def test_signing_an_app_out_ends_all_it_has(self, api: Client, code: str, token: str) -> None:
        """Codes, access and refresh tokens of all its sign-ins, at once."""
        tokens = [redeem(api, code).json, redeem(api, get_code(api, "user", PASSWORD)).json]
        unused = get_code(api, "user", PASSWORD)
        assert api("DELETE", f"{GRANTS}/app", token=token).status == 204
        assert [me(api, each["access_token"]) for each in tokens] == [401, 401]
        assert [refresh(api, each["refresh_token"]).status for each in tokens] == [400, 400]
        assert error_of(redeem(api, unused)) == (400, "invalid_grant")
        answer = api("GET", GRANTS, token=token)
        assert (answer.json, answer.headers["x-total-count"]) == ([], "0")

    def test_signing_an_app_out_ends_what_it_refreshed(self, api: Client, code: str, token: str) -> None:
        """An access token depends on the consent, whether a code or a refresh token led to it."""
        fresh = refresh(api, redeem(api, code).json["refresh_token"]).json
        before = me(api, fresh["access_token"])
        assert api("DELETE", f"{GRANTS}/app", token=token).status == 204
        assert (before, me(api, fresh["access_token"])) == (200, 401)

    def test_a_new_consent_does_not_raise_the_dead(self, api: Client, code: str, token: str) -> None:
        """What was invalid stays invalid."""
        old = redeem(api, code).json
        api("DELETE", f"{GRANTS}/app", token=token)
        assert me(api, redeem(api, get_code(api, "user", PASSWORD)).json["access_token"]) == 200
        assert me(api, old["access_token"]) == 401
        assert refresh(api, old["refresh_token"]).status == 400

    def test_the_user_s_other_sign_ins_live_on(self, api: Client, code: str, token: str) -> None:
        """Only that app is signed out."""
        assert api("DELETE", f"{GRANTS}/app", token=token).status == 204
        assert me(api, token) == 200

    @pytest.mark.parametrize("client_id", ["nobody", "NOBODY", "x" * 3000])
    def test_an_app_that_can_not_be_is_404(self, api: Client, token: str, client_id: str) -> None:
        """An invalid client id is not looked up."""
        assert api("DELETE", f"{GRANTS}/{client_id}", token=token).status == 404

    def test_strangers_have_none(self, api: Client) -> None:
        """Behaviour 38: without a token, nothing is read."""
        calls = [("GET", GRANTS), ("DELETE", f"{GRANTS}/app"), ("DELETE", f"{GRANTS}/{'x' * 3000}")]
        assert [api(method, path).status for method, path in calls] == [401, 401, 401]

    def test_signing_out_meets_another_consent(
        self, api: Client, app: OAuth2Client, code: str, token: str
    ) -> None:
        """Scopes that the user granted between read and write end with the rest."""
        app.update([OAuth2Client.default_scopes.set(["teams:read", "teams:write", "users:read"])])

        def consent() -> None:
            get_code(api, "user", PASSWORD, scope="teams:write")

        with at_call("TransactWriteItems", consent):
            assert api("DELETE", f"{GRANTS}/app", token=token).status == 204
        assert api("GET", GRANTS, token=token).json == []

    def test_signing_out_twice_is_404(self, api: Client, code: str, token: str) -> None:
        """Nothing is left."""
        statuses = [api("DELETE", f"{GRANTS}/app", token=token).status for _ in range(2)]
        assert statuses == [204, 404]

    def test_an_app_may_not_look_at_grants_unless_it_was_let(self, api: Client, code: str) -> None:
        """Behaviour 17: scopes limit it as everywhere."""
        assert api("GET", GRANTS, token=redeem(api, code).json["access_token"]).status == 403

    def test_the_page_names_grants_in_order(
        self, api: Client, admin: User, user: User, token: str, make_client: Callable[..., OAuth2Client]
    ) -> None:
        """Lists are paged as everywhere."""
        for name in ("app-c", "app-a", "app-b"):
            fields = {"client_type": PUBLIC_CLIENT, "grant_types": ["authorization_code"]}
            make_client(name, admin, redirect_uris=[CALLBACK], **fields)
            get_code(api, "user", PASSWORD, client_id=name)
        answer = api("GET", f"{GRANTS}?limit=2", token=token)
        more = api("GET", path_of(answer.headers["link"].split(">")[0][1:]), token=token)
        ids = [entry["client_id"] for entry in answer.json + more.json]
        assert (ids, answer.headers["x-total-count"]) == (["app-a", "app-b", "app-c"], "3")


def test_consents_are_counted_once(api: Client, user: User, code: str) -> None:
    """A second sign-in makes no second consent."""
    get_code(api, "user", PASSWORD)
    shards = get_many([keys.counter(keys.consents_of(user.id), shard) for shard in range(8)])
    assert sum(item.attribute_values["amount"] for item in shards.values()) == 1
