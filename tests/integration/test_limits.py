"""What AWS's DynamoDB Local refuses and an emulator in memory lets pass: never a 500."""

from decimal import Decimal
from typing import Any

import pytest

import app as application
from chalicelib.db.attributes import DecimalAttribute
from chalicelib.db.table import Item, connection
from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.users.models import User
from tests.http import Answer, Client, InProcess
from tests.support import SignIn, TokenFor, confirmed, replace

pytestmark = pytest.mark.integration

TOKEN = "/auth/oauth2/token"
LONGEST = "\ufdfa"  # one character that NFKC makes 18 of
HUGE = int("9" * 39)  # DynamoDB's numbers have 38 digits
SURNAME = "correct horse battery"


@pytest.fixture
def api(table: None) -> Client:
    """A client in this thread."""
    return Client(InProcess(application.app))


def sign_up(api: Client, **fields: Any) -> Answer:
    """Sign up with some fields replaced."""
    body = {"username": "ada", "email": "ada@test.example", "password": "analytical engine"}
    return api("POST", "/api/v1/users", data={**body, "recaptcha_key": "secret_key", **fields})


@pytest.mark.parametrize(
    "email",
    [
        f"{LONGEST * 100}@test.example",
        f"{LONGEST * 107}@test.example",
        f"{'ß' * 107}@test.example",
        f"a@{LONGEST * 40}.example",
    ],
    ids=["100 x 18", "107 x 18", "sharp s", "domain"],
)
def test_an_email_whose_key_would_be_too_long_is_stored_or_refused(email: str, api: Client) -> None:
    """Behaviour 50: a key may have 2,048 bytes; what folds to more is stored exactly, and once, or 4xx."""
    answer = sign_up(api, email=email)
    assert answer.status in (201, 422)
    if answer.status == 201:
        assert answer.json["email"] == email
        assert sign_up(api, username="grace", email=email.replace("ß", "ẞ")).status == 409


@pytest.mark.parametrize(
    "username",
    [LONGEST * 100, LONGEST * 200, LONGEST * 8000, "x" * 8192, "\x00", "a\x00b", "\U0010ffff" * 200, "\r\n"],
    ids=["100 x 18", "200 x 18", "8000 x 18", "long", "NUL", "NUL inside", "astral", "CRLF"],
)
def test_no_username_breaks_the_sign_in(username: str, api: Client, documentation: OAuth2Client) -> None:
    """Behaviour 50: any username is at worst an invalid grant, or too large for a body."""
    form = {"grant_type": "password", "client_id": "documentation", "username": username}
    answer = api("POST", TOKEN, form={**form, "password": SURNAME})
    refused = {(400, "invalid_grant"), (400, "invalid_request"), (413, "invalid_request")}
    assert (answer.status, answer.json["error"]) in refused


@pytest.mark.parametrize("number", [HUGE, -HUGE, 1e300, 1e-300, 0.1, 10**4000], ids=str)
@pytest.mark.parametrize("field", ["username", "email", "password", "first_name", "is_active", "id"])
def test_numbers_beyond_dynamodb_are_refused(field: str, number: float, api: Client) -> None:
    """Behaviour 50: floats and more than 38 digits are 4xx in every field."""
    assert 400 <= sign_up(api, **{field: number}).status < 500


@pytest.mark.parametrize(
    "number", ["0.1", "-0.00", "1000000000000000000", f"-{'9' * 19}.{'9' * 18}", "1e-18"]
)
def test_a_decimal_is_stored_exactly(table: None, number: str) -> None:
    """Every digit comes back: no part of the way is a double."""
    client, kind = connection().connection.client, DecimalAttribute()
    key = {"pk": {"S": "PRICE"}, "sk": {"S": "PRICE"}}
    raw = {**key, "price": {"N": kind.serialize(Decimal(number))}}
    client.put_item(TableName=Item.Meta.table_name, Item=raw)
    found = client.get_item(TableName=Item.Meta.table_name, Key=key)["Item"]
    assert kind.deserialize(found["price"]["N"]) == Decimal(number)


@pytest.mark.parametrize("value", [HUGE, "\x00", "a\r\nb", LONGEST * 30, LONGEST * 31, "x" * 60_000, ["x"]])
@pytest.mark.parametrize("path", ["/first_name", "/email", "/is_active"])
def test_patched_values_are_stored_exactly_or_refused(
    path: str, value: Any, api: Client, user: User, token_for: TokenFor
) -> None:
    """Behaviour 50: NUL, CRLF, wide characters, 60 KB and numbers come back as they are, or 4xx."""
    token, url = token_for(user), f"/api/v1/users/{user.id}"
    answer = api("PATCH", url, token=token, data=confirmed(SURNAME, replace(path, value)))
    assert answer.status == 200 or 400 <= answer.status < 500
    if answer.status == 200:
        assert api("GET", url, token=token).json[path[1:]] == value


@pytest.mark.parametrize("length", [1000, 2048, 2049, 3_000])
def test_the_largest_client_stays_below_an_items_limit(
    length: int, api: Client, user: User, token_for: TokenFor
) -> None:
    """Behaviour 50: an item may have 400 KB; 20 redirect URIs of any length are stored exactly or 4xx."""
    token = token_for(user)
    uris = [f"https://app.test/{number:02}".ljust(length, "x") for number in range(20)]
    answer = api("POST", "/api/v1/auth/oauth2_clients", token=token, data={"redirect_uris": uris})
    assert answer.status in (201, 422)
    if answer.status == 201:
        client = f"/api/v1/auth/oauth2_clients/{answer.json['client_id']}"
        assert api("GET", client, token=token).json["redirect_uris"] == uris


@pytest.mark.parametrize("part", ["x" * 3000, "\x00", "%00", LONGEST * 100, "9" * 39, "-1"])
@pytest.mark.parametrize("path", ["/api/v1/users/{}", "/api/v1/teams/{}", "/api/v1/auth/oauth2_clients/{}"])
def test_no_id_in_a_path_reaches_a_key(
    path: str, part: str, api: Client, admin: User, token_for: TokenFor
) -> None:
    """Behaviour 50: an id that can name nothing is not found."""
    assert api("GET", path.format(part), token=token_for(admin)).status == 404


@pytest.mark.parametrize("value", [HUGE, "x" * 3000, "\x00", "", LONGEST * 100, None, {}])
def test_no_member_reaches_a_key(value: Any, api: Client, user: User, token_for: TokenFor) -> None:
    """Behaviour 50: a user_id that can name nobody is refused."""
    token = token_for(user)
    team = api("POST", "/api/v1/teams", token=token, data={"title": "Engines"}).json["id"]
    answer = api("POST", f"/api/v1/teams/{team}/members", token=token, data={"user_id": value})
    assert answer.status == 422


@pytest.mark.parametrize("token", ["x" * 8192, "\x00", f"{'Z' * 26}.{'Z' * 26}.{'x' * 43}", LONGEST * 400])
@pytest.mark.parametrize("path", [TOKEN, "/auth/oauth2/revoke"])
def test_no_refresh_token_reaches_a_key(
    path: str, token: str, api: Client, user: User, sign_in: SignIn
) -> None:
    """Behaviour 50: a made-up token is invalid_grant, and nothing to revoke."""
    form = {"client_id": "documentation", "grant_type": "refresh_token", "refresh_token": token}
    answer = api("POST", path, form={**form, "token": token})
    assert answer.status == (400 if path == TOKEN else 200)


@pytest.mark.parametrize("client_id", ["x" * 64, "x" * 3000, "\x00", LONGEST * 100, "é"])
def test_no_client_id_breaks_client_authentication(client_id: str, api: Client) -> None:
    """Behaviour 50: a client that cannot be is unknown."""
    form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": "s"}
    assert api("POST", TOKEN, form=form).status == 401
