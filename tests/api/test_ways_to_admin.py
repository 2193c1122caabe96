"""Every way to become an admin: all but one are closed, and that one needs the admin's own password."""

from collections.abc import Callable
from typing import Any

import pytest

import app as application
from chalicelib.oauth.clients.models import PUBLIC_CLIENT, OAuth2Client
from chalicelib.security.tokens import Claims, issue
from chalicelib.users.models import User
from tests.api.oauth_tools import password
from tests.conftest import ALL_SCOPES, PASSWORD, SECRET
from tests.http import Answer, Client
from tests.support import MakeClient, MakeUser, Operations, TokenFor, confirmed, dump_table, expect, replace
from tests.target import base_url

USERS = "/api/v1/users"
NEW_USER = {"username": "eve", "email": "eve@test.example", "password": "analytical engine"}
FLAGS = ("is_active", "is_regular_user", "is_admin")
LIMIT = 10  # wrong passwords of an account
Token = str | None
Deed = Callable[..., Answer]


def token_of(user: User, client: OAuth2Client, scopes: frozenset[str] = ALL_SCOPES) -> str:
    """Issue a token of a user through a client."""
    claims = Claims(
        sub=user.id,
        client_id=client.client_id,
        scopes=scopes,
        owner=user.id,
        client_owner=client.user_id,
        registration=client.registration_id,
        credentials_version=int(user.credentials_version),
    )
    return issue(application.api.keystore.keyring(), base_url(), claims, 3600)


class People:
    """Creates all kinds of attackers, each of whom knows the right password.

    :param target: an admin whom they try to become, too.
    """

    def __init__(
        self,
        api: Client,
        make_user: MakeUser,
        make_client: MakeClient,
        documentation: OAuth2Client,
        admin: User,
    ) -> None:
        self.api = api
        self.make_user = make_user
        self.make_client = make_client
        self.documentation = documentation
        self.admin = admin
        self.target = make_user("target", is_admin=True)
        self.plain = make_user("plain")

    def token(self, name: str) -> Token:
        """Return the token of a caller."""
        return getattr(self, name.replace(" ", "_").replace("'", ""))()  # type: ignore[no-any-return]

    def an_admin(self) -> Token:
        """The only way."""
        return token_of(self.admin, self.documentation)

    def an_internal_account(self) -> Token:
        """It passes every permission."""
        return token_of(self.make_user("inside", is_internal=True), self.documentation)

    def nobody(self) -> Token:
        """Send no token."""
        return None

    def a_user(self) -> Token:
        """A user without roles."""
        return token_of(self.plain, self.documentation)

    def a_readonly_admin(self) -> Token:
        """An admin without write access."""
        user = self.make_user("reader", is_admin=True, is_regular_user=False)
        return token_of(user, self.documentation)

    def a_demoted_admin(self) -> Token:
        """Admin when the token was issued."""
        user = self.make_user("demoted", is_admin=True)
        token = token_of(user, self.documentation)
        user.update([User.is_admin.set(False)])
        return token

    def a_disabled_admin(self) -> Token:
        """Active when the token was issued."""
        user = self.make_user("disabled", is_admin=True)
        token = token_of(user, self.documentation)
        user.update([User.is_active.set(False)])
        return token

    def an_admin_without_scope(self) -> Token:
        """A token that may not write users."""
        return token_of(self.admin, self.documentation, ALL_SCOPES - {"users:write"})

    def an_admins_app(self) -> Token:
        """A third party's client, which the admin allowed to write users."""
        return token_of(self.admin, self._public("theirs", self.plain, "authorization_code"))

    def an_internal_accounts_app(self) -> Token:
        """Likewise, allowed by an internal account."""
        user = self.make_user("inside", is_internal=True)
        return token_of(user, self._public("theirs", self.plain, "authorization_code"))

    def an_admins_own_app(self) -> Token:
        """An admin's client without the password grant is like any other."""
        return token_of(self.admin, self._public("own", self.admin, "authorization_code"))

    def a_client_that_was_firstparty(self) -> Token:
        """Its owner has the password grant, and is no admin any more."""
        return token_of(self.admin, self._public("fallen", self.plain, "password"))

    def a_service_of_an_admin(self) -> Token:
        """Client credentials act for the client's owner."""
        self.make_client("robot", self.admin)
        answer = self.api(
            "POST", "/auth/oauth2/token", form={"grant_type": "client_credentials"}, basic=("robot", SECRET)
        )
        return str(answer.json["access_token"])

    def a_firstparty_service_of_an_admin(self) -> Token:
        """Nobody signs in for client credentials, whatever else the client may do."""
        self.make_client("robot", self.admin, grant_types=["client_credentials", "password"])
        answer = self.api(
            "POST", "/auth/oauth2/token", form={"grant_type": "client_credentials"}, basic=("robot", SECRET)
        )
        return str(answer.json["access_token"])

    def _public(self, client_id: str, owner: User, grant: str) -> OAuth2Client:
        return self.make_client(client_id, owner, client_type=PUBLIC_CLIENT, grant_types=[grant])


@pytest.fixture
def people(
    api: Client, make_user: MakeUser, make_client: MakeClient, documentation: OAuth2Client, admin: User
) -> People:
    """All kinds of attackers."""
    return People(api, make_user, make_client, documentation, admin)


MAY = {"an admin": 0, "an internal account": 0}
STATUS = {  # of those who may not, whatever password they prove
    "nobody": (403, 401),  # signing up takes no token, changing does
    "a user": (403, 403),
    "a readonly admin": (403, 403),
    "a demoted admin": (403, 403),
    "a disabled admin": (401, 401),
    "an admin without scope": (403, 403),
    "an admins app": (403, 403),
    "an internal accounts app": (403, 403),
    "an admins own app": (403, 403),
    "a client that was firstparty": (403, 403),
    "a service of an admin": (403, 403),
    "a firstparty service of an admin": (403, 403),
}


def sign_up(kind: str, fields: dict[str, Any]) -> Deed:
    """Make an account with roles."""

    def deed(people: People, token: Token, proof: str | None) -> Answer:
        body = {**NEW_USER, "recaptcha_key": "secret_key", **fields}
        body |= {} if proof is None else {"current_password": proof}
        more: dict[str, Any] = {kind: body}
        return people.api("POST", USERS, token=token, **more)

    return deed


def patch(whom: str, *operations: dict[str, Any]) -> Deed:
    """Change an account."""

    def deed(people: People, token: Token, proof: str | None) -> Answer:
        path = f"{USERS}/{getattr(people, whom).id}"
        sent = [*operations] if proof is None else confirmed(proof, *operations)
        return people.api("PATCH", path, token=token, data=sent)

    return deed


DEEDS: dict[str, Deed] = {
    **{f"sign up, {flag}": sign_up("data", {flag: True}) for flag in FLAGS},
    "sign up, form": sign_up("form", {"is_admin": "true"}),
    "sign up, not": sign_up("data", {"is_admin": False}),
    **{f"replace {flag}": patch("plain", replace(f"/{flag}", flag == "is_admin")) for flag in FLAGS},
    "add": patch("plain", {"op": "add", "path": "/is_admin", "value": True}),
    "copy": patch("plain", {"op": "copy", "from": "/is_active", "path": "/is_admin"}),
    "demote": patch("target", replace("/is_admin", False)),
    "address of an admin": patch("target", replace("/email", "eve@test.example")),
    "password of an admin": patch("target", replace("/password", "analytical engine")),
}
# What users change of themselves is another matter (test_user_patch).
OWN = {"a user", "a demoted admin"}


def accounts() -> list[dict[str, Any]]:
    """Everything that is stored of accounts."""
    return [item for item in dump_table() if item["kind"]["S"] == "user"]


@pytest.mark.parametrize("deed", DEEDS)
@pytest.mark.parametrize("caller", STATUS)
def test_a_closed_way(people: People, caller: str, deed: str) -> None:
    """The right password does not help, and no account changes."""
    token = people.token(caller)
    before = accounts()
    answer = DEEDS[deed](people, token, PASSWORD)
    assert (answer.status, accounts()) == (STATUS[caller][not deed.startswith("sign up")], before)


@pytest.mark.parametrize("deed", DEEDS)
@pytest.mark.parametrize("caller", MAY)
def test_the_one_way(people: People, caller: str, deed: str) -> None:
    """With write access, through a first-party client, and after a proof of the caller's own password."""
    token, done = people.token(caller), 201 if deed.startswith("sign up") else 200
    statuses = []
    for proof in (None, "wrong", PASSWORD):
        before = accounts()
        statuses.append(DEEDS[deed](people, token, proof).status)
        assert (accounts() != before) == (proof == PASSWORD)
    assert statuses == [422, 403, done]


def test_the_missing_password_is_named(people: People) -> None:
    """The problem points at what is missing, and says what to send."""
    answer = DEEDS["sign up, is_admin"](people, people.token("an admin"), None)
    (error,) = answer.json["errors"]
    assert (error["pointer"], "your own current password" in error["detail"]) == ("/current_password", True)


@pytest.mark.parametrize("deed", ["sign up, is_admin", "replace is_admin", "password of an admin"])
def test_an_app_is_told_who_may(people: People, deed: str) -> None:
    """The message says what to do."""
    detail = DEEDS[deed](people, people.token("an admins app"), PASSWORD).json["detail"]
    assert "Admin with write access and a sign-in through a first-party client" in detail


@pytest.mark.parametrize("caller", ["an admin", *STATUS])
def test_the_secret_of_an_admins_client_is_no_way(people: People, caller: str) -> None:
    """By client_credentials a client acts for its owner, so nobody else makes a new secret for it."""
    people.make_client("targets", people.target)
    before = dump_table()
    answer = people.api("POST", "/api/v1/auth/oauth2_clients/targets/secret", token=people.token(caller))
    assert answer.status == STATUS.get(caller, (403, 403))[1]
    assert [item for item in dump_table() if "CLIENT#targets" in str(item)] == [
        item for item in before if "CLIENT#targets" in str(item)
    ]


@pytest.mark.parametrize("caller", [name for name in STATUS if name != "an admin without scope"])
def test_the_client_of_an_admin_is_changed_in_the_same_one_way(people: People, caller: str) -> None:
    """Its scopes and redirect URIs decide what it can do for its owner and with people who sign in."""
    people.make_client("targets", people.target)
    token, path = people.token(caller), "/api/v1/auth/oauth2_clients/targets"
    changes = [replace("/default_scopes", ["users:write"])]
    statuses = {
        people.api("PATCH", path, token=token, data=changes).status,
        people.api("DELETE", path, token=token).status,
    }
    assert statuses == {STATUS[caller][1]}


TRICKS: dict[str, Operations] = {
    "move": [{"op": "move", "from": "/is_active", "path": "/is_admin"}],
    "copy": [{"op": "copy", "from": "/is_active", "path": "/is_admin"}],
    "the proof comes late": [replace("/is_admin", True), expect("/current_password", PASSWORD)],
    "the proof is copied": [
        {"op": "copy", "from": "/current_password", "path": "/first_name"},
        replace("/is_admin", True),
    ],
    "the proof is added": [
        {"op": "add", "path": "/current_password", "value": PASSWORD},
        replace("/is_admin", True),
    ],
    "the root": [replace("", {"is_admin": True})],
    "inside": [{"op": "add", "path": "/is_admin/0", "value": True}],
    "test and change": [expect("/is_admin", False), replace("/is_admin", True)],
    "escaped": [replace("/is~1admin", True)],
}


@pytest.mark.parametrize("trick", TRICKS)
@pytest.mark.parametrize("caller", ["an admin", "a user"])
def test_no_patch_goes_around_the_proof(people: People, caller: str, trick: str) -> None:
    """RFC 6902 has many ways to write a field; each is checked."""
    token, before = people.token(caller), accounts()
    answer = patch("plain", *TRICKS[trick])(people, token, None)
    assert (answer.status in (403, 422), accounts()) == (True, before)


def test_a_form_is_no_patch(people: People) -> None:
    """What browsers can send across origins without asking changes nothing."""
    path, token = f"{USERS}/{people.plain.id}", people.token("an admin")
    assert people.api("PATCH", path, token=token, form={"is_admin": "true"}).status == 415


@pytest.mark.parametrize("field", ["email", "password", "first_name", "is_active"])
def test_nobody_takes_over_an_internal_account(people: People, make_user: MakeUser, field: str) -> None:
    """An internal account passes every permission, which admins do not."""
    inside = make_user("inside", is_internal=True)
    value = False if field == "is_active" else "analytical@test.example"
    data = confirmed(PASSWORD, replace(f"/{field}", value))
    before = accounts()
    answer = people.api("PATCH", f"{USERS}/{inside.id}", token=people.token("an admin"), data=data)
    assert (answer.status, accounts()) == (403, before)


def test_admins_without_write_access_make_no_accounts(people: People) -> None:
    """Creating accounts is writing: they sign up as everybody does, with a captcha."""
    token = people.token("a readonly admin")
    answers = [
        people.api("POST", USERS, token=token, data=NEW_USER | captcha)
        for captcha in ({}, {"recaptcha_key": "secret_key"})
    ]
    assert [answer.status for answer in answers] == [403, 201]


def test_apps_of_admins_make_plain_accounts(people: People) -> None:
    """No role, no proof: users:write of an admin is enough."""
    answer = people.api("POST", USERS, token=people.token("an admins app"), data=NEW_USER)
    assert (answer.status, answer.json["is_admin"]) == (201, False)


def test_wrong_passwords_of_all_ways_count_together(people: People) -> None:
    """Beyond the limit the right one is held back, too: at sign-up, at PATCH and at the token endpoint."""
    token = people.token("an admin")
    ways = [DEEDS["sign up, is_admin"], DEEDS["replace is_admin"]]
    wrong = [ways[number % 2](people, token, f"wrong {number}").status for number in range(LIMIT)]
    right = [deed(people, token, PASSWORD).status for deed in ways]
    right.append(password(people.api, "admin", PASSWORD).status)
    assert (set(wrong), right) == ({403}, [429] * 3)


def test_the_proof_is_neither_kept_nor_shown(people: People) -> None:
    """The current password is in no item and no answer."""
    token = people.token("an admin")
    answers = [DEEDS["sign up, is_admin"](people, token, proof) for proof in (PASSWORD, "a canary 5f0c")]
    shown = repr([answer.body for answer in answers]) + repr(dump_table())
    assert [text in shown for text in (PASSWORD, "a canary 5f0c", "current_password")] == [False] * 3


READ_ONLY = {"email": "mine@test.example", "password": "analytical engine"}  # all that they may change
OTHERS = {"first_name": "Ada", "middle_name": "Ada", "last_name": "Ada", **dict.fromkeys(FLAGS, True)}


@pytest.mark.parametrize("is_admin", [True, False])
@pytest.mark.parametrize(("field", "value"), [*READ_ONLY.items(), *OTHERS.items()])
def test_what_an_account_without_write_access_changes(
    *, people: People, make_user: MakeUser, token_for: TokenFor, field: str, value: Any, is_admin: bool
) -> None:
    """Its own email address and password, after the proof; nothing else, and nothing of others."""
    reader = make_user("reader", is_regular_user=False, is_admin=is_admin)
    token = token_for(reader)
    answers = [
        people.api("PATCH", f"{USERS}/{user.id}", token=token, data=data)
        for user, data in (
            (people.plain, confirmed(PASSWORD, replace(f"/{field}", value))),
            (reader, [replace(f"/{field}", value)]),
            (reader, confirmed(PASSWORD, replace(f"/{field}", value))),
        )
    ]
    own = [422, 200] if field in READ_ONLY else [403, 403]
    assert [answer.status for answer in answers] == [403, *own]
