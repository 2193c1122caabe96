"""Who may call what: written by hand from the design's table of routes, never from the code.

Callers are named by what they are to the object that a request is about: an "owner" asks about their own
account or client, a "leader" about the team they lead; each of them is a stranger to everything else.
"""

import re
from dataclasses import dataclass

PEOPLE: dict[str, dict[str, bool]] = {
    "admin": {"is_admin": True},
    "admin without write access": {"is_admin": True, "is_regular_user": False},
    "internal": {"is_internal": True, "is_regular_user": False},
    "demoted admin": {"is_admin": True},  # until a token is issued
    "outsider": {},
    "outsider without write access": {"is_regular_user": False},
    "owner": {},
    "owner without write access": {"is_regular_user": False},
    "member": {},
    "member without write access": {"is_regular_user": False},
    "leader": {},
    "leader without write access": {"is_regular_user": False},
}
SERVICES = {"owner's service", "leader's service", "owner without write access's service"}
# Users who signed in to another developer's app, which can never manage clients.
APPS = {"owner's app", "admin's app"}
THIRD_PARTY_NEVER = "auth:write"
# Their tokens were valid once; "bad token" never was.
DEAD = frozenset(
    {"bad token", "disabled user", "deleted user", "disabled user's service", "owner's suspended app"}
)
LIVE = frozenset({*PEOPLE, *SERVICES, *APPS})
CALLERS = sorted({"anonymous", *DEAD, *LIVE})


def may_write(caller: str) -> bool:
    """Whether a caller's account has write access."""
    return "without write access" not in caller


def person_of(caller: str) -> str:
    """Whom a caller acts for."""
    return re.sub("'s (suspended )?(service|app)$", "", caller)


def owner_for(caller: str) -> str:
    """Whose account or client a caller's request is about: their own, if they are an owner."""
    person = person_of(caller)
    return person if person.startswith("owner") else "owner"


ADMINS = {"admin", "admin without write access", "admin's app", "internal"}
WRITERS = {name for name in LIVE if may_write(name)}
OWNERS = {name for name in LIVE if person_of(name).startswith("owner")}
LEADERS = {"leader", "leader without write access", "leader's service"}
MEMBERS = {"member", "member without write access"} | LEADERS
OWNER_OR_ADMIN = frozenset(OWNERS | ADMINS)
OWNER_OR_ADMIN_WRITER = frozenset(
    {"owner", "owner's service", "owner's app", "admin", "admin's app", "internal"}
)
MEMBER_OR_ADMIN = frozenset(MEMBERS | ADMINS)
LEADER_OR_ADMIN_WRITER = frozenset({"leader", "leader's service", "admin", "admin's app", "internal"})
FIRST_PARTY_ADMIN = frozenset({"admin", "internal"})


@dataclass(frozen=True)
class Access:
    """One row of the design's table.

    :param scope: what a token must carry: one scope, or several.
    :param words: the column "who"; documentation has to say the same.
    :param who: the callers whom it lets pass.
    :param status: what they get.
    :param reads_token: a bad token is refused, even where none is needed.
    """

    scope: str | None
    words: str
    who: frozenset[str]
    status: int = 200
    reads_token: bool = True

    @property
    def scopes(self) -> frozenset[str]:
        """The scopes one by one."""
        return frozenset((self.scope or "").split())

    @property
    def is_public(self) -> bool:
        """Whether it needs no token."""
        return self.scope is None

    def expected(self, caller: str, *, has_scope: bool = True, exists: bool = True) -> int:
        """Return the expected status of a well-formed request."""
        if caller in DEAD and self.reads_token:
            return 401
        if self.is_public:
            return self.status
        if caller == "anonymous":
            return 401
        if not has_scope or (caller in APPS and self.scope == THIRD_PARTY_NEVER):
            return 403
        if not exists:
            return 404
        return self.status if caller in self.who else 403


def _public(words: str = "public", status: int = 200, *, reads_token: bool = False) -> Access:
    return Access(None, words, frozenset(CALLERS), status, reads_token)


_ALL, _WRITE = frozenset(LIVE), "(leader or admin) with write access"
_CLIENT_CHANGERS = frozenset(OWNERS | FIRST_PARTY_ADMIN)
_CLIENTS = "owner, or admin with write access and a sign-in through a first-party client"
USERS, TEAMS, CLIENTS = "/api/v1/users", "/api/v1/teams", "/api/v1/auth/oauth2_clients"

EXPECTED: dict[tuple[str, str], Access] = {
    ("GET", "/health"): _public(),
    ("GET", "/errors/{problem}"): _public(),  # where the types of problems point to
    ("GET", "/api/v1"): _public(),
    ("GET", "/api/v1/oauth2-redirect"): _public(),
    ("GET", "/api/v1/openapi.json"): _public(),
    ("GET", "/api/v1/openapi-3.1.json"): _public(),
    ("GET", "/.well-known/api-catalog"): _public(),
    ("GET", "/.well-known/security.txt"): _public(),
    ("GET", "/api/v1/openapi.yaml"): _public(),
    ("GET", "/api/v1/static/{file}"): _public(),  # what the page at /api/v1 is made of
    ("GET", "/.well-known/jwks.json"): _public(),
    ("POST", "/auth/oauth2/token"): _public("oauth2 client"),
    ("POST", "/auth/oauth2/revoke"): _public("oauth2 client"),
    ("POST", "/auth/oauth2/introspect"): _public("oauth2 client"),
    ("GET", "/auth/oauth2/authorize"): _public(),
    ("POST", "/auth/oauth2/authorize"): _public(status=422),  # nothing is filled in: asked again
    ("GET", "/account"): _public(),
    ("POST", "/account"): _public(status=422),  # nothing is filled in: asked again
    ("GET", "/.well-known/change-password"): _public(status=302),
    ("GET", "/account/verify"): _public(),
    ("POST", "/account/verify"): _public(status=422),  # nothing is filled in: asked again
    ("GET", "/account/confirm"): _public(status=410),  # without the token of a link
    ("POST", "/account/confirm"): _public(status=410),
    ("GET", "/account/undo"): _public(status=410),
    ("POST", "/account/undo"): _public(status=410),
    ("GET", "/account/forgotten"): _public(),
    ("POST", "/account/forgotten"): _public(status=422),
    ("GET", "/account/reset"): _public(status=410),
    ("POST", "/account/reset"): _public(status=410),
    ("POST", "/api/v1/account/email-verification/request"): _public(status=204),
    ("POST", "/api/v1/account/email-verification"): _public(status=410),
    ("POST", "/api/v1/account/email-change"): _public(status=410),
    ("POST", "/api/v1/account/email-undo"): _public(status=410),
    ("POST", "/api/v1/account/password-reset/request"): _public(status=204),
    ("POST", "/api/v1/account/password-reset"): _public(status=410),
    ("GET", "/.well-known/oauth-authorization-server"): _public(),
    ("GET", "/.well-known/openid-configuration"): _public(),
    ("GET", USERS): Access("users:read", "admin", frozenset(ADMINS)),
    ("POST", USERS): _public(status=201, reads_token=True),
    ("GET", f"{USERS}/signup-form"): _public(),
    ("GET", f"{USERS}/me"): Access("users:read", "active user", _ALL),
    ("GET", f"{USERS}/me/grants"): Access("auth:read", "active user", _ALL),
    ("DELETE", f"{USERS}/me/grants/{{client_id}}"): Access("auth:write", "active user", _ALL, 204),
    ("GET", f"{USERS}/me/sessions"): Access("users:read", "active user", _ALL),
    ("DELETE", f"{USERS}/me/sessions/{{session_id}}"): Access("users:write", "active user", _ALL, 204),
    ("GET", f"{USERS}/{{user_id}}"): Access("users:read", "owner or admin", OWNER_OR_ADMIN),
    ("PATCH", f"{USERS}/{{user_id}}"): Access(
        "users:write", "owner, or admin with write access", OWNER_OR_ADMIN_WRITER | OWNERS
    ),
    ("GET", f"{USERS}/me/export"): Access("auth:read teams:read users:read", "active user", _ALL),
    ("DELETE", f"{USERS}/{{user_id}}"): Access(
        "users:write", "owner, or admin with write access", OWNER_OR_ADMIN_WRITER | OWNERS, 204
    ),
    ("GET", f"{USERS}/me/teams"): Access("teams:read", "active user", _ALL),
    ("GET", TEAMS): Access("teams:read", "active user", _ALL),
    ("POST", TEAMS): Access("teams:write", "write access", frozenset(WRITERS), 201),
    ("GET", f"{TEAMS}/{{team_id}}"): Access("teams:read", "member or admin", MEMBER_OR_ADMIN),
    ("PATCH", f"{TEAMS}/{{team_id}}"): Access("teams:write", _WRITE, LEADER_OR_ADMIN_WRITER),
    ("DELETE", f"{TEAMS}/{{team_id}}"): Access("teams:write", _WRITE, LEADER_OR_ADMIN_WRITER, 204),
    ("GET", f"{TEAMS}/{{team_id}}/members"): Access("teams:read", "member or admin", MEMBER_OR_ADMIN),
    ("POST", f"{TEAMS}/{{team_id}}/members"): Access("teams:write", _WRITE, LEADER_OR_ADMIN_WRITER, 201),
    ("DELETE", f"{TEAMS}/{{team_id}}/members/{{user_id}}"): Access(
        "teams:write", f"{_WRITE}, or oneself", LEADER_OR_ADMIN_WRITER, 204
    ),
    ("GET", f"{TEAMS}/{{team_id}}/invitations"): Access(
        "teams:read", "leader or admin", frozenset(LEADERS | ADMINS)
    ),
    ("POST", f"{TEAMS}/{{team_id}}/invitations"): Access("teams:write", _WRITE, LEADER_OR_ADMIN_WRITER, 201),
    ("DELETE", f"{TEAMS}/{{team_id}}/invitations/{{invitation_id}}"): Access(
        "teams:write", _WRITE, LEADER_OR_ADMIN_WRITER, 204
    ),
    ("GET", f"{USERS}/me/invitations"): Access("teams:read", "active user", _ALL),
    ("POST", f"{USERS}/me/invitations/{{invitation_id}}"): Access("teams:write", "active user", _ALL, 204),
    ("DELETE", f"{USERS}/me/invitations/{{invitation_id}}"): Access("teams:write", "active user", _ALL, 204),
    ("GET", "/account/invitation"): _public(status=410),  # nothing is opened
    ("POST", "/account/invitation"): _public(status=410),
    ("POST", "/api/v1/account/invitation"): _public(status=410),
    ("GET", "/api/v1/audit"): Access("auth:read", "admin", frozenset(ADMINS)),
    ("GET", CLIENTS): Access("auth:read", "active user", _ALL),
    ("POST", CLIENTS): Access("auth:write", "active user", _ALL, 201),
    ("GET", f"{CLIENTS}/{{client_id}}"): Access("auth:read", "owner or admin", OWNER_OR_ADMIN),
    ("PATCH", f"{CLIENTS}/{{client_id}}"): Access("auth:write", _CLIENTS, _CLIENT_CHANGERS),
    ("DELETE", f"{CLIENTS}/{{client_id}}"): Access("auth:write", _CLIENTS, _CLIENT_CHANGERS, 204),
    # A client's secret allows to act for its owner, so not even admins may create a new one.
    ("POST", f"{CLIENTS}/{{client_id}}/secret"): Access(
        "auth:write", "owner", frozenset(OWNERS | {"internal"})
    ),
}

# Who may set a field of a client, and of one that has the password grant, beyond who may call the PATCH.
CLIENT_FIELDS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "client_name": (_CLIENT_CHANGERS, FIRST_PARTY_ADMIN),
    "redirect_uris": (_CLIENT_CHANGERS, FIRST_PARTY_ADMIN),
    "default_scopes": (_CLIENT_CHANGERS, FIRST_PARTY_ADMIN),
    "grant_types": (_CLIENT_CHANGERS, FIRST_PARTY_ADMIN),
    "is_active": (FIRST_PARTY_ADMIN, FIRST_PARTY_ADMIN),
}
