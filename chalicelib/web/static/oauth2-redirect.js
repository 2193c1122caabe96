/* Hands an authorization response to the documentation page that opened this window. */
"use strict";

(() => {
  const asked = window.opener && window.opener.swaggerUIRedirectOauth2;
  if (!asked) {
    document.getElementById("status").textContent =
      "The documentation page that began this is not open any more: begin there again.";
    return;
  }
  const { auth, state, redirectUrl, callback, errCb } = asked;
  const answer = new URLSearchParams(location.search);
  const refuse = (message) => errCb({ authId: auth.name, source: "auth", level: "error", message });
  if (answer.get("state") !== state) {
    refuse("The answer is to another request than this page's: try again.");
  } else if (answer.get("code")) {
    auth.code = answer.get("code");
    callback({ auth, redirectUrl });
  } else {
    refuse(`${answer.get("error")}: ${answer.get("error_description") || "no code came"}`);
  }
  window.close();
})();
