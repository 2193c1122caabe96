/** What `grail-client/oauth2` promises, each as a function; run as `node renewal.js URL FUNCTION`. */
import assert from "node:assert/strict";
import { text } from "node:stream/consumers";
import { inspect } from "node:util";
import { Configuration, OAuth2TokensApi, ResponseError, TeamsApi, UsersApi } from "grail-client";
import { challengeOf } from "grail-client/answers";
import { MemoryStore, OAuth2Client, OAuth2Error, type OAuth2Options } from "grail-client/oauth2";

const PARALLEL = 8;
const AN_HOUR = 3_600_000; // what an access token lasts
const CALLBACK = "http://127.0.0.1:8000/api/v1/oauth2-redirect";
const SECRET = "development-secret";

/** A store that remembers all it was given. */
class Recorder extends MemoryStore {
  readonly saved: string[] = [];

  override save(refreshToken: string | undefined): void {
    super.save(refreshToken);
    if (refreshToken) this.saved.push(refreshToken);
  }
}

/** The development data's user, signed in. */
class SignedIn {
  readonly store = new Recorder();
  now = 0;
  client = this.another();

  constructor(readonly basePath: string) {
    this.client = this.another();
  }

  static async at(basePath: string): Promise<SignedIn> {
    const user = new SignedIn(basePath);
    await user.client.signIn("user", "w");
    return user;
  }

  /** Makes a further client over the same store. */
  another(more: Partial<OAuth2Options> = {}): OAuth2Client {
    const { basePath, store } = this;
    return new OAuth2Client({ basePath, clientId: "documentation", store, clock: () => this.now, ...more });
  }

  /** Asks the API who is signed in. */
  async name(): Promise<string> {
    return (await new UsersApi(this.client.configuration).getMe()).username;
  }

  namesInParallel(): Promise<string[]> {
    return Promise.all(Array.from({ length: PARALLEL }, () => this.name()));
  }

  /** Revokes a token behind the client's back. */
  async end(token: string | undefined): Promise<void> {
    const plain = new OAuth2TokensApi(new Configuration({ basePath: this.basePath }));
    await plain.revokeToken({ token: token ?? "", clientId: "documentation" });
  }
}

const everybody = Array.from({ length: PARALLEL }, () => "user");

async function refused(call: () => Promise<unknown>, error: string): Promise<OAuth2Error> {
  const caught: unknown = await call().catch((thrown: unknown) => thrown);
  assert(caught instanceof OAuth2Error, `${error} was expected`);
  assert.equal(caught.error, error);
  return caught;
}

async function statusOf(call: () => Promise<unknown>): Promise<number> {
  const caught: unknown = await call().catch((thrown: unknown) => thrown);
  assert(caught instanceof ResponseError, "a refusal was expected");
  const { status } = caught.response;
  assert.equal(challengeOf(caught.response)?.startsWith("Bearer") ?? false, status === 401 || status === 403);
  return status;
}

/** Signs somebody else in while a request is on its way whose token is refused. */
async function swap(basePath: string, wait: boolean): Promise<void> {
  const user = await SignedIn.at(basePath);
  let other: Promise<void> | undefined;
  const swapping: typeof fetch = async (input, init) => {
    const response = await fetch(input, init);
    if (!other && String(input).endsWith("/me")) {
      other = user.client.signIn("root", "q");
      if (wait) await other;
    }
    return response;
  };
  user.client = user.another({ fetch: swapping });
  await user.end(await user.client.accessToken());
  assert.equal(await statusOf(() => user.name()), 401);
  await other;
  assert.equal(await user.name(), "root");
}

const promises: Record<string, (basePath: string) => Promise<void>> = {
  /** A token is used until the leeway begins, and renewed then. */
  async renews_shortly_before_the_end(basePath) {
    const user = await SignedIn.at(basePath);
    const first = await user.client.accessToken();
    user.now = AN_HOUR - 31_000;
    assert.deepEqual([await user.name(), await user.client.accessToken()], ["user", first]);
    user.now = AN_HOUR - 29_000;
    assert.equal(await user.name(), "user");
    assert.notEqual(await user.client.accessToken(), first);
    assert.equal(new Set(user.store.saved).size, 2);
  },

  /** A 401 renews the token, and the request is sent once more. */
  async renews_a_revoked_token(basePath) {
    const user = await SignedIn.at(basePath);
    const first = await user.client.accessToken();
    await user.end(first);
    assert.equal(await user.name(), "user");
    assert.notEqual(await user.client.accessToken(), first);
  },

  /** Requests that are refused at the same time share one refresh, so the sign-in goes on. */
  async renews_once_for_parallel_refusals(basePath) {
    const user = await SignedIn.at(basePath);
    await user.end(await user.client.accessToken());
    assert.deepEqual(await user.namesInParallel(), everybody);
    assert.equal(user.store.saved.length, 2);
    await user.end(await user.client.accessToken());
    assert.equal(await user.name(), "user");
  },

  /** Requests that find the token expired share one refresh, so the sign-in goes on. */
  async renews_once_for_parallel_expiry(basePath) {
    const user = await SignedIn.at(basePath);
    user.now = AN_HOUR;
    assert.deepEqual(await user.namesInParallel(), everybody);
    assert.equal(user.store.saved.length, 2);
    user.now = 2 * AN_HOUR;
    assert.equal(await user.name(), "user");
  },

  /** A refresh token of an earlier run is enough; no password is asked for. */
  async goes_on_from_the_store(basePath) {
    const user = await SignedIn.at(basePath);
    user.client = user.another();
    assert.equal(await user.name(), "user");
  },

  /** Clients that share a store and a lock renew one after the other, and none ends the sign-in. */
  async shares_a_store_with_a_lock(basePath) {
    const user = await SignedIn.at(basePath);
    let queue: Promise<unknown> = Promise.resolve();
    const lock = <T>(run: () => Promise<T>): Promise<T> => {
      const result = queue.then(run);
      queue = result.catch(() => undefined);
      return result;
    };
    const clients = Array.from({ length: PARALLEL }, () => user.another({ lock }));
    const tokens = await Promise.all(clients.map((client) => client.accessToken()));
    assert.equal(new Set(tokens).size, PARALLEL);
    assert.equal(new Set(user.store.saved).size, 1 + PARALLEL);
    user.client = clients[0] ?? user.client;
    assert.equal(await user.name(), "user");
  },

  /** After the sign-in was ended elsewhere, a call says so, and nothing is kept. */
  async tells_that_the_sign_in_has_ended(basePath) {
    const user = await SignedIn.at(basePath);
    await user.end(user.store.load());
    const error = await refused(() => user.name(), "invalid_grant");
    assert.equal(error.status, 400);
    assert.deepEqual([user.store.load(), await user.client.accessToken()], [undefined, undefined]);
    assert.equal(await statusOf(() => user.name()), 401);
  },

  /** A wrong password is invalid_grant, and an earlier sign-in goes on. */
  async tells_that_the_password_is_wrong(basePath) {
    const user = await SignedIn.at(basePath);
    const first = await user.client.accessToken();
    await refused(() => user.client.signIn("user", "a guess"), "invalid_grant");
    assert.equal(await user.client.accessToken(), first);
  },

  /** A request of one user is not sent again in the name of the next, not even of one just signing in. */
  async never_swaps_the_user(basePath) {
    await swap(basePath, true);
    await swap(basePath, false);
  },

  /** A service gets a new token by its secret, before the end and after a 401; it has no refresh token. */
  async renews_as_a_client(basePath) {
    const store = new Recorder();
    const secrets = { clientId: "service", clientSecret: SECRET };
    let now = 0;
    const client = new OAuth2Client({ basePath, ...secrets, store, clock: () => now });
    await client.signInAsClient();
    const tokens = [await client.accessToken()];
    now += AN_HOUR;
    await new UsersApi(client.configuration).getMe();
    tokens.push(await client.accessToken());
    await new OAuth2TokensApi(new Configuration({ basePath })).revokeToken({ token: tokens[1] ?? "", ...secrets });
    assert.equal((await new UsersApi(client.configuration).getMe()).username, "root");
    tokens.push(await client.accessToken());
    assert.equal(new Set(tokens).size, 3);
    assert.deepEqual(store.saved, []);
  },

  /** A token has the scopes that were asked for, and no other. */
  async asks_for_scopes(basePath) {
    const client = new OAuth2Client({ basePath, clientId: "documentation", scopes: ["teams:read"] });
    await client.signIn("user", "w");
    await new TeamsApi(client.configuration).listTeams();
    assert.equal(await statusOf(() => new UsersApi(client.configuration).getMe()), 403);
  },

  /** After signing out, neither token works, and nothing is kept. */
  async signs_out(basePath) {
    const user = await SignedIn.at(basePath);
    const accessToken = `Bearer ${await user.client.accessToken()}`;
    const refreshToken = user.store.load();
    await user.client.signOut();
    assert.deepEqual([await user.client.accessToken(), user.store.load()], [undefined, undefined]);
    const thief = new UsersApi(new Configuration({ basePath, accessToken }));
    assert.equal(await statusOf(() => thief.getMe()), 401);
    user.store.save(refreshToken);
    await refused(() => user.client.accessToken(), "invalid_grant");
  },

  /** Tokens and secrets are in nothing that is printed. */
  async shows_no_secret(basePath) {
    const client = new OAuth2Client({ basePath, clientId: "documentation" });
    await client.signIn("user", "w");
    const secret = "a guess that nobody may see";
    const service = new OAuth2Client({ basePath, clientId: "service", clientSecret: secret });
    const error = await refused(() => service.signInAsClient(), "invalid_client");
    const depth = { depth: Infinity, showHidden: true };
    const shown = inspect([client, service, error], depth) + JSON.stringify([client, service, error]);
    assert(!shown.includes((await client.accessToken()) ?? ""));
    assert(!shown.includes("a guess"));
  },

  /** A token endpoint that leads elsewhere gets no second request with the password. */
  async follows_no_redirect(basePath) {
    const client = new OAuth2Client({ basePath, clientId: "documentation" });
    await assert.rejects(() => client.signIn("redirect", "w"));
  },

  /** A refresh whose answer is lost is not sent again by itself, but by the next call. */
  async sends_a_refresh_token_once(basePath) {
    let now = 0;
    const client = new OAuth2Client({ basePath, clientId: "documentation", clock: () => now });
    await client.signIn("user", "w");
    now = AN_HOUR;
    await assert.rejects(() => client.accessToken());
  },

  /** A POST whose answer is lost is sent again with its key, by itself; the next one has another. */
  async sends_a_lost_post_again(basePath) {
    const teams = new TeamsApi(new OAuth2Client({ basePath, clientId: "documentation" }).configuration);
    for (let number = 0; number < 2; number += 1) {
      assert.equal((await teams.createTeam({ teamInput: { title: "Engines" } })).title, "Engines");
    }
  },

  /** A POST that is never answered is sent three times; a key of one's own is kept. */
  async gives_up_after_three_attempts(basePath) {
    const teams = new TeamsApi(new OAuth2Client({ basePath, clientId: "documentation" }).configuration);
    await assert.rejects(() => teams.createTeam({ teamInput: { title: "Silence" }, idempotencyKey: "my-own" }));
  },

  /** A code signs in once, and nobody but who asked for it; prints where the browser has to go. */
  async signs_in_by_the_browser(basePath) {
    const client = new OAuth2Client({ basePath, clientId: "documentation", scopes: ["users:read"] });
    const { url, pending } = await client.authorizationUrl(CALLBACK);
    console.log(url);
    const back = (await text(process.stdin)).trim();
    for (const wrong of [back.replace(pending.state, "another"), back.replace("iss=", "not="), CALLBACK]) {
      await refused(() => client.signInWithCode(wrong, pending), "invalid_response");
    }
    const denied = back.replace("code=", "error=access_denied&not=");
    await refused(() => client.signInWithCode(denied, pending), "access_denied");
    await client.signInWithCode(back, pending);
    assert.equal((await new UsersApi(client.configuration).getMe()).username, "user");
    assert.equal(await statusOf(() => new TeamsApi(client.configuration).listTeams()), 403);
    await refused(() => client.signInWithCode(back, pending), "invalid_grant");
  },
};

const [, , basePath = "", name = ""] = process.argv;
const promise = promises[name];
assert(promise, `there is no ${name}`);
await promise(basePath);
