/* What Swagger UI lacks for people who use a keyboard, a screen reader or a phone. */
"use strict";

(() => {
  const page = document.getElementById("swagger-ui");
  const names = {
    "#servers": "Server",
    "select.content-type": "Media type",
    ".examples-select-element": "Example",
    ".parameters-col_description select": "Value",
    "textarea.body-param__text": "Request body",
    ".close-modal": "Close",
  };
  const regions = { ".information-container": "About this API", ".scheme-container": "Server and sign-in" };
  const scrolling = ".opblock-body, .opblock-body pre, .modal-ux-content";

  const set = (element, name, value) => {
    if (element.getAttribute(name) !== value) element.setAttribute(name, value);
  };

  function improve() {
    for (const [selector, name] of Object.entries(names)) {
      for (const element of page.querySelectorAll(selector)) set(element, "aria-label", name);
    }
    for (const [selector, name] of Object.entries(regions)) {
      for (const element of page.querySelectorAll(selector)) {
        set(element, "role", "region");
        set(element, "aria-label", name);
      }
    }
    for (const table of page.querySelectorAll("table[role=region]")) set(table, "aria-label", table.id.replaceAll("_", " "));
    for (const title of page.querySelectorAll(".info .title")) set(title, "aria-level", "2");
    for (const title of page.querySelectorAll(".scopes h2")) set(title, "aria-level", "5");
    // a link inside a button: the button opens the operation already
    for (const link of page.querySelectorAll("button a[href]")) link.removeAttribute("href");
    for (const element of page.querySelectorAll(scrolling)) set(element, "tabindex", "0");
  }

  function showTop(dialog) {
    // its last field takes the focus, and scrolls everything above out of sight
    dialog.tabIndex = -1;
    dialog.focus();
    dialog.scrollTop = 0;
  }

  new MutationObserver((changes) => {
    improve();
    for (const node of changes.flatMap((change) => [...change.addedNodes])) {
      const dialog = node.querySelector?.(".modal-ux-content");
      if (dialog) showTop(dialog);
    }
  }).observe(page, { childList: true, subtree: true });
})();
