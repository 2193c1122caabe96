"""Where one is signed in: the sign-ins that have not ended, and an end to each."""

import time
from collections.abc import Callable

import pytest

from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.oauth.tokens.models import TokenFamily
from chalicelib.users.models import User
from tests.api import audit_tools
from tests.api.audit_tools import Trail
from tests.api.code_tools import get_code, redeem
from tests.api.oauth_tools import at_call, families, let_pass, me, refresh
from tests.conftest import PASSWORD
from tests.http import Answer, Client
from tests.support import NOBODY, MakeUser, SignIn, TokenFor, confirmed, replace
from tests.target import path_of

trail = audit_tools.trail  # a fixture
SESSIONS = "/api/v1/users/me/sessions"


class Sessions:
    """Calls the sessions of one user, through a token that is of none of them."""

    def __init__(self, api: Client, token: str) -> None:
        self.api = api
        self.token = token

    def show(self, query: str = "") -> Answer:
        """List them."""
        return self.api("GET", SESSIONS + query, token=self.token)

    def ids(self, query: str = "") -> list[str]:
        """The ids of those that are listed."""
        return [session["id"] for session in self.show(query).json]

    def end(self, session_id: str, headers: dict[str, str] | None = None) -> Answer:
        """End one."""
        return self.api("DELETE", f"{SESSIONS}/{session_id}", token=self.token, headers=headers)


@pytest.fixture
def sessions(api: Client, user: User, token_for: TokenFor) -> Sessions:
    """The sessions of the user."""
    return Sessions(api, token_for(user))


def session_of(tokens: dict[str, str]) -> str:
    """The id of the session that a refresh token is of."""
    return tokens["refresh_token"].split(".")[1]


def by_code(api: Client) -> dict[str, str]:
    """Sign the user in to the app."""
    tokens: dict[str, str] = redeem(api, get_code(api, "user", PASSWORD)).json
    return tokens


def test_sign_ins_are_listed_the_last_one_first(
    api: Client, user: User, app: OAuth2Client, sign_in: SignIn, sessions: Sessions
) -> None:
    """By password and by code, with the client's name of today; a refresh is a use."""
    first, second = sign_in(), by_code(api)
    time.sleep(0.002)
    refresh(api, first["refresh_token"])
    found = sessions.show()
    assert [(entry["id"], entry["client_id"], entry["client_name"]) for entry in found.json] == [
        (session_of(second), "app", "Planner & Co <b>"),
        (session_of(first), "documentation", "documentation"),
    ]
    assert [entry["created"] < entry["last_used"] for entry in found.json] == [False, True]
    assert [entry["is_current"] for entry in found.json] == [False, False]
    assert "x-total-count" not in found.headers


def test_the_session_of_the_request_is_marked(api: Client, user: User, sign_in: SignIn) -> None:
    """So that nobody ends the wrong one."""
    sign_in()
    tokens = sign_in()
    listed = api("GET", SESSIONS, token=tokens["access_token"]).json
    assert listed[0]["id"] == session_of(tokens)
    assert [entry["is_current"] for entry in listed] == [True, False]


def test_an_ended_session_is_over(api: Client, user: User, sign_in: SignIn, sessions: Sessions) -> None:
    """Its access token and its refresh token are refused with the next request; others go on."""
    ended, kept = sign_in(), sign_in()
    assert sessions.end(session_of(ended)).status == 204
    statuses = [
        (me(api, tokens["access_token"]), refresh(api, tokens["refresh_token"]).status)
        for tokens in (ended, kept)
    ]
    assert (statuses, sessions.ids()) == ([(401, 400), (200, 200)], [session_of(kept)])


def test_a_session_is_ended_once(api: Client, user: User, sign_in: SignIn, sessions: Sessions) -> None:
    """A session that has ended is 404, like an unknown one."""
    session_id = session_of(sign_in())
    statuses = [sessions.end(found).status for found in (session_id, session_id, NOBODY, "nothing")]
    assert statuses == [204, 404, 404, 404]


def test_a_session_can_end_itself(api: Client, user: User, sign_in: SignIn) -> None:
    """Signing out."""
    tokens = sign_in()
    path = f"{SESSIONS}/{session_of(tokens)}"
    statuses = [api("DELETE", path, token=tokens["access_token"]).status for _ in range(2)]
    assert statuses == [204, 401]


def test_sessions_of_others_are_not_there(
    api: Client, user: User, admin: User, sign_in: SignIn, token_for: TokenFor
) -> None:
    """Not even to admins: the id of another's session is an unknown one."""
    session_id = session_of(sign_in())
    theirs = Sessions(api, token_for(admin))
    assert (theirs.ids(), theirs.end(session_id).status, len(families(user))) == ([], 404, 1)
    assert not families(user)[0].is_revoked


def _revoke(api: Client, tokens: dict[str, str]) -> None:
    form = {"client_id": "app", "token": tokens["refresh_token"]}
    api("POST", "/auth/oauth2/revoke", form=form)


def _reuse(api: Client, tokens: dict[str, str]) -> None:
    refresh(api, tokens["refresh_token"], client_id="app")
    let_pass(tokens["refresh_token"])
    refresh(api, tokens["refresh_token"], client_id="app")


def _expire(field: str) -> Callable[..., None]:
    def act(*, user: User, **_: object) -> None:
        (family,) = families(user)
        family.update([getattr(TokenFamily, field).set(int(time.time()) - 1)])

    return act


def _update(**values: object) -> Callable[..., None]:
    def act(*, app: OAuth2Client, **_: object) -> None:
        app.update([getattr(OAuth2Client, name).set(value) for name, value in values.items()])

    return act


OVER: dict[str, Callable[..., object]] = {
    "revoked": lambda *, api, tokens, **_: _revoke(api, tokens),
    "reused": lambda *, api, tokens, **_: _reuse(api, tokens),
    "idle for too long": _expire("idle_until"),
    "too old": _expire("absolute_until"),
    "consent withdrawn": lambda *, api, token, **_: api("DELETE", "/api/v1/users/me/grants/app", token=token),
    "consent given again": lambda *, api, token, **_: (
        api("DELETE", "/api/v1/users/me/grants/app", token=token),
        get_code(api, "user", PASSWORD),
    ),
    "client deleted": lambda *, app, **_: app.delete(),
    "another client of that id": _update(registration_id=NOBODY),
    "client without refresh tokens": _update(grant_types=["authorization_code"]),
}


@pytest.mark.parametrize("ending", OVER)
def test_what_cannot_refresh_is_not_listed(
    *, api: Client, user: User, app: OAuth2Client, sessions: Sessions, ending: str
) -> None:
    """A sign-in that has ended is not listed, however it ended."""
    tokens = by_code(api)
    assert sessions.ids() == [session_of(tokens)]
    OVER[ending](api=api, user=user, app=app, tokens=tokens, token=sessions.token)
    assert sessions.ids() == []
    assert refresh(api, tokens["refresh_token"], client_id="app").status in (400, 401)


def test_a_new_password_ends_all_sessions(
    api: Client, user: User, sign_in: SignIn, sessions: Sessions
) -> None:
    """The list says so, too."""
    sign_in()
    patch = confirmed(PASSWORD, replace("/password", "another horse battery"))
    assert api("PATCH", f"/api/v1/users/{user.id}", token=sessions.token, data=patch).status == 200
    fresh = sign_in("user", "another horse battery")
    listed = api("GET", SESSIONS, token=fresh["access_token"]).json
    assert [entry["id"] for entry in listed] == [session_of(fresh)]


def test_sessions_come_in_pages(api: Client, user: User, sign_in: SignIn, sessions: Sessions) -> None:
    """By cursor; a page that loses some that are over still leads to the next one."""
    made = [session_of(sign_in()) for _ in range(5)][::-1]
    for over in made[1:3]:
        sessions.end(over)
    found, path = [], f"{SESSIONS}?limit=2"
    while path:
        answer = api("GET", path, token=sessions.token)
        found.append([entry["id"] for entry in answer.json])
        link = answer.headers.get("link", "")
        path = path_of(link[1 : link.index(">")]) if link else ""
    assert found == [[made[0]], [made[3]], [made[4]]]


@pytest.mark.parametrize("amount", [0, 1, 30])
def test_the_round_trips_do_not_grow(
    *,
    api: Client,
    user: User,
    app: OAuth2Client,
    sign_in: SignIn,
    sessions: Sessions,
    round_trips: list[str],
    amount: int,
) -> None:
    """The caller, the page, and what its sign-ins rest on; nothing for what nobody has."""
    for _ in range(amount):
        sign_in()
    if amount:
        by_code(api)
    round_trips.clear()
    assert len(sessions.ids("?limit=100")) == (amount + 1 if amount else 0)
    assert round_trips == ["BatchGetItem", "Query", *["BatchGetItem"] * bool(amount)]
    if amount:
        session_id = sessions.ids()[0]
        round_trips.clear()
        sessions.end(session_id)
        assert round_trips == ["BatchGetItem", "TransactWriteItems"]


def test_a_session_that_ends_while_it_refreshes_ends(
    api: Client, user: User, sign_in: SignIn, sessions: Sessions, trail: Trail
) -> None:
    """A refresh and a revocation at the same time end the session without a report of theft."""
    tokens = sign_in()
    with at_call("TransactWriteItems", lambda: refresh(api, tokens["refresh_token"])):
        assert sessions.end(session_of(tokens)).status == 204
    assert (sessions.ids(), me(api, tokens["access_token"])) == ([], 401)
    assert trail.names(user_id=user.id) == ["session_ending", "sign_in"]


def test_if_match_is_honoured(api: Client, user: User, sign_in: SignIn, sessions: Sessions) -> None:
    """A condition that does not hold ends nothing."""
    session_id = session_of(sign_in())
    statuses = [sessions.end(session_id, {"If-Match": tag}).status for tag in ('"7"', '"1"')]
    assert statuses == [412, 204]


def test_an_end_is_told(api: Client, user: User, sign_in: SignIn, sessions: Sessions, trail: Trail) -> None:
    """The audit trail names the client and the sign-in; ending an expired session is not an event."""
    session_id = session_of(sign_in())
    for _ in range(2):
        sessions.end(session_id)
    event, _sign_in = trail(user_id=user.id)
    assert (event["event"], event["outcome"], event["actor_id"]) == ("session_ending", "success", user.id)
    assert event["details"] == {"client": "documentation", "family": session_id}


@pytest.mark.parametrize(("scope", "statuses"), [("users:read", (200, 403)), ("users:write", (403, 204))])
def test_the_scopes(
    *,
    api: Client,
    user: User,
    sign_in: SignIn,
    token_for: TokenFor,
    scope: str,
    statuses: tuple[int, int],
) -> None:
    """Looking takes users:read, ending users:write."""
    session_id = session_of(sign_in())
    limited = Sessions(api, token_for(user, {scope}))
    assert (limited.show().status, limited.end(session_id).status) == statuses


def test_accounts_without_write_access_end_their_sessions(
    api: Client, make_user: MakeUser, sign_in: SignIn, token_for: TokenFor
) -> None:
    """It only takes from what they have."""
    reader = make_user("reader", is_regular_user=False)
    session_id = session_of(sign_in("reader"))
    assert Sessions(api, token_for(reader)).end(session_id).status == 204


def test_a_sign_in_at_a_suspended_app_is_listed_and_can_be_ended(
    api: Client, user: User, app: OAuth2Client, sessions: Sessions
) -> None:
    """It would go on when the app is resumed, so its person can see it and end it."""
    tokens = by_code(api)
    app.update([OAuth2Client.is_active.set(False)])
    assert sessions.ids() == [session_of(tokens)]
    assert sessions.end(session_of(tokens)).status == 204
    app.update([OAuth2Client.is_active.set(True)])
    assert refresh(api, tokens["refresh_token"], client_id="app").status == 400
