"""The documentation page as a person uses it."""

from typing import Any
from urllib.parse import urlsplit

from tests.e2e.stack import Stack


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
    """Open an operation, fill it in, execute it, and give the status that the page shows."""
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
    """ACCEPTANCE 55: all that it needs comes from the server itself."""
    hosts = {urlsplit(url).netloc for url in page.asked if not url.startswith("data:")}
    assert hosts == {urlsplit(stack.url).netloc}


def test_a_wrong_password_is_told(page: Any) -> None:
    """The switch stays off, and the page says why."""
    page.fill("#username", "root")
    page.fill("#password", "wrong")
    page.click("#switch")
    page.wait_for_selector("#status.refused")
    assert page.get_attribute("#switch", "aria-checked") == "false"
