"""Every scope there is, and what it lets a token do."""

import re

NQSCHAR = re.compile(r"[ !#-\[\]-~]*")  # what scopes and messages are made of (RFC 6749, appendix A)
MAX_SCOPE = 2048  # characters of what is granted
SCOPES = {
    "auth:read": "Look at your OAuth2 clients and signed-in apps.",
    "auth:write": "Create, change and delete your OAuth2 clients, whatever their scopes, and sign apps out.",
    "teams:read": "Look at teams and their members.",
    "teams:write": "Create, change and delete teams and memberships.",
    "users:read": "Look at users.",
    "users:write": "Change users.",
}
