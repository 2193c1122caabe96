"""Token revocation and introspection."""

from chalicelib.db import keys
from chalicelib.errors import InvalidTokenError, TooManyRequestsError
from chalicelib.oauth.clients.authenticate import authenticate_client, client_refusal
from chalicelib.oauth.clients.models import CONFIDENTIAL
from chalicelib.oauth.errors import InvalidClientError, InvalidRequestError
from chalicelib.oauth.form import CLIENT_AUTHENTICATION, oauth_json, read_credentials, read_parameters
from chalicelib.oauth.tokens import actions
from chalicelib.oauth.tokens.families import parse_refresh_token
from chalicelib.oauth.tokens.introspection import introspect, parse_subject
from chalicelib.oauth.tokens.schemas import (
    IntrospectionFormSchema,
    IntrospectionSchema,
    RevocationFormSchema,
    RevocationSchema,
)
from chalicelib.security.tokens import Claims, verify
from chalicelib.web.access import Access
from chalicelib.web.call import Call
from chalicelib.web.operation import Docs, Operation, Reply, Takes

DOCS = Docs(problems=(InvalidRequestError, InvalidClientError, TooManyRequestsError), if_unsure=None)


@Operation(
    access=Access(CLIENT_AUTHENTICATION),
    takes=Takes(body=RevocationFormSchema, parse=read_parameters),
    gives=oauth_json(RevocationSchema),
    docs=DOCS,
)
def revoke_token(call: Call) -> Reply:
    """Revoke an access or refresh token of the calling client (RFC 7009); the hint is not needed."""
    token = parse_refresh_token(call.body["token"])
    claims = None if token else _claims(call)
    more = [token.family_key, token.used_key] if token else []
    more += [keys.revoked_token(claims.jti)] if claims else []
    client = authenticate_client(call.context, read_credentials(call.request, call.body), more)
    if token:
        actions.revoke_refresh_token(call.context, client, token)
    if claims:
        actions.revoke_access_token(call.context, client, claims)
    return Reply()


def _claims(call: Call) -> Claims | None:
    try:
        return verify(call.context.keyring, call.request.base_url, call.body["token"])
    except InvalidTokenError:
        return None  # RFC 7009 §2.2: what is no token of ours needs no revocation


@Operation(
    access=Access(CLIENT_AUTHENTICATION),
    takes=Takes(body=IntrospectionFormSchema, parse=read_parameters),
    gives=oauth_json(IntrospectionSchema),
    docs=DOCS,
)
def introspect_token(call: Call) -> Reply:
    """Describe a token to the confidential client that it was issued to (RFC 7662)."""
    context, issuer = call.context, call.request.base_url
    subject = parse_subject(context, issuer, call.body["token"])
    client = authenticate_client(context, read_credentials(call.request, call.body), subject.keys)
    if client.client_type != CONFIDENTIAL:
        raise client_refusal(context, client, "introspection", "public client")
    return Reply(introspect(context, issuer, client, subject))
