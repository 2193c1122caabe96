"""One of every kind of caller, and the objects of their requests; restored after each write."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import app as application
from chalicelib.db import keys
from chalicelib.db.unique import UniqueName
from chalicelib.invitations.actions import invite
from chalicelib.oauth.authorize.models import Consent
from chalicelib.oauth.clients.models import CONFIDENTIAL, PUBLIC_CLIENT, OAuth2Client
from chalicelib.oauth.secrets import hash_secret
from chalicelib.oauth.tokens.models import TokenFamily
from chalicelib.scopes import SCOPES
from chalicelib.security.passwords import hash_password
from chalicelib.security.tokens import Claims, issue
from chalicelib.settings import Settings
from chalicelib.teams.models import Team, new_member
from chalicelib.users.models import User, new_user
from tests.acting import add_member
from tests.api.code_tools import AUTHORIZE, CALLBACK, Browser, query_of
from tests.api.expected_access import PEOPLE, SERVICES, may_write, owner_for, person_of
from tests.api.owned import RESOURCES
from tests.http import Answer
from tests.support import confirmed, perform, replace
from tests.target import base_url, connected, present, table_of
from tests.targets import COMMON_TEAM, TEAM, put_team

ALL = frozenset(SCOPES)
UNKNOWN_ID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
SESSION_ID = "01ARZ3NDEKTSV4RRFFQ69G5FAW"  # of everybody's sign-in
OTHER_SESSION_ID = "01ARZ3NDEKTSV4RRFFQ69G5FAX"  # of another's
UNKNOWN = {"client_id": "client-nobody", "problem": "nothing", "file": "nothing"}  # others are ULIDs
SECRET = "s" * 43
PASSWORD = "correct horse battery"
EXTRAS = ("disabled user", "deleted user", "removable", "addable")
CLIENT_OWNERS = ("owner", "owner without write access", "leader", "disabled user")
# The clients of owners that requests may be about, by the grants that they have.
TARGETS = {
    "ordinary": ["client_credentials"],
    "first-party": ["client_credentials", "password"],
    "suspended": ["client_credentials"],
}
BODIES: dict[tuple[str, str], Any] = {
    ("PATCH", "users"): [{"op": "replace", "path": "/first_name", "value": "Ada"}],
    ("DELETE", "users"): {"current_password": PASSWORD},
    ("POST", "teams"): {"title": "Engines"},
    ("PATCH", "teams"): [{"op": "replace", "path": "/title", "value": "Machines"}],
    ("POST", "oauth2_clients"): {"default_scopes": ["teams:read"]},
    ("PATCH", "oauth2_clients"): [{"op": "replace", "path": "/default_scopes", "value": []}],
    ("POST", "users"): {
        "username": "newcomer",
        "email": "newcomer@test.example",
        "password": "analytical engine",
        "recaptcha_key": "secret_key",
    },
    ("POST", "request"): {"username": "nobody"},
    ("POST", "invitations"): {"email": "guest@test.example"},
    ("POST", "invitation"): {"token": "unknown", "decision": "accept"},
    ("POST", "password-reset"): {"token": "unknown", "password": "analytical engine"},
    **{("POST", f"email-{what}"): {"token": "unknown"} for what in ("verification", "change", "undo")},
}
BODIES |= {("POST", name): resource.NEW for name, resource in RESOURCES.items()}
BODIES |= {("PATCH", name): resource.PATCH for name, resource in RESOURCES.items()}
# What accounts without write access may do, where it is something else.
READ_ONLY_BODIES: dict[tuple[str, str], Any] = {
    ("PATCH", "users"): confirmed(PASSWORD, replace("/password", "another horse battery")),
}


class World:
    """Sends requests as any of the callers."""

    def __init__(self) -> None:
        self.api = present().client()
        self.password_hash = hash_password(PASSWORD)
        self.users = {name: self._user(name, fields) for name, fields in PEOPLE.items()}
        self.users |= {name: self._user(name, {}) for name in EXTRAS}
        self.documentation = _client(
            "documentation", self.users["admin"], PUBLIC_CLIENT, ["password", "refresh_token"]
        )
        self.clients = {
            name: _client(f"client-{number}", self.users[name]) for number, name in enumerate(CLIENT_OWNERS)
        }
        self.app, self.suspended_app = (
            _client(name, self.users["admin"], PUBLIC_CLIENT, ["authorization_code"], [CALLBACK])
            for name in ("app", "suspended-app")
        )
        self.targets = {
            (kind, owner): _client(f"{kind}-{number}", self.users[owner], CONFIDENTIAL, grants)
            for kind, grants in TARGETS.items()
            for number, owner in enumerate(CLIENT_OWNERS[:2])
        }
        self.team = self._team()
        common = put_team(COMMON_TEAM)
        for user in self.users.values():
            add_member(common, user, is_leader=False)
        # who owns something owns one of each; everybody else asks about the owner's
        self.owned = {name: self._owned(name) for name in ("owner", "owner without write access")}
        for user in self.users.values():
            _consent(user, self.clients["owner"].client_id)
            _consent(user, self.clients["owner without write access"].client_id)
            _session(user, self.documentation)
        _session(self.users["addable"], self.documentation, OTHER_SESSION_ID)
        self.invitations = {name: self._invitation(user) for name, user in self.users.items()}
        self._tokens: dict[tuple[str, frozenset[str]], str | None] = {}
        self._fade()
        self.restore = present().saved()

    def _user(self, name: str, fields: dict[str, bool]) -> User:
        slug = name.replace(" ", "-")
        email = f"{slug}@test.example"
        user = new_user(username=slug, email=email, password_hash=self.password_hash, **fields)
        user.save()
        for key in (keys.username(slug), keys.email(email)):
            UniqueName.of(user, key).save()
        return user

    def _team(self) -> Team:
        team = put_team(TEAM)
        new_member(TEAM, self.users["leader"].id, "leader", is_leader=True).save()
        add_member(team, self.users["leader without write access"], is_leader=True)
        for name in ("member", "member without write access", "removable"):
            add_member(team, self.users[name], is_leader=False)
        return team

    def _invitation(self, user: User) -> str:
        return perform(invite, self.team, user.email, self.users["leader"]).id

    def _owned(self, name: str) -> dict[str, str]:
        return {each.PARAMETER: each.add(self.users[name].id) for each in RESOURCES.values()}

    def _fade(self) -> None:
        """Demote, disable, suspend and delete, as an admin would between a token's issue and its use."""
        suspended = [client for (kind, _), client in self.targets.items() if kind == "suspended"]
        for client in (self.suspended_app, *suspended):
            client.update([OAuth2Client.is_active.set(False)])
        self.users["demoted admin"].update([User.is_admin.set(False)])
        self.users["disabled user"].update([User.is_active.set(False)])
        self.users["deleted user"].delete()

    def token(self, caller: str, scopes: frozenset[str] = ALL) -> str | None:
        """Return a caller's token; None for the anonymous one."""
        if (caller, scopes) not in self._tokens:
            self._tokens[caller, scopes] = self._issue(caller, scopes)
        return self._tokens[caller, scopes]

    def _issue(self, caller: str, scopes: frozenset[str]) -> str | None:
        if caller in ("anonymous", "bad token"):
            return None if caller == "anonymous" else "bad.token.here"
        owner, client = self.users[person_of(caller)], self._client_of(caller)
        is_service = caller.endswith("'s service")
        if caller in SERVICES and scopes:
            form = {"grant_type": "client_credentials", "scope": " ".join(scopes)}
            answer = self.api("POST", "/auth/oauth2/token", form=form, basic=(client.client_id, SECRET))
            return str(answer.json["access_token"])
        claims = Claims(
            sub=client.client_id if is_service else owner.id,
            client_id=client.client_id,
            scopes=scopes,
            owner=owner.id,
            client_owner=client.user_id,
            registration=client.registration_id,
            credentials_version=0,
        )
        return issue(application.api.keystore.keyring(), base_url(), claims, 3600)

    def _client_of(self, caller: str) -> OAuth2Client:
        """Return the client through which a caller comes."""
        if caller.endswith("'s service"):
            return self.clients[person_of(caller)]
        if caller.endswith("'s suspended app"):
            return self.suspended_app
        return self.app if caller.endswith("'s app") else self.documentation

    def address(self, caller: str, method: str, path: str, unknown: tuple[str, ...] = ()) -> str:
        """Fill in a path with what is the caller's own, if anything of the kind is."""
        person, ids = person_of(caller), self.ids(owner_for(caller))
        ids["invitation_id"] = self.invitations.get(person, self.invitations["owner"])
        if "/teams/" in path:
            ids["user_id"] = self.users["removable"].id
        account = self.users.get(person, self.users["owner"])
        query = f"?user_id={account.id}" if method == "GET" and path.endswith("_clients") else ""
        return path.format_map({**ids, **{name: UNKNOWN.get(name, UNKNOWN_ID) for name in unknown}}) + query

    def ids(self, owner: str) -> dict[str, str]:
        """Return the ids of what an owner has, by the parameters of paths."""
        return {
            "user_id": self.users[owner].id,
            "team_id": self.team.id,
            "client_id": self.clients[owner].client_id,
            "session_id": SESSION_ID,
            "invitation_id": self.invitations[owner],
            "problem": "not-found",
            "file": "docs.css",
            **self.owned.get(owner, {}),
        }

    def request(
        self,
        caller: str,
        method: str,
        path: str,
        scopes: frozenset[str] = ALL,
        unknown: tuple[str, ...] = (),
        *,
        team_id: str = TEAM,
    ) -> Answer:
        """Send a well-formed request, and revert what it changed.

        :param team_id: the team that the body names, if it names one.
        """
        address = self.address(caller, method, path, unknown)
        if path == AUTHORIZE:
            browser = Browser(self.api)
            page = browser.open(**query_of())
            return page if method == "GET" or page.status != 200 else browser.submit("sign_in")
        if path.startswith("/auth/oauth2/"):
            form = {"grant_type": "client_credentials", "token": "unknown", "client_secret": SECRET}
            return self.api(method, address, form={**form, "client_id": self.clients["owner"].client_id})
        if path.startswith("/account"):
            return self._account(method, address)
        body = self._body(caller, method, path)
        if isinstance(body, dict) and "team_id" in body:
            body = {**body, "team_id": team_id}
        answer = self.api(method, address, token=self.token(caller, scopes), data=body)
        if method != "GET" and answer.status < 300:
            self.restore()
        return answer

    def _account(self, method: str, path: str) -> Answer:
        browser = Browser(self.api)
        page = browser.send("GET", path)
        form = {**browser.page.fields, "decision": "sign_in"} if page.status == 200 else {}
        return page if method == "GET" else browser.send("POST", path, form=form)

    def _body(self, caller: str, method: str, path: str) -> Any:
        if path.endswith("/members") and method == "POST":
            return {"user_id": self.users["addable"].id}
        collection = [part for part in path.split("/") if not part.startswith("{")][-1]
        bodies = BODIES if may_write(caller) else {**BODIES, **READ_ONLY_BODIES}
        return bodies.get((method, collection))

    def options(
        self, caller: str, path: str, scopes: frozenset[str] = ALL, unknown: tuple[str, ...] = ()
    ) -> Answer:
        """Ask what a caller may do."""
        address = self.address(caller, "OPTIONS", path, unknown)
        return self.api("OPTIONS", address, token=self.token(caller, scopes))


def _consent(user: User, client_id: str) -> None:
    key = keys.consent(user.id, client_id)
    Consent.at(key, consent_id=UNKNOWN_ID, user_id=user.id, client_id=client_id, scope="").save()


def _session(user: User, client: OAuth2Client, session_id: str = SESSION_ID) -> None:
    later = int(time.time()) + 86_400
    TokenFamily.at(
        keys.family(user.id, session_id),
        family_id=session_id,
        user_id=user.id,
        client_id=client.client_id,
        registration_id=client.registration_id,
        scope="users:read",
        credentials_version=0,
        token_hash="none",
        idle_until=later,
        absolute_until=later,
    ).save()


def _client(
    client_id: str,
    user: User,
    client_type: str = CONFIDENTIAL,
    grant_types: Sequence[str] = ("client_credentials",),
    redirect_uris: Sequence[str] = (),
) -> OAuth2Client:
    client = OAuth2Client.at(
        keys.client(client_id),
        client_id=client_id,
        user_id=user.id,
        client_type=client_type,
        secret_hash=hash_secret(SECRET),
        default_scopes=sorted(SCOPES),
        grant_types=list(grant_types),
        redirect_uris=list(redirect_uris),
    )
    client.save()
    return client


@contextmanager
def open_world(settings: Settings) -> Iterator[World]:
    """Build a world in an empty table."""
    with table_of(connected(settings)):
        yield World()
