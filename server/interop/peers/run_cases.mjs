// Runs cases with the official client against the fixture at a URL, and prints one JSON line a case:
// {"name", "error"?}. Takes one JSON argument:
//   {"url", "cases": ["basic", …] (files of the cases folder), "transports", "parser", "only"?}
import { io } from "socket.io-client";
import msgpack from "socket.io-msgpack-parser";
import { once } from "./events.mjs";

const settings = JSON.parse(process.argv[2]);
const upgrading = settings.transports.length > 1;
const patience = 15000;

// Context is what a case works with. Every socket it opens is closed after the case.
class Context {
  settings = settings;
  sockets = [];

  // open returns a socket that is about to connect on a connection of its own.
  open(namespace = "/", options = {}) {
    const socket = io(settings.url + namespace, {
      forceNew: true,
      transports: settings.transports,
      ...(settings.parser === "msgpack" && { parser: msgpack }),
      ...options,
    });
    this.sockets.push(socket);
    return socket;
  }

  // connect returns a socket that is connected and, if the run is about it, upgraded.
  async connect(namespace, options) {
    const socket = this.open(namespace, options);
    await once(socket, "connect");
    if (upgrading && socket.io.engine.transport.name === "polling") {
      await once(socket.io.engine, "upgrade");
    }
    return socket;
  }

  async control() {
    return this.connect("/control");
  }

  close() {
    for (const socket of this.sockets) {
      socket.io.reconnection(false);
      socket.disconnect();
      socket.io.engine?.close();
    }
  }
}

async function runCase(name, body) {
  const context = new Context();
  let timer;
  try {
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error("the case did not end")), patience);
    });
    await Promise.race([body(context), late]);
    console.log(JSON.stringify({ name }));
  } catch (err) {
    console.log(JSON.stringify({ name, error: err.stack ?? String(err) }));
  } finally {
    clearTimeout(timer);
    context.close();
  }
}

process.on("unhandledRejection", (err) => console.log(JSON.stringify({ name: "unhandled", error: err.stack ?? String(err) })));

for (const file of settings.cases) {
  const cases = await import(`./cases/${file}.mjs`);
  for (const [name, body] of Object.entries(cases)) {
    if (settings.only && settings.only !== name) continue;
    await runCase(`${file}/${name}`, body);
  }
}
process.exit(0);
