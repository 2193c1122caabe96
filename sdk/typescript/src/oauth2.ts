/**
 * OAuth2 around the generated client: sign in, keep the token fresh, sign out.
 *
 *     const client = new OAuth2Client({ basePath: "https://api.example.org", clientId: "documentation" });
 *     await client.signIn("ada", "analytical engine");
 *     console.log(await new TeamsApi(client.configuration).listTeams());
 *     await client.signOut();
 */
import { Configuration, type FetchParams, type ResponseContext } from "./runtime.js";

const AUTHORIZE_PATH = "/auth/oauth2/authorize";
const TOKEN_PATH = "/auth/oauth2/token";
const REVOKE_PATH = "/auth/oauth2/revoke";
/** A POST carries a key by which the API knows it again: it may be sent again when its answer is lost. */
const IDEMPOTENCY_KEY = "Idempotency-Key";
/** Milliseconds before each repetition. */
const WAITS = [200, 1000] as const;
/** Milliseconds that Retry-After may ask for. */
const MAX_WAIT = 10_000;
const PASSING: readonly number[] = [502, 503, 504];
/** A request that was on its way while the token was renewed carries an earlier one. */
const REMEMBERED = 4;

/** Keeps the refresh token, which is as good as a password, where only its user can read it. */
export interface TokenStore {
  /** Gives what was saved last. */
  load(): string | undefined | Promise<string | undefined>;
  /** Saves a refresh token; undefined removes it. */
  save(refreshToken: string | undefined): void | Promise<void>;
}

/** Keeps the refresh token as long as the page or the process lives. */
export class MemoryStore implements TokenStore {
  #refreshToken: string | undefined;

  load(): string | undefined {
    return this.#refreshToken;
  }

  save(refreshToken: string | undefined): void {
    this.#refreshToken = refreshToken;
  }
}

/** The server refused to give or to revoke tokens (RFC 6749 §5.2). */
export class OAuth2Error extends Error {
  override readonly name = "OAuth2Error";

  /**
   * @param status the HTTP status; 303 if it came by a redirect
   * @param error such as invalid_grant: wrong password, or this sign-in has ended; sign in again
   * @param description in words, for developers
   */
  constructor(readonly status: number, readonly error: string, readonly description: string) {
    super(`${status} ${error}: ${description}`);
  }
}

export interface OAuth2Options {
  /** Where the server is, without a slash at the end. */
  basePath: string;
  clientId: string;
  /** Of a confidential client; never in a browser. */
  clientSecret?: string;
  /** What to ask for; by default all that the client has. */
  scopes?: readonly string[];
  /** Where the refresh token is kept; share one among tabs or processes only with a lock. */
  store?: TokenStore;
  /** Runs one function at a time where tabs share a store: run => navigator.locks.request("grail", run). */
  lock?: <T>(run: () => Promise<T>) => Promise<T>;
  /** Seconds before its end at which a token is renewed; 30 by default. */
  leeway?: number;
  /** Seconds that the server may take to give a token; 10 by default. */
  timeout?: number;
  /** Milliseconds that pass. */
  clock?: () => number;
  fetch?: typeof fetch;
}

/** What to keep, in the session storage for instance, until the browser comes back. */
export interface PendingSignIn {
  redirectUri: string;
  state: string;
  verifier: string;
}

type Form = Record<string, string>;
interface Answer {
  access_token: string;
  expires_in: number;
  refresh_token?: string;
}

/**
 * Sends an access token where one is needed, and renews it.
 *
 * Of requests at the same time one refreshes while the others wait for what it gets. If the answer to that is
 * lost, the next call asks again; within 30 seconds the server gives the same tokens.
 */
export class OAuth2Client {
  /** For the generated APIs: new TeamsApi(client.configuration). */
  readonly configuration: Configuration;

  readonly #options: OAuth2Options;
  readonly #store: TokenStore;
  readonly #clock: () => number;
  #queue: Promise<unknown> = Promise.resolve();
  #access: { token: string; renewAt: number } | undefined;
  #isService = false;
  #given: readonly string[] = [];

  constructor(options: OAuth2Options) {
    this.#options = options;
    this.#store = options.store ?? new MemoryStore();
    this.#clock = options.clock ?? Date.now;
    this.configuration = new Configuration({
      basePath: options.basePath,
      accessToken: async () => bearer(await this.accessToken()),
      fetchApi: (input, init) => this.#send(input, init),
      middleware: [{ pre: prepared, post: (context) => this.#again(context) }],
    });
  }

  /** Signs a user in (password grant); OAuth2Error invalid_grant: the user or the password is wrong. */
  async signIn(username: string, password: string): Promise<void> {
    await this.#begin(this.#withScope({ grant_type: "password", username, password }));
  }

  /** Acts for the owner of the client, as services do (client credentials grant). */
  async signInAsClient(): Promise<void> {
    await this.#begin(this.#withScope({ grant_type: "client_credentials" }));
  }

  /**
   * Begins a sign-in in the browser (authorization code grant with PKCE).
   *
   * @param redirectUri one of the client's
   * @returns where to send the browser, and what signInWithCode needs afterwards
   */
  async authorizationUrl(redirectUri: string): Promise<{ url: string; pending: PendingSignIn }> {
    const pending = { redirectUri, state: random(), verifier: random() };
    const query = this.#withScope({
      response_type: "code",
      client_id: this.#options.clientId,
      redirect_uri: redirectUri,
      state: pending.state,
      code_challenge: await challengeOf(pending.verifier),
      code_challenge_method: "S256",
    });
    return { url: `${this.#options.basePath}${AUTHORIZE_PATH}?${new URLSearchParams(query)}`, pending };
  }

  /**
   * Ends a sign-in in the browser.
   *
   * OAuth2Error access_denied: the user said no; invalid_response: it is another sign-in's answer.
   *
   * @param address where the browser was sent back to, with its query
   * @param pending of this very browser
   */
  async signInWithCode(address: string | URL, pending: PendingSignIn): Promise<void> {
    const answer = new URL(address).searchParams;
    // RFC 9207: the answer of another server would make us send it this one's code
    if (answer.get("state") !== pending.state || answer.get("iss") !== this.#options.basePath) {
      throw new OAuth2Error(303, "invalid_response", "The answer belongs to another sign-in.");
    }
    const code = answer.get("code");
    if (!code) {
      const description = answer.get("error_description") ?? "no explanation";
      throw new OAuth2Error(303, answer.get("error") ?? "invalid_response", description);
    }
    const { redirectUri, verifier } = pending;
    const form = { grant_type: "authorization_code", code };
    await this.#begin({ ...form, redirect_uri: redirectUri, code_verifier: verifier });
  }

  /**
   * Ends the sign-in: its refresh token and its access tokens work no more.
   *
   * If it throws, nothing has changed, and it may be tried again.
   */
  async signOut(): Promise<void> {
    await this.#alone(async () => {
      const token = (this.#isService ? undefined : await this.#store.load()) ?? this.#access?.token;
      if (token) {
        await this.#post(REVOKE_PATH, { token });
      }
      await this.#forget();
    });
  }

  /**
   * Gives an access token that works for a while yet; undefined: nobody is signed in.
   *
   * OAuth2Error invalid_grant: the sign-in has ended.
   */
  async accessToken(): Promise<string | undefined> {
    return this.#fresh() ?? (await this.#renewed());
  }

  /** If the token of a request was refused, renews that and sends it once more. */
  async #again({ url, init, response }: ResponseContext): Promise<Response | void> {
    const headers = new Headers(init.headers);
    const sent = this.#given.find((token) => headers.get("Authorization") === bearer(token));
    const token = sent && response.status === 401 ? await this.#renewed(sent) : undefined;
    if (token) {
      headers.set("Authorization", bearer(token));
      return this.#send(url, { ...init, headers });
    }
  }

  /** Sends a request; one with a key again, as long as no answer comes. */
  async #send(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
    const waits = new Headers(init?.headers).has(IDEMPOTENCY_KEY) ? WAITS : [];
    for (const wait of waits) {
      let asked: string | null = null;
      try {
        const response = await this.#fetch(input, init);
        await response.clone().arrayBuffer(); // all of it has to arrive
        if (!PASSING.includes(response.status)) {
          return response;
        }
        asked = response.headers.get("Retry-After");
      } catch (error) {
        if (init?.signal?.aborted) {
          throw error;
        }
      }
      const pause = asked && /^\d+$/.test(asked) ? Math.min(1000 * Number(asked), MAX_WAIT) : wait;
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
    return this.#fetch(input, init);
  }

  #fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
    return (this.#options.fetch ?? fetch)(input, init);
  }

  #fresh(): string | undefined {
    return this.#access && this.#clock() < this.#access.renewAt ? this.#access.token : undefined;
  }

  /** Gives a token other than the rejected one; undefined: nobody is signed in, or somebody else. */
  #renewed(rejected?: string): Promise<string | undefined> {
    return this.#alone(async () => {
      if (rejected && !this.#given.includes(rejected)) {
        return undefined;
      }
      const token = this.#fresh();
      if (token && token !== rejected) {
        return token; // another request was faster
      }
      const form = await this.#renewal();
      return form && this.#renew(form);
    });
  }

  async #renew(form: Form): Promise<string> {
    try {
      return await this.#keep(await this.#post<Answer>(TOKEN_PATH, form));
    } catch (error) {
      if (error instanceof OAuth2Error && error.error === "invalid_grant") {
        await this.#forget();
      }
      throw error;
    }
  }

  async #renewal(): Promise<Form | undefined> {
    if (this.#isService) {
      return this.#withScope({ grant_type: "client_credentials" });
    }
    // read each time: another tab may have used the previous one
    const refreshToken = await this.#store.load();
    return refreshToken ? { grant_type: "refresh_token", refresh_token: refreshToken } : undefined;
  }

  async #begin(form: Form): Promise<void> {
    await this.#alone(async () => {
      const answer = await this.#post<Answer>(TOKEN_PATH, form);
      await this.#forget();
      this.#isService = form["grant_type"] === "client_credentials";
      await this.#keep(answer);
    });
  }

  #withScope(form: Form): Form {
    const scopes = this.#options.scopes ?? [];
    return scopes.length ? { ...form, scope: scopes.join(" ") } : form;
  }

  async #keep(answer: Answer): Promise<string> {
    const { access_token: token, expires_in: lasts, refresh_token: refreshToken } = answer;
    // first of all: the one before works no more
    if (refreshToken) {
      await this.#store.save(refreshToken);
    }
    this.#given = [token, ...this.#given].slice(0, REMEMBERED);
    const early = Math.min(this.#options.leeway ?? 30, lasts / 2);
    this.#access = { token, renewAt: this.#clock() + 1000 * (lasts - early) };
    return token;
  }

  async #forget(): Promise<void> {
    if (!this.#isService) {
      await this.#store.save(undefined);
    }
    this.#access = undefined;
    this.#isService = false;
    this.#given = [];
  }

  /** Runs a function when no other one runs. */
  #alone<T>(run: () => Promise<T>): Promise<T> {
    const lock = this.#options.lock ?? ((inner: () => Promise<T>) => inner());
    const result = this.#queue.then(() => lock(run));
    this.#queue = result.catch(() => undefined);
    return result;
  }

  /** Asks an OAuth2 endpoint; throws OAuth2Error if it refuses. */
  async #post<T>(path: string, form: Form): Promise<T> {
    const { basePath, clientId, clientSecret, timeout = 10 } = this.#options;
    const headers: Record<string, string> = { Accept: "application/json" };
    if (clientSecret) {
      headers["Authorization"] = `Basic ${btoa([clientId, clientSecret].map(encodeURIComponent).join(":"))}`;
    }
    const response = await this.#fetch(basePath + path, {
      method: "POST",
      headers,
      body: new URLSearchParams(clientSecret ? form : { ...form, client_id: clientId }),
      cache: "no-store",
      credentials: "omit",
      redirect: "error", // whoever it leads to would get the secrets
      signal: AbortSignal.timeout(1000 * timeout),
    });
    const body = (await response.json().catch(() => ({}))) as Record<string, string>;
    if (response.status !== 200) {
      const { error = "server_error", error_description: description = "no explanation" } = body;
      throw new OAuth2Error(response.status, error, description);
    }
    return body as T;
  }
}

function random(): string {
  return base64url(crypto.getRandomValues(new Uint8Array(32)));
}

/** Makes the S256 challenge of a verifier (RFC 7636 §4.2). */
async function challengeOf(verifier: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  return base64url(new Uint8Array(digest));
}

function base64url(bytes: Uint8Array): string {
  const text = btoa(String.fromCharCode(...bytes));
  return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function bearer(token: string | undefined): string {
  return token ? `Bearer ${token}` : "";
}

/** Adds a key to a POST of the API, and takes away the header that the generated code makes of no token. */
async function prepared({ url, init }: FetchParams): Promise<FetchParams> {
  const headers = new Headers(init.headers);
  const isApi = ![TOKEN_PATH, REVOKE_PATH].some((path) => new URL(url).pathname.endsWith(path));
  if (init.method === "POST" && isApi && !headers.has(IDEMPOTENCY_KEY)) {
    headers.set(IDEMPOTENCY_KEY, `"${crypto.randomUUID()}"`);
  }
  if (!headers.get("Authorization")) {
    headers.delete("Authorization");
  }
  return { url, init: { ...init, headers } };
}
