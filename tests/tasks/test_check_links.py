"""`invoke db.check` of addresses that are to be confirmed."""

import pytest

from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.users.links import issue_link, write_decoy
from chalicelib.users.models import User
from tests.http import Client
from tests.support import MakeUser, SignIn, perform, present_keys
from tests.tasks.check_tools import Scene, deleted, make_scene, username


@pytest.fixture
def scene(api: Client, make_user: MakeUser, admin: User, app: OAuth2Client, sign_in: SignIn) -> Scene:
    """One of everything."""
    return make_scene(api, make_user, admin, app, sign_in)


def test_an_address_that_is_nobodys_yet_needs_no_marker(scene: Scene, make_user: MakeUser) -> None:
    """Who has to confirm an address that somebody else has is no damage, nor is a link on its way."""
    other = make_user("claimant")
    user = make_user("waiting", email=other.email, claims_email=False, is_email_verified=False)
    perform(issue_link, "email_verification", user, user.email)
    perform(write_decoy)
    assert scene.check()
    deleted(user.key)
    deleted(username(user))
    scene.check(fix=True)
    assert len([key for key in present_keys() if "LINK" in repr(key)]) == 1  # that of nobody
