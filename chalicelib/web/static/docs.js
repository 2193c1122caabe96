/* Starts Swagger UI and works the switch that signs in by the password grant. */
"use strict";

(() => {
  const base = location.origin + document.documentElement.dataset.base;
  const tokenUrl = `${base}/auth/oauth2/token`;
  const scheme = "oauth2";
  const client = "documentation";
  const form = document.getElementById("sign-in");
  const button = document.getElementById("switch");
  const status = document.getElementById("status");
  let ui = null;
  let tokens = null;
  let timer = 0;

  const dark = matchMedia("(prefers-color-scheme: dark)");
  const paint = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
  dark.addEventListener("change", paint);
  paint();

  async function post(url, fields) {
    const body = new URLSearchParams({ client_id: client, ...fields });
    const answer = await fetch(url, { method: "POST", body });
    const content = await answer.json();
    if (!answer.ok) throw new Error(content.error_description || answer.statusText);
    return content;
  }

  function tell(text, refused = false) {
    status.textContent = text;
    status.classList.toggle("refused", refused);
  }

  function show(name) {
    document.body.classList.toggle("signed-in", Boolean(tokens));
    button.setAttribute("aria-checked", String(Boolean(tokens)));
    button.textContent = tokens ? "Sign out" : "Sign in";
    form.username.required = form.password.required = !tokens;
    tell(tokens ? `Signed in as ${name}.` : "You are signed out.");
  }

  function use(fresh, name) {
    tokens = fresh;
    const schema = ui.specSelectors.specJson().getIn(["components", "securitySchemes", scheme]).toJS();
    ui.authActions.authorizeOauth2({ auth: { name: scheme, schema, clientId: client }, token: fresh });
    clearTimeout(timer);
    timer = setTimeout(() => renew(name), Math.max(fresh.expires_in - 60, 30) * 1000);
    show(name);
  }

  function forget() {
    clearTimeout(timer);
    tokens = null;
    ui.authActions.logout([scheme]);
    show();
  }

  async function renew(name) {
    try {
      use(await post(tokenUrl, { grant_type: "refresh_token", refresh_token: tokens.refresh_token }), name);
    } catch (error) {
      forget();
      tell("Your session has ended: sign in again.", true);
    }
  }

  async function signIn() {
    const [username, password] = [form.username.value, form.password.value];
    use(await post(tokenUrl, { grant_type: "password", username, password }), username);
    form.password.value = "";
  }

  async function signOut() {
    const token = tokens.refresh_token;
    forget();
    // Revoking the refresh token ends its access tokens, too.
    await post(`${base}/auth/oauth2/revoke`, { token });
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      await (tokens ? signOut() : signIn());
    } catch (error) {
      tell(error.message, true);
    } finally {
      button.disabled = false;
    }
  });

  async function start() {
    const spec = await (await fetch(`${base}/api/v1/openapi.json`)).json();
    // The page talks to where it came from, whichever of the host's names that was.
    spec.servers = [{ url: base }];
    for (const flow of Object.values(spec.components.securitySchemes[scheme].flows)) {
      for (const name of ["tokenUrl", "refreshUrl"]) if (flow[name]) flow[name] = tokenUrl;
      if (flow.authorizationUrl) flow.authorizationUrl = `${base}/auth/oauth2/authorize`;
    }
    ui = SwaggerUIBundle({
      spec,
      dom_id: "#swagger-ui",
      presets: [SwaggerUIBundle.presets.apis],
      layout: "BaseLayout",
      deepLinking: true,
      displayRequestDuration: true,
      tryItOutEnabled: true,
      oauth2RedirectUrl: `${base}/api/v1/oauth2-redirect`,
      defaultModelsExpandDepth: 0,
      validatorUrl: null, // it would send the specification to another host
    });
    ui.initOAuth({ clientId: client, usePkceWithAuthorizationCodeGrant: true });
  }

  start().catch((error) => tell(`The specification can't be read: ${error.message}`, true));
})();
