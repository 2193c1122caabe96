"""The token endpoint: its requests, its answers, and how clients authenticate."""

import base64
import hmac
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import jwt
import pytest

import app as application
from chalicelib.oauth.clients.authenticate import client_secret_matches
from chalicelib.oauth.clients.models import PUBLIC_CLIENT, OAuth2Client
from chalicelib.oauth.secrets import hash_secret
from chalicelib.users.models import User
from tests.api.oauth_tools import TOKEN, error_of, me
from tests.conftest import PASSWORD, SECRET
from tests.http import FORM, JSON, Answer, Client
from tests.target import base_url

CREDENTIALS = {"client_id": "service", "client_secret": SECRET}
GRANT = {"grant_type": "client_credentials"}


def basic(text: bytes) -> dict[str, str]:
    """A header of HTTP Basic with any bytes."""
    return {"Authorization": "Basic " + base64.b64encode(text).decode()}


def shown(answer: Answer) -> tuple[int, bytes, dict[str, str]]:
    """What distinguishes answers for a caller."""
    return answer.status, answer.body, {k: v for k, v in answer.headers.items() if k != "x-request-id"}


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", [TOKEN, "/auth/oauth2/revoke"])
def test_other_methods_than_post_are_not_allowed(api: Client, method: str, path: str) -> None:
    """Behaviour 1: 405 with the methods that work."""
    answer = api(method, path)
    assert (answer.status, answer.headers["allow"]) == (405, "OPTIONS, POST")


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (JSON, b'{"grant_type": "client_credentials"}'),
        ("text/plain", b"grant_type=client_credentials"),
        ("multipart/form-data; boundary=x", b"--x--"),
        ("", b"grant_type=client_credentials"),
        (FORM, b"grant_type=client_credentials&grant_type=client_credentials"),
        (FORM, b"grant_type=client_credentials&scope=users:read&scope="),
        (FORM, b"grant_type=client_credentials&unknown=1&unknown=2"),
        (FORM, b"grant_type=client_credentials&scope=\xff"),
        (FORM, b"grant_type=client_credentials&scope=%ff"),
        (FORM, b"grant_type=client_credentials&scope=%zz"),
        (FORM, b"grant_type=client_credentials&scope=" + b"s" * 10_000),
        (FORM, b"scope=users:read"),
        (FORM, b"grant_type="),
        (FORM, b""),
    ],
)
def test_a_malformed_request_is_named(
    api: Client, service: OAuth2Client, content_type: str, body: bytes
) -> None:
    """Behaviour 2, 3: JSON, doubles, bad encoding and a missing grant_type are invalid_request."""
    headers = basic(f"service:{SECRET}".encode()) | {"Content-Type": content_type}
    assert error_of(api("POST", TOKEN, raw=body, headers=headers)) == (400, "invalid_request")


@pytest.mark.parametrize("name", ["client_secret", "password", "refresh_token", "grant_type"])
def test_secrets_in_the_url_are_refused(api: Client, service: OAuth2Client, name: str) -> None:
    """Behaviour 2: what the query holds ends in logs, so it is refused even if the form is right."""
    answer = api("POST", f"{TOKEN}?{name}={SECRET}", form=GRANT | CREDENTIALS)
    assert error_of(answer) == (400, "invalid_request")


@pytest.mark.parametrize("more", [{"scope": ""}, {"unknown": "1"}, {"password": ""}, {"audience": "x"}])
def test_empty_and_unknown_parameters_change_nothing(
    api: Client, service: OAuth2Client, more: dict[str, str]
) -> None:
    """Behaviour 2: an empty value counts as omitted, an unknown parameter is ignored."""
    answer = api("POST", TOKEN, form=GRANT | CREDENTIALS | more)
    assert (answer.status, answer.json["scope"].split()) == (200, sorted(service.default_scopes))


@pytest.mark.parametrize("content_type", ["APPLICATION/X-WWW-FORM-URLENCODED", f"{FORM}; charset=UTF-8"])
def test_the_content_type_may_be_spelled_freely(
    api: Client, service: OAuth2Client, content_type: str
) -> None:
    """Behaviour 51: media types have no case, and parameters are allowed."""
    body = f"grant_type=client_credentials&client_id=service&client_secret={SECRET}".encode()
    assert api("POST", TOKEN, raw=body, headers={"Content-Type": content_type}).status == 200


@pytest.mark.parametrize("name", ["implicit", "PASSWORD", "password ", "urn:x", "\x00", "__init__"])
def test_an_unknown_grant_type_is_unsupported(api: Client, service: OAuth2Client, name: str) -> None:
    """Behaviour 3: names are compared exactly."""
    answer = api("POST", TOKEN, form=CREDENTIALS | {"grant_type": name})
    assert error_of(answer) == (400, "unsupported_grant_type")


@pytest.mark.parametrize("used", ["password", "refresh_token", "client_credentials"])
def test_a_grant_that_the_client_may_not_use_is_unauthorized(
    api: Client, admin: User, make_client: Callable[..., OAuth2Client], used: str
) -> None:
    """Behaviour 3: the client's grant types decide, whatever else the request holds."""
    others = {"password", "refresh_token", "client_credentials"} - {used}
    make_client("service", admin, grant_types=sorted(others))
    form = {"grant_type": used, "username": "admin", "password": PASSWORD, "refresh_token": "x"}
    assert error_of(api("POST", TOKEN, form=CREDENTIALS | form)) == (400, "unauthorized_client")


def test_an_answer_is_never_cached(
    api: Client, user: User, documentation: OAuth2Client, service: OAuth2Client
) -> None:
    """Behaviour 4: tokens and refusals come with no-store and no-cache (RFC 6749 §5.1, §5.2)."""
    for form, status in ((GRANT | CREDENTIALS, 200), (CREDENTIALS, 400)):
        answer = api("POST", TOKEN, form=form)
        headers = [answer.headers[name] for name in ("cache-control", "pragma", "content-type")]
        assert (answer.status, headers[:2]) == (status, ["no-store", "no-cache"])
        assert headers[2].startswith(JSON)


def test_an_answer_describes_its_token(
    api: Client, user: User, sign_in: Callable[..., dict[str, Any]]
) -> None:
    """Behaviour 4: type, life and scope are what the token itself says; a refresh token comes with it."""
    tokens = sign_in(scope="users:read teams:read")
    claims = jwt.decode(tokens["access_token"], options={"verify_signature": False})
    assert tokens == {
        "access_token": tokens["access_token"],
        "token_type": "Bearer",
        "expires_in": claims["exp"] - claims["iat"],
        "scope": claims["scope"],
        "refresh_token": tokens["refresh_token"],
    }
    assert (tokens["expires_in"], set(tokens["scope"].split())) == (3600, {"users:read", "teams:read"})


def test_a_token_is_what_rfc_9068_says(
    api: Client, user: User, sign_in: Callable[..., dict[str, Any]]
) -> None:
    """Type at+jwt, RS256, and each required claim; a user's token has the user's id."""
    token = sign_in()["access_token"]
    key = application.api.keystore.keyring().current
    claims = jwt.decode(token, key.public_key, ["RS256"], audience=base_url(), issuer=base_url())
    assert jwt.get_unverified_header(token) == {"alg": "RS256", "typ": "at+jwt", "kid": key.kid}
    assert (claims["sub"], claims["client_id"]) == (user.id, "documentation")
    assert {"iss", "exp", "aud", "sub", "client_id", "iat", "jti", "scope"} <= claims.keys()


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("users:read", "users:read"),
        ("  users:read   teams:read ", "teams:read users:read"),
        ("users:read users:read", "users:read"),
        ("   ", "teams:read users:read"),
        (None, "teams:read users:read"),
    ],
)
def test_scopes_are_what_was_asked_else_the_defaults(
    api: Client, admin: User, make_client: Callable[..., OAuth2Client], asked: str | None, given: str
) -> None:
    """Behaviour 5: extra blanks are harmless; without a scope the client's defaults apply."""
    make_client("service", admin, default_scopes=["users:read", "teams:read"])
    form = GRANT | CREDENTIALS | ({"scope": asked} if asked is not None else {})
    answer = api("POST", TOKEN, form=form)
    assert (answer.status, sorted(answer.json["scope"].split())) == (200, given.split())


@pytest.mark.parametrize("asked", ["users:write", "users:read users:write", "nonsense", "USERS:READ", "*"])
def test_a_scope_beyond_the_client_is_refused(
    api: Client, admin: User, make_client: Callable[..., OAuth2Client], asked: str
) -> None:
    """Behaviour 5: one scope too many refuses the whole request."""
    make_client("service", admin, default_scopes=["users:read"])
    answer = api("POST", TOKEN, form=GRANT | CREDENTIALS | {"scope": asked})
    assert error_of(answer) == (400, "invalid_scope")


BAD_CLIENTS: dict[str, dict[str, Any]] = {
    "none at all": {"form": GRANT},
    "unknown": {"form": GRANT, "basic": ("nobody", SECRET)},
    "unknown in the form": {"form": {**GRANT, "client_id": "nobody", "client_secret": SECRET}},
    "wrong secret": {"form": GRANT, "basic": ("service", SECRET[:-1])},
    "wrong secret in the form": {"form": {**GRANT, **CREDENTIALS, "client_secret": "wrong"}},
    "no secret": {"form": {**GRANT, "client_id": "service"}},
    "empty secret": {"form": GRANT, "basic": ("service", "")},
    "the secret's hash": {"form": GRANT, "basic": ("service", hash_secret(SECRET))},
    "an id that can't be one": {"form": GRANT, "basic": ("no\x00body" * 500, SECRET)},
    "a bearer token": {"form": GRANT, "headers": {"Authorization": "Bearer e30.e30.e30"}},
    "not base64": {"form": GRANT, "headers": {"Authorization": "Basic !!!"}},
    "bad padding": {"form": GRANT, "headers": {"Authorization": "Basic YWJjZ"}},
    "nothing behind Basic": {"form": GRANT, "headers": {"Authorization": "Basic"}},
    "letters beyond ASCII": {"form": GRANT, "headers": {"Authorization": "Basic é"}},
    "no colon": {"form": GRANT, "headers": basic(b"service")},
    "not UTF-8": {"form": GRANT, "headers": basic(b"service:\xff\xfe")},
    "not UTF-8 once decoded": {"form": GRANT, "headers": basic(b"service:%ff%fe")},
    "no id": {"form": GRANT, "headers": basic(b":" + SECRET.encode())},
}


@pytest.mark.parametrize("request_", BAD_CLIENTS.values(), ids=BAD_CLIENTS.keys())
def test_a_client_that_does_not_authenticate_is_refused(
    api: Client, service: OAuth2Client, request_: dict[str, Any]
) -> None:
    """Behaviour 8, 10: 401 invalid_client with a Basic challenge, never 500."""
    answer = api("POST", TOKEN, **request_)
    assert error_of(answer) == (401, "invalid_client")
    assert answer.headers["www-authenticate"].startswith("Basic ")


@pytest.mark.parametrize("name", ["unknown", "unknown in the form", "wrong secret in the form", "no secret"])
def test_unknown_clients_and_wrong_secrets_look_alike(
    api: Client, service: OAuth2Client, round_trips: list[str], name: str
) -> None:
    """Behaviour 8: the same bytes after the same requests to the table."""
    round_trips.clear()
    answers = [shown(api("POST", TOKEN, **BAD_CLIENTS[key])) for key in ("wrong secret", name)]
    half = len(round_trips) // 2
    assert answers[0] == answers[1]
    assert round_trips[:half] == round_trips[half:]


@pytest.mark.parametrize(
    "form",
    [CREDENTIALS, {"client_secret": SECRET}, {"client_id": "another"}, {**CREDENTIALS, "client_secret": "x"}],
)
def test_two_ways_of_authentication_are_one_too_many(
    api: Client, service: OAuth2Client, form: dict[str, str]
) -> None:
    """Behaviour 9: a client authenticates by the header or by the form (RFC 6749 §2.3)."""
    answer = api("POST", TOKEN, form=GRANT | form, basic=("service", SECRET))
    assert error_of(answer) == (400, "invalid_request")


def test_the_id_may_be_repeated_beside_basic(api: Client, service: OAuth2Client) -> None:
    """Behaviour 9: the same client_id in the form is no second authentication."""
    form = GRANT | {"client_id": "service"}
    assert api("POST", TOKEN, form=form, basic=("service", SECRET)).status == 200


@pytest.mark.parametrize("secret", ["a:b:c", "per%cent", "blank blank", "plus+plus", "sécret ☃", "a&b=c"])
def test_basic_credentials_are_percent_decoded(
    api: Client, admin: User, make_client: Callable[..., OAuth2Client], secret: str
) -> None:
    """Behaviour 10: id and secret are form-encoded before they are joined (RFC 6749 §2.3.1)."""
    make_client("service", admin, secret_hash=hash_secret(secret))
    encoded = f"%73ervice:{quote(secret, safe='')}".encode()
    assert api("POST", TOKEN, form=GRANT, headers=basic(encoded)).status == 200


def test_a_public_client_has_no_secret_to_give(api: Client, user: User, documentation: OAuth2Client) -> None:
    """Behaviour 8: a public client that sends a secret is refused, whether in the header or in the form."""
    form = {"grant_type": "password", "username": "user", "password": PASSWORD}
    answer = api("POST", TOKEN, form=form, basic=("documentation", "secret"))
    assert error_of(answer) == (401, "invalid_client")


def test_a_public_client_may_name_itself_by_basic(
    api: Client, user: User, documentation: OAuth2Client
) -> None:
    """An empty secret in HTTP Basic is how tools send a public client's id."""
    form = {"grant_type": "password", "username": "user", "password": PASSWORD}
    answer = api("POST", TOKEN, form=form, basic=("documentation", ""))
    assert (answer.status, me(api, answer.json["access_token"])) == (200, 200)


@pytest.mark.parametrize("fields", [{}, {"secret_hash": None}, {"client_type": PUBLIC_CLIENT}])
def test_secrets_are_compared_in_constant_time(
    admin: User,
    make_client: Callable[..., OAuth2Client],
    monkeypatch: pytest.MonkeyPatch,
    fields: dict[str, Any],
) -> None:
    """Behaviour 11: hashes are compared in constant time, as often whatever secrets a client has."""
    compared: list[int] = []
    genuine = hmac.compare_digest

    def spy(first: str, second: str) -> bool:
        compared.append(len(first))
        return genuine(first, second)

    monkeypatch.setattr(hmac, "compare_digest", spy)
    results = [client_secret_matches(make_client("service", admin), "wrong")]
    results.append(client_secret_matches(make_client("other", admin, **fields), "wrong"))
    half = len(compared) // 2
    assert (results, half > 0, compared[:half]) == ([False, False], True, compared[half:])


def test_a_body_over_the_limit_is_refused(api: Client, service: OAuth2Client) -> None:
    """Behaviour 48: more than 64 KiB is 413 here, too."""
    answer = api("POST", TOKEN, form=GRANT | CREDENTIALS | {"scope": "s" * 64 * 1024})
    assert answer.status == 413
