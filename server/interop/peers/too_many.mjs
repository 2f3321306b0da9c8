// Connects twice where there is a place for one, leaves it when the second was refused, and tells what that one saw:
// too_many.mjs <url> <transport>...
import { io } from "socket.io-client";
import { once } from "./events.mjs";

const [url, ...transports] = process.argv.slice(2);
const options = { transports, forceNew: true, reconnectionDelay: 10, reconnectionDelayMax: 50 };

const first = io(url, options);
await once(first, "connect");

const second = io(url, options);
const [error] = await once(second, "connect_error");
first.disconnect();
await once(second, "connect");
console.log(JSON.stringify({ error: error.message, active: second.active }));
second.disconnect();
