"""The documentation page as a person uses it."""

from typing import Any
from urllib.parse import urlsplit

import pytest

from tasks.seed import USERS
from tests.browser.conftest import photograph, violations
from tests.e2e.stack import Stack

OPENED = ("Users-getMe", "Users-createUser", "Teams-patchTeam", "OAuth2_clients-createOauth2Client")


def sign_in(page: Any, username: str, password: str) -> None:
    """Use the switch."""
    page.fill("#username", username)
    page.fill("#password", password)
    page.click("#switch")
    page.wait_for_selector("#switch[aria-checked=true]")


def open_operation(page: Any, operation: str) -> Any:
    """Open an operation, unless it is open, and return its block."""
    block = page.locator(f"#operations-{operation}")
    if "is-open" not in (block.get_attribute("class") or ""):
        block.locator(".opblock-summary-control").click()
    return block


def try_out(page: Any, operation: str, body: str | None = None, **parameters: str) -> str:
    """Open an operation, fill it in, execute it, and return the status that the page shows."""
    block = open_operation(page, operation)
    for name, value in parameters.items():
        block.locator(f"tr[data-param-name={name}] input").fill(value)
    if body is not None:
        block.locator("textarea.body-param__text").fill(body)
    with page.expect_response(lambda answer: "/api/v1/users" in answer.url) as answered:
        block.locator("button.execute").click()
    block.locator(".live-responses-table .response-col_status").first.wait_for()
    return str(answered.value.status)


def test_a_person_signs_in_tries_out_and_signs_out(page: Any, stack: Stack) -> None:
    """The switch gives every operation a token, and takes it away again."""
    user_id = stack.api("GET", "/api/v1/users/me", token=stack.token("root", "q").json["access_token"]).json[
        "id"
    ]
    patch = '[{"op": "replace", "path": "/first_name", "value": "Ada"}]'
    sign_in(page, "root", "q")
    signed_in = [try_out(page, "Users-getMe"), try_out(page, "Users-patchUser", patch, user_id=user_id)]
    errors = list(page.said)
    page.click("#switch")
    page.wait_for_selector("#switch[aria-checked=false]")
    assert (signed_in, errors, try_out(page, "Users-getMe")) == (["200", "200"], [], "401")


def test_a_form_goes_out_as_it_stands(page: Any, stack: Stack) -> None:
    """The example of a form is good, and its lists are sent as the API reads them."""
    sign_in(page, "root", "q")
    block = open_operation(page, "OAuth2_clients-createOauth2Client")
    block.locator("select.content-type").first.select_option("application/x-www-form-urlencoded")
    with page.expect_response("**/api/v1/auth/oauth2_clients") as answered:
        block.locator("button.execute").click()
    assert (answered.value.status, answered.value.json()["grant_types"]) == (
        201,
        ["authorization_code", "refresh_token"],
    )


def test_the_page_asks_nobody_else(page: Any, stack: Stack) -> None:
    """Behaviour 55: all that it needs comes from the server itself."""
    hosts = {urlsplit(url).netloc for url in page.asked if not url.startswith("data:")}
    assert hosts == {urlsplit(stack.url).netloc}


def test_a_wrong_password_is_told(page: Any) -> None:
    """The switch stays off, and the page says why."""
    page.fill("#username", "root")
    page.fill("#password", "wrong")
    page.click("#switch")
    page.wait_for_selector("#status.refused")
    assert page.get_attribute("#switch", "aria-checked") == "false"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_is_for_everybody(page: Any, scheme: str, width: int) -> None:
    """No violations with operations open and executed, and no sideways scrolling."""
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    for operation in OPENED:
        open_operation(page, operation)
    try_out(page, OPENED[0])
    page.wait_for_timeout(500)  # operations unfold slowly
    photograph(page, f"documentation-{width}-{scheme}")
    assert (violations(page), page.evaluate("document.documentElement.scrollWidth")) == ([], width)


@pytest.mark.parametrize("width", [1280, 390])
def test_authorize_opens_at_its_top(page: Any, width: int) -> None:
    """The first way to sign in is in sight, and axe has nothing to say of the dialog."""
    page.set_viewport_size({"width": width, "height": 600})
    page.locator(".auth-wrapper .authorize").first.click()
    page.locator(".modal-ux-content").wait_for()
    page.wait_for_timeout(300)
    top = page.evaluate("document.querySelector('.modal-ux-content').scrollTop")
    assert (top, violations(page)) == (0, [])


def test_the_page_names_what_one_needs(page: Any, stack: Stack) -> None:
    """The specification in both forms, and the users of a local stage."""
    links = {link.get_attribute("href") for link in page.locator(".lead a").all()}
    assert links == {"/api/v1/openapi.json", "/api/v1/openapi.yaml"}
    told = {code.inner_text() for code in page.locator(".lead p:nth-of-type(2) code").all()}
    assert told == {*USERS, *(str(user["password"]) for user in USERS.values())}
