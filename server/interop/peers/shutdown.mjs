// Joins two namespaces of the fixture at a URL with the official client, on one connection, and prints one
// JSON line a step: {"ids"} when both are joined, {"said"} for each such event, {"reasons", "active"} when
// both have ended, {"ids", "recovered"} when both are joined again. Takes the URL and a JSON list of transports.
import { io } from "socket.io-client";
import { once } from "./events.mjs";

const [url, list] = process.argv.slice(2);
const transports = JSON.parse(list);
const print = (value) => console.log(JSON.stringify(value));

const root = io(url, { transports, reconnectionDelay: 10, reconnectionDelayMax: 50 });
const custom = root.io.socket("/custom");
const both = [root, custom];
const each = (event) => Promise.all(both.map((socket) => once(socket, event)));
const ids = () => both.map((socket) => socket.id);

await each("connect");
if (root.io.engine.transport.name !== transports.at(-1)) await once(root.io.engine, "upgrade");
for (const socket of both) socket.on("said", (said) => print({ said }));
const gone = each("disconnect");
const back = gone.then(() => each("connect"));
print({ ids: ids() });

const reasons = (await gone).map(([reason]) => reason);
print({ reasons, active: both.map((socket) => socket.active) });

await back;
print({ ids: ids(), recovered: both.map((socket) => socket.recovered) });
process.exit(0);
