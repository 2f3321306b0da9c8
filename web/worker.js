// The service worker: it makes the page open without a network, on any address.
// The server fills in the version and the list of files when it starts.
//
// A release is installed whole or not at all: as long as one file of it cannot
// be had, the previous release with its cache stays in charge.
const prefix = "parley-";
const cacheName = prefix + "{{.Version}}";
const files = {{.ResourcesToCache}};

// Live data, never answered from here.
const live = ["/socket.io/", "/api/", "/livez", "/readyz"];

addEventListener("install", (event) => event.waitUntil(install()));
addEventListener("activate", (event) => event.waitUntil(dropOldReleases()));
addEventListener("fetch", (event) => {
  const request = event.request;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== location.origin) return;
  if (live.some((path) => url.pathname.startsWith(path))) return;
  // One shell serves every address; which page it shows it finds out itself.
  event.respondWith(answer(request.mode === "navigate" ? "/" : request, request));
});

async function install() {
  const cache = await caches.open(cacheName);
  try {
    await cache.addAll(files.map((file) => new Request(file, { cache: "no-cache" })));
  } catch (err) {
    await caches.delete(cacheName);
    throw err;
  }
  await skipWaiting();
}

async function dropOldReleases() {
  const names = await caches.keys();
  const old = names.filter((name) => name.startsWith(prefix) && name !== cacheName);
  await Promise.all(old.map((name) => caches.delete(name)));
}

async function answer(key, request) {
  const cache = await caches.open(cacheName);
  return (await cache.match(key, { ignoreVary: true })) ?? fetch(request);
}

// A click on a notification opens the room it is about, in a window that is
// open already if there is one.
addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(show(event.notification.data?.path ?? "/"));
});

async function show(path) {
  const [open] = await clients.matchAll({ type: "window", includeUncontrolled: true });
  if (!open) return clients.openWindow(path);
  open.postMessage({ goapp: { type: "notification", path } });
  return open.focus();
}
