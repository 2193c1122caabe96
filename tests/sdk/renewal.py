"""What `grail_client.oauth2` promises, each as a function; run as `python renewal.py URL FUNCTION`."""

import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from grail_client import (
    ApiClient,
    ApiException,
    Configuration,
    OAuth2TokensApi,
    TeamInput,
    TeamsApi,
    UsersApi,
)
from grail_client.oauth2 import MemoryStore, OAuth2Client, OAuth2Error
from grail_client.refusals import challenge_of
from urllib3 import Retry
from urllib3.exceptions import HTTPError

PARALLEL = 8
AN_HOUR = 3600.0  # what an access token lasts
CALLBACK = "http://127.0.0.1:8000/api/v1/oauth2-redirect"
SECRET = "development-secret"


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Return the time in seconds."""
        return self.now


class Recorder(MemoryStore):  # type: ignore[misc]  # known to mypy only in the generated package
    """A store that remembers all it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.saved: list[str] = []

    def save(self, refresh_token: str | None) -> None:
        """Keep a refresh token."""
        super().save(refresh_token)
        self.saved += [refresh_token] if refresh_token else []


class SignedIn:
    """The development data's user, signed in."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.store = Recorder()
        self.clock = Clock()
        self.client = self.another()
        self.client.sign_in("user", "w")
        self.first = self.client.access_token()

    def another(self, **more: Any) -> OAuth2Client:
        """Make a further client over the same store."""
        more = {"store": self.store, "clock": self.clock, **more}
        return OAuth2Client(Configuration(host=self.url), "documentation", **more)

    def name(self) -> str:
        """Ask the API who is signed in."""
        name: str = UsersApi(self.client).get_me().username
        return name

    def names_in_parallel(self) -> list[str]:
        """Ask that from several threads at once."""
        with ThreadPoolExecutor(PARALLEL) as threads:
            return [future.result() for future in [threads.submit(self.name) for _ in range(PARALLEL)]]

    def end(self, token: str | None) -> None:
        """Revoke a token behind the client's back."""
        plain = ApiClient(Configuration(host=self.url))
        OAuth2TokensApi(plain).revoke_token(token=token, client_id="documentation")


def refused(call: Callable[[], Any], error: str) -> OAuth2Error:
    """Expect a refusal."""
    try:
        call()
    except OAuth2Error as caught:
        found = caught
    else:
        raise AssertionError(f"{error} was expected")
    assert found.error == error, found
    return found


def status_of(call: Callable[[], Any]) -> int:
    """Expect the API to refuse, and return the status."""
    try:
        call()
    except ApiException as caught:
        refusal = caught
    else:
        raise AssertionError("a refusal was expected")
    assert (challenge_of(refusal) or "").startswith("Bearer") == (refusal.status in {401, 403})
    return int(refusal.status or 0)


def renews_shortly_before_the_end(url: str) -> None:
    """A token is used until the leeway begins, and then renewed."""
    user = SignedIn(url)
    user.clock.now = AN_HOUR - 31
    assert (user.name(), user.client.access_token()) == ("user", user.first)
    user.clock.now = AN_HOUR - 29
    assert user.name() == "user"
    assert user.client.access_token() != user.first
    assert len(set(user.store.saved)) == 2


def renews_a_revoked_token(url: str) -> None:
    """A 401 renews the token, and the request is sent once more."""
    user = SignedIn(url)
    user.end(user.first)
    assert user.name() == "user"
    assert user.client.access_token() != user.first


def renews_once_for_parallel_refusals(url: str) -> None:
    """Requests that are refused at the same time share one refresh, so the sign-in goes on."""
    user = SignedIn(url)
    user.end(user.first)
    assert user.names_in_parallel() == ["user"] * PARALLEL
    assert len(user.store.saved) == 2
    user.end(user.client.access_token())
    assert user.name() == "user"


def renews_once_for_parallel_expiry(url: str) -> None:
    """Requests that find the token expired share one refresh, so the sign-in goes on."""
    user = SignedIn(url)
    user.clock.now = AN_HOUR
    assert user.names_in_parallel() == ["user"] * PARALLEL
    assert len(user.store.saved) == 2
    user.clock.now = 2 * AN_HOUR
    assert user.name() == "user"


def goes_on_from_the_store(url: str) -> None:
    """A refresh token of an earlier run is enough; no password is asked for."""
    user = SignedIn(url)
    user.client = user.another()
    assert user.name() == "user"


def shares_a_store_with_a_lock(url: str) -> None:
    """Clients that share a store and a lock renew one after the other, and none ends the sign-in."""
    user = SignedIn(url)
    lock = threading.Lock()
    clients = [user.another(lock=lock) for _ in range(PARALLEL)]
    with ThreadPoolExecutor(PARALLEL) as threads:
        tokens = list(threads.map(lambda client: client.access_token(), clients))
    assert len(set(user.store.saved)) == 1 + len(set(tokens)) == 1 + PARALLEL
    user.client = clients[0]
    assert user.name() == "user"


def tells_that_the_sign_in_has_ended(url: str) -> None:
    """After the sign-in was ended elsewhere, a call says so, and nothing is kept."""
    user = SignedIn(url)
    user.end(user.store.load())
    assert refused(user.name, "invalid_grant").status == 400
    assert (user.store.load(), user.client.access_token()) == (None, None)
    assert status_of(user.name) == 401


def tells_that_the_password_is_wrong(url: str) -> None:
    """A wrong password is invalid_grant, and an earlier sign-in goes on."""
    user = SignedIn(url)
    refused(lambda: user.client.sign_in("user", "a guess"), "invalid_grant")
    assert user.client.access_token() == user.first


def never_swaps_the_user(url: str) -> None:
    """A request of one user is not sent again in the name of the next, not even of one just signing in."""
    swap(url, wait=True)
    swap(url, wait=False)


def swap(url: str, *, wait: bool) -> None:
    """Sign somebody else in while a request is on its way whose token is refused."""
    user = SignedIn(url)
    send = user.client.rest_client.request
    user.end(user.first)
    other = threading.Thread(target=user.client.sign_in, args=("root", "q"))

    def meanwhile(*arguments: Any, **more: Any) -> Any:
        answer = send(*arguments, **more)
        other.start()
        while other.is_alive() and (wait or not user.client._threads.locked()):
            time.sleep(0.001)
        return answer

    user.client.rest_client.request = meanwhile
    assert status_of(user.name) == 401
    other.join()
    user.client.rest_client.request = send
    assert user.name() == "root"


def renews_as_a_client(url: str) -> None:
    """A service gets a new token by its secret, before the end and after a 401; it has no refresh token."""
    store, clock = Recorder(), Clock()
    client = OAuth2Client(Configuration(host=url), "service", SECRET, store=store, clock=clock)
    client.sign_in_as_client()
    tokens = [client.access_token()]
    clock.now += AN_HOUR
    UsersApi(client).get_me()
    tokens.append(client.access_token())
    service = OAuth2Client(Configuration(host=url), "service", SECRET)
    service._post("/auth/oauth2/revoke", {"token": tokens[-1]})
    assert UsersApi(client).get_me().username == "root"
    tokens.append(client.access_token())
    assert len(set(tokens)) == 3
    assert store.saved == []


def asks_for_scopes(url: str) -> None:
    """A token has the scopes that were asked for, and no other."""
    client = OAuth2Client(Configuration(host=url), "documentation", scopes=["teams:read"])
    client.sign_in("user", "w")
    TeamsApi(client).list_teams()
    assert status_of(UsersApi(client).get_me) == 403


def signs_out(url: str) -> None:
    """After signing out, neither token works, and nothing is kept."""
    user = SignedIn(url)
    refresh_token = user.store.load()
    user.client.sign_out()
    assert (user.client.access_token(), user.store.load()) == (None, None)
    thief = ApiClient(Configuration(host=url, access_token=user.first))
    assert status_of(UsersApi(thief).get_me) == 401
    user.store.save(refresh_token)
    refused(user.client.access_token, "invalid_grant")


def shows_no_secret(url: str) -> None:
    """Tokens and secrets are in no repr and no message."""
    user = SignedIn(url)
    client = OAuth2Client(Configuration(host=url), "service", "a guess that nobody may see")
    error = refused(client.sign_in_as_client, "invalid_client")
    shown = repr([user.client, user.client._access, user.store, client, error, str(error), vars(error)])
    for secret in (user.first, user.store.load(), "a guess"):
        assert secret
        assert secret not in shown


def follows_no_redirect(url: str) -> None:
    """A token endpoint that leads elsewhere gets no second request with the password."""
    client = OAuth2Client(Configuration(host=url), "documentation")
    refused(lambda: client.sign_in("redirect", "w"), "server_error")


def sends_a_refresh_token_once(url: str) -> None:
    """A refresh whose answer is lost is not sent again by itself, but by the next call."""
    clock = Clock()
    stubborn = Configuration(host=url, retries=Retry(3, allowed_methods=None))
    client = OAuth2Client(stubborn, "documentation", clock=clock)
    client.sign_in("user", "w")
    clock.now = AN_HOUR
    try:
        client.access_token()
    except HTTPError:
        return
    raise AssertionError("an error was expected")


def sends_a_lost_post_again(url: str) -> None:
    """A POST whose answer is lost is sent again with its key, by itself; the next one has another."""
    teams = TeamsApi(OAuth2Client(Configuration(host=url), "documentation"))
    for _ in range(2):
        assert teams.create_team(TeamInput(title="Engines")).title == "Engines"


def gives_up_after_three_attempts(url: str) -> None:
    """A POST that is never answered is sent three times; a key of one's own is kept."""
    teams = TeamsApi(OAuth2Client(Configuration(host=url), "documentation"))
    try:
        teams.create_team(TeamInput(title="Silence"), idempotency_key="my-own")
    except HTTPError:
        return
    raise AssertionError("an error was expected")


def signs_in_by_the_browser(url: str) -> None:
    """A code signs in once, and only the client that asked for it; prints the URL for the browser."""
    client = OAuth2Client(Configuration(host=url), "documentation", scopes=["users:read"])
    address, pending = client.authorization_url(CALLBACK)
    sys.stdout.write(f"{address}\n")
    sys.stdout.flush()
    back = input()
    for wrong in (back.replace(pending.state, "another"), back.replace("iss=", "not="), CALLBACK):
        refused(partial(client.sign_in_with_code, wrong, pending), "invalid_response")
    denied = back.replace("code=", "error=access_denied&not=")
    refused(lambda: client.sign_in_with_code(denied, pending), "access_denied")
    client.sign_in_with_code(back, pending)
    assert UsersApi(client).get_me().username == "user"
    assert status_of(TeamsApi(client).list_teams) == 403
    assert pending.verifier not in repr(pending)
    refused(lambda: client.sign_in_with_code(back, pending), "invalid_grant")


if __name__ == "__main__":
    globals()[sys.argv[2]](sys.argv[1])
