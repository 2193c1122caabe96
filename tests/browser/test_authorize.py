"""Sign-in and consent in a real browser: without scripts, by keyboard, on a phone, and for everybody."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.api.code_tools import STATE
from tests.browser.callback import ELSEWHERE, App
from tests.browser.conftest import photograph, violations
from tests.e2e.stack import Stack

PHONE = {"width": 390, "height": 740}


@pytest.fixture
def app(stack: Stack, tmp_path: Path) -> Iterator[App]:
    """A client that nobody has consented to."""
    made = App(stack, tmp_path)
    yield made
    made.close()


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> str:
    """How a person likes their screen."""
    return str(request.param)


def open_page(browser: Any, **options: Any) -> Any:
    """Open a phone's browser of its own, to which the callback's certificate is good."""
    return browser.new_context(viewport=PHONE, ignore_https_errors=True, **options).new_page()


def focused(page: Any) -> str:
    """Return the element that has the focus."""
    return str(page.evaluate("document.activeElement.id || document.activeElement.tagName"))


def sign_in(page: Any, text: str = "w") -> None:
    """Fill in the sign-in page and send it."""
    page.get_by_label("Username").fill("user")
    page.get_by_label("Password").fill(text)
    page.get_by_role("button", name="Sign in").click(no_wait_after=True)


def allow(page: Any) -> None:
    """Sign in, and consent."""
    sign_in(page)
    page.get_by_role("button", name="Allow").click(no_wait_after=True)


def cancel(page: Any) -> None:
    """Turn back on the sign-in page."""
    page.get_by_role("link", name="Cancel").click(no_wait_after=True)


def deny(page: Any) -> None:
    """Turn back on the consent page."""
    sign_in(page)
    page.get_by_role("link", name="Deny").click(no_wait_after=True)


def test_signing_in_works_without_scripts_by_keyboard_alone(browser: Any, app: App) -> None:
    """Type, Tab, Enter: the first field has the focus, and the first button is the one that goes on."""
    page = open_page(browser, java_script_enabled=False)
    page.goto(app.address())
    page.keyboard.type("user")
    page.keyboard.press("Tab")
    page.keyboard.type("w")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Allow access?").wait_for()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{app.redirect_uri}?*")
    assert app.answer["state"] == [STATE]
    assert app.redeem() == 200


def test_enter_allows_nothing_by_itself(browser: Any, app: App) -> None:
    """Pressing Enter once too often does not consent: no button has the focus."""
    page = open_page(browser)
    page.goto(app.address())
    sign_in(page)
    page.get_by_role("heading", name="Allow access?").wait_for()
    page.keyboard.press("Enter")
    page.wait_for_timeout(300)
    assert (focused(page), app.server.seen) == ("BODY", [])


def test_after_an_error_the_focus_is_on_what_went_wrong(browser: Any, app: App) -> None:
    """The next Tab leads to the first field."""
    page = open_page(browser)
    page.goto(app.address())
    found = [focused(page)]
    sign_in(page, "wrong")
    page.get_by_role("alert").wait_for()
    found.append(focused(page))
    page.keyboard.press("Tab")
    assert [*found, focused(page)] == ["username", "alert", "username"]


# Where a client's callback sends people on to: its own origin, another host, another port, another app.
ONWARD = {
    "same origin": "https://team.example:{port}/landed",
    "other host": "https://localhost:{port}/landed",
    "other port": "{stack}/health",
    "custom scheme": "com.example.planner:/landed",
}


@pytest.mark.parametrize("way", [sign_in, allow, cancel, deny], ids=lambda way: way.__name__)
@pytest.mark.parametrize("onward", ONWARD.values(), ids=ONWARD.keys())
def test_people_arrive_wherever_the_callback_sends_them(
    browser: Any, app: App, onward: str, way: Callable[[Any], None]
) -> None:
    """Browsers apply a policy's form-action to every redirect that follows a form, so ours has none."""
    page = open_page(browser)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    if way is sign_in:  # then the consent has to be remembered: the sign-in page itself leads to the client
        page.goto(app.address())
        allow(page)
        page.wait_for_url(f"{app.redirect_uri}?*")
    app.server.onward = onward.format(port=app.server.server_port, stack=app.stack.url)
    page.goto(app.address())
    with page.expect_request(app.server.onward):  # no page comes of the custom scheme's
        way(page)
    assert ("code" in app.answer, "error" in app.answer) == (way in (sign_in, allow), way in (cancel, deny))
    assert [text for text in said if "Content Security Policy" in text] == []


@pytest.mark.parametrize("way", [cancel, deny], ids=lambda way: way.__name__)
def test_turning_back_is_told_to_the_client(browser: Any, app: App, way: Callable[[Any], None]) -> None:
    """By a link of either page, which says where it leads."""
    page = open_page(browser)
    page.goto(app.address())
    way(page)
    page.wait_for_url(f"{app.redirect_uri}?*")
    assert (app.answer["error"], app.answer["state"]) == (["access_denied"], [STATE])


def test_a_wrong_request_is_shown_before_it_is_told_to_the_client(browser: Any, app: App) -> None:
    """The browser leaves for an app only if the person chooses to."""
    page = open_page(browser)
    page.goto(app.address(scope="bogus"))
    link = page.get_by_role("link", name=f"Go back to {urlsplit(app.redirect_uri).netloc}")
    assert (page.get_by_role("alert").count(), app.server.seen) == (1, [])
    link.click()
    page.wait_for_url(f"{app.redirect_uri}?*")
    assert app.answer["error"] == ["invalid_scope"]


def walk(page: Any, app: App) -> Iterator[str]:
    """Open each page in turn, and name it."""
    page.goto(app.address(redirect_uri=ELSEWHERE))
    yield "sign-in"
    sign_in(page, "wrong")
    page.get_by_role("alert").wait_for()
    yield "wrong-password"
    sign_in(page)
    page.get_by_role("button", name="Allow").wait_for()
    yield "consent"
    page.goto(app.address(redirect_uri=ELSEWHERE, scope="bogus"))
    yield "wrong-request"
    page.goto(f"{app.stack.url}/auth/oauth2/authorize?client_id=nobody")
    yield "error"


def test_axe_finds_nothing_and_nothing_runs_off_a_phone(browser: Any, app: App, scheme: str) -> None:
    """Every page: 0 violations, in light and dark, and no sideways scrolling."""
    page = open_page(browser, color_scheme=scheme)
    for name in walk(page, app):
        photograph(page, f"{name}-{scheme}")
        assert (name, violations(page)) == (name, [])
        for width in (320, PHONE["width"]):
            page.set_viewport_size({**PHONE, "width": width})
            assert (name, page.evaluate("document.documentElement.scrollWidth") <= width) == (name, True)


def test_going_on_weighs_more_than_turning_back(browser: Any, app: App) -> None:
    """One button a page, and links below it: for those who forgot their password, and back."""
    page = open_page(browser)
    page.goto(app.address())
    button, links = page.get_by_role("button"), page.get_by_role("link")
    assert (button.count(), links.count()) == (1, 2)
    assert links.first.bounding_box()["y"] >= button.bounding_box()["y"] + button.bounding_box()["height"]


def test_the_pages_ask_nobody_else_and_say_nothing(browser: Any, app: App) -> None:
    """Behaviour 55: style and logo come from here; the console stays empty."""
    page = open_page(browser)
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(urlsplit(request.url).netloc))
    page.on("console", lambda message: said.append(message.text))
    page.goto(app.address(), wait_until="networkidle")
    assert (set(asked), said) == ({urlsplit(app.stack.url).netloc}, [])


def test_the_documentation_page_signs_in_by_code(page: Any, stack: Stack) -> None:
    """Beside the password flow: Authorize opens the sign-in page, then operations carry the token."""
    page.locator(".auth-wrapper .authorize").first.click()
    flow = page.locator(".auth-container", has_text="authorizationCode").first
    flow.get_by_text("select all").click()
    with page.expect_popup() as opened:
        flow.get_by_role("button", name="Apply given OAuth2 credentials").click()
    window = opened.value
    window.get_by_label("Username").fill("user")
    window.get_by_label("Password").fill("w")
    window.get_by_role("button", name="Sign in").click()
    window.get_by_role("button", name="Allow").click()
    flow.get_by_role("button", name="Remove authorization").wait_for()
    page.locator(".auth-btn-wrapper .btn-done").first.click()
    block = page.locator("#operations-Users-getMe")
    block.locator(".opblock-summary-control").click()
    with page.expect_response("**/api/v1/users/me") as answered:
        block.locator("button.execute").click()
    assert (answered.value.status, answered.value.json()["username"]) == (200, "user")
