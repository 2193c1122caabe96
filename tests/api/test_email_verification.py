"""Email addresses are confirmed by a link; where that is required, a sign-up tells nothing about others."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

import app as application
from chalicelib.db import keys
from chalicelib.db.table import get_many
from chalicelib.oauth.clients.models import OAuth2Client
from chalicelib.users.models import Link, User
from tests.api import account_tools
from tests.api.account_tools import NEW, Mail, Stage, Visitor, ask_again, sign_up, use
from tests.api.code_tools import Browser, query_of, redirected
from tests.api.oauth_tools import password
from tests.conftest import PASSWORD
from tests.faults import wire
from tests.http import Answer, Client
from tests.support import MakeUser, SignIn, TokenFor, confirmed, present_keys, stored
from tests.support import replace as patch

pytestmark = pytest.mark.in_process("listens to the application's events")
stage, required, optional = account_tools.stage, account_tools.required, account_tools.optional  # fixtures
E_MAIL = "email_verification"
UNPREDICTABLE = ("id", "created", "updated")


def found(answer: Answer) -> User:
    """Read the account that a sign-up made."""
    key = keys.user(answer.json["id"])
    user = get_many([key])[key]
    assert isinstance(user, User)
    return user


def shown(answer: Answer) -> tuple[int, dict[str, Any], set[str]]:
    """What an answer to a sign-up says, but for ids and times."""
    body = {name: value for name, value in answer.json.items() if name not in UNPREDICTABLE}
    return answer.status, body, set(answer.headers)


def test_without_verification_nothing_is_confirmed(api: Client, documentation: OAuth2Client) -> None:
    """EMAIL_VERIFICATION=off: an address counts as confirmed, and there is no link."""
    answer = sign_up(api)
    assert answer.json["is_email_verified"] is True
    assert password(api, "ada", NEW["password"]).status == 200
    assert not [item for item in stored() if item["kind"]["S"].startswith("link")]


def test_a_sign_up_is_confirmed_by_the_link_of_its_letter(api: Client, optional: Mail) -> None:
    """The account shows it."""
    answer = sign_up(api)
    before = answer.json["is_email_verified"]
    assert (optional.names, use(api, E_MAIL, optional.token("user_creation")).status) == (
        ["user_creation"],
        204,
    )
    assert (before, found(answer).is_email_verified) == (False, True)


def test_optional_means_that_people_sign_in_before(
    api: Client, optional: Mail, documentation: OAuth2Client
) -> None:
    """Nothing is held back."""
    sign_up(api)
    assert password(api, "ada", NEW["password"]).status == 200


def test_required_means_that_nobody_signs_in_before(
    api: Client, required: Mail, documentation: OAuth2Client
) -> None:
    """The right password is answered with what to do, a wrong one as ever; afterwards the sign-in works."""
    sign_up(api)
    right, wrong = password(api, "ada", NEW["password"]), password(api, "ada", "wrong")
    use(api, E_MAIL, required.token("user_creation"))
    assert (right.status, right.json["error"]) == (400, "invalid_grant")
    assert "not confirmed" in right.json["error_description"]
    assert "confirmed" not in wrong.json["error_description"]
    assert password(api, "ada", NEW["password"]).status == 200
    assert password(api, NEW["email"], NEW["password"]).status == 200


def test_the_sign_in_page_says_what_is_missing(api: Client, required: Mail, app: OAuth2Client) -> None:
    """It is shown again, with what to do."""
    sign_up(api)
    browser = Browser(api)
    browser.open(**query_of())
    answer = browser.submit("sign_in", username="ada", password=NEW["password"])
    assert (answer.status, "not confirmed yet" in browser.text) == (403, True)


def test_a_guess_over_the_limit_learns_nothing_of_an_unconfirmed_account(
    api: Client, required: Mail, documentation: OAuth2Client
) -> None:
    """The right password after ten wrong ones is 429, as for any account."""
    sign_up(api)
    for _ in range(10):
        password(api, "ada", "wrong")
    assert password(api, "ada", NEW["password"]).status == 429


def test_people_who_signed_in_before_go_on(api: Client, stage: Stage, sign_in: SignIn, user: User) -> None:
    """Accounts that were there before the setting count as confirmed."""
    sign_in()
    stage("required")
    assert sign_in()["token_type"] == "Bearer"


def test_a_taken_address_looks_like_a_free_one(api: Client, required: Mail, user: User) -> None:
    """Behaviour 72: the same status, body and headers; the owner of the address gets a letter."""
    free, taken = sign_up(api), sign_up(api, username="eve", email=user.email.upper())
    words = {"username": "eve", "email": user.email.upper()}
    status, body, headers = shown(free)
    assert shown(taken) == (status, body | words, headers)
    assert [(event.name, event.user_id) for event in required.events] == [
        ("user_creation", free.json["id"]),
        ("sign_up_with_taken_email", user.id),
    ]


def test_a_taken_address_costs_the_same_requests(
    api: Client, required: Mail, user: User, round_trips: list[str]
) -> None:
    """The number of round trips tells nothing either."""
    counts = []
    for name, address in (("ada", NEW["email"]), ("eve", user.email)):
        round_trips.clear()
        sign_up(api, username=name, email=address)
        counts.append(list(round_trips))
    assert counts[0] == counts[1] == ["BatchGetItem", "TransactWriteItems"]


def test_a_taken_address_writes_as_many_items(api: Client, required: Mail, user: User) -> None:
    """So the time tells nothing either."""
    counts = []
    for name, address in (("ada", NEW["email"]), ("eve", user.email)):
        with wire() as sent:
            sign_up(api, username=name, email=address)
        (write,) = [each.body for each in sent if each.operation == "TransactWriteItems"]
        counts.append(len(write["TransactItems"]))
    assert counts[0] == counts[1]


def test_what_follows_a_sign_up_tells_no_more(
    api: Client, required: Mail, user: User, documentation: OAuth2Client
) -> None:
    """Signing in, signing up again and asking for the letter again answer alike for both accounts."""
    answers = []
    for name, address in (("ada", NEW["email"]), ("eve", user.email)):
        sign_up(api, username=name, email=address)
        answers.append(
            [
                password(api, name, NEW["password"]).body,
                password(api, address, NEW["password"]).status,
                sign_up(api, username=name, email="other@test.example").status,
                ask_again(api, name).body,
            ]
        )
    assert answers[0] == answers[1]
    assert required.names[-1] == "sign_up_with_taken_email"


def test_the_first_one_to_confirm_gets_the_address(
    api: Client, required: Mail, documentation: OAuth2Client
) -> None:
    """Until then nobody has it: a stranger who signs up with somebody's address takes nothing from them."""
    tokens = []
    for name in ("eve", "ada"):
        sign_up(api, username=name)
        tokens.append(required.token("user_creation"))
    assert use(api, E_MAIL, tokens[1]).status == 204
    before = stored()
    assert (use(api, E_MAIL, tokens[0]).status, stored()) == (410, before)
    assert password(api, NEW["email"], NEW["password"]).status == 200


def test_usernames_stay_unique(api: Client, required: Mail, user: User) -> None:
    """They are shown to others anyway: 409."""
    answer = sign_up(api, username="user")
    assert (answer.status, [error["pointer"] for error in answer.json["errors"]]) == (409, ["/username"])


def test_admins_learn_that_an_address_is_taken(
    api: Client, required: Mail, admin: User, user: User, token_for: TokenFor
) -> None:
    """They see all accounts anyway; the address of an account that they make is to be confirmed, too."""
    token = token_for(admin)
    taken = api("POST", "/api/v1/users", data={**NEW, "email": user.email}, token=token)
    made = api("POST", "/api/v1/users", data={**NEW, "recaptcha_key": ""}, token=token)
    assert (taken.status, made.status, made.json["is_email_verified"]) == (409, 201, False)
    assert keys.email(NEW["email"]) in present_keys()
    assert use(api, E_MAIL, required.token("user_creation")).status == 204


@pytest.mark.parametrize("mode", ["optional", "required"])
def test_the_link_is_sent_again(api: Client, stage: Stage, mode: str) -> None:
    """By username, and by the address if the account has it already; the link before is void then."""
    mail = stage(mode)
    sign_up(api)
    first = mail.token("user_creation")
    assert ask_again(api, "ada" if mode == "required" else NEW["email"]).status == 204
    assert use(api, E_MAIL, first).status == 410
    assert use(api, E_MAIL, mail.token("email_verification")).status == 204


@pytest.mark.parametrize("name", ["nobody", "nobody@test.example", "user", "user@test.example"])
def test_asking_for_the_link_tells_nothing(api: Client, required: Mail, user: User, name: str) -> None:
    """No account, a confirmed one: the same bytes as for one that waits, and no letter."""
    sign_up(api)
    mine, other = ask_again(api, "ada"), ask_again(api, name)
    assert (other.status, other.body, set(other.headers)) == (mine.status, mine.body, set(mine.headers))
    assert required.names == ["user_creation", "email_verification"]


def test_a_page_confirms_the_address(api: Client, required: Mail) -> None:
    """GET and HEAD change nothing; the button does."""
    answer = sign_up(api)
    token, visitor, before = required.token("user_creation"), Visitor(api), stored()
    assert api("HEAD", f"/account/verify?token={token}").status == 200
    assert visitor.visit("/account/verify", token=token).status == 200
    assert stored() == before
    assert visitor.press().status == 200
    assert (found(answer).is_email_verified, "is confirmed" in visitor.text) == (True, True)
    assert visitor.visit("/account/verify", token=token).status == 410


def test_a_page_sends_the_link_again(api: Client, required: Mail) -> None:
    """For those who lost the letter; an empty field is asked for."""
    sign_up(api)
    visitor = Visitor(api)
    visitor.visit("/account/verify")
    assert visitor.press(username=" ").status == 422
    assert visitor.press(username="ada").status == 200
    assert required.names == ["user_creation", "email_verification"]


@pytest.mark.parametrize("address", ["ada@test.example", "taken@test.example"])
def test_letters_to_the_address_of_sign_ups_are_limited(
    *, api: Client, required: Mail, monkeypatch: pytest.MonkeyPatch, make_user: MakeUser, address: str
) -> None:
    """Five an hour, whoever asks, and whether an account has the address or not; spellings are the same."""
    make_user("taken")
    quiet = replace(application.api.settings, rate_limit_factor=1)
    monkeypatch.setattr(application.api, "settings", quiet)
    spellings = [address, address.upper(), address, address.title(), address, address.upper()]
    found = [sign_up(api, username=f"u{number}", email=each).status for number, each in enumerate(spellings)]
    assert found == [201] * 5 + [429]
    assert len(required.names) == 5
    assert ask_again(api, address).status == 429
    assert sign_up(api, username="other", email="other@test.example").status == 201


@pytest.mark.parametrize("address", ["new@test.example", "taken@test.example"])
def test_letters_to_a_new_address_are_limited(
    *,
    api: Client,
    required: Mail,
    monkeypatch: pytest.MonkeyPatch,
    make_user: MakeUser,
    token_for: TokenFor,
    address: str,
) -> None:
    """The same five an hour, from any account."""
    make_user("taken")
    users = [make_user(f"u{number}") for number in range(6)]
    quiet = replace(application.api.settings, rate_limit_factor=1)
    monkeypatch.setattr(application.api, "settings", quiet)
    change = confirmed(PASSWORD, patch("/email", address))
    found = [
        api("PATCH", f"/api/v1/users/{each.id}", token=token_for(each), data=change).status for each in users
    ]
    assert (found, len(required.names)) == ([200] * 5 + [429], 5)


def test_letters_for_a_name_are_limited(api: Client, required: Mail, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five an hour, whether there is an account or not: the limit tells nothing."""
    quiet = replace(application.api.settings, rate_limit_factor=1)
    monkeypatch.setattr(application.api, "settings", quiet)
    sign_up(api)
    for name in ("ada", "nobody"):
        assert [ask_again(api, name).status for _ in range(6)] == [204] * 5 + [429]
    assert len(required.names) == 6


def test_an_unconfirmed_account_is_found_by_name_alone(
    api: Client, required: Mail, make_user: MakeUser
) -> None:
    """Its address is free: somebody else may have it, sign in with it and change to it."""
    sign_up(api)
    assert keys.email(NEW["email"]) not in present_keys()
    make_user("owner", email=NEW["email"])
    assert (ask_again(api, "ada").status, required.names[-1]) == (204, "sign_up_with_taken_email")


def test_a_link_item_holds_nothing_that_opens_it(api: Client, required: Mail) -> None:
    """Behaviour 28: a dump of the table opens no link; the token is a MAC of the id."""
    sign_up(api)
    token = required.token("user_creation")
    assert token[:26] in repr(stored())
    assert token[26:] not in repr(stored())


def test_a_link_ends_in_time(api: Client, required: Mail) -> None:
    """After 24 hours; TTL is not trusted to have swept it."""
    answer = sign_up(api)
    key = keys.link(answer.json["id"], E_MAIL)
    link = get_many([key])[key]
    assert isinstance(link, Link)
    left = link.expires_at - link.created.timestamp()
    assert timedelta(hours=23) < timedelta(seconds=left) <= timedelta(hours=24)
    link.update([Link.expires_at.set(1)])
    before = stored()
    assert (use(api, E_MAIL, required.token("user_creation")).status, stored()) == (410, before)


def test_a_code_is_for_confirmed_people(api: Client, required: Mail, app: OAuth2Client) -> None:
    """After the confirmation, the sign-in page goes on to the client."""
    sign_up(api)
    use(api, E_MAIL, required.token("user_creation"))
    browser = Browser(api)
    browser.open(**query_of())
    browser.submit("sign_in", username=NEW["email"], password=NEW["password"])
    assert "code" in redirected(browser.submit("allow"))
    assert NEW["password"] != PASSWORD
