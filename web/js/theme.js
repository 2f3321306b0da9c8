// Shows the chosen theme before anything is drawn, so that a dark page never
// starts with a white flash. Runs blocking in the head; app/page calls
// parleyTheme when the choice changes.
(function () {
  "use strict";
  var key = "parley-theme";
  var root = document.documentElement;

  function show(theme) {
    var dark = theme === "dark" || (theme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
    root.dataset.theme = dark ? "dark" : "light";
    var meta = document.querySelector('meta[name="theme-color"]');
    if (meta) {
      meta.content = dark ? "#0f1614" : "#efebe2";
    }
  }

  function stored() {
    try {
      return localStorage.getItem(key) || "";
    } catch (e) {
      return ""; // storage is blocked: follow the system
    }
  }

  window.parleyTheme = function (theme) {
    try {
      if (theme) {
        localStorage.setItem(key, theme);
      } else {
        localStorage.removeItem(key);
      }
    } catch (e) {
      // The choice holds until the page is closed.
    }
    show(theme);
  };

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", function () {
    show(stored());
  });
  show(stored());

  // Phones cover the page with their keyboard. The visible height is only known
  // to scripts; the style sheets use it for the frame.
  var view = window.visualViewport;
  if (view) {
    var fit = function () {
      if (view.scale === 1) {
        root.style.setProperty("--visible-height", Math.round(view.height) + "px");
        if (view.offsetTop > 0) {
          window.scrollTo(0, 0);
        }
      }
    };
    view.addEventListener("resize", fit);
    fit();
  }
})();
