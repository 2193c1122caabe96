"""Erasure: access ends at once, and nothing that names the person remains, wherever it was stopped."""

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.db import keys
from chalicelib.jobs import clean_up as run_all
from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.privacy.actions import clean_up
from chalicelib.privacy.models import Erasure
from chalicelib.settings import Settings
from chalicelib.teams.models import Member, Team
from chalicelib.users.models import User
from tasks.data.check import check
from tests.acting import add_member, change_user, create_team
from tests.api.oauth_tools import at_call
from tests.api.rich import CANARIES, SOURCE, USERS, canaries_left, make_rich, sign_in
from tests.conftest import PASSWORD
from tests.faults import WRITES, Forward, Killed, Sent, Wired, killed_before_write, wire
from tests.http import SOURCE as ELSEWHERE
from tests.http import Answer, Client
from tests.log_tools import deployed_log
from tests.support import MakeUser, TokenFor, dump_table, items_naming

pytestmark = pytest.mark.in_process("cleans up in this process, while a server does so by itself")
AT_ONCE = timedelta(0)  # no request is running, and the index of these tests does not lag


def erase(api: Client, token: str, user: User, password: Any = PASSWORD, **more: Any) -> Answer:
    """Ask for an erasure."""
    return api("DELETE", f"{USERS}/{user.id}", token=token, data={"current_password": password}, **more)


def finish() -> None:
    """Clean up until there is nothing to do."""
    while clean_up(AT_ONCE):
        pass


def faults() -> list[str]:
    """What `db.check` says."""
    said: list[str] = []
    check(say=said.append)
    return said[:-1]


@pytest.fixture
def ada(
    *, api: Client, admin: User, user: User, app: OAuth2Client, make_user: MakeUser, token_for: TokenFor
) -> User:
    """An account with something of every kind."""
    return make_rich(api, admin=admin, user=user, make_user=make_user, token_for=token_for)


def test_nothing_that_names_the_person_remains(
    api: Client, ada: User, token_for: TokenFor, settings: Settings
) -> None:
    """Behaviour 67: twelve canaries in the table, its audit events, and the log."""
    token = token_for(ada)
    never = {"user agent", "wrong password", "e-mail address"}  # the last was replaced
    assert canaries_left() == CANARIES.keys() - never
    with deployed_log(settings) as log:
        assert erase(api, token, ada, source=SOURCE).status == 204
        finish()
    kinds = {item["kind"]["S"] for item in items_naming(ada.id)}
    assert (canaries_left(), kinds) == (set(), {"audit_event", "tally"})
    assert [name for name, text in CANARIES.items() if text in log.text] == []
    assert faults() == []


def test_access_ends_with_the_answer(api: Client, admin: User, ada: User, token_for: TokenFor) -> None:
    """Behaviour 67: 401 for its tokens, 404 for admins, and its names are free again."""
    token = token_for(ada)
    assert erase(api, token, ada).status == 204
    assert api("GET", f"{USERS}/me", token=token).status == 401
    assert api("GET", f"{USERS}/{ada.id}", token=token_for(admin)).status == 404
    assert sign_in(api, "canary-ada", PASSWORD).status == 400
    again = {"username": "canary-ada", "email": "canary-new@test.example", "password": "analytical engine"}
    assert api("POST", USERS, token=token_for(admin), data=again).status == 201
    finish()
    assert (sign_in(api, "canary-ada", "analytical engine").status, faults()) == (200, [])


@pytest.fixture
def writes(api: Client, ada: User, token_for: TokenFor) -> int:
    """How many writes an erasure of that account takes."""
    token = token_for(ada)
    with wire() as sent:
        erase(api, token, ada)
        finish()
    return len([call for call in sent if call.operation in WRITES])


MOST = 30


@pytest.mark.parametrize("stopped", range(MOST))
def test_killed_at_any_write_nothing_is_reachable_and_a_rerun_converges(
    *, api: Client, admin: User, ada: User, token_for: TokenFor, stopped: int
) -> None:
    """Behaviour 63, 67: stopped before each write there is; then zero canaries remain."""
    token, admins = token_for(ada), token_for(admin)
    try:
        with wire(killed_before_write(stopped)):
            erase(api, token, ada)
            finish()
        was_stopped = False
    except Killed:
        was_stopped = True
    reachable = api("GET", f"{USERS}/{ada.id}", token=admins).status
    assert reachable == (200 if stopped == 0 else 404)
    if stopped == 0:
        erase(api, token, ada)
    finish()
    assert (canaries_left(), faults()) == (set(), [])
    assert was_stopped or stopped > MOST / 2


def test_every_write_of_an_erasure_was_killed_once(writes: int) -> None:
    """Behaviour 67: the test above stops before each write that there is."""
    assert MOST / 2 < writes < MOST


def test_what_the_audit_trail_keeps_is_pseudonymous(
    api: Client, admin: User, user: User, ada: User, token_for: TokenFor
) -> None:
    """Behaviour 67: ids stay, and where admins came from; where the person came from is gone everywhere."""
    erase(api, token_for(ada), ada, source=SOURCE)
    finish()
    events = api("GET", f"/api/v1/audit?user_id={ada.id}&limit=100", token=token_for(admin)).json
    found = {(event["event"], event["actor_id"] == admin.id, event["address"]) for event in events}
    assert ("account_erasure", False, "erased") in found
    assert ("role_change", True, ELSEWHERE) in found
    assert {address for _, by_admin, address in found if not by_admin} == {"erased"}
    of_user = api("GET", f"/api/v1/audit?user_id={user.id}&limit=100", token=token_for(admin)).json
    assert {event["address"] for event in of_user if event["actor_id"] == ada.id} == {"erased"}


@pytest.mark.parametrize(("password", "status"), [("wrong", 403), (5, 422), (None, 422)])
def test_it_takes_the_current_password(
    api: Client, user: User, token_for: TokenFor, password: Any, status: int
) -> None:
    """A stolen token erases nothing."""
    before = dump_table()
    assert erase(api, token_for(user), user, password).status == status
    after = [item for item in dump_table() if item["kind"]["S"] not in ("audit_event", "tally")]
    assert after == [item for item in before if item["kind"]["S"] != "audit_event"]


def test_wrong_passwords_are_counted(api: Client, user: User, token_for: TokenFor) -> None:
    """As those of a sign-in: after ten of them the right one is refused, too."""
    token = token_for(user)
    statuses = [erase(api, token, user, "wrong").status for _ in range(10)]
    assert (set(statuses), erase(api, token, user).status) == ({403}, 429)


def test_an_admin_types_the_own_password(
    api: Client, admin: User, user: User, make_user: MakeUser, token_for: TokenFor
) -> None:
    """It is the admin's, not that of the account."""
    token = token_for(admin)
    assert erase(api, token, user, "another password").status == 403
    assert erase(api, token, user).status == 204
    assert erase(api, token, user).status == 404


def test_an_internal_account_is_not_for_admins(
    api: Client, admin: User, make_user: MakeUser, token_for: TokenFor
) -> None:
    """As with its password."""
    internal = make_user("internal", is_internal=True)
    assert erase(api, token_for(admin), internal).status == 403
    assert erase(api, token_for(internal), internal).status == 204


def test_the_last_admin_stays(api: Client, admin: User, make_user: MakeUser, token_for: TokenFor) -> None:
    """Behaviour 40: 409, until there is another one."""
    assert erase(api, token_for(admin), admin).status == 409
    make_user("other", is_admin=True)
    token = token_for(admin)  # its client goes with it
    assert erase(api, token, admin).status == 204
    assert api("GET", f"{USERS}/me", token=token).status == 401


def test_the_last_leader_stays(api: Client, user: User, make_user: MakeUser, token_for: TokenFor) -> None:
    """Behaviour 40: 409 with the teams, until there is another leader, or no team."""
    token, other = token_for(user), make_user("other")
    kept, gone = create_team("Engines", user.id, "user"), create_team("Looms", user.id, "user")
    refused = erase(api, token, user)
    assert (refused.status, refused.json["detail"].split(": ")) == (
        409,
        [
            f"This account is the last leader of Engines ({kept.id}), Looms ({gone.id})",
            "add other leaders first, or delete the teams.",
        ],
    )
    add_member(kept, other, is_leader=True)
    assert api("DELETE", f"/api/v1/teams/{gone.id}", token=token).status == 204
    assert erase(api, token, user).status == 204
    finish()
    run_all()
    team = Team.get(*kept.key)
    assert (team.member_count, team.leader_count, faults()) == (1, 1, [])


def test_two_last_leaders_do_not_leave_together(
    api: Client, user: User, make_user: MakeUser, token_for: TokenFor
) -> None:
    """Behaviour 40: while an erasure is decided, the other leader leaves."""
    other = make_user("other")
    team = create_team("Engines", user.id, "user")
    add_member(team, other, is_leader=True)
    done: list[int] = []

    def rule(sent: Sent, forward: Forward) -> Wired:
        if sent.operation == "TransactWriteItems" and not done:
            done.append(0)
            path = f"/api/v1/teams/{team.id}/members/{other.id}"
            done.append(api("DELETE", path, token=token_for(other)).status)
        return forward()

    token = token_for(user)
    with wire(rule):
        answer = erase(api, token, user)
    assert (done, answer.status, Team.get(*team.key).leader_count) == ([0, 204], 409, 1)


def test_who_leads_many_teams_leaves_them_all(
    api: Client, user: User, make_user: MakeUser, token_for: TokenFor
) -> None:
    """More than one transaction takes: nobody keeps somebody's account by making them a leader."""
    other = make_user("other")
    teams = [create_team(f"Team {number}", other.id, "other") for number in range(40)]
    for team in teams:
        add_member(team, user, is_leader=True)
    assert erase(api, token_for(user), user).status == 204
    finish()
    assert [int(Team.get(*team.key).member_count) for team in teams] == [1] * 40
    assert faults() == []


def test_a_lost_right_erases_nothing(
    api: Client, admin: User, user: User, make_user: MakeUser, token_for: TokenFor
) -> None:
    """An admin who is demoted at that moment is decided about again."""
    make_user("other", is_admin=True)
    second = make_user("second", is_admin=True)
    token, done = token_for(second), list[int]()

    def rule(sent: Sent, forward: Forward) -> Wired:
        if sent.operation == "TransactWriteItems" and not done:
            done.append(1)
            change_user(second, {"is_admin": False})
            change_user(user, {"first_name": "Changed"})
        return forward()

    with wire(rule):
        assert erase(api, token, user).status == 403


def test_what_changes_during_a_run_is_left_to_the_next_one(
    api: Client, user: User, make_user: MakeUser, token_for: TokenFor
) -> None:
    """A membership that somebody writes to at that moment: the note stays until it is gone."""
    ada = make_user("ada")
    member = add_member(create_team("Engines", user.id, "user"), ada, is_leader=False)
    assert erase(api, token_for(ada), ada).status == 204
    with at_call("TransactWriteItems", lambda: Member.get(*member.key).update([Member.username.set("ada")])):
        clean_up(AT_ONCE)
    assert [item["kind"]["S"] for item in dump_table() if item["sk"]["S"] == member.sk] == ["member"]
    finish()
    assert ([item for item in dump_table() if item["sk"]["S"] == member.sk], faults()) == ([], [])


def test_the_note_is_kept_while_requests_may_still_write(
    api: Client, user: User, token_for: TokenFor
) -> None:
    """What a request writes that began before is erased by a later run."""
    erase(api, token_for(user), user)
    clean_up()
    late = create_team("Late", user.id, "user")
    key = keys.erasure(user.id)
    assert [item["pk"]["S"] for item in dump_table() if item["sk"]["S"] == key.sk] == [key.pk]
    finish()
    assert [item for item in items_naming(late.id) if item["kind"]["S"] == "member"] == []
    assert [item for item in dump_table() if item["sk"]["S"] == key.sk] == []


def test_unique_values_of_what_is_erased_are_free(user: User) -> None:
    """Also of items that go in a batch: here of an account beside the note of its erasure."""
    Erasure.at(keys.erasure(user.id), user_id=user.id, email=user.email).save()
    finish()
    assert items_naming(user.id) == []
