"""Secrets and tokens of OAuth2 clients: rotation with an overlap, and what ends with a client."""

import time
from types import SimpleNamespace

import pytest

from chalicelib.oauth.clients import authenticate
from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.oauth.clients.schemas import MAX_OVERLAP
from chalicelib.users.models import User
from tests.conftest import PASSWORD, SECRET
from tests.http import Answer, Client
from tests.support import MakeClient, SignIn, TokenFor, confirmed, dump_table, replace, stored

PATH = "/api/v1/auth/oauth2_clients/mine"


@pytest.fixture
def mine(make_client: MakeClient, user: User) -> OAuth2Client:
    """A confidential client of the user's, with SECRET."""
    return make_client("mine", user)


def get_token(api: Client, secret: str) -> Answer:
    """Ask for a token by client_credentials."""
    return api(
        "POST", "/auth/oauth2/token", form={"grant_type": "client_credentials"}, basic=("mine", secret)
    )


def rotate(api: Client, token: str) -> str:
    """Make a new secret."""
    answer = api("POST", f"{PATH}/secret", token=token)
    assert answer.status == 200
    return str(answer.json["client_secret"])


@pytest.mark.parametrize(("rotations", "valid"), [(0, [1]), (1, [1, 1]), (2, [0, 1, 1]), (3, [0, 0, 1, 1])])
def test_the_two_latest_secrets_are_valid(
    *, api: Client, user: User, mine: OAuth2Client, token_for: TokenFor, rotations: int, valid: list[int]
) -> None:
    """Behaviour 11: two secrets overlap during rotation, never three."""
    token = token_for(user)
    known = [SECRET, *(rotate(api, token) for _ in range(rotations))]
    assert [int(get_token(api, secret).status == 200) for secret in known] == valid


def test_the_overlap_ends(
    api: Client, user: User, mine: OAuth2Client, token_for: TokenFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rotation keeps the old secret valid for an overlap, and no longer."""
    fresh, later = rotate(api, token_for(user)), time.time() + MAX_OVERLAP + 1
    monkeypatch.setattr(authenticate, "time", SimpleNamespace(time=lambda: later))
    assert [get_token(api, secret).status for secret in (SECRET, fresh)] == [401, 200]


def test_an_overlap_of_0_ends_the_secret_at_once(
    api: Client, user: User, mine: OAuth2Client, token_for: TokenFor
) -> None:
    """After a leak, one rotation invalidates both earlier secrets."""
    token = token_for(user)
    first = rotate(api, token)
    second = api("POST", f"{PATH}/secret?overlap=0", token=token).json["client_secret"]
    assert [get_token(api, secret).status for secret in (SECRET, first, second)] == [401, 401, 200]


@pytest.mark.parametrize("overlap", [1, 600, MAX_OVERLAP])
def test_the_overlap_can_be_chosen(
    *,
    api: Client,
    user: User,
    mine: OAuth2Client,
    token_for: TokenFor,
    monkeypatch: pytest.MonkeyPatch,
    overlap: int,
) -> None:
    """The previous secret is valid until then."""
    start = int(time.time())
    assert api("POST", f"{PATH}/secret?overlap={overlap}", token=token_for(user)).status == 200
    end = int(time.time()) + overlap
    found = []
    for moment in (start + overlap - 0.5, end):
        monkeypatch.setattr(authenticate, "time", SimpleNamespace(time=lambda moment=moment: moment))
        found.append(get_token(api, SECRET).status)
    assert found == [200, 401]


@pytest.mark.parametrize("overlap", ["-1", str(MAX_OVERLAP + 1), "", "x", "1.5", "0&overlap=1"])
def test_an_overlap_that_cannot_be_rotates_nothing(
    api: Client, user: User, mine: OAuth2Client, token_for: TokenFor, overlap: str
) -> None:
    """From 0 to a day, in seconds; the parameter is named."""
    before = stored()
    answer = api("POST", f"{PATH}/secret?overlap={overlap}", token=token_for(user))
    assert (answer.status, answer.json["errors"][0]["parameter"]) == (422, "overlap")
    assert stored() == before


def test_a_rotated_secret_is_stored_as_a_hash(
    api: Client, user: User, mine: OAuth2Client, token_for: TokenFor
) -> None:
    """Behaviour 11, 28: the table never holds a secret."""
    assert rotate(api, token_for(user)) not in repr(dump_table())


def test_a_public_client_has_no_secret_to_rotate(
    api: Client, user: User, make_client: MakeClient, token_for: TokenFor
) -> None:
    """Public clients have no secret."""
    make_client("open", user, client_type="public", grant_types=["refresh_token"])
    answer = api("POST", "/api/v1/auth/oauth2_clients/open/secret", token=token_for(user))
    assert (answer.status, "client_secret" in answer.json) == (409, False)


def test_deleting_a_client_ends_its_tokens(
    api: Client, user: User, mine: OAuth2Client, token_for: TokenFor
) -> None:
    """Its access tokens end at once, and its secret gets no other."""
    theirs = get_token(api, SECRET).json["access_token"]
    before = api("GET", "/api/v1/users/me", token=theirs).status
    deleted = api("DELETE", PATH, token=token_for(user)).status
    after = api("GET", "/api/v1/users/me", token=theirs).status
    assert (before, deleted, after, get_token(api, SECRET).status) == (200, 204, 401, 401)


def test_deleting_a_client_ends_its_refresh_tokens(
    api: Client, admin: User, user: User, sign_in: SignIn, token_for: TokenFor
) -> None:
    """DELETE of the client that a user signed in with ends that sign-in."""
    tokens = sign_in()
    api("DELETE", "/api/v1/auth/oauth2_clients/documentation", token=token_for(admin))
    form = {"grant_type": "refresh_token", "client_id": "documentation"}
    answer = api("POST", "/auth/oauth2/token", form={**form, "refresh_token": tokens["refresh_token"]})
    assert (answer.status, api("GET", "/api/v1/users/me", token=tokens["access_token"]).status) == (401, 401)


def test_a_scope_that_a_client_loses_is_lost_to_its_tokens(
    api: Client, user: User, mine: OAuth2Client, token_for: TokenFor
) -> None:
    """A token is limited to its client's current scopes."""
    theirs = get_token(api, SECRET).json["access_token"]
    api("PATCH", PATH, token=token_for(user), data=[replace("/default_scopes", ["teams:read"])])
    statuses = [api("GET", place, token=theirs).status for place in ("/api/v1/users/me", "/api/v1/teams")]
    assert statuses == [403, 200]


def test_a_deleted_client_is_not_counted(
    api: Client, user: User, mine: OAuth2Client, make_client: MakeClient, token_for: TokenFor
) -> None:
    """X-Total-Count is exact."""
    make_client("second", user)
    token = token_for(user)
    api("DELETE", PATH, token=token)
    answer = api("GET", f"/api/v1/auth/oauth2_clients?user_id={user.id}", token=token)
    assert ([found["client_id"] for found in answer.json], answer.headers["x-total-count"]) == (
        ["second"],
        "1",
    )


def test_the_owners_end_is_the_clients_end(
    api: Client, admin: User, user: User, mine: OAuth2Client, token_for: TokenFor
) -> None:
    """Behaviour 18: a client acts for its owner, and no longer once the owner is disabled."""
    theirs = get_token(api, SECRET).json["access_token"]
    operations = confirmed(PASSWORD, replace("/is_active", False))
    api("PATCH", f"/api/v1/users/{user.id}", token=token_for(admin), data=operations)
    again = get_token(api, SECRET).status
    assert (api("GET", "/api/v1/users/me", token=theirs).status, again >= 400) == (401, True)
