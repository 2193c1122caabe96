"""Every scope there is, and what it lets a token do."""

import re

SCOPE_NAME = re.compile(r"[!#-\[\]-~]+")
NQSCHAR = re.compile(r"[ !#-\[\]-~]*")  # what scopes and messages are made of (RFC 6749, appendix A)
MAX_SCOPE = 2048  # characters of what is granted

AUTH_READ, AUTH_WRITE = frozenset({"auth:read"}), frozenset({"auth:write"})
TEAMS_READ, TEAMS_WRITE = frozenset({"teams:read"}), frozenset({"teams:write"})
USERS_READ, USERS_WRITE = frozenset({"users:read"}), frozenset({"users:write"})

# What a scope allows with anybody's account. Consent pages show it: write what is so, and leave nothing out.
SCOPES = {
    "auth:read": "See your OAuth2 clients, and the apps that you allowed.",
    "auth:write": "Create, change and delete your OAuth2 clients, and withdraw what you allowed to apps.",
    "teams:read": (
        "See the titles of all teams, which you are in, with their members, and the invitations to you; of"
        " teams that you lead, who is invited."
    ),
    "teams:write": (
        "Create teams, change and delete those that you lead, their members and invitations too; leave teams,"
        " and answer invitations to you."
    ),
    "users:read": (
        "See your account with its e-mail address, and where you are signed in; with auth:read and"
        " teams:read, everything that is stored about you."
    ),
    "users:write": (
        "Change your names, and end your sessions; change your e-mail address and password, and erase your"
        " account, if you type your current password."
    ),
}

# What it allows with an admin's account, too.
FOR_ADMINS = {
    "auth:read": "As an admin: see the OAuth2 clients of all accounts, and the audit trail.",
    "auth:write": "As an admin: change and delete the OAuth2 clients of all accounts.",
    "teams:read": "As an admin: see the members and invitations of all teams.",
    "teams:write": "As an admin: change and delete all teams, with their members and invitations.",
    "users:read": "As an admin: see all accounts.",
    "users:write": (
        "As an admin: create accounts, change the names of all, and erase them if you type your current"
        " password. Roles, and the e-mail addresses and passwords of others, need a first-party client, too."
    ),
}

# A client that a client made outlives the consent to it: only first-party ones sign people in for this.
FIRST_PARTY_ONLY = AUTH_WRITE


def scope_text(name: str, *, is_admin: bool) -> str:
    """Return what a scope allows, in words for the person who is asked to allow it."""
    more = FOR_ADMINS.get(name) if is_admin else None
    return f"{SCOPES[name]} {more}" if more else SCOPES[name]


# Documentation is for both.
DESCRIPTIONS = {name: scope_text(name, is_admin=True) for name in SCOPES}
