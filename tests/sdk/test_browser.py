"""The TypeScript client in a real browser, on a page of another origin."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from tasks.processes import LOOPBACK
from tests.e2e.stack import Stack
from tests.sdk.conftest import Sdk

PROGRAM = """async (basePath) => {
    const [{ TeamsApi }, { every }, { OAuth2Client }] = await Promise.all(
        ["/index.js", "/answers.js", "/oauth2.js"].map((name) => import(name)),
    );
    let now = 0;
    const client = new OAuth2Client({ basePath, clientId: "documentation", clock: () => now });
    await client.signIn("user", "w");
    const teams = new TeamsApi(client.configuration);
    const { id: teamId } = await teams.createTeam({ teamInput: { title: "Navigators" } });
    await teams.createTeam({ teamInput: { title: "Netscapes" } });
    now = 3_600_000;
    const titles = [];
    for await (const team of every((cursor) => teams.listTeamsRaw({ cursor, limit: 1 }))) {
        titles.push(team.title);
    }
    const etag = (await teams.getTeamRaw({ teamId })).raw.headers.get("ETag");
    await client.signOut();
    return { titles, etag, token: await client.accessToken() };
}"""


class Quiet(SimpleHTTPRequestHandler):
    """Serves files, and logs nothing."""

    def log_message(self, *arguments: Any) -> None:
        """Keep quiet."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder; yields the URL."""
    server = ThreadingHTTPServer((LOOPBACK, 0), partial(Quiet, directory=str(folder)))
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://{LOOPBACK}:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_it_works_in_a_browser(typescript: Sdk, stack: Stack, browser: Any) -> None:
    """Sign in, refresh, page by the Link header, read an ETag, sign out: CORS lets all of it pass."""
    with served(typescript.folder.parent / "dist") as url:
        page = browser.new_page()
        page.goto(url)
        found = page.evaluate(PROGRAM, stack.url)
        page.close()
    assert {"Navigators", "Netscapes"} <= set(found["titles"])
    assert found["etag"]
    assert found.get("token") is None
