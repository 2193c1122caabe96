"""The parameters of an OAuth2 request, and who sends it (RFC 6749 §2.3, §3.2, appendix B)."""

import base64
import binascii
from typing import Any, NoReturn
from urllib.parse import unquote_to_bytes

from marshmallow import EXCLUDE, Schema, ValidationError

from chalicelib.errors import MalformedRequestError
from chalicelib.oauth.clients.authenticate import ClientCredentials
from chalicelib.oauth.errors import InvalidClientError, InvalidRequestError
from chalicelib.web.body import parse_form
from chalicelib.web.media import FORM
from chalicelib.web.request import Request

SENSITIVE = ("client_secret", "password", "refresh_token", "code", "code_verifier", "token", "grant_type")
MAX_VALUE = 8192  # characters
MAX_PARAMETERS = 100


class FormSchema(Schema):
    """The parameters of an OAuth2 request; unrecognized ones are ignored (RFC 6749 §3.2)."""

    class Meta:
        """How marshmallow loads it."""

        unknown = EXCLUDE

    def handle_error(self, error: ValidationError, data: Any, *, many: bool, **_: Any) -> NoReturn:
        """Refuse a request in the words of RFC 6749 §5.2.

        :raises InvalidRequestError: always.
        """
        raise InvalidRequestError(f"Needed: {', '.join(error.messages_dict)}.") from error


def read_parameters(request: Request) -> dict[str, str]:
    """Read the form of a client: one value a name, empty ones count as omitted.

    :raises InvalidRequestError: another content type, a repeated name, bad encoding, or secrets in the URL.
    """
    if any(name in request.query for name in SENSITIVE):
        raise InvalidRequestError("Send parameters in the body, never in the URL.")
    return {name: value for name, value in read_form(request).items() if value}


def read_form(request: Request) -> dict[str, str]:
    """Read a form: one value a name.

    :raises InvalidRequestError: another content type, a repeated name or bad encoding.
    """
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != FORM:
        raise InvalidRequestError(f"Send the parameters as {FORM}.")
    if request.body is None:
        raise InvalidRequestError("The body can't be read.")
    try:
        pairs = parse_form(request.body)
    except MalformedRequestError as error:
        raise InvalidRequestError("The body is not a well-formed form in UTF-8.") from error
    if len(pairs) > MAX_PARAMETERS:
        raise InvalidRequestError(f"Send at most {MAX_PARAMETERS} parameters.")
    parameters = dict(pairs)
    if len(parameters) < len(pairs):
        raise InvalidRequestError("A parameter is given twice.")
    if any(len(value) > MAX_VALUE for value in parameters.values()):
        raise InvalidRequestError(f"A parameter has more than {MAX_VALUE} characters.")
    return parameters


def read_credentials(request: Request, parameters: dict[str, str]) -> ClientCredentials:
    """Return the client's authentication: HTTP Basic or the form, not both.

    :raises InvalidClientError: there is none, or it can't be read.
    :raises InvalidRequestError: there are two.
    """
    header = request.headers.get("authorization")
    client_id, secret = parameters.get("client_id"), parameters.get("client_secret")
    if header is None:
        if not client_id:
            raise InvalidClientError("Send the client's credentials by HTTP Basic or in the form.")
        return ClientCredentials(client_id, secret)
    basic = _basic(header)
    if secret or (client_id and client_id != basic.client_id):
        raise InvalidRequestError("Send the client's credentials once: by HTTP Basic or in the form.")
    return basic


def _basic(header: str) -> ClientCredentials:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        raise InvalidClientError
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True).decode("utf-8")
        client_id, colon, secret = decoded.partition(":")
        plain = [unquote_to_bytes(part.replace("+", " ")).decode("utf-8") for part in (client_id, secret)]
    except (binascii.Error, ValueError) as error:
        raise InvalidClientError from error
    if not colon or not plain[0]:
        raise InvalidClientError
    # An empty secret is how tools send a public client's id by Basic.
    return ClientCredentials(plain[0], plain[1] or None)
