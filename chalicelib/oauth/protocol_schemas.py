"""What goes in and out of the OAuth2 endpoints, as their RFCs have it."""

from marshmallow import Schema, fields, validate

from chalicelib.oauth.grants.names import GRANT_TYPES


class TokenFormSchema(Schema):
    """What the token endpoint is asked with; which of it is needed, the grant decides."""

    grant_type = fields.String(
        required=True,
        validate=validate.OneOf(GRANT_TYPES),
        metadata={"example": "password"},
    )
    client_id = fields.String(
        metadata={"description": "Unless HTTP Basic tells it.", "example": "documentation"}
    )
    client_secret = fields.String(metadata={"description": "Of confidential clients.", "format": "password"})
    username = fields.String(metadata={"description": "password: whose.", "example": "ada"})
    password = fields.String(
        metadata={"description": "password: theirs.", "format": "password", "example": "analytical engine"}
    )
    refresh_token = fields.String(metadata={"description": "refresh_token: the last one you got."})
    code = fields.String(metadata={"description": "authorization_code: as it came to the redirect URI."})
    redirect_uri = fields.String(
        metadata={"description": "authorization_code: the one of the authorization request."}
    )
    code_verifier = fields.String(
        metadata={"description": "authorization_code: what the code_challenge was made of (RFC 7636)."}
    )
    scope = fields.String(
        metadata={"description": "Scopes with blanks between them; by default all that the client has."}
    )


class AuthorizationQuery(Schema):
    """What a client asks of a person (RFC 6749 §4.1.1, RFC 7636 §4.3)."""

    response_type = fields.String(validate=validate.OneOf(("code",)), metadata={"example": "code"})
    client_id = fields.String(metadata={"example": "documentation"})
    redirect_uri = fields.String(
        metadata={"description": "Exactly one of the client's; may be left out if it has but one."}
    )
    scope = fields.String(metadata={"description": "By default all that the client has."})
    state = fields.String(metadata={"description": "Comes back as it is."})
    code_challenge = fields.String(metadata={"description": "SHA-256 of the code_verifier, in base64url."})
    code_challenge_method = fields.String(validate=validate.OneOf(("S256",)), metadata={"example": "S256"})


class AuthorizationFormSchema(Schema):
    """What the pages of the authorization endpoint send."""

    ticket = fields.String(metadata={"description": "Ties the form to browser and request."})
    username = fields.String()
    password = fields.String(metadata={"format": "password"})
    decision = fields.String(validate=validate.OneOf(("sign_in", "allow", "deny")))


class IntrospectionFormSchema(Schema):
    """Which token is asked about (RFC 7662 §2.1)."""

    token = fields.String(
        required=True,
        metadata={"description": "An access or refresh token.", "minLength": 1, "example": "the token"},
    )
    token_type_hint = fields.String(metadata={"description": "Not needed, and not looked at."})
    client_id = fields.String(metadata={"description": "Unless HTTP Basic tells it.", "example": "service"})
    client_secret = fields.String(metadata={"format": "password"})


OPTIONAL = {"optional": True}


class IntrospectionSchema(Schema):
    """What a token is worth (RFC 7662 §2.2); of one that is worth nothing, nothing else is told."""

    active = fields.Boolean(required=True)
    scope = fields.String(metadata=OPTIONAL)
    client_id = fields.String(metadata=OPTIONAL)
    username = fields.String(metadata=OPTIONAL)
    token_type = fields.String(metadata={**OPTIONAL, "description": "Of access tokens."})
    exp = fields.Integer(metadata={**OPTIONAL, "description": "Seconds since 1970."})
    sub = fields.String(metadata=OPTIONAL)
    aud = fields.String(metadata=OPTIONAL)
    iss = fields.String(metadata=OPTIONAL)
    jti = fields.String(metadata=OPTIONAL)


class ServerMetadataSchema(Schema):
    """What this authorization server can do, and where (RFC 8414)."""

    issuer = fields.String()
    authorization_endpoint = fields.String()
    token_endpoint = fields.String()
    revocation_endpoint = fields.String()
    introspection_endpoint = fields.String()
    jwks_uri = fields.String()
    service_documentation = fields.String()
    scopes_supported = fields.List(fields.String())
    response_types_supported = fields.List(fields.String())
    response_modes_supported = fields.List(fields.String())
    grant_types_supported = fields.List(fields.String())
    token_endpoint_auth_methods_supported = fields.List(fields.String())
    revocation_endpoint_auth_methods_supported = fields.List(fields.String())
    introspection_endpoint_auth_methods_supported = fields.List(fields.String())
    code_challenge_methods_supported = fields.List(fields.String())
    authorization_response_iss_parameter_supported = fields.Boolean()


class JwkSchema(Schema):
    """A public key (RFC 7517 §4)."""

    kid = fields.String(required=True, metadata={"description": "The `kid` of the tokens that it verifies."})
    use = fields.String(required=True, metadata={"example": "sig"})
    alg = fields.String(required=True, metadata={"example": "RS256"})
    kty = fields.String(required=True, metadata={"example": "RSA"})
    n = fields.String(metadata={"description": "RSA: the modulus.", "optional": True})
    e = fields.String(metadata={"description": "RSA: the exponent.", "optional": True})
    crv = fields.String(metadata={"description": "EC and OKP: the curve.", "optional": True})
    x = fields.String(metadata={"description": "EC and OKP: the first coordinate.", "optional": True})
    y = fields.String(metadata={"description": "EC: the second coordinate.", "optional": True})


class JwkSetSchema(Schema):
    """The keys that verify access tokens (RFC 7517 §5)."""

    keys = fields.List(fields.Nested(JwkSchema), required=True)


class TokenSchema(Schema):
    """Tokens (RFC 6749 §5.1)."""

    access_token = fields.String(metadata={"description": "A JWT (RFC 9068)."})
    token_type = fields.String(metadata={"example": "Bearer"})
    expires_in = fields.Integer(metadata={"description": "Seconds.", "example": 3600})
    scope = fields.String(metadata={"example": "users:read users:write"})
    refresh_token = fields.String(
        metadata={"description": "Works once; client_credentials gives none.", "optional": True}
    )


class RevocationFormSchema(Schema):
    """Which token is to end (RFC 7009 §2.1)."""

    token = fields.String(
        required=True,
        metadata={"description": "An access or refresh token.", "minLength": 1, "example": "the token"},
    )
    token_type_hint = fields.String(metadata={"description": "Not needed, and not looked at."})
    client_id = fields.String(
        metadata={"description": "Unless HTTP Basic tells it.", "example": "documentation"}
    )
    client_secret = fields.String(metadata={"description": "Of confidential clients.", "format": "password"})


class RevocationSchema(Schema):
    """Nothing: whether there was such a token is not told."""


class OAuthErrorSchema(Schema):
    """A refusal (RFC 6749 §5.2)."""

    error = fields.String(required=True, metadata={"example": "invalid_grant"})
    error_description = fields.String(metadata={"description": "For the client's developer."})
