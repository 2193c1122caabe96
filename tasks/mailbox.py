"""The letters of a local stage: a job that delivers them to a folder, and the page `/_letters` that shows it.

Only `make run` has them: no deployed stage has such a page.
"""

import html
import json
import re
import sys
from collections.abc import Mapping
from http import HTTPStatus
from importlib import import_module
from pathlib import Path
from string import Template
from typing import Any

from chalicelib.letters import delivery
from chalicelib.letters.senders import folder_of, kept_in
from chalicelib.settings import FOLDER, LOCAL_URL, Settings, running

PATHS = {"/_letters": "text/html", "/_letters.json": "application/json"}
PAGE = Template(Path(__file__).with_suffix(".html").read_text("utf-8"))
LINK = re.compile(r"https?://[^\s<>&\"']+")
POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'"


def send_letters() -> object:
    """Deliver what is due, as the function of a deployed stage does."""
    context = import_module("app").api.context(source="none", request_id="make run")
    outcomes = delivery.deliver(context, delivery.due())
    if sent := outcomes.get(delivery.SENT):
        url = running().get("url", LOCAL_URL)
        print(f"{sent} letters: {url}/_letters", file=sys.stderr, flush=True)
    return outcomes


def answer(path: str) -> tuple[int, dict[str, str | list[str]], bytes] | None:
    """Return status, headers and body for a path; None if it is not that of a page."""
    kind = PATHS.get(path)
    if kind is None:
        return None
    letters = read(import_module("app").api.settings)
    text = json.dumps(letters) if kind == "application/json" else page(letters)
    headers: dict[str, str | list[str]] = {
        "Content-Type": f"{kind}; charset=utf-8",
        "Content-Security-Policy": POLICY,
        "Cache-Control": "no-store",
    }
    return HTTPStatus.OK, headers, text.encode()


def read(settings: Settings) -> list[dict[str, Any]]:
    """Read the letters of a local stage, newest first; none where they are sent elsewhere."""
    if not (settings.is_local and (settings.mail or "").startswith(f"{FOLDER}:")):
        return []
    return [json.loads(path.read_text("utf-8")) for path in kept_in(folder_of(settings))]


def page(letters: list[dict[str, Any]]) -> str:
    """Write the page."""
    shown = "\n".join(_article(letter) for letter in letters)
    return PAGE.substitute(letters=shown or "<p>No letters yet. They appear within a few seconds.</p>")


def _article(letter: Mapping[str, Any]) -> str:
    safe = {name: html.escape(str(letter[name])) for name in ("id", "to", "subject", "created")}
    text = LINK.sub(lambda found: f'<a href="{found[0]}">{found[0]}</a>', html.escape(letter["text"]))
    return (
        f'<article id="{safe["id"]}"><h2>{safe["subject"]}</h2>'
        f'<p class="note">to {safe["to"]}, {safe["created"]}</p><pre>{text}</pre></article>'
    )
