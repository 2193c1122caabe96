"""Every operation of the API, called once, in an order in which they can follow each other."""

from collections.abc import Callable

from benchmarks.data import DOCUMENTATION, PASSWORD, TOKEN, Data
from tests.api.code_tools import AUTHORIZE, CALLBACK, VERIFIER, query_of, redirected
from tests.http import Answer

USERS, TEAMS = "/api/v1/users", "/api/v1/teams"
CLIENTS = "/api/v1/auth/oauth2_clients"
ACCOUNT, LINKS = "/account", "/api/v1/account"
RESET = f"{LINKS}/password-reset"
REVOKE, INTROSPECT = "/auth/oauth2/revoke", "/auth/oauth2/introspect"
USER, CLIENT = f"{USERS}/{{user_id}}", f"{CLIENTS}/{{client_id}}"
TEAM, MEMBERS = f"{TEAMS}/{{team_id}}", f"{TEAMS}/{{team_id}}/members"
INVITATIONS = f"{TEAM}/invitations"
Call = Callable[[Data], Answer]


def replaced(path: str, value: object) -> list[dict[str, object]]:
    """Make a patch of one field."""
    return [{"op": "replace", "path": path, "value": value}]


def confirmed(path: str, value: str) -> list[dict[str, object]]:
    """Make a patch of a field that wants the caller's password."""
    return [{"op": "test", "path": "/current_password", "value": PASSWORD}, *replaced(path, value)]


def plain(method: str, path: str, data: object = None) -> Call:
    """Call an operation as an admin."""
    return lambda opened: opened(method, path, data)


def consent(data: Data) -> Answer:
    """Press "allow" on the page that follows."""
    answer = data.browser.submit("allow")
    data.code = redirected(answer)["code"]
    return answer


def redeem(data: Data) -> Answer:
    """Exchange the code."""
    form = {"code": data.code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    grant = {"grant_type": "authorization_code", "client_id": DOCUMENTATION}
    answer = data.client("POST", TOKEN, form={**grant, **form})
    data.ids["session_id"] = answer.json["refresh_token"].split(".")[1]
    return answer


def revoke(data: Data) -> Answer:
    """End the session that is no longer needed."""
    form = {"client_id": DOCUMENTATION, "token": data.spare}
    return data.client("POST", REVOKE, form=form)


def change_password(data: Data) -> Answer:
    """Change the password, which ends the caller's tokens."""
    return data("PATCH", f"{USERS}/{{root}}", confirmed("/password", PASSWORD))


def send_invitation(data: Data) -> Answer:
    """Invite somebody."""
    answer = data("POST", INVITATIONS, {"email": "guest@test.example"})
    data.ids["invitation_id"] = answer.json["id"]
    return answer


def sign_up(data: Data) -> Answer:
    """Create an account."""
    answer = data("POST", USERS, NEWCOMER)
    data.ids["newcomer"] = answer.json["id"]
    return answer


NEWCOMER = {"username": "newcomer", "email": "newcomer@test.example", "password": PASSWORD}
PROOF = {"current_password": PASSWORD}
ROOT = {"username": "user000000", "password": PASSWORD}

OPERATIONS: dict[str, Call] = {
    f"POST {TOKEN} (password)": lambda data: data.grant(grant_type="password", **ROOT),
    f"POST {TOKEN} (refresh_token)": lambda data: data.grant(
        grant_type="refresh_token", refresh_token=data.tokens["refresh_token"]
    ),
    f"POST {TOKEN} (client_credentials)": lambda data: data.as_service(
        TOKEN, grant_type="client_credentials"
    ),
    f"GET {AUTHORIZE}": lambda data: data.browser.open(**query_of(DOCUMENTATION)),
    f"POST {AUTHORIZE} (sign-in)": lambda data: data.browser.submit("sign_in", **ROOT),
    f"POST {AUTHORIZE} (consent)": consent,
    f"POST {TOKEN} (authorization_code)": redeem,
    f"POST {INTROSPECT}": lambda data: data.as_service(INTROSPECT, token=data.tokens["access_token"]),
    f"GET {USERS}": plain("GET", USERS),
    f"POST {USERS}": sign_up,
    f"GET {USERS}/signup-form": plain("GET", f"{USERS}/signup-form"),
    f"GET {USERS}/me": plain("GET", f"{USERS}/me"),
    f"GET {USERS}/me/grants": plain("GET", f"{USERS}/me/grants"),
    f"GET {USERS}/me/sessions": plain("GET", f"{USERS}/me/sessions"),
    f"DELETE {USERS}/me/sessions/{{session_id}}": plain("DELETE", f"{USERS}/me/sessions/{{session_id}}"),
    f"DELETE {USERS}/me/grants/{{client_id}}": plain("DELETE", f"{USERS}/me/grants/{DOCUMENTATION}"),
    f"GET {USER}": plain("GET", USER),
    f"PATCH {USER}": plain("PATCH", USER, replaced("/first_name", "Ada")),
    f"GET {USERS}/me/teams": plain("GET", f"{USERS}/me/teams"),
    f"GET {TEAMS}": plain("GET", TEAMS),
    f"GET {TEAMS} (by title)": plain("GET", f"{TEAMS}?title=eng"),
    f"POST {TEAMS}": plain("POST", TEAMS, {"title": "Looms"}),
    f"GET {TEAM}": plain("GET", TEAM),
    f"PATCH {TEAM}": plain("PATCH", TEAM, replaced("/title", "Looms!!")),
    f"GET {MEMBERS}": plain("GET", MEMBERS),
    f"POST {MEMBERS}": lambda data: data("POST", MEMBERS, {"user_id": data.ids["root"], "is_leader": True}),
    f"POST {INVITATIONS}": send_invitation,
    f"GET {INVITATIONS}": plain("GET", INVITATIONS),
    f"DELETE {INVITATIONS}/{{invitation_id}}": plain("DELETE", f"{INVITATIONS}/{{invitation_id}}"),
    f"DELETE {MEMBERS}/{{user_id}}": plain("DELETE", f"{MEMBERS}/{{user_id}}"),
    f"DELETE {TEAM}": plain("DELETE", TEAM),
    f"GET {CLIENTS}": plain("GET", f"{CLIENTS}?user_id={{root}}"),
    f"POST {CLIENTS}": plain("POST", CLIENTS, {}),
    f"GET {CLIENT}": plain("GET", CLIENT),
    f"PATCH {CLIENT}": plain("PATCH", CLIENT, replaced("/default_scopes", ["users:read"])),
    f"POST {CLIENT}/secret": plain("POST", f"{CLIENT}/secret"),
    f"DELETE {CLIENT}": plain("DELETE", CLIENT),
    # few enough to cost the same however they are spread over the shards of the listing
    "GET /api/v1/audit (5 events)": plain("GET", "/api/v1/audit?limit=5"),
    "GET /api/v1/audit (of an account)": plain("GET", "/api/v1/audit?user_id={root}"),
    f"GET {ACCOUNT}": plain("GET", ACCOUNT),
    f"GET {ACCOUNT}/verify": plain("GET", f"{ACCOUNT}/verify"),
    f"GET {ACCOUNT}/forgotten": plain("GET", f"{ACCOUNT}/forgotten"),
    f"POST {RESET}/request": plain("POST", f"{RESET}/request", {"username": ROOT["username"]}),
    f"POST {REVOKE}": revoke,
    f"GET {USERS}/me/export (a page)": plain("GET", f"{USERS}/me/export?limit=20"),
    f"DELETE {USER}": lambda data: data("DELETE", f"{USERS}/{data.ids['newcomer']}", PROOF),
    f"PATCH {USER} (password)": change_password,
    # what asks no table
    "GET /.well-known/oauth-authorization-server": plain("GET", "/.well-known/oauth-authorization-server"),
    "GET /.well-known/openid-configuration": plain("GET", "/.well-known/openid-configuration"),
    "GET /.well-known/jwks.json": plain("GET", "/.well-known/jwks.json"),
    "GET /api/v1": plain("GET", "/api/v1"),
    "GET /api/v1/oauth2-redirect": plain("GET", "/api/v1/oauth2-redirect"),
    "GET /api/v1/openapi.json": plain("GET", "/api/v1/openapi.json"),
    "GET /.well-known/api-catalog": plain("GET", "/.well-known/api-catalog"),
    "GET /.well-known/security.txt": plain("GET", "/.well-known/security.txt"),
    "GET /api/v1/openapi-3.1.json": plain("GET", "/api/v1/openapi-3.1.json"),
    "GET /api/v1/openapi.yaml": plain("GET", "/api/v1/openapi.yaml"),
    "GET /api/v1/static/{file}": plain("GET", "/api/v1/static/docs.css"),
    "GET /.well-known/change-password": plain("GET", "/.well-known/change-password"),
    "GET /health": plain("GET", "/health"),
    "GET /errors/{problem}": plain("GET", "/errors/not-found"),
}

# Operations that docs/scaling.md leaves out; to measure and compare one, add it above with a call.
UNMEASURED: list[str] = [
    f"POST {ACCOUNT}",  # a sign-in costs what it costs at the token endpoint
    # what takes the link of a letter costs what it changes: two reads, and a write of each item
    *(f"{method} {ACCOUNT}/{page}" for page in ("confirm", "undo", "reset") for method in ("GET", "POST")),
    f"POST {ACCOUNT}/verify",
    f"POST {ACCOUNT}/forgotten",
    f"POST {LINKS}/email-verification/request",
    f"POST {LINKS}/email-verification",
    f"POST {LINKS}/email-change",
    f"POST {LINKS}/email-undo",
    f"POST {RESET}",
    f"GET {ACCOUNT}/invitation",
    f"POST {ACCOUNT}/invitation",
    f"POST {LINKS}/invitation",
    # as by its leader, with one read less
    f"GET {USERS}/me/invitations",
    f"POST {USERS}/me/invitations/{{invitation_id}}",
    f"DELETE {USERS}/me/invitations/{{invitation_id}}",
]
