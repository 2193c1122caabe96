"""Access tokens with one flaw each: every one is refused, in the same words."""

import base64
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import app as application
from chalicelib.db import keys
from chalicelib.oauth.clients.actions import add_client
from chalicelib.oauth.clients.models import PUBLIC_CLIENT, OAuth2Client
from chalicelib.settings import Settings
from chalicelib.users.models import new_user
from tests.acting import create_user
from tests.api.forgery import DROP, Forge, b64, foreign_key
from tests.http import Answer, Client
from tests.support import perform
from tests.target import base_url, connected, present, table_of

BASE = base_url()
INVALID = (401, 'Bearer error="invalid_token"')
LONG_AGO, FAR_AHEAD = 1_000_000_000, 99_999_999_999

# Each row has one flaw and is signed by the stage's own key, so that nothing else can refuse it.
HEADERS: dict[str, dict[str, Any]] = {
    "alg none": {"alg": "none"},
    "alg nOnE": {"alg": "nOnE"},
    "alg empty": {"alg": ""},
    "alg missing": {"alg": DROP},
    "alg null": {"alg": None},
    "alg a list": {"alg": ["RS256"]},
    "alg an object": {"alg": {"name": "RS256"}},
    "alg a number": {"alg": 256},
    "alg in lower case": {"alg": "rs256"},
    "alg of another family": {"alg": "ES256"},
    "kid missing": {"kid": DROP},
    "kid unknown": {"kid": "0123456789abcdef"},
    "kid empty": {"kid": ""},
    "kid null": {"kid": None},
    "kid a number": {"kid": 0},
    "kid a list": {"kid": ["a"]},
    "kid an object": {"kid": {}},
    "kid a path": {"kid": "../../../../dev/null"},
    "kid an injection": {"kid": "' OR 1=1 --"},
    "kid of 10 KB": {"kid": "k" * 10_240},
    "crit unknown": {"crit": ["http://test.example/unknown"], "http://test.example/unknown": True},
    "crit b64": {"crit": ["b64"], "b64": False},
    "crit b64 as it is anyway": {"crit": ["b64"], "b64": True},
    "crit empty": {"crit": []},
    "crit null": {"crit": None},
    "typ JWT": {"typ": "JWT"},
    "typ missing": {"typ": DROP},
    "typ null": {"typ": None},
    "typ empty": {"typ": ""},
    "typ with a blank": {"typ": "at+jwt "},
    "typ of an ID token": {"typ": "id+jwt"},
    "typ of a logout token": {"typ": "logout+jwt"},
    "typ a list": {"typ": ["at+jwt"]},
    "typ a longer media type": {"typ": "application/application/at+jwt"},
}
CLAIMS: dict[str, dict[str, Any]] = {
    "aud missing": {"aud": DROP},
    "aud null": {"aud": None},
    "aud empty": {"aud": ""},
    "aud another": {"aud": "https://test.example"},
    "aud a part": {"aud": BASE[:-1]},
    "aud longer": {"aud": BASE + "0"},
    "aud with a slash": {"aud": BASE + "/"},
    "aud a list of others": {"aud": ["https://test.example"]},
    "aud an empty list": {"aud": []},
    "aud a number": {"aud": 8000},
    "iss missing": {"iss": DROP},
    "iss null": {"iss": None},
    "iss another": {"iss": "https://test.example"},
    "iss with a slash": {"iss": BASE + "/"},
    "iss a part": {"iss": BASE[:-1]},
    "iss in upper case": {"iss": BASE.upper()},
    "iss over TLS": {"iss": BASE.replace("http:", "https:")},
    "iss a list": {"iss": [BASE]},
    "exp negative": {"exp": -1},
    "exp zero": {"exp": 0},
    "nbf far ahead": {"nbf": 99_999_999_999},
    "iat far ahead": {"iat": 99_999_999_999},
    "exp of 400 digits, nbf too": {"exp": 10**400, "nbf": 10**400},
    "sub missing": {"sub": DROP},
    "sub null": {"sub": None},
    "sub a number": {"sub": 1},
    "sub empty": {"sub": ""},
    "sub of nobody": {"sub": "0" * 26},
    "jti missing": {"jti": DROP},
    "jti a number": {"jti": 7},
    "client_id missing": {"client_id": DROP},
    "client_id unknown": {"client_id": "nobody"},
    "client_id a list": {"client_id": ["documentation"]},
    "scope missing": {"scope": DROP},
    "scope a list": {"scope": ["users:read"]},
    "credentials version missing": {"cv": DROP},
    "credentials version before": {"cv": -1},
    "credentials version ahead": {"cv": 1},
    "credentials version a float": {"cv": 0.0},
    "credentials version false": {"cv": False},
    "owner of nobody": {"owner": "0" * 26},
    "owner a number": {"owner": 1},
    "owner of the client another": {"client_owner": "0" * 26},
    "owner of the client a number": {"client_owner": 1},
    "registration missing": {"registration": DROP},
    "registration another": {"registration": "0" * 26},
    "registration a number": {"registration": 1},
    "family unknown": {"sid": "0" * 26},
    "family a number": {"sid": 1},
}
TIMES: dict[str, Any] = {
    "missing": DROP,
    "null": None,
    "a string": str(FAR_AHEAD),
    "a date": "2999-01-01T00:00:00Z",
    "a float": FAR_AHEAD + 0.5,
    "infinite": float("inf"),
    "not a number": float("nan"),
    "a bool": True,
    "a list": [FAR_AHEAD],
}
# Only exp may lie in the future; the others get a time in the past.
PAST: dict[str, Any] = TIMES | {"a string": str(LONG_AGO), "a float": LONG_AGO + 0.5, "a list": [LONG_AGO]}
FORGERIES: dict[str, Callable[[Forge], str]] = {
    "alg none, unsigned": lambda forge: forge.signing_input({"alg": "none"}, {}) + ".",
    "alg None, unsigned": lambda forge: forge.signing_input({"alg": "None"}, {}) + ".e30",
    "alg missing, unsigned": lambda forge: forge.signing_input({"alg": DROP}, {}) + ".",
    "HS256 by the public key": lambda forge: forge.hmac_token("HS256", forge.public_pem),
    "HS256 by the stripped key": lambda forge: forge.hmac_token("HS256", forge.public_pem.strip()),
    "HS384 by the public key": lambda forge: forge.hmac_token("HS384", forge.public_pem),
    "HS512 by the public key": lambda forge: forge.hmac_token("HS512", forge.public_pem),
    "HS256 by nothing": lambda forge: forge.hmac_token("HS256", b"", {"kid": "/dev/null"}),
    "HS256 that says RS256": lambda forge: forge.hmac_token("HS256", forge.public_pem, {"alg": "RS256"}),
    "RS384": lambda forge: forge.token({"alg": "RS384"}, algorithm="RS384"),
    "RS512": lambda forge: forge.token({"alg": "RS512"}, algorithm="RS512"),
    "PS256": lambda forge: forge.token({"alg": "PS256"}, algorithm="PS256"),
    "PS256 that says RS256": lambda forge: forge.token(algorithm="PS256"),
    "another key": lambda forge: forge.token(key=foreign_key()),
    "another key without kid": lambda forge: forge.token({"kid": DROP}, key=foreign_key()),
    "header not JSON": lambda forge: forge.raw(b"{", json.dumps(forge.claims).encode()),
    "header a list": lambda forge: forge.raw(b"[]", json.dumps(forge.claims).encode()),
    "header not UTF-8": lambda forge: forge.raw(b'{"alg":"\xff"}', b"{}"),
    "header nested": lambda forge: forge.raw(b"[" * 1500, b"{}"),
    "payload not JSON": lambda forge: forge.raw(json.dumps(forge.header).encode(), b"{"),
    "payload a list": lambda forge: forge.raw(json.dumps(forge.header).encode(), b"[]"),
    "payload null": lambda forge: forge.raw(json.dumps(forge.header).encode(), b"null"),
    "payload not UTF-8": lambda forge: forge.raw(json.dumps(forge.header).encode(), b'{"sub":"\xff"}'),
    "payload empty": lambda forge: forge.raw(json.dumps(forge.header).encode(), b""),
    "payload nested": lambda forge: forge.raw(json.dumps(forge.header).encode(), b"[" * 1500),
}


def _swap_payload(token: str) -> str:
    header, payload, signature = token.split(".")
    claims = json.loads(_unb64(payload)) | {"scope": "users:read users:write"}
    return f"{header}.{b64(json.dumps(claims).encode())}.{signature}"


def _unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


DAMAGE: dict[str, Callable[[str], str]] = {
    "padded twice": lambda token: token + "==",
    "padded once": lambda token: token + "=",
    "padded thrice": lambda token: token + "===",
    "header padded": lambda token: token.replace(".", "=.", 1),
    "payload padded": lambda token: "==.".join(token.rsplit(".", 1)),
    "trailing dot": lambda token: token + ".",
    "leading dot": lambda token: "." + token,
    "fourth part": lambda token: token + ".e30",
    "five parts, as of a JWE": lambda token: token + ".e30.e30",
    "no signature": lambda token: token.rsplit(".", 1)[0],
    "empty signature": lambda token: token.rsplit(".", 1)[0] + ".",
    "cut signature": lambda token: token[:-8],
    "longer signature": lambda token: token + "AAAA",
    "signature of zeros": lambda token: token.rsplit(".", 1)[0] + "." + "A" * 342,
    "first bit of the signature": lambda token: ".".join(
        [*token.split(".")[:2], ("B" if token.split(".")[2][0] == "A" else "A") + token.split(".")[2][1:]]
    ),
    "header only": lambda token: token.split(".")[0],
    "payload swapped": _swap_payload,
    "blank inside": lambda token: token.replace(".", ". ", 1),
    "tab inside": lambda token: token.replace(".", ".\t", 1),
    "quoted": lambda token: f'"{token}"',
    "twice": lambda token: f"{token} {token}",
    "twice, with a comma": lambda token: f"{token},{token}",
    "standard base64": lambda token: token[:-2] + "+/",
    "letters beyond ASCII": lambda token: token + "é",
    "nothing but dots": lambda _: "..",
    "a word": lambda _: "null",
    "60 KB": lambda _: "a" * 60_000,
}


@pytest.fixture(scope="module")
def forge(settings: Settings) -> Iterator[Forge]:
    """Makes tokens of a user; all tests here only read, so they share the table."""
    with table_of(connected(settings)):
        user = new_user(username="user", email="user@test.example", password_hash="none")
        create_user(user)
        client = OAuth2Client.at(
            keys.client("documentation"),
            client_id="documentation",
            user_id=user.id,
            client_type=PUBLIC_CLIENT,
            default_scopes=["users:read"],
            grant_types=["password"],
        )
        perform(add_client, client)
        yield Forge(application.api.keystore.keyring().current, user, client)


@pytest.fixture(scope="module")
def api(forge: Forge) -> Client:
    """A client of the application."""
    return present().client()


def ask(api: Client, token: str) -> Answer:
    """Present a token."""
    return api("GET", "/api/v1/users/me", token=token)


def refusal(answer: Answer) -> tuple[int, str | None]:
    """Return what a refusal consists of."""
    return answer.status, answer.headers.get("www-authenticate")


def rows(table: dict[str, Any]) -> pytest.MarkDecorator:
    """Test each row of a table of flaws."""
    return pytest.mark.parametrize("flaw", table.values(), ids=table.keys())


def test_the_forge_makes_good_tokens(api: Client, forge: Forge) -> None:
    """The control: without a flaw, a token made by hand is accepted."""
    assert ask(api, forge.token()).status == 200


@pytest.mark.parametrize("typ", ["AT+JWT", "application/at+jwt"])
def test_other_spellings_of_the_type_are_accepted(api: Client, forge: Forge, typ: str) -> None:
    """Behaviour 16: the type has no case and may be a full media type (RFC 9068 §4)."""
    assert ask(api, forge.token({"typ": typ})).status == 200


@pytest.mark.parametrize(
    ("offsets", "status"),
    [
        ({"exp": -40}, 200),
        ({"exp": -75}, 401),
        ({"nbf": 40}, 200),
        ({"nbf": 100}, 401),
        ({"iat": 40}, 200),
        ({"iat": 100}, 401),
    ],
)
def test_clocks_may_differ_by_a_minute(
    api: Client, forge: Forge, offsets: dict[str, int], status: int
) -> None:
    """Behaviour 15: 60 s of leeway, and no more."""
    now = int(time.time())
    assert ask(api, forge.token({}, {name: now + by for name, by in offsets.items()})).status == status


@rows(HEADERS)
def test_a_flawed_header_is_refused(api: Client, forge: Forge, flaw: dict[str, Any]) -> None:
    """Behaviour 12, 13, 16: algorithm, key id, critical extensions and type are as they must be."""
    assert refusal(ask(api, forge.token(flaw))) == INVALID


@rows(CLAIMS)
def test_a_flawed_claim_is_refused(api: Client, forge: Forge, flaw: dict[str, Any]) -> None:
    """Behaviour 14, 15: audience, issuer, times, subject, client and family are as they must be."""
    assert refusal(ask(api, forge.token({}, flaw))) == INVALID


@rows(TIMES)
def test_an_expiry_that_is_no_integer_is_refused(api: Client, forge: Forge, flaw: Any) -> None:
    """Behaviour 15: exp is an integer, though PyJWT accepts more."""
    assert refusal(ask(api, forge.token({}, {"exp": flaw}))) == INVALID


@pytest.mark.parametrize("name", ["nbf", "iat"])
@rows(PAST)
def test_a_time_that_is_no_integer_is_refused(api: Client, forge: Forge, name: str, flaw: Any) -> None:
    """Behaviour 15: nbf and iat are integers, though PyJWT accepts more."""
    assert refusal(ask(api, forge.token({}, {name: flaw}))) == INVALID


@rows(FORGERIES)
def test_a_forged_token_is_refused(api: Client, forge: Forge, flaw: Callable[[Forge], str]) -> None:
    """Behaviour 12: nothing but the stage's own RS256 signature over JSON objects counts."""
    assert refusal(ask(api, flaw(forge))) == INVALID


@rows(DAMAGE)
def test_a_damaged_token_is_refused(api: Client, forge: Forge, flaw: Callable[[str], str]) -> None:
    """Behaviour 19: a token is valid only in the exact form in which it was issued."""
    assert refusal(ask(api, flaw(forge.token()))) == INVALID
