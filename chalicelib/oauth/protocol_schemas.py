"""What goes in and out of the OAuth2 endpoints, as their RFCs have it."""

import re
from typing import Any, ClassVar

from marshmallow import Schema, fields, validate

from chalicelib.db.keys import MAX_EMAIL
from chalicelib.oauth import authorization, families
from chalicelib.oauth.errors import CODES
from chalicelib.oauth.form import MAX_VALUE
from chalicelib.oauth.grants.names import GRANT_TYPES
from chalicelib.oauth.schemas import EXAMPLE_SECRET, MAX_URI
from chalicelib.oauth.scopes import MAX_SCOPE, NQSCHAR, SCOPES
from chalicelib.security.signing import EDDSA, ES256, RS256
from chalicelib.users.schemas import USERNAME_SHAPE
from chalicelib.web.fields import EXAMPLE_ID, IDS, like, one_line

JWT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")  # signed (RFC 7515 §7.1)
BASE64URL = re.compile(r"[A-Za-z0-9_-]*")
URI = {"format": "uri", "maxLength": MAX_URI}
MAX_TIME = 253_402_300_799  # the end of the year 9999, in seconds since 1970
MAX_KEYS = 64  # in a key set
MAX_NUMBER = 2731  # characters of a number of 16,384 bits, which is what OpenSSL takes of RSA
METHODS = ("client_secret_basic", "client_secret_post", "none")
WHOSE = "The username or the email address; blanks around it are ignored."


def _uri(path: str = "") -> dict[str, Any]:
    return {**URI, "example": f"https://api.test{path}"}


def _secret(description: str, **more: Any) -> dict[str, Any]:
    return {"description": description, "maxLength": MAX_VALUE, "format": "password", **more}


def _client_id(example: str) -> fields.String:
    told = {"description": "Unless HTTP Basic tells it.", "example": example}
    return fields.String(metadata={**IDS["client_id"], **told})


def _client_secret() -> fields.String:
    return fields.String(metadata=_secret("Of confidential clients."))


def _token() -> fields.String:
    words = "An access or refresh token."
    return fields.String(required=True, metadata=_secret(words, minLength=1, example="the token"))


def _hint() -> fields.String:
    return fields.String(metadata={"description": "Not needed, and not looked at.", "maxLength": MAX_VALUE})


def _some_of(names: tuple[str, ...]) -> "fields.List[Any]":
    element = fields.String(validate=validate.OneOf(names))
    return fields.List(element, validate=validate.Length(max=len(names)))


class TokenFormSchema(Schema):
    """What the token endpoint is asked with; which of it is needed, the grant decides."""

    grant_type = fields.String(
        required=True,
        validate=validate.OneOf(GRANT_TYPES),
        metadata={"example": "password"},
    )
    client_id = _client_id("documentation")
    client_secret = _client_secret()
    username = fields.String(metadata=one_line(MAX_EMAIL, description=f"password: {WHOSE}", example="ada"))
    password = fields.String(metadata=_secret("password: theirs.", example="analytical engine"))
    refresh_token = fields.String(metadata=_secret("refresh_token: the last one you got."))
    code = fields.String(metadata=_secret("authorization_code: as it came to the redirect URI."))
    redirect_uri = fields.String(
        metadata={
            "description": "authorization_code: the one of the authorization request.",
            "maxLength": MAX_VALUE,
        }
    )
    code_verifier = fields.String(
        metadata=_secret("authorization_code: what the code_challenge was made of (RFC 7636).")
    )
    scope = fields.String(
        metadata=like(
            NQSCHAR,
            MAX_VALUE,
            description="Scopes with blanks between them; by default all that the client has.",
            example="teams:read users:read",
        )
    )


class AuthorizationQuery(Schema):
    """What a client asks of a person (RFC 6749 §4.1.1, RFC 7636 §4.3)."""

    response_type = fields.String(validate=validate.OneOf(("code",)), metadata={"example": "code"})
    client_id = fields.String(metadata={**IDS["client_id"], "example": "documentation"})
    redirect_uri = fields.String(
        metadata={**URI, "description": "Exactly one of the client's; may be left out if it has but one."}
    )
    scope = fields.String(
        metadata=like(NQSCHAR, authorization.MAX_VALUE, description="By default all that the client has.")
    )
    state = fields.String(
        metadata={"maxLength": authorization.MAX_VALUE, "description": "Comes back as it is."}
    )
    code_challenge = fields.String(
        metadata=like(authorization.CHALLENGE, 43, description="SHA-256 of the code_verifier, in base64url.")
    )
    code_challenge_method = fields.String(validate=validate.OneOf(("S256",)), metadata={"example": "S256"})


class AuthorizationFormSchema(Schema):
    """What the pages of the authorization endpoint send."""

    ticket = fields.String(
        metadata=like(
            BASE64URL, MAX_VALUE, description="Ties the form to browser and request.", example="c2VhbGVk"
        )
    )
    username = fields.String(metadata=one_line(MAX_EMAIL, description=WHOSE, example="ada"))
    password = fields.String(metadata=_secret("Theirs."))
    decision = fields.String(validate=validate.OneOf(("sign_in", "allow")))


class IntrospectionFormSchema(Schema):
    """Which token is asked about (RFC 7662 §2.1)."""

    token = _token()
    token_type_hint = _hint()
    client_id = _client_id("service")
    client_secret = _client_secret()


OPTIONAL = {"optional": True}


class IntrospectionSchema(Schema):
    """What a token is worth (RFC 7662 §2.2); of one that is worth nothing, nothing else is told."""

    active = fields.Boolean(required=True, metadata={"example": True})
    scope = fields.String(metadata=like(NQSCHAR, MAX_SCOPE, example="teams:read users:read", optional=True))
    client_id = fields.String(metadata={**IDS["client_id"], **OPTIONAL})
    username = fields.String(metadata={**USERNAME_SHAPE, "example": "ada", **OPTIONAL})
    token_type = fields.String(
        validate=validate.OneOf(("Bearer",)), metadata={**OPTIONAL, "description": "Of access tokens."}
    )
    exp = fields.Integer(
        validate=validate.Range(0, MAX_TIME),
        metadata={**OPTIONAL, "description": "Seconds since 1970.", "format": "int64", "example": 1769860800},
    )
    sub = fields.String(metadata=one_line(64, example=EXAMPLE_ID, optional=True))
    aud = fields.String(metadata={**_uri(), **OPTIONAL})
    iss = fields.String(metadata={**_uri(), **OPTIONAL})
    jti = fields.String(metadata=one_line(64, example="01CNTY4HQ5XKYWQJ6GR2MRFZNC", optional=True))


class ServerMetadataSchema(Schema):
    """What this authorization server can do, and where (RFC 8414)."""

    issuer = fields.String(metadata=_uri())
    authorization_endpoint = fields.String(metadata=_uri("/auth/oauth2/authorize"))
    token_endpoint = fields.String(metadata=_uri("/auth/oauth2/token"))
    revocation_endpoint = fields.String(metadata=_uri("/auth/oauth2/revoke"))
    introspection_endpoint = fields.String(metadata=_uri("/auth/oauth2/introspect"))
    jwks_uri = fields.String(metadata=_uri("/.well-known/jwks.json"))
    service_documentation = fields.String(metadata=_uri("/api/v1"))
    scopes_supported = _some_of(tuple(SCOPES))
    response_types_supported = _some_of(("code",))
    response_modes_supported = _some_of(("query",))
    grant_types_supported = _some_of(GRANT_TYPES)
    token_endpoint_auth_methods_supported = _some_of(METHODS)
    revocation_endpoint_auth_methods_supported = _some_of(METHODS)
    introspection_endpoint_auth_methods_supported = _some_of(METHODS)
    code_challenge_methods_supported = _some_of((authorization.CHALLENGE_METHOD,))
    authorization_response_iss_parameter_supported = fields.Boolean()


def _number(description: str, example: str) -> dict[str, Any]:
    return like(BASE64URL, MAX_NUMBER, description=description, example=example, optional=True)


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
        metadata=one_line(256, description="The `kid` of the tokens that it verifies.", example="2026-01"),
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


class TokenSchema(Schema):
    """Tokens (RFC 6749 §5.1)."""

    access_token = fields.String(
        metadata=like(
            JWT,
            MAX_VALUE,
            description="A JWT (RFC 9068).",
            example="eyJ0eXAiOiJhdCtqd3QifQ.eyJzdWIiOiIuLi4ifQ.c2lnbmF0dXJl",
        )
    )
    token_type = fields.String(validate=validate.OneOf(("Bearer",)))
    expires_in = fields.Integer(
        validate=validate.Range(1, 86400), metadata={"description": "Seconds.", "example": 3600}
    )
    scope = fields.String(metadata=like(NQSCHAR, MAX_SCOPE, example="users:read users:write"))
    refresh_token = fields.String(
        metadata=like(
            families.SHAPE,
            families.LENGTH,
            description="Works once; client_credentials gives none.",
            example=f"{EXAMPLE_ID}.{EXAMPLE_ID}.{EXAMPLE_SECRET}",
            optional=True,
        )
    )


class RevocationFormSchema(Schema):
    """Which token is to end (RFC 7009 §2.1)."""

    token = _token()
    token_type_hint = _hint()
    client_id = _client_id("documentation")
    client_secret = _client_secret()


class RevocationSchema(Schema):
    """Nothing: whether there was such a token is not told."""


class OAuthErrorSchema(Schema):
    """A refusal (RFC 6749 §5.2)."""

    error = fields.String(
        required=True, validate=validate.OneOf(CODES), metadata={"example": "invalid_grant"}
    )
    error_description = fields.String(
        metadata=like(
            NQSCHAR,
            1024,
            description="For the client's developer.",
            example="The refresh token is not valid.",
        )
    )
