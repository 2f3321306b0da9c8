// The chat as a few lines of the official client: node chat.mjs URL TRANSPORTS. What happens is printed, one JSON
// value a line; each line of the input is sent to the lobby. It ends with its input.
import { randomUUID } from "node:crypto";
import { createInterface } from "node:readline";
import { io } from "socket.io-client";

const [url, transports] = process.argv.slice(2);
const print = (value) => console.log(JSON.stringify(value));

const socket = io(url + "/chat", { transports: JSON.parse(transports), auth: { name: "Jo", token: randomUUID() } });
socket.on("connect_error", (error) => print({ refused: error.message, data: error.data }));
socket.on("server:hello", ({ me }) => print({ hello: me.name }));
socket.on("room:joined", ({ member, room }) => print({ joined: member.name, room }));
socket.on("message:posted", ({ messages }) => {
  for (const m of messages) print({ posted: m.text, from: m.from.name, seq: m.seq });
});
socket.on("connect", async () => {
  const { data } = await socket.emitWithAck("room:join", { room: "lobby" });
  print({ room: data.room.title, members: data.members.map((m) => m.name), history: data.messages.map((m) => m.text) });
});

for await (const text of createInterface({ input: process.stdin })) {
  const draft = { id: randomUUID(), room: "lobby", text };
  const first = await socket.emitWithAck("message:send", draft);
  const again = await socket.emitWithAck("message:send", draft);
  print({ sent: first.data?.text, seq: first.data?.seq, again: again.data?.seq, error: first.error });
}
socket.disconnect();
