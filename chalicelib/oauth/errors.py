"""Errors of the OAuth2 endpoints, in the form of RFC 6749 §5.2."""

from typing import ClassVar

from chalicelib.errors import ApiError


class OAuthError(ApiError):
    """Base of the errors that RFC 6749 names; details never tell which part of a credential was wrong."""

    status = 400
    code: ClassVar[str] = "invalid_request"

    @property
    def code_name(self) -> str:
        """The name by which logs tell it."""
        return self.code


class InvalidRequestError(OAuthError):
    """A parameter is missing, repeated or malformed (RFC 6749 §5.2)."""

    code = "invalid_request"
    advice = "A parameter is missing, repeated or malformed."


class InvalidClientError(OAuthError):
    """Client authentication failed; unknown clients and wrong secrets look alike (RFC 6749 §5.2)."""

    status = 401
    code = "invalid_client"
    advice = "Client authentication failed."

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(detail, headers={"WWW-Authenticate": 'Basic realm="OAuth2", charset="UTF-8"'})


class InvalidGrantError(OAuthError):
    """The password, code or refresh token is wrong, used, expired or another client's (RFC 6749 §5.2)."""

    code = "invalid_grant"
    advice = "The given credentials or token are not valid."


class UnauthorizedClientError(OAuthError):
    """The client may not use this grant type (RFC 6749 §5.2)."""

    code = "unauthorized_client"
    advice = "This client may not use this grant type."


class UnsupportedGrantTypeError(OAuthError):
    """There is no such grant type here (RFC 6749 §5.2)."""

    code = "unsupported_grant_type"
    advice = "This grant type is not supported."


class InvalidScopeError(OAuthError):
    """A scope is unknown, or beyond what the client or the grant has (RFC 6749 §5.2)."""

    code = "invalid_scope"
    advice = "The scope is unknown or beyond what was granted."


class UnsupportedResponseTypeError(OAuthError):
    """Only codes are given (RFC 6749 §4.1.2.1)."""

    code = "unsupported_response_type"
    advice = "Only response_type=code is supported."


class RequestNotSupportedError(OAuthError):
    """Requests as JWTs are not taken (RFC 9101 §7)."""

    code = "request_not_supported"
    advice = "Send the parameters themselves, not a request object."


class RequestUriNotSupportedError(OAuthError):
    """Requests by reference are not taken (RFC 9101 §7)."""

    code = "request_uri_not_supported"
    advice = "Send the parameters themselves, not a request_uri."


class AccessDeniedError(OAuthError):
    """The person said no (RFC 6749 §4.1.2.1)."""

    code = "access_denied"
    advice = "The request was denied."


class BadAuthorizationRequestError(OAuthError):
    """A page tells a person that the request of a client is wrong (RFC 6749 §4.1.2.1)."""

    advice = "The link that led here is broken. Go back to the app and try again."
