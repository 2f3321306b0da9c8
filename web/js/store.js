// parleyStore.open(name) resolves to this page's database. Its methods take and
// give JSON text, so that one call crosses between Go and JavaScript once, and
// each is one transaction: it is done as a whole or not at all.
(() => {
  const result = (request) => new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

  // Creates what is missing; versions only ever add.
  function upgrade(db) {
    db.createObjectStore("msgs", { keyPath: ["room", "seq"] });
    db.createObjectStore("outbox", { keyPath: "order", autoIncrement: true }).createIndex("id", "id", { unique: true });
    db.createObjectStore("rooms", { keyPath: "id" });
    db.createObjectStore("drafts", { keyPath: "room" });
    db.createObjectStore("meta", { keyPath: "key" });
  }

  // Asks the browser, once a page, not to throw the data away when space is short.
  let asked = false;
  function keep() {
    if (!asked) navigator.storage?.persist?.().catch(() => {});
    asked = true;
  }

  async function open(name) {
    const request = indexedDB.open(name, 1);
    request.onupgradeneeded = () => upgrade(request.result);
    const db = await result(request);
    db.onversionchange = () => db.close(); // another tab deletes the database

    // run calls work with the stores' names looked up and resolves to what work
    // resolves to, once the transaction is complete.
    const run = (mode, names, work, durability = "default") => new Promise((resolve, reject) => {
      const tx = db.transaction(names, mode, { durability });
      let value;
      tx.oncomplete = () => resolve(value);
      tx.onabort = () => reject(tx.error ?? new DOMException("transaction aborted", "AbortError"));
      Promise.resolve(work(...names.map((n) => tx.objectStore(n)))).then(
        (v) => { value = v; },
        (err) => { reject(err); try { tx.abort(); } catch { /* it is over already */ } });
    });
    const write = (names, work) => run("readwrite", names, work);
    const safe = (names, work) => run("readwrite", names, work, "strict");
    const read = (names, work) => run("readonly", names, work);
    const wholeRoom = (room) => IDBKeyRange.bound([room, 0], [room, Infinity]);

    return {
      // Stores messages with the room they belong to and keeps the room's newest.
      putMessages: (room, messages, keep) => write(["rooms", "msgs"], async (rooms, msgs) => {
        const info = JSON.parse(room);
        rooms.put(info);
        for (const message of JSON.parse(messages)) msgs.put(message);
        const range = wholeRoom(info.id);
        const spare = (await result(msgs.count(range))) - keep;
        if (spare <= 0) return;
        const keys = await result(msgs.getAllKeys(range, spare));
        msgs.delete(IDBKeyRange.bound(keys[0], keys[keys.length - 1]));
      }),
      // The newest messages of a room below a number (0: of all), oldest first.
      page: (room, before, limit) => read(["msgs"], async (msgs) => {
        const range = before > 0 ? IDBKeyRange.bound([room, 0], [room, before], false, true) : wholeRoom(room);
        const found = [];
        const request = msgs.openCursor(range, "prev");
        for (let cursor = await result(request); cursor && found.length < limit; cursor = await result(request)) {
          found.push(cursor.value);
          cursor.continue();
        }
        return JSON.stringify(found.reverse());
      }),
      forget: (room) => write(["msgs"], (msgs) => { msgs.delete(wholeRoom(room)); }),
      putRooms: (list) => write(["rooms"], (rooms) => { for (const room of JSON.parse(list)) rooms.put(room); }),
      rooms: () => read(["rooms"], async (rooms) => JSON.stringify(await result(rooms.getAll()))),
      putDraft: (room, text) => write(["drafts"], (drafts) => { text ? drafts.put({ room, text }) : drafts.delete(room); }),
      drafts: () => read(["drafts"], async (drafts) => JSON.stringify(await result(drafts.getAll()))),
      setMeta: (key, value) => write(["meta"], (meta) => { meta.put({ key, value }); }),
      getMeta: (key) => read(["meta"], async (meta) => (await result(meta.get(key)))?.value ?? ""),

      // The outbox: strict durability, as nothing else has what is in it.
      outboxAdd: (json) => safe(["outbox"], async (outbox) => {
        keep();
        const item = JSON.parse(json);
        const there = await result(outbox.index("id").get(item.id));
        if (there) return JSON.stringify(there);
        delete item.order;
        item.order = await result(outbox.add(item));
        return JSON.stringify(item);
      }),
      // Order 0 means "behind all others". Resolves to "" when the id is unknown.
      outboxPut: (json) => safe(["outbox"], async (outbox) => {
        const item = JSON.parse(json);
        const order = await result(outbox.index("id").getKey(item.id));
        if (order === undefined) return "";
        if (item.order) {
          item.order = order;
        } else {
          outbox.delete(order);
          delete item.order;
        }
        item.order = await result(outbox.put(item));
        return JSON.stringify(item);
      }),
      outboxRemove: (id) => safe(["outbox"], async (outbox) => {
        const order = await result(outbox.index("id").getKey(id));
        if (order !== undefined) outbox.delete(order);
      }),
      outboxAll: () => read(["outbox"], async (outbox) => JSON.stringify(await result(outbox.getAll()))),

      close: () => db.close(),
    };
  }

  // Removes the database; other tabs let go of it by themselves.
  const remove = (name) => result(indexedDB.deleteDatabase(name));

  globalThis.parleyStore = { open, remove };
})();
