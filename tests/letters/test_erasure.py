"""Letters of accounts that are erased: those that wait go, and the farewell leaves nothing."""

import pytest

from chalicelib.users.models import User
from tests.acting import create_team
from tests.api.test_erasure import erase, finish
from tests.http import Client
from tests.letters.mail_tools import outbox, run
from tests.support import MakeUser, TokenFor, items_naming

pytestmark = pytest.mark.in_process("cleans up in this process")


def waiting() -> list[str]:
    """What the letters that wait are about."""
    return sorted(letter.event for letter in outbox())


def test_letters_that_wait_go_except_the_last_one(
    api: Client, user: User, make_user: MakeUser, token_for: TokenFor
) -> None:
    """Behaviour 67: the farewell names nobody but its address, and is deleted when it is sent."""
    ada, team = make_user("ada"), create_team("Engines", user.id, "user")
    path, leader = f"/api/v1/teams/{team.id}", token_for(user)
    assert api("POST", f"{path}/members", token=leader, data={"user_id": ada.id}).status == 201
    invited = api("POST", f"{path}/invitations", token=leader, data={"email": ada.email})
    assert (invited.status, waiting()) == (201, ["invitation", "member_addition"])
    assert erase(api, token_for(ada), ada).status == 204
    finish()
    assert waiting() == ["account_erasure"]
    (farewell,) = items_naming(ada.email)
    assert [text for text in (ada.id, "'ada'") if text in repr(farewell)] == []
    sent: list[str] = []
    assert run(lambda message: sent.append(message.to)) == {"sent": 1}
    assert (sent, waiting(), items_naming(ada.email)) == ([ada.email], [], [])
