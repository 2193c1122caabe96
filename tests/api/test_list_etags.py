"""Weak ETags of lists, and If-None-Match beyond GET."""

import re

import pytest

from chalicelib.users.models import User
from chalicelib.web.headers import IF_MATCH
from tests.architecture.source import ROOT
from tests.http import Client
from tests.repeating import documented
from tests.support import TokenFor, replace

TEAMS = "/api/v1/teams"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_list_that_is_known_is_not_sent_again(
    api: Client, user: User, token_for: TokenFor, method: str
) -> None:
    """Behaviour 47: 304 with the ETag and without a body, until the list changes."""
    token = token_for(user)
    api("POST", TEAMS, token=token, data={"title": "Engines"})
    tag = api("GET", TEAMS, token=token).headers["etag"]
    assert tag.startswith('W/"')
    for known in (tag, tag.removeprefix("W/"), f'"1", {tag}', "*"):
        answer = api(method, TEAMS, token=token, headers={"If-None-Match": known})
        assert (answer.status, answer.body, answer.headers["etag"]) == (304, b"", tag)
    api("POST", TEAMS, token=token, data={"title": "Looms"})
    changed = api(method, TEAMS, token=token, headers={"If-None-Match": tag})
    assert (changed.status, changed.headers["etag"] != tag) == (200, True)


def test_a_total_that_changes_changes_the_tag(api: Client, user: User, token_for: TokenFor) -> None:
    """A page that looks the same may have another total or another next page."""
    token = token_for(user)
    tags = []
    for title in ("Engines", "Looms", "Mills"):
        api("POST", TEAMS, token=token, data={"title": title})
        tags.append(api("GET", f"{TEAMS}?limit=1", token=token).headers["etag"])
    assert len(set(tags)) == len(tags)


@pytest.mark.parametrize(
    "condition",
    ["*", '"{}"', 'W/"{}"', '"0", "{}"', "{}", '"{}', '"0", ' * 1700 + '"{}"'],
    ids=["any", "strong", "weak", "list", "bare", "unfinished", "too long"],
)
def test_a_write_with_the_present_version_in_if_none_match_is_412(
    api: Client, user: User, token_for: TokenFor, condition: str
) -> None:
    """Behaviour 47: a match means that nothing is done (RFC 9110 §13.1.2), and so does what is no list."""
    token = token_for(user)
    path = f"{TEAMS}/{api('POST', TEAMS, token=token, data={'title': 'Engines'}).json['id']}"
    version = api("GET", path, token=token).headers["etag"].strip('"')
    headers = {"If-None-Match": condition.format(version)}
    patch = [replace("/title", "Looms")]
    assert api("PATCH", path, token=token, data=patch, headers=headers).status == 412
    assert api("DELETE", path, token=token, headers=headers).status == 412
    assert api("GET", path, token=token).json["title"] == "Engines"
    other = {"If-None-Match": '"999"'}
    assert api("PATCH", path, token=token, data=patch, headers=other).status == 200


def test_the_table_of_if_match_holds_every_write_that_heeds_it() -> None:
    """docs/conditional.md says of each whose version it is."""
    text = (ROOT / "docs" / "conditional.md").read_text("utf-8")
    rows = re.findall(r"^\| (`\w+_.*?) \|", text, re.MULTILINE)
    told = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert told == {each.name for each in documented() if IF_MATCH in each.headers}
