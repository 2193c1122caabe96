"""What the authorization server tells about itself: metadata (RFC 8414), and the keys of its tokens."""

import json
from dataclasses import replace
from typing import Any

from chalicelib.oauth.authorize.handlers import start_authorization
from chalicelib.oauth.authorize.schemas import CHALLENGE_METHOD
from chalicelib.oauth.grant_types import GRANT_TYPES
from chalicelib.oauth.grants.handlers import create_token
from chalicelib.oauth.metadata_schemas import METHODS, JwkSetSchema, ServerMetadataSchema
from chalicelib.oauth.tokens.handlers import introspect_token, revoke_token
from chalicelib.scopes import SCOPES
from chalicelib.security.jwk import as_jwk
from chalicelib.web.access import PUBLIC, Access
from chalicelib.web.call import Call
from chalicelib.web.docs import get_documentation
from chalicelib.web.media import JSON
from chalicelib.web.operation import Docs, Gives, Operation, Reply

MAX_AGE = "public, max-age=3600"


SERVER_METADATA = Operation(access=Access(PUBLIC), gives=Gives(ServerMetadataSchema, no_store=False))


@replace(SERVER_METADATA, docs=Docs(relation="service-meta"))
def get_server_metadata(call: Call) -> Reply:
    """Describe the authorization server: its endpoints and what they support."""
    return Reply(_metadata(call), headers={"Cache-Control": MAX_AGE})


@SERVER_METADATA
def get_openid_configuration(call: Call) -> Reply:
    """Return the same metadata where many libraries look for it (RFC 8414 §5).

    Nothing in it claims OpenID Connect: there are no ID tokens and no userinfo endpoint.
    """
    return Reply(_metadata(call), headers={"Cache-Control": MAX_AGE})


def _metadata(call: Call) -> dict[str, Any]:
    return {
        "issuer": call.request.base_url,
        "authorization_endpoint": call.url_for(start_authorization),
        "token_endpoint": call.url_for(create_token),
        "revocation_endpoint": call.url_for(revoke_token),
        "introspection_endpoint": call.url_for(introspect_token),
        "jwks_uri": call.url_for(get_jwks),
        "service_documentation": call.url_for(get_documentation),
        "scopes_supported": sorted(SCOPES),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": list(GRANT_TYPES),
        "token_endpoint_auth_methods_supported": list(METHODS),
        "revocation_endpoint_auth_methods_supported": list(METHODS),
        "introspection_endpoint_auth_methods_supported": [method for method in METHODS if method != "none"],
        "code_challenge_methods_supported": [CHALLENGE_METHOD],
        "authorization_response_iss_parameter_supported": True,
    }


@Operation(access=Access(PUBLIC), gives=Gives(JwkSetSchema, no_store=False, etag=True))
def get_jwks(call: Call) -> Reply:
    """Return the public keys that verify access tokens: the current one, the next, and earlier ones."""
    found = [as_jwk(key.kid, key.public_key) for key in call.context.keyring.published]
    # A rotation waits for this time before the next key signs: caches of the key set have it by then.
    headers = {"Cache-Control": f"public, max-age={call.context.settings.secrets_cache}"}
    return Reply(json.dumps({"keys": found}), JSON, headers)
