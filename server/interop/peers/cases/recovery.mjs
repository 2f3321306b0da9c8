import assert from "node:assert/strict";
import { once } from "../events.mjs";

// byHand leaves it to the case when the client comes back.
const byHand = { reconnection: false };

// cut ends a socket's transport in a way that recovery is meant for, and returns when both sides know.
async function cut(control, socket) {
  const { id } = socket;
  const gone = once(socket, "disconnect");
  socket.io.engine.close();
  await gone;
  await control.emitWithAck("reason", id);
}

// comeBack connects the socket again.
function comeBack(socket) {
  const back = once(socket, "connect");
  socket.connect();
  return back;
}

// Rows: K01 K02 K05 K06
export async function missedEventsAreDelivered(t) {
  const control = await t.control();
  const other = await t.connect();
  const socket = await t.connect("/", byHand);
  const id = socket.id;
  const said = [];
  socket.on("said", (what) => said.push(what));
  await socket.emitWithAck("join", ["r"]);
  other.emit("to", ["r"], "said", "before");
  await other.emitWithAck("echo");
  await socket.emitWithAck("echo");

  await cut(control, socket);
  other.emit("to", ["r"], "said", "missed 1");
  other.emit("to", ["elsewhere"], "said", "not for us");
  other.emit("everyone", "said", "missed 2");
  other.emit("to", ["r"], "said", Buffer.from([1]));
  await other.emitWithAck("echo");

  let before;
  socket.once("connect", () => { before = said.length; });
  await comeBack(socket);
  assert.equal(socket.recovered, true);
  assert.equal(socket.id, id);
  assert.deepEqual(said.slice(0, 3), ["before", "missed 1", "missed 2"]);
  assert.deepEqual([...said[3]], [1]);
  assert.equal(before, 4, "delivered before the connect event");
  assert.deepEqual(await socket.emitWithAck("rooms"), ["r", id].sort());
  assert.equal((await socket.emitWithAck("me")).recovered, true);
}

// Rows: K01
export async function severalTimesInARow(t) {
  const control = await t.control();
  const other = await t.connect();
  const socket = await t.connect("/", byHand);
  const id = socket.id;
  const said = [];
  socket.on("said", (what) => said.push(what));
  for (let i = 0; i < 5; i++) {
    other.emit("everyone", "said", 2 * i);
    await other.emitWithAck("echo");
    await socket.emitWithAck("echo");
    await cut(control, socket);
    other.emit("everyone", "said", 2 * i + 1);
    await other.emitWithAck("echo");
    await comeBack(socket);
    assert.equal(socket.recovered, true, `round ${i}`);
    assert.equal(socket.id, id);
  }
  await other.emitWithAck("echo");
  await socket.emitWithAck("echo");
  assert.deepEqual(said, [...Array(10).keys()]);
}

// Rows: K04
export async function notAfterAnExplicitDisconnect(t) {
  const socket = await t.connect();
  const id = socket.id;
  socket.emit("everyone", "said", 1);
  await socket.emitWithAck("echo");
  socket.disconnect().connect();
  await once(socket, "connect");
  assert.equal(socket.recovered, false);
  assert.notEqual(socket.id, id);
}

// Rows: K04
export async function notWithAMadeUpSession(t) {
  const socket = t.open("/", { auth: { pid: "made-up", offset: "1" } });
  await once(socket, "connect");
  assert.equal(socket.recovered, false);
}
