"""What clients can find out by themselves: the metadata document (RFC 8414)."""

from typing import Any

from chalicelib.oauth.authorization import CHALLENGE_METHOD
from chalicelib.oauth.grants.names import GRANT_TYPES
from chalicelib.oauth.schemas import ServerMetadataSchema
from chalicelib.oauth.scopes import SCOPES
from chalicelib.web.operation import PUBLIC, Call, Operation, Reply

CONFIDENTIAL_METHODS = ["client_secret_basic", "client_secret_post"]
METHODS = [*CONFIDENTIAL_METHODS, "none"]
MAX_AGE = "public, max-age=3600"


@Operation(permission=PUBLIC, response=ServerMetadataSchema, no_store=False)
def get_server_metadata(call: Call) -> Reply:
    """Describe the authorization server: its endpoints and what they support."""
    return Reply(_metadata(call.request.base_url), headers={"Cache-Control": MAX_AGE})


def _metadata(issuer: str) -> dict[str, Any]:
    oauth2 = f"{issuer}/auth/oauth2"
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{oauth2}/authorize",
        "token_endpoint": f"{oauth2}/token",
        "revocation_endpoint": f"{oauth2}/revoke",
        "introspection_endpoint": f"{oauth2}/introspect",
        "jwks_uri": f"{issuer}/.well-known/jwks.json",
        "service_documentation": f"{issuer}/api/v1",
        "scopes_supported": sorted(SCOPES),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": list(GRANT_TYPES),
        "token_endpoint_auth_methods_supported": METHODS,
        "revocation_endpoint_auth_methods_supported": METHODS,
        "introspection_endpoint_auth_methods_supported": CONFIDENTIAL_METHODS,
        "code_challenge_methods_supported": [CHALLENGE_METHOD],
        "authorization_response_iss_parameter_supported": True,
    }
