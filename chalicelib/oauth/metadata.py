"""What the authorization server tells about itself: metadata (RFC 8414), and the keys of its tokens."""

import json
from typing import Any

from chalicelib.oauth.authorization import CHALLENGE_METHOD
from chalicelib.oauth.grants.names import GRANT_TYPES
from chalicelib.oauth.protocol_schemas import JwkSetSchema, ServerMetadataSchema
from chalicelib.oauth.scopes import SCOPES
from chalicelib.security.jwk import as_jwk
from chalicelib.web.operation import JSON, PUBLIC, Call, Document, Operation, Reply

CONFIDENTIAL_METHODS = ["client_secret_basic", "client_secret_post"]
METHODS = [*CONFIDENTIAL_METHODS, "none"]
MAX_AGE = "public, max-age=3600"


SERVER_METADATA = Operation(permission=PUBLIC, response=ServerMetadataSchema, no_store=False)


@SERVER_METADATA
def get_server_metadata(call: Call) -> Reply:
    """Describe the authorization server: its endpoints and what they support."""
    return Reply(_metadata(call.request.base_url), headers={"Cache-Control": MAX_AGE})


@SERVER_METADATA
def get_openid_configuration(call: Call) -> Reply:
    """Return the same metadata where many libraries look for it (RFC 8414 §5).

    Nothing in it claims OpenID Connect: there are no ID tokens and no userinfo endpoint.
    """
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


@Operation(permission=PUBLIC, response=JwkSetSchema, no_store=False, etag=True)
def get_jwks(call: Call) -> Document:
    """Give the public keys that verify access tokens: the one that signs, the next one, and those before."""
    found = [as_jwk(key.kid, key.public_key) for key in call.keyring.published]
    # A rotation waits for this time before the next key signs: whoever caches the keys knows it by then.
    headers = {"Cache-Control": f"public, max-age={call.settings.secrets_cache}"}
    return Document(json.dumps({"keys": found}), JSON, headers)
