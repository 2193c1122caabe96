"""The drill: what a table holds is exported, imported into another one, and served from there."""

import gzip
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chalicelib.db import keys
from chalicelib.db.table import get_many
from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.oauth.tokens.models import TokenFamily
from chalicelib.users.models import User
from tasks.data import copy
from tasks.data.check import check
from tests.api.code_tools import Browser, query_of
from tests.api.oauth_tools import error_of, families, let_pass, me, password, refresh
from tests.conftest import PASSWORD, SECRET
from tests.http import Client
from tests.support import OAUTH2_CLIENTS, SignIn, TokenFor, dump_table, expect, replace
from tests.tasks.data_tools import other_table, restored

INVALID = (400, "invalid_grant")


@pytest.fixture
def before(
    api: Client, user: User, documentation: OAuth2Client, sign_in: SignIn, tmp_path: Path
) -> Iterator[dict[str, Any]]:
    """Live, revoked and used tokens from before the move to another table."""
    tokens = {name: sign_in() for name in ("live", "revoked", "rotated", "expired", "ended")}
    rotated = refresh(api, tokens["rotated"]["refresh_token"]).json
    for name, kind in (("revoked", "access_token"), ("ended", "refresh_token")):
        form = {"client_id": "documentation", "token": tokens[name][kind]}
        assert api("POST", "/auth/oauth2/revoke", form=form).status == 200
    _expire(user, tokens["expired"]["refresh_token"])
    with restored(tmp_path):
        yield {**tokens, "successor": rotated}


def _expire(user: User, token: str) -> None:
    (family,) = [each for each in families(user) if each.family_id == token.split(".")[1]]
    family.update([TokenFamily.absolute_until.set(int(time.time()) - 1)])


def test_tokens_that_live_live_on(api: Client, before: dict[str, Any]) -> None:
    """Behaviour 66: nobody has to sign in again, and refresh tokens go on."""
    assert me(api, before["live"]["access_token"]) == 200
    fresh = refresh(api, before["live"]["refresh_token"]).json
    assert me(api, fresh["access_token"]) == 200


def test_revoked_tokens_stay_revoked(api: Client, before: dict[str, Any]) -> None:
    """Behaviour 66: by the denylist, by their family, and by both."""
    assert me(api, before["revoked"]["access_token"]) == 401
    assert me(api, before["ended"]["access_token"]) == 401
    assert error_of(refresh(api, before["ended"]["refresh_token"])) == INVALID


def test_expired_tokens_stay_expired(api: Client, before: dict[str, Any]) -> None:
    """Behaviour 66, 25: expiry comes along."""
    assert error_of(refresh(api, before["expired"]["refresh_token"])) == INVALID


def test_used_tokens_end_their_family(api: Client, before: dict[str, Any]) -> None:
    """Behaviour 66, 21: a refresh token that was used before the export counts as used afterwards."""
    assert me(api, before["successor"]["access_token"]) == 200
    let_pass(before["rotated"]["refresh_token"])
    assert error_of(refresh(api, before["rotated"]["refresh_token"])) == INVALID
    assert error_of(refresh(api, before["successor"]["refresh_token"])) == INVALID
    assert me(api, before["successor"]["access_token"]) == 401


def test_people_and_services_sign_in(api: Client, before: dict[str, Any], service: OAuth2Client) -> None:
    """Behaviour 66: by password, and by a client's secret."""
    assert password(api, "user", PASSWORD).status == 200
    assert error_of(password(api, "user", "another password")) == INVALID
    form = {"grant_type": "client_credentials"}
    assert api("POST", "/auth/oauth2/token", form=form, basic=("service", SECRET)).status == 200


def _state(api: Client, token: str, user: User) -> dict[str, Any]:
    """What the API shows: totals of each list, and an ETag."""
    lists = (
        "/api/v1/users",
        "/api/v1/teams",
        f"{OAUTH2_CLIENTS}?user_id={user.id}",
        "/api/v1/users/me/grants",
    )
    answers = {path: api("GET", path, token=token) for path in lists}
    me = api("GET", "/api/v1/users/me", token=token)
    return {
        **{path: (answer.json, answer.headers["x-total-count"]) for path, answer in answers.items()},
        "me": (me.json, me.headers["etag"]),
    }


def test_counts_and_versions_are_the_same(
    api: Client, admin: User, token_for: TokenFor, app: OAuth2Client, tmp_path: Path
) -> None:
    """Behaviour 66: totals are exact, also after the next write; ETags of before hold back as before."""
    token = token_for(admin)
    for title in ("Engines", "Looms"):
        team = api("POST", "/api/v1/teams", token=token, data={"title": title}).json
    patch = [replace("/first_name", "Ada")]
    api("PATCH", f"/api/v1/users/{admin.id}", token=token, data=patch)
    browser = Browser(api)
    browser.open(**query_of())
    browser.submit("sign_in", username="admin", password=PASSWORD)
    browser.submit("allow")
    seen = _state(api, token, admin)
    with restored(tmp_path):
        assert _state(api, token, admin) == seen
        assert api("DELETE", f"/api/v1/teams/{team['id']}", token=token).status == 204
        assert api("GET", "/api/v1/teams", token=token).headers["x-total-count"] == "1"
        stale = api(
            "PATCH", f"/api/v1/users/{admin.id}", token=token, data=patch, headers={"If-Match": '"1"'}
        )
        assert stale.status == 412


@pytest.mark.parametrize("order", [("older", "newer"), ("newer", "older")])
def test_teams_are_found_by_their_last_titles(
    api: Client, admin: User, token_for: TokenFor, tmp_path: Path, order: tuple[str, str]
) -> None:
    """After an import and a merge, whichever of two exports comes first."""
    token = token_for(admin)
    team = api("POST", "/api/v1/teams", token=token, data={"title": "Engines"}).json["id"]
    copy.export(tmp_path / "older")
    patch = [replace("/title", "Looms")]
    assert api("PATCH", f"/api/v1/teams/{team}", token=token, data=patch).status == 200
    copy.export(tmp_path / "newer")
    with other_table():
        for name in order:
            copy.load(tmp_path / name, merge=True)
        assert check(say=lambda _: None)
        found = [api("GET", f"/api/v1/teams?title={title}", token=token).json for title in ("eng", "loo")]
    assert [len(each) for each in found] == [0, 1]


def test_the_last_admin_is_still_the_last(
    api: Client, admin: User, token_for: TokenFor, tmp_path: Path
) -> None:
    """Behaviour 66, 40: the rule that one admin remains is counted, and the count came along."""
    token = token_for(admin)
    demotion = [expect("/current_password", PASSWORD), replace("/is_admin", False)]
    with restored(tmp_path):
        assert api("PATCH", f"/api/v1/users/{admin.id}", token=token, data=demotion).status == 409


def test_an_export_holds_hashes_only(before: dict[str, Any], service: OAuth2Client, tmp_path: Path) -> None:
    """Behaviour 28, 66: no password, token or secret of a client is in the file."""
    path = tmp_path / "hashes.jsonl.gz"
    copy.export(path)
    kinds = ("access_token", "refresh_token")
    secrets = [PASSWORD, SECRET, *(pair[kind] for pair in before.values() for kind in kinds)]
    exported = gzip.decompress(path.read_bytes()).decode()
    assert [text for text in secrets if text in exported] == []


def test_the_other_table_holds_the_very_same_items(
    user: User, documentation: OAuth2Client, tmp_path: Path
) -> None:
    """Behaviour 66: attribute by attribute."""
    items = dump_table()
    with restored(tmp_path):
        assert dump_table() == items
        assert get_many([keys.user(user.id)]).keys() == {keys.user(user.id)}
