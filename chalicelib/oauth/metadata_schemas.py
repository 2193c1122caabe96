"""What the authorization server tells about itself, as JSON."""

from typing import Any, ClassVar

from marshmallow import Schema, fields, validate

from chalicelib.oauth.authorize.schemas import BASE64URL, CHALLENGE_METHOD
from chalicelib.oauth.fields import OPTIONAL, some_of, uri
from chalicelib.oauth.grant_types import GRANT_TYPES
from chalicelib.scopes import SCOPES
from chalicelib.security.signing import EDDSA, ES256, RS256
from chalicelib.web.fields import pattern_metadata, text_metadata

MAX_KEYS = 64  # in a key set
MAX_NUMBER = 2731  # characters of a number of 16,384 bits, which is what OpenSSL takes of RSA
METHODS = ("client_secret_basic", "client_secret_post", "none")


class ServerMetadataSchema(Schema):
    """What this authorization server can do, and where (RFC 8414)."""

    issuer = fields.String(metadata=uri())
    authorization_endpoint = fields.String(metadata=uri("/auth/oauth2/authorize"))
    token_endpoint = fields.String(metadata=uri("/auth/oauth2/token"))
    revocation_endpoint = fields.String(metadata=uri("/auth/oauth2/revoke"))
    introspection_endpoint = fields.String(metadata=uri("/auth/oauth2/introspect"))
    jwks_uri = fields.String(metadata=uri("/.well-known/jwks.json"))
    service_documentation = fields.String(metadata=uri("/api/v1"))
    scopes_supported = some_of(tuple(SCOPES))
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
