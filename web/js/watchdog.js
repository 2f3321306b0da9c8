// Shows a bar with a reload button when the Go program has ended: the page is
// painted as before then, and nothing on it works any more.
//
// The loader makes its Go object and runs it before anything else could get
// hold of it, so the class is replaced at the moment wasm_exec.js defines it.
(() => {
  let Go;
  Object.defineProperty(globalThis, "Go", {
    configurable: true,
    get: () => Go,
    set(original) {
      Go = class extends original {
        run(instance) {
          const ended = super.run(instance);
          ended.then(showBar, showBar);
          return ended;
        }
      };
    },
  });

  function showBar() {
    if (document.getElementById("parley-stopped")) return;
    const bar = document.createElement("div");
    bar.id = "parley-stopped";
    bar.className = "stopped-bar";
    bar.setAttribute("role", "alert");
    const text = document.createElement("span");
    text.textContent = "The page has stopped working. What you wrote is kept.";
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Reload";
    button.addEventListener("click", () => location.reload());
    bar.append(text, button);
    // Readable even when the style sheet is what broke.
    Object.assign(bar.style, { position: "fixed", inset: "0 0 auto 0", zIndex: "9999", padding: "12px",
      display: "flex", gap: "12px", alignItems: "center", justifyContent: "center",
      background: "#8a1c1c", color: "#fff", font: "16px system-ui, sans-serif" });
    Object.assign(button.style, { padding: "8px 16px", font: "inherit" });
    document.body.append(bar);
  }
})();
