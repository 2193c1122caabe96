"""Every scope there is, and what it lets a token do."""

import re

NQSCHAR = re.compile(r"[ !#-\[\]-~]*")  # what scopes and messages are made of (RFC 6749, appendix A)
MAX_SCOPE = 2048  # characters of what is granted
ALL_OF_THEM = "if you are an admin, all"
SCOPES = {
    "auth:read": f"Look at your OAuth2 clients and apps; {ALL_OF_THEM} clients and the audit trail.",
    "auth:write": f"Create, change and delete your OAuth2 clients, and sign apps out; {ALL_OF_THEM} clients.",
    "teams:read": f"Look at your teams and their members; {ALL_OF_THEM} teams.",
    "teams:write": f"Create, change and delete your teams and their members; {ALL_OF_THEM} teams.",
    "users:read": f"Look at your account; {ALL_OF_THEM} accounts.",
    "users:write": f"Change your account; {ALL_OF_THEM} accounts.",
}

# A client that a client made outlives the consent to it: only first-party ones sign people in for this.
FIRST_PARTY_ONLY = frozenset({"auth:write"})
