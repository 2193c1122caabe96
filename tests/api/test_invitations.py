"""Invitations: by letter, to an address, with or without an account; and every end that they come to."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

import app as application
from chalicelib.db import keys
from chalicelib.invitations import actions
from chalicelib.invitations.models import Invitation
from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.privacy.actions import clean_up
from chalicelib.security.links import token_of
from chalicelib.settings import ADMINS, Settings
from chalicelib.teams.models import Member, Team
from chalicelib.users.models import User
from tests.acting import add_member, create_team, delete_team, remove_member
from tests.api.account_tools import Mail
from tests.api.code_tools import Browser
from tests.api.oauth_tools import at_call
from tests.conftest import PASSWORD
from tests.faults import WRITES, Killed, killed_before_write, wire
from tests.http import Answer, Client
from tests.support import NOBODY, MakeUser, TokenFor, dump_table, items_naming

pytestmark = pytest.mark.in_process("reads letters from events")
MINE, PAGE, API = "/api/v1/users/me/invitations", "/account/invitation", "/api/v1/account/invitation"
GUEST = "ada@test.example"


@pytest.fixture
def mail(monkeypatch: pytest.MonkeyPatch, documentation: OAuth2Client) -> Mail:
    """The letters that are written."""
    mail = Mail()
    monkeypatch.setattr(application.api, "listeners", (*application.api.listeners, mail))
    return mail


@pytest.fixture
def team(user: User) -> Team:
    """A team that the user leads."""
    return create_team("Engines <b>", user.id, user.username)


@pytest.fixture
def ada(make_user: MakeUser) -> User:
    """The account that has the address."""
    return make_user("ada")


class Inviter:
    """Invites by the leader's token."""

    def __init__(self, api: Client, token: str, team: Team, mail: Mail) -> None:
        self.api = api
        self.token = token
        self.path = f"/api/v1/teams/{team.id}/invitations"
        self.mail = mail

    def invite(self, email: Any = GUEST) -> Answer:
        """Invite an address."""
        return self.api("POST", self.path, token=self.token, data={"email": email})

    def link(self, email: str = GUEST) -> str:
        """Invite an address, and return what opens the link in the letter."""
        assert self.invite(email).status == 201
        return self.mail.token("invitation")

    def show(self) -> list[Any]:
        """List the open ones."""
        found: list[Any] = self.api("GET", self.path, token=self.token).json
        return found


@pytest.fixture
def leader(api: Client, user: User, team: Team, mail: Mail, token_for: TokenFor) -> Inviter:
    """The leader of the team."""
    return Inviter(api, token_for(user), team, mail)


def use(api: Client, token: str, decision: str = "accept") -> int:
    """Use a link over the API."""
    return api("POST", API, data={"token": token, "decision": decision}).status


def is_member(team: Team, user: User) -> bool:
    """Whether somebody is a member."""
    return bool(items_naming(f"MEMBER#{user.id}"))


def test_an_invitation_is_sent_and_shown(leader: Inviter, user: User, team: Team) -> None:
    """The leader sees it; the letter goes to the address, with its link, the team and who invites."""
    made = leader.invite("Ada@test.example")
    assert made.headers["location"].endswith(f"{leader.path}/{made.json['id']}")
    assert leader.show() == [made.json]
    assert {**made.json, "created": ""} == {
        "id": made.json["id"],
        "email": "Ada@test.example",
        "inviter_id": user.id,
        "created": "",
    }
    (event,) = leader.mail.events
    assert event.letter is not None
    assert (event.user_id, event.letter.to) == (None, "Ada@test.example")
    assert dict(event.letter.values) == {"team": team.title, "inviter": "user"}


def test_nothing_tells_whether_there_is_an_account(
    api: Client, leader: Inviter, ada: User, round_trips: list[str]
) -> None:
    """The answers differ in what the caller sent, and in the id; the work is the same."""
    seen = []
    for email in (GUEST, "bob@test.example"):
        round_trips.clear()
        answer = leader.invite(email)
        body = answer.body.decode().replace(email, "").replace(answer.json["id"], "")
        headers = {k: v.replace(answer.json["id"], "") for k, v in answer.headers.items()}
        seen.append((answer.status, body.split('"created"')[0], sorted(headers), list(round_trips)))
    assert seen[0] == seen[1]


def test_who_opens_the_letter_accepts(api: Client, leader: Inviter, team: Team, ada: User) -> None:
    """Once: the account that has the address is a member then, and leads nothing."""
    token = leader.link()
    assert (use(api, token), is_member(team, ada), use(api, token)) == (204, True, 410)
    assert (leader.show(), Team.get(*team.key).member_count, Team.get(*team.key).leader_count) == ([], 2, 1)
    assert "member_addition" in leader.mail.names


def test_who_has_no_account_signs_up_first(
    api: Client, leader: Inviter, team: Team, make_user: MakeUser
) -> None:
    """409, and the link still works afterwards."""
    token = leader.link()
    assert use(api, token) == 409
    ada = make_user("ada")
    assert (use(api, token), is_member(team, ada)) == (204, True)


def test_it_may_be_declined(api: Client, leader: Inviter, team: Team, ada: User) -> None:
    """Nobody is a member of a team who did not want to be."""
    token = leader.link()
    assert (use(api, token, "decline"), use(api, token), is_member(team, ada)) == (204, 410, False)
    assert leader.show() == []


def test_members_who_accept_stay_what_they_are(api: Client, leader: Inviter, team: Team, ada: User) -> None:
    """Accepting twice, or what came too late, does no harm."""
    token = leader.link()
    add_member(team, ada, is_leader=True)
    assert (use(api, token), use(api, token)) == (204, 410)
    assert (Team.get(*team.key).member_count, Team.get(*team.key).leader_count) == (2, 2)


def damaged(token: str) -> str:
    """A token with another last character but one."""
    return token[:-2] + ("A" if token[-2] != "A" else "B") + token[-1]


def test_links_that_do_not_work_change_nothing(
    api: Client, leader: Inviter, team: Team, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a newer one, withdrawn, with one character changed, made up, too late, of a deleted team."""
    older, token = leader.link(), leader.link()
    other = leader.link("bob@test.example")
    made = leader.show()[-1]
    assert api("DELETE", f"{leader.path}/{made['id']}", token=leader.token).status == 204
    unknown = token_of(application.api.keystore.keyring(), NOBODY)
    before = dump_table()
    for bad in (older, other, damaged(token), token[:-1], unknown, ""):
        assert (use(api, bad), api("GET", f"{PAGE}?token={bad}").status) == (410, 410)
    with monkeypatch.context() as patch:
        patch.setattr("time.time", lambda now=time.time: now() + actions.LIFETIME)
        assert use(api, token) == 410
    assert dump_table() == before
    delete_team(Team.get(*team.key))
    assert (use(api, token), is_member(team, ada)) == (410, False)


def test_looking_at_a_link_changes_nothing(api: Client, leader: Inviter, ada: User) -> None:
    """GET and HEAD, as scanners of mail do it."""
    token = leader.link()
    before = dump_table()
    for method in ("GET", "HEAD", "GET"):
        assert api(method, f"{PAGE}?token={token}").status == 200
    assert dump_table() == before


def test_the_page_shows_and_takes_the_answer(api: Client, leader: Inviter, team: Team, ada: User) -> None:
    """Who invites to what, escaped; then a form without scripts that adds the member."""
    browser = Browser(api)
    page = browser.send("GET", f"{PAGE}?token={leader.link()}")
    assert (page.status, b"Engines &lt;b&gt;" in page.body, b"<script" in page.body) == (200, True, False)
    fields = browser.page.fields
    assert browser.send("POST", PAGE, form={**fields, "decision": ""}).status == 422
    assert browser.send("POST", PAGE, form={**fields, "ticket": "x", "decision": "accept"}).status == 403
    assert not is_member(team, ada)
    assert browser.send("POST", PAGE, form={**fields, "decision": "accept"}).status == 200
    assert is_member(team, ada)


def test_the_page_asks_to_sign_up_first(api: Client, leader: Inviter) -> None:
    """And declining works without an account."""
    browser = Browser(api)
    browser.send("GET", f"{PAGE}?token={leader.link()}")
    fields = browser.page.fields
    assert browser.send("POST", PAGE, form={**fields, "decision": "accept"}).status == 409
    assert browser.send("POST", PAGE, form={**fields, "decision": "decline"}).status == 200
    assert leader.show() == []


def test_a_signed_in_person_answers_without_the_letter(
    api: Client, leader: Inviter, team: Team, ada: User, token_for: TokenFor
) -> None:
    """What there is for the confirmed address; of others 404."""
    token = token_for(ada)
    leader.invite("ADA@test.example")
    leader.invite("bob@test.example")
    (found,) = api("GET", MINE, token=token).json
    assert found["team"] == {"id": team.id, "title": team.title}
    (other,) = [each["id"] for each in leader.show() if each["id"] != found["id"]]
    for method in ("POST", "DELETE"):
        assert api(method, f"{MINE}/{other}", token=token).status == 404
    assert api("POST", f"{MINE}/{found['id']}", token=token).status == 204
    assert (is_member(team, ada), api("GET", MINE, token=token).json) == (True, [])
    assert api("POST", f"{MINE}/{found['id']}", token=token).status == 404


def test_an_address_that_is_not_confirmed_gets_nothing(
    api: Client, leader: Inviter, make_user: MakeUser, token_for: TokenFor
) -> None:
    """Anybody may sign up with it; only the letter proves whose it is."""
    ada = make_user("ada", is_email_verified=False)
    found = leader.invite().json
    token = token_for(ada)
    assert api("GET", MINE, token=token).json == []
    assert api("POST", f"{MINE}/{found['id']}", token=token).status == 404
    exported = api("GET", "/api/v1/users/me/export", token=token).json
    assert [each for each in exported if each["kind"] in {"invitation", "letter"}] == []


def test_a_letter_accepts_for_no_account_that_has_not_confirmed_the_address(
    api: Client, leader: Inviter, team: Team, make_user: MakeUser
) -> None:
    """Behaviour 70: a stranger may have signed up first. 409, and the link works once it is confirmed."""
    ada = make_user("ada", is_email_verified=False)
    token = leader.link()
    assert (use(api, token), is_member(team, ada)) == (409, False)
    ada.update([User.is_email_verified.set(True)])
    assert (use(api, token), is_member(team, ada)) == (204, True)


def test_erasing_a_stranger_leaves_what_was_sent_to_the_address(
    api: Client, leader: Inviter, make_user: MakeUser, token_for: TokenFor
) -> None:
    """An account that never confirmed its address takes nothing with it that others sent there."""
    ada = make_user("ada", is_email_verified=False)
    leader.invite()
    path = f"/api/v1/users/{ada.id}"
    assert api("DELETE", path, token=token_for(ada), data={"current_password": PASSWORD}).status == 204
    while clean_up(timedelta(0)):
        pass
    assert [each["email"] for each in leader.show()] == [GUEST]


def test_an_invitation_of_another_team_is_not_withdrawn(
    api: Client, leader: Inviter, user: User, token_for: TokenFor
) -> None:
    """Its path has to name its team."""
    other = create_team("Looms", user.id, "user")
    made = leader.invite().json
    path = f"/api/v1/teams/{other.id}/invitations/{made['id']}"
    assert (api("DELETE", path, token=leader.token).status, len(leader.show())) == (404, 1)


def test_a_team_has_so_many_open_invitations(leader: Inviter, monkeypatch: pytest.MonkeyPatch) -> None:
    """409 above; one that is sent again is none more."""
    monkeypatch.setattr(actions, "MAX_OPEN", 2)
    statuses = [leader.invite(f"{name}@test.example").status for name in ("a", "b", "c", "a")]
    assert statuses == [201, 201, 409, 201]


def test_an_address_gets_so_many_letters(
    api: Client, leader: Inviter, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    """429, whoever invites it, in whatever spelling."""
    monkeypatch.setattr(application.api, "settings", replace(settings, rate_limit_factor=1))
    statuses = [leader.invite(email).status for email in [GUEST] * 4 + ["ADA@test.example", GUEST]]
    assert statuses == [201] * 5 + [429]


def test_a_leader_who_is_removed_at_that_moment_invites_nobody(
    api: Client, leader: Inviter, user: User, team: Team, make_user: MakeUser
) -> None:
    """The membership is a condition of the invitation."""
    add_member(team, make_user("other"), is_leader=True)
    member = Member.get(*keys.member(team.id, user.id))
    with at_call("TransactWriteItems", lambda: remove_member(Team.get(*team.key), member)):
        assert leader.invite().status == 403
    assert items_naming(GUEST) == []


@pytest.mark.parametrize("number", range(2))
@pytest.mark.parametrize("step", ["invite", "accept", "decline"])
def test_a_flow_that_is_killed_is_done_or_not(
    *, api: Client, leader: Inviter, team: Team, ada: User, step: str, number: int
) -> None:
    """Each is one write: before it nothing has happened, and it is simply done again."""
    token = leader.link() if step != "invite" else ""
    answer = partial(use, api, token, step)
    flow: Callable[[], int] = (lambda: leader.invite().status) if step == "invite" else answer
    before = dump_table()
    try:
        with wire(killed_before_write(number)) as sent:
            status = flow()
    except Killed:
        assert dump_table() == before
        status = flow()
    assert status == (201 if step == "invite" else 204)
    assert len([each for each in sent if each.operation in WRITES]) == 1


def test_a_setting_reserves_adding_for_admins(
    *,
    api: Client,
    admin: User,
    leader: Inviter,
    team: Team,
    ada: User,
    token_for: TokenFor,
    monkeypatch: pytest.MonkeyPatch,
    settings: Settings,
) -> None:
    """DIRECT_MEMBERS=admins: leaders invite instead; `Allow` says so."""
    monkeypatch.setattr(application.api, "settings", replace(settings, direct_members=ADMINS))
    path = f"/api/v1/teams/{team.id}/members"
    data = {"user_id": ada.id}
    assert api("POST", path, token=leader.token, data=data).status == 403
    assert "POST" not in api("OPTIONS", path, token=leader.token).headers["allow"]
    assert (leader.invite().status, api("POST", path, token=token_for(admin), data=data).status) == (201, 201)


def test_an_erased_account_leaves_no_invitation(
    api: Client, leader: Inviter, ada: User, token_for: TokenFor
) -> None:
    """Neither to its address, nor in its export before that."""
    leader.invite()
    exported = api("GET", "/api/v1/users/me/export", token=token_for(ada)).json
    assert [each["item"]["email"] for each in exported if each["kind"] == "invitation"] == [GUEST]
    path = f"/api/v1/users/{ada.id}"
    assert api("DELETE", path, token=token_for(ada), data={"current_password": PASSWORD}).status == 204
    while clean_up(timedelta(0)):
        pass
    assert (items_naming(GUEST), leader.show()) == ([], [])


def test_expired_ones_are_not_shown(
    api: Client, leader: Inviter, ada: User, token_for: TokenFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TTL may sweep them days later; inviting again works at once."""
    made = leader.invite().json
    key = keys.invited(keys.digest_of(GUEST), leader.path.split("/")[4])
    Invitation.get(*key).update([Invitation.expires_at.set(1)])
    assert (leader.show(), api("GET", MINE, token=token_for(ada)).json) == ([], [])
    assert api("POST", f"{MINE}/{made['id']}", token=token_for(ada)).status == 404
    assert (leader.invite().status, len(leader.show())) == (201, 1)
