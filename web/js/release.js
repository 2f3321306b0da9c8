// parleyRelease(running) looks for a newer release than the running one and
// resolves to "ready" when one is installed and a reload starts it, to "current"
// when not, and to "none" when this page has no service worker, so that a reload
// always gets what the server has.
globalThis.parleyRelease = async (running) => {
  const registration = await navigator.serviceWorker?.getRegistration();
  if (!registration) return "none";
  try {
    await registration.update();
  } catch {
    return "current"; // offline, or the new worker cannot be read
  }
  const coming = registration.installing ?? registration.waiting;
  if (coming) {
    await new Promise((resolve) => {
      const settled = () => ["activated", "redundant"].includes(coming.state) && resolve();
      coming.addEventListener("statechange", settled);
      settled();
    });
  }
  // An activated worker has dropped the caches of all releases but its own.
  const releases = (await caches.keys()).filter((name) => name.startsWith("parley-"));
  return releases.length > 0 && !releases.includes("parley-" + running) ? "ready" : "current";
};

// parleyNotify(title, body, tag, path) shows a notification in place of an
// earlier one with the same tag. A click opens the path.
globalThis.parleyNotify = async (title, body, tag, path) => {
  const registration = await navigator.serviceWorker?.getRegistration();
  await registration?.showNotification(title, { body, tag, renotify: true, icon: "/web/icons/icon-192.png", data: { path } });
};
