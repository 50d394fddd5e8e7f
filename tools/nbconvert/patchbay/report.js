/* The page follows the reader's setting; the button overrides it for this page. */
(function () {
  "use strict";
  var button = document.querySelector("button.theme");
  var prefers = window.matchMedia("(prefers-color-scheme: dark)");
  var chosen = null;

  function apply() {
    var dark = chosen === null ? prefers.matches : chosen === "dark";
    if (chosen !== null) document.documentElement.dataset.theme = chosen;
    document.body.dataset.jpThemeLight = dark ? "false" : "true";
    button.textContent = dark ? "Light" : "Dark";
  }

  button.hidden = false;
  button.addEventListener("click", function () {
    var dark = document.body.dataset.jpThemeLight === "false";
    chosen = dark ? "light" : "dark";
    apply();
  });
  prefers.addEventListener("change", apply);
  apply();
})();
