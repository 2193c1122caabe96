"""What the authorization server tells about itself: metadata (RFC 8414), and the keys of its tokens."""

import json
from dataclasses import replace
from typing import Any, ClassVar

from marshmallow import Schema, fields, validate

from chalicelib.oauth.authorize.handlers import start_authorization
from chalicelib.oauth.authorize.request import BASE64URL, CHALLENGE_METHOD
from chalicelib.oauth.clients.models import GRANT_TYPES
from chalicelib.oauth.clients.schemas import scope_names
from chalicelib.oauth.form import OPTIONAL, uri
from chalicelib.oauth.grants.handlers import create_token
from chalicelib.oauth.tokens.handlers import introspect_token, revoke_token
from chalicelib.scopes import SCOPES
from chalicelib.security.signing import EDDSA, ES256, RS256, as_jwk
from chalicelib.web.access import PUBLIC, Access
from chalicelib.web.call import Call
from chalicelib.web.docs import get_documentation
from chalicelib.web.fields import pattern_metadata, text_metadata
from chalicelib.web.media import JSON
from chalicelib.web.operation import Docs, Gives, Operation, Reply

MAX_KEYS = 64  # in a key set
MAX_NUMBER = 2731  # characters of a number of 16,384 bits, which is what OpenSSL takes of RSA
METHODS = ("client_secret_basic", "client_secret_post", "none")


def some_of(names: tuple[str, ...]) -> "fields.List[Any]":
    """Return the field of a list that holds some of these names."""
    element = fields.String(validate=validate.OneOf(names))
    return fields.List(element, validate=validate.Length(max=len(names)))


class ServerMetadataSchema(Schema):
    """What this authorization server can do, and where (RFC 8414)."""

    issuer = fields.String(metadata=uri())
    authorization_endpoint = fields.String(metadata=uri("/auth/oauth2/authorize"))
    token_endpoint = fields.String(metadata=uri("/auth/oauth2/token"))
    revocation_endpoint = fields.String(metadata=uri("/auth/oauth2/revoke"))
    introspection_endpoint = fields.String(metadata=uri("/auth/oauth2/introspect"))
    jwks_uri = fields.String(metadata=uri("/.well-known/jwks.json"))
    service_documentation = fields.String(metadata=uri("/api/v1"))
    scopes_supported = scope_names()
    response_types_supported = some_of(("code",))
    response_modes_supported = some_of(("query",))
    grant_types_supported = some_of(GRANT_TYPES)
    token_endpoint_auth_methods_supported = some_of(METHODS)
    revocation_endpoint_auth_methods_supported = some_of(METHODS)
    introspection_endpoint_auth_methods_supported = some_of(METHODS)
    code_challenge_methods_supported = some_of((CHALLENGE_METHOD,))
    authorization_response_iss_parameter_supported = fields.Boolean()


def _number(description: str, example: str) -> dict[str, Any]:
    return pattern_metadata(BASE64URL, MAX_NUMBER, description=description, example=example, optional=True)


# A point of P-256 (RFC 7517, appendix A.1).
X, Y = "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"


class JwkSchema(Schema):
    """A public key (RFC 7517 §4)."""

    EXAMPLE: ClassVar = {
        "kid": "2026-01",
        "use": "sig",
        "alg": ES256,
        "kty": "EC",
        "crv": "P-256",
        "x": X,
        "y": Y,
    }

    kid = fields.String(
        required=True,
        metadata=text_metadata(
            256, description="The `kid` of the tokens that it verifies.", example="2026-01"
        ),
    )
    use = fields.String(required=True, validate=validate.OneOf(("sig",)))
    alg = fields.String(
        required=True, validate=validate.OneOf((RS256, ES256, EDDSA)), metadata={"example": "RS256"}
    )
    kty = fields.String(
        required=True, validate=validate.OneOf(("RSA", "EC", "OKP")), metadata={"example": "RSA"}
    )
    n = fields.String(metadata=_number("RSA: the modulus.", "sXchDaQebHnPiGvyDOAT4saGEUetSyo9MKLOoWFsueri"))
    e = fields.String(metadata=_number("RSA: the exponent.", "AQAB"))
    crv = fields.String(
        validate=validate.OneOf(("P-256", "Ed25519")),
        metadata={"description": "EC and OKP: the curve.", **OPTIONAL},
    )
    x = fields.String(metadata=_number("EC and OKP: the first coordinate.", X))
    y = fields.String(metadata=_number("EC: the second coordinate.", Y))


class JwkSetSchema(Schema):
    """The keys that verify access tokens (RFC 7517 §5)."""

    keys = fields.List(fields.Nested(JwkSchema), required=True, validate=validate.Length(max=MAX_KEYS))


SERVER_METADATA = Operation(access=Access(PUBLIC), gives=Gives(ServerMetadataSchema, no_store=False))


@replace(SERVER_METADATA, docs=Docs(relation="service-meta"))
def get_server_metadata(call: Call) -> Reply:
    """Describe the authorization server: its endpoints and what they support."""
    return _metadata(call)


@SERVER_METADATA
def get_openid_configuration(call: Call) -> Reply:
    """Return the same metadata where many libraries look for it (RFC 8414 §5).

    Nothing in it claims OpenID Connect: there are no ID tokens and no userinfo endpoint.
    """
    return _metadata(call)


def _metadata(call: Call) -> Reply:
    found = {
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
    return Reply(found, headers={"Cache-Control": "public, max-age=3600"})


@Operation(access=Access(PUBLIC), gives=Gives(JwkSetSchema, no_store=False, etag=True))
def get_jwks(call: Call) -> Reply:
    """Return the public keys that verify access tokens: the current one, the next, and earlier ones."""
    found = [as_jwk(key.kid, key.public_key) for key in call.context.keyring.published]
    # A rotation waits for this time before the next key signs: caches of the key set have it by then.
    headers = {"Cache-Control": f"public, max-age={call.context.settings.secrets_cache}"}
    return Reply(json.dumps({"keys": found}), JSON, headers)
