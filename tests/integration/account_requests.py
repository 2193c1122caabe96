"""The POSTs of accounts and invitations, made ready to be sent, for the tests of lost answers."""

from collections.abc import Callable
from typing import Any, Protocol

from chalicelib.users.models import User
from tests.api.account_tools import PAGES, Mail, Visitor, ask_again, forgotten, use
from tests.conftest import PASSWORD
from tests.http import Answer, Client
from tests.support import confirmed, replace

Ask = Callable[[], Answer]


class World(Protocol):
    """What these requests need to name; the outsider is whose account they are about."""

    api: Client
    outsider: User
    team: str
    mail: Mail

    def form(self, **fields: str) -> Answer:
        """Ask the token endpoint as the documentation client."""
        ...

    def send(self, method: str, path: str, data: Any = None) -> Answer:
        """Call as the user, who leads the team."""
        ...


def own_token(world: World) -> str:
    """Sign the outsider in."""
    answer = world.form(grant_type="password", username="outsider", password=PASSWORD)
    token: str = answer.json["access_token"]
    return token


def link(world: World, purpose: str) -> str:
    """Send a link for a purpose, and return what opens it."""
    if purpose == "email_verification":
        world.outsider.update([User.is_email_verified.set(False)])
        ask_again(world.api, "outsider")
        return world.mail.token("email_verification")
    if purpose == "password_reset":
        forgotten(world.api, "outsider")
        return world.mail.token("password_reset_request")
    patch = confirmed(PASSWORD, replace("/email", "new@test.example"))
    path = f"/api/v1/users/{world.outsider.id}"
    assert world.api("PATCH", path, token=own_token(world), data=patch).status == 200
    change = world.mail.token("email_change_request")
    if purpose == "email_undo":
        assert use(world.api, "email_change", change).status == 204
        return world.mail.token("email_change")
    return change


def using(purpose: str) -> Callable[[World], Ask]:
    """Use a link over the API."""

    def prepare(world: World) -> Ask:
        token = link(world, purpose)
        return lambda: use(world.api, purpose, token)

    return prepare


def pressing(path: str, **fields: str) -> Callable[[World], Ask]:
    """Fill in the form of a page, without a link."""
    return lambda world: _press(world, path, {}, fields)


def pressing_link(purpose: str, **fields: str) -> Callable[[World], Ask]:
    """Press the button of the page that a link leads to."""
    return lambda world: _press(world, PAGES[purpose], {"token": link(world, purpose)}, fields)


def _press(world: World, path: str, query: dict[str, str], fields: dict[str, str]) -> Ask:
    visitor = Visitor(world.api)
    page = visitor.visit(path, **query)

    def submit() -> Answer:
        visitor.last = page
        return visitor.press(**fields)

    return submit


def invite(world: World) -> Answer:
    """Invite the outsider to the team."""
    return world.send("POST", f"{world.team}/invitations", {"email": world.outsider.email})


def accept(world: World) -> Ask:
    path, token = f"/api/v1/users/me/invitations/{invite(world).json['id']}", own_token(world)
    return lambda: world.api("POST", path, token=token)


def accept_by_token(world: World) -> Ask:
    assert invite(world).status == 201
    data = {"token": world.mail.token("invitation"), "decision": "accept"}
    return lambda: world.api("POST", "/api/v1/account/invitation", data=data)


def accept_on_page(world: World) -> Ask:
    assert invite(world).status == 201
    query = {"token": world.mail.token("invitation")}
    return _press(world, "/account/invitation", query, {"decision": "accept"})


# By a name: the operation, the status of its answer, and what makes everything ready for the request.
REQUESTS: dict[str, tuple[str, int, Callable[[Any], Ask]]] = {
    "ask for a link that confirms": (
        "request_email_verification",
        204,
        lambda world: lambda: ask_again(world.api, "outsider"),
    ),
    "ask for a new password": (
        "request_password_reset",
        204,
        lambda world: lambda: forgotten(world.api, "outsider"),
    ),
    "confirm an address": ("verify_email", 204, using("email_verification")),
    "confirm a new address": ("confirm_email_change", 204, using("email_change")),
    "undo a new address": ("undo_email_change", 204, using("email_undo")),
    "replace a password": ("reset_password", 204, using("password_reset")),
    "ask for a new password on the page": (
        "submit_forgotten_password",
        200,
        pressing("/account/forgotten", username="outsider"),
    ),
    "confirm an address on the page": ("submit_email_verification", 200, pressing_link("email_verification")),
    "confirm a new address on the page": ("submit_email_change", 200, pressing_link("email_change")),
    "undo a new address on the page": ("submit_email_undo", 200, pressing_link("email_undo")),
    "replace a password on the page": (
        "submit_password_reset",
        200,
        pressing_link("password_reset", password="difference engine"),
    ),
    "sign in to the account page": (
        "submit_account",
        303,
        pressing("/account", username="outsider", password=PASSWORD, decision="sign_in"),
    ),
    "invite": ("create_invitation", 201, lambda world: lambda: invite(world)),
    "accept an invitation": ("accept_invitation", 204, accept),
    "accept an invitation by its link": ("use_invitation", 204, accept_by_token),
    "accept an invitation on its page": ("answer_invitation", 200, accept_on_page),
}
