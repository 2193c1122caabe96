"""The grant types that the token endpoint serves."""

AUTHORIZATION_CODE = "authorization_code"
CLIENT_CREDENTIALS = "client_credentials"
PASSWORD = "password"  # noqa: S105 - a grant type
REFRESH_TOKEN = "refresh_token"  # noqa: S105 - a grant type
GRANT_TYPES = (AUTHORIZATION_CODE, CLIENT_CREDENTIALS, PASSWORD, REFRESH_TOKEN)
