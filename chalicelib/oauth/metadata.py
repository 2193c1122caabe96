"""What the authorization server tells about itself: the keys that verify its tokens."""

import json

from marshmallow import Schema, fields

from chalicelib.security.jwk import as_jwk
from chalicelib.web.operation import JSON, PUBLIC, Call, Document, Operation


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


@Operation(permission=PUBLIC, response=JwkSetSchema, no_store=False, etag=True)
def get_jwks(call: Call) -> Document:
    """Give the public keys that verify access tokens: the one that signs, the next one, and those before."""
    found = [as_jwk(key.kid, key.public_key) for key in call.keyring.published]
    # A rotation waits for this time before the next key signs: whoever caches the keys knows it by then.
    headers = {"Cache-Control": f"public, max-age={call.settings.secrets_cache}"}
    return Document(json.dumps({"keys": found}), JSON, headers)
