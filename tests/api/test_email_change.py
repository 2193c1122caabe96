"""Changes of an email address: confirmed by the new one, told to the old one, and undone by it."""

import pytest

from chalicelib.db import keys
from chalicelib.db.table import get_many
from chalicelib.users.links import place_of
from chalicelib.users.models import User
from tests.api import account_tools, test_account_links
from tests.api.account_tools import NEW_PASSWORD, Mail, use
from tests.api.oauth_tools import password
from tests.api.test_account_links import OTHER, Links
from tests.conftest import PASSWORD
from tests.http import Client
from tests.support import MakeUser, SignIn, TokenFor, confirmed, present_keys, replace, stored

pytestmark = pytest.mark.in_process("listens to the application's events")
stage, required, optional = account_tools.stage, account_tools.required, account_tools.optional  # fixtures
links = test_account_links.links  # a fixture


def test_an_address_changes_when_the_new_one_is_confirmed(
    api: Client, links: Links, documentation: object
) -> None:
    """Until then the old one is shown and signs in; afterwards only the new one does."""
    token = links.email_change()
    before = password(api, links.user.email, PASSWORD).status, password(api, OTHER, PASSWORD).status
    use(api, "email_change", token)
    after = password(api, links.user.email, PASSWORD).status, password(api, OTHER, PASSWORD).status
    assert (before, after) == ((200, 400), (400, 200))
    assert {keys.email(OTHER), keys.email(links.user.email)} & present_keys() == {keys.email(OTHER)}
    assert [event.letter.to for event in links.mail.events if event.letter] == [OTHER, links.user.email]


def test_undoing_a_change_signs_everybody_out(
    api: Client, links: Links, sign_in: SignIn, documentation: object
) -> None:
    """Behaviour 74: the old address is back, and nobody is signed in any more."""
    undo, tokens = links.email_undo(), sign_in()
    assert use(api, "email_undo", undo).status == 204
    assert links.present().email == links.user.email
    assert api("GET", "/api/v1/users/me", token=tokens["access_token"]).status == 401


def test_the_first_address_is_what_comes_back(api: Client, links: Links) -> None:
    """A thief who changes the address twice does not end the owner's link, and has none of their own."""
    undo = links.email_undo()
    use(api, "email_change", links.email_change("third@test.example"))
    last = links.mail.events[-1]
    assert (last.name, last.letter and last.letter.link) == ("email_change", None)
    assert use(api, "email_undo", undo).status == 204
    assert links.present().email == links.user.email


def test_who_went_back_to_the_first_address_gets_a_link_again(api: Client, links: Links) -> None:
    """A change from the address that the link of before brings back, too, leaves nobody without one."""
    for address in (OTHER, links.user.email, "third@test.example"):
        use(api, "email_change", links.email_change(address))
    last = links.mail.events[-1].letter
    assert last is not None
    assert (last.to, last.link is None) == (links.user.email, False)
    assert use(api, "email_undo", links.mail.token("email_change")).status == 204
    assert links.present().email == links.user.email


def test_an_address_that_was_never_confirmed_brings_nothing_back(api: Client, links: Links) -> None:
    """It may be a stranger's, by a typing error."""
    links.present().update([User.is_email_verified.set(False)])
    use(api, "email_change", links.email_change())
    assert links.mail.events[-1].letter
    assert links.mail.events[-1].letter.link is None


def test_a_taken_address_looks_like_a_free_one(api: Client, links: Links, make_user: MakeUser) -> None:
    """EMAIL_VERIFICATION=required: the same answer; the letter's link leads nowhere, so it is not sent."""
    make_user("other")
    path, token = f"/api/v1/users/{links.user.id}", links.token_for(links.user)
    answers = [
        api("PATCH", path, token=token, data=confirmed(PASSWORD, replace("/email", address)))
        for address in (OTHER, "other@test.example")
    ]
    assert answers[0].body == answers[1].body
    ids = [event.letter.link for event in links.mail.events if event.letter and event.letter.link]
    places = [place_of(each, "email_change") for each in ids]
    assert [key in get_many(places) for key in places] == [True, False]


def test_a_new_password_in_the_same_patch_leaves_the_link_good(api: Client, links: Links) -> None:
    """The link is for the credentials that the account has afterwards."""
    path, token = f"/api/v1/users/{links.user.id}", links.token_for(links.user)
    changes = [replace("/email", OTHER), replace("/password", NEW_PASSWORD)]
    assert api("PATCH", path, token=token, data=confirmed(PASSWORD, *changes)).status == 200
    assert use(api, "email_change", links.mail.token("email_change_request")).status == 204
    assert links.present().email == OTHER


def test_a_taken_address_is_told_where_sign_ups_tell_it(
    api: Client, optional: Mail, user: User, make_user: MakeUser, token_for: TokenFor
) -> None:
    """EMAIL_VERIFICATION=optional: 409."""
    make_user("other")
    data = confirmed(PASSWORD, replace("/email", "other@test.example"))
    assert api("PATCH", f"/api/v1/users/{user.id}", token=token_for(user), data=data).status == 409


def test_an_address_that_was_taken_meanwhile_is_refused(
    api: Client, links: Links, make_user: MakeUser
) -> None:
    """The link no longer works then, and nothing changes."""
    token = links.email_change()
    make_user("other", email=OTHER)
    before = stored()
    assert (use(api, "email_change", token).status, stored()) == (410, before)


def test_an_admin_changes_an_address_in_the_same_way(api: Client, links: Links, admin: User) -> None:
    """The new address has to be confirmed, whoever asked for it."""
    data = confirmed(PASSWORD, replace("/email", OTHER), replace("/first_name", "Ada"))
    path = f"/api/v1/users/{links.user.id}"
    answer = api("PATCH", path, token=links.token_for(admin), data=data)
    shown = answer.json
    assert (answer.status, shown["email"], shown["first_name"]) == (200, links.user.email, "Ada")
    use(api, "email_change", links.mail.token("email_change_request"))
    assert links.present().email == OTHER
