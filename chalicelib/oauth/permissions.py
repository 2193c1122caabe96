"""Who may use the endpoints that clients authenticate at: their handlers check the client itself."""

from chalicelib.web.access import Permission

CLIENT_AUTHENTICATION = Permission("OAuth2 client", lambda _: True, public=True)
