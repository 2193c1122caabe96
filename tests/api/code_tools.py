"""A browser and a client for the authorization code flow, each as small as it can be."""

import base64
import hashlib
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

from tests.http import Answer, Client

AUTHORIZE = "/auth/oauth2/authorize"
TOKEN = "/auth/oauth2/token"
CALLBACK = "https://app.test/callback"
VERIFIER = "v" * 43
SCOPE = "teams:read users:read"
STATE = "a state, of the client's"


def challenge_of(verifier: str) -> str:
    """Make the S256 challenge of a verifier (RFC 7636 §4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def query_of(client_id: str = "app", **changes: Any) -> dict[str, Any]:
    """Build the query of a good authorization request; None leaves a parameter out."""
    values: dict[str, Any] = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": CALLBACK,
        "scope": SCOPE,
        "state": STATE,
        "code_challenge": challenge_of(VERIFIER),
        "code_challenge_method": "S256",
    }
    return {name: value for name, value in {**values, **changes}.items() if value is not None}


class _Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self.buttons: list[str] = []
        self.links: list[str] = []
        self.action = ""
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.action = urljoin(AUTHORIZE, found["action"])
        if tag == "input":
            self.fields[found["name"]] = found.get("value", "")
        if tag == "button":
            self.buttons.append(found.get("value", ""))
        if tag == "a":
            self.links.append(found["href"])

    def handle_data(self, data: str) -> None:
        self.words.append(data.strip())


@dataclass
class Browser:
    """Keeps the cookie, fills in forms, follows no redirect away from the server."""

    api: Client
    cookies: dict[str, str] = field(default_factory=dict)
    last: Answer | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def open(self, **query: Any) -> Answer:
        """Open the authorization endpoint."""
        return self.send("GET", f"{AUTHORIZE}?{urlencode(query, doseq=True)}")

    def submit(self, decision: str, **fields: str) -> Answer:
        """Fill in the form of the last page and press a button."""
        page = self.page
        assert decision in page.buttons, page.buttons
        form = {**page.fields, **fields, "decision": decision}
        return self.send("POST", page.action, form=form)

    @property
    def page(self) -> _Page:
        """The page on show."""
        assert self.last is not None
        return _Page(self.last.body.decode())

    @property
    def text(self) -> str:
        """What a person reads on it."""
        return " ".join(word for word in self.page.words if word)

    def send(self, method: str, path: str, **more: Any) -> Answer:
        """Send a request with the cookies."""
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        headers = {**({"Cookie": cookie} if cookie else {}), **self.headers}
        self.last = self.api(method, path, headers=headers, **more)
        fresh = self.last.headers.get("set-cookie")
        if fresh:
            name, _, value = fresh.split(";")[0].partition("=")
            self.cookies[name] = value
        return self.last


def redirected(answer: Answer) -> dict[str, str]:
    """Read what a redirect brings to the client."""
    assert answer.status == 303, (answer.status, answer.body)
    return _brought(answer.headers["location"])


def refused(browser: Browser) -> dict[str, str]:
    """Read what the link on a page brings to the client; it is followed only when it is pressed."""
    assert browser.last is not None
    assert "location" not in browser.last.headers
    return _brought(way_back(browser))


def way_back(browser: Browser) -> str:
    """Return where the last link of a page leads to; the others lead to pages of this server."""
    *others, address = browser.page.links
    assert all(each.startswith("/") for each in others)
    return address


def _brought(address: str) -> dict[str, str]:
    query = parse_qs(urlsplit(address).query, strict_parsing=True)
    assert all(len(values) == 1 for values in query.values())
    return {name: values[0] for name, values in query.items()}


def get_code(api: Client, username: str, password: str, **changes: Any) -> str:
    """Sign in, consent if asked, and take the code."""
    browser = Browser(api)
    browser.open(**query_of(**changes))
    answer = browser.submit("sign_in", username=username, password=password)
    if answer.status == 200:
        answer = browser.submit("allow")
    return redirected(answer)["code"]


def redeem(api: Client, code: str, client_id: str = "app", **changes: Any) -> Answer:
    """Exchange a code as a public client; None leaves a parameter out."""
    form = {
        "grant_type": "authorization_code",
        "client_id": client_id,
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
        **changes,
    }
    return api("POST", TOKEN, form={name: value for name, value in form.items() if value is not None})
