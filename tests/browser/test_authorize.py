"""Sign-in and consent in a real browser: without scripts, by keyboard, on a phone, and for everybody."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from tests.api.code_tools import STATE, VERIFIER, query_of
from tests.browser.conftest import photograph
from tests.e2e.stack import Stack

PHONE = {"width": 360, "height": 740}
SCOPE = "teams:read users:read"


class _Callback(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path.startswith("/callback"):  # browsers ask for an icon, too
            self.server.seen.append(self.path)  # type: ignore[attr-defined]  # given to it below
            if self.server.onward:  # type: ignore[attr-defined]  # likewise
                self.send_response(302)
                self.send_header("Location", self.server.onward)  # type: ignore[attr-defined]  # likewise
                self.end_headers()
                return
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<title>Back at the app</title>")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class App:
    """Somebody else's application: a client with a redirect URI of its own."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _Callback)
        self.server.seen = []  # type: ignore[attr-defined]  # what the handler above fills
        self.server.onward = ""  # type: ignore[attr-defined]  # where it sends people on to
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.redirect_uri = f"http://127.0.0.1:{self.server.server_port}/callback"
        token = stack.token("root", "q").json["access_token"]
        body = {"client_name": "Team Planner", "client_type": "public", "redirect_uris": [self.redirect_uri]}
        answer = stack.api(
            "POST", "/api/v1/auth/oauth2_clients", token=token, data={**body, "default_scopes": SCOPE.split()}
        )
        self.client_id = answer.json["client_id"]

    @property
    def address(self) -> str:
        """Where it sends people to."""
        query = query_of(self.client_id, redirect_uri=self.redirect_uri, scope=SCOPE)
        return f"{self.stack.url}/auth/oauth2/authorize?{urlencode(query)}"

    @property
    def answer(self) -> dict[str, list[str]]:
        """What came back last."""
        return parse_qs(urlsplit(self.server.seen[-1]).query)  # type: ignore[attr-defined]  # see above

    def redeem(self) -> int:
        """Exchange the code, and use the token."""
        form = {
            "grant_type": "authorization_code",
            "client_id": self.client_id,
            "code": self.answer["code"][0],
            "redirect_uri": self.redirect_uri,
            "code_verifier": VERIFIER,
        }
        tokens = self.stack.api("POST", "/auth/oauth2/token", form=form).json
        return self.stack.api("GET", "/api/v1/users/me", token=tokens["access_token"]).status


@pytest.fixture
def app(stack: Stack) -> Iterator[App]:
    """A client that nobody has consented to."""
    made = App(stack)
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> str:
    """How a person likes their screen."""
    return str(request.param)


def open_page(browser: Any, **options: Any) -> Any:
    """Open a phone's browser of its own."""
    return browser.new_context(viewport=PHONE, **options).new_page()


def violations(page: Any) -> list[str]:
    """Let axe look at a page."""
    from axe_playwright_python.sync_playwright import Axe  # noqa: PLC0415 - it may not be installed

    found = Axe().run(page).response["violations"]
    return [f"{each['id']}: {node['html']}" for each in found for node in each["nodes"]]


def test_signing_in_works_without_scripts_by_keyboard_alone(browser: Any, app: App) -> None:
    """Type, Tab, Enter: the first button of each page is the one that goes on."""
    page = open_page(browser, java_script_enabled=False)
    page.goto(app.address)
    page.keyboard.press("Tab")
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


@pytest.mark.parametrize("answer", ["Allow", "Cancel"])
@pytest.mark.parametrize(
    "onward", ["http://127.0.0.1:{port}/landed", "http://localhost:{port}/landed", "{stack}/health"]
)
def test_people_arrive_wherever_the_callback_sends_them(
    browser: Any, app: App, onward: str, answer: str
) -> None:
    """The same origin, another host, another port: browsers hold all redirects after a form to its policy."""
    target = onward.format(port=app.server.server_port, stack=app.stack.url)
    app.server.onward = target  # type: ignore[attr-defined]  # see above
    page = open_page(browser)
    page.goto(app.address)
    if answer == "Allow":
        page.get_by_label("Username").fill("user")
        page.get_by_label("Password").fill("w")
        page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name=answer).click()
    page.wait_for_url(target)
    assert ("code" in app.answer) == (answer == "Allow")


def test_denying_leads_back(browser: Any, app: App) -> None:
    """The policy of the page lets its form end at the client's address."""
    page = open_page(browser)
    page.goto(app.address)
    page.get_by_role("button", name="Cancel").click()
    page.wait_for_url(f"{app.redirect_uri}?*")
    assert app.answer["error"] == ["access_denied"]


def test_axe_finds_nothing(browser: Any, app: App, scheme: str) -> None:
    """Sign-in, refused sign-in, consent and error page: 0 violations, in light and dark."""
    page = open_page(browser, color_scheme=scheme)
    page.goto(app.address)
    photograph(page, f"sign-in-{scheme}")
    found = {"sign-in": violations(page)}
    page.get_by_label("Username").fill("user")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("alert").wait_for()
    found["refused"] = violations(page)
    page.get_by_label("Password").fill("w")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Allow").wait_for()
    photograph(page, f"consent-{scheme}")
    found["consent"] = violations(page)
    page.goto(f"{app.stack.url}/auth/oauth2/authorize?client_id=nobody")
    page.get_by_role("alert").wait_for()
    found["error"] = violations(page)
    assert found == {"sign-in": [], "refused": [], "consent": [], "error": []}


def test_nothing_runs_off_a_narrow_screen(browser: Any, app: App) -> None:
    """A phone needs no sideways scrolling."""
    page = open_page(browser)
    page.set_viewport_size({"width": 320, "height": 600})
    page.goto(app.address)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


def test_the_pages_ask_nobody_else_and_say_nothing(browser: Any, app: App) -> None:
    """ACCEPTANCE 55: style and logo come from here; the console stays empty."""
    page = open_page(browser)
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(urlsplit(request.url).netloc))
    page.on("console", lambda message: said.append(message.text))
    page.goto(app.address, wait_until="networkidle")
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
    block = page.locator("#operations-users-getMe")
    block.locator(".opblock-summary-control").click()
    with page.expect_response("**/api/v1/users/me") as answered:
        block.locator("button.execute").click()
    assert (answered.value.status, answered.value.json()["username"]) == (200, "user")
