import assert from "node:assert/strict";
import { Agent } from "node:http";
import { once } from "../events.mjs";

// fate makes something end a socket's connection, and returns the reason on each side.
async function fate(t, action, namespace) {
  const control = await t.control();
  const socket = await t.connect(namespace);
  socket.io.reconnection(false);
  const id = socket.id;
  const here = once(socket, "disconnect");
  await action(socket);
  return [(await here)[0], await control.emitWithAck("reason", id)];
}

const overPolling = (t) => t.settings.transports.at(-1) === "polling";

// Rows: reason/server-namespace-disconnect H05 H18
export async function theServerDisconnectsTheSocket(t) {
  assert.deepEqual(await fate(t, (s) => s.emit("kick", false)), ["io server disconnect", "server namespace disconnect"]);
}

// Rows: reason/server-namespace-disconnect
export async function theServerDisconnectsTheConnection(t) {
  assert.deepEqual(await fate(t, (s) => s.emit("kick", true), "/custom"), ["io server disconnect", "server namespace disconnect"]);
}

// Rows: reason/client-namespace-disconnect
export async function theClientDisconnects(t) {
  assert.deepEqual(await fate(t, (s) => s.disconnect()), ["io client disconnect", "client namespace disconnect"]);
}

// Rows: reason/client-namespace-disconnect N04
export async function theClientLeavesOneNamespace(t) {
  const control = await t.control();
  const root = await t.connect();
  const custom = root.io.socket("/custom");
  await once(custom, "connect");
  const id = custom.id;
  custom.disconnect();
  assert.equal(await control.emitWithAck("reason", id), "client namespace disconnect");
  assert.equal(root.connected, true);
}

// Rows: reason/transport-close E16
export async function theClientClosesItsTransport(t) {
  assert.deepEqual(await fate(t, (s) => s.io.engine.close()), ["forced close", "transport close"]);
}

// assertForced says that the server ended the connection. Over polling, where the end has to wait for a poll, our
// server says so; the official one only after a packet for the wrong namespace.
function assertForced(t, reason) {
  const reasons = overPolling(t) ? ["forced close", "forced server close"] : ["forced close"];
  assert.ok(reasons.includes(reason), reason);
}

// Rows: reason/forced-close reason/forced-server-close
export async function theServerClosesTheTransport(t) {
  const [here, there] = await fate(t, (s) => s.emit("cut"));
  assert.equal(here, "transport close");
  assertForced(t, there);
}

// Rows: reason/transport-close
export async function theTransportBreaks(t) {
  if (overPolling(t)) return;
  const [, there] = await fate(t, (s) => s.io.engine.transport.ws.terminate());
  assert.equal(there, "transport close");
}

// Rows: reason/transport-error E13
export async function aMessageAboveTheLimit(t) {
  if (overPolling(t)) return; // a 413, which the session survives: see the engine's own tests
  const [here, there] = await fate(t, (s) => s.emit("echo", "x".repeat(1000001)));
  assert.equal(here, "transport close");
  assert.equal(there, "transport error");
}

// Rows: reason/transport-error E07
export async function anAbortedPoll(t) {
  if (!overPolling(t)) return;
  const control = await t.control();
  const agent = new Agent({ keepAlive: true });
  const socket = await t.connect("/", { agent, reconnection: false });
  const { id } = socket;
  while (!socket.io.engine?.transport.pollXhr?._xhr) await new Promise(setImmediate); // between two polls
  agent.destroy(); // and with it the poll's connection
  const there = await control.emitWithAck("reason", id);
  assert.equal(there, "transport error");
}

// Rows: reason/transport-error E12
export async function aPingFromTheClient(t) {
  const [, there] = await fate(t, (s) => s.io.engine._sendPacket("ping"));
  assert.equal(there, "transport error");
}

// Rows: reason/parse-error
export async function anUnknownEnginePacket(t) {
  const [, there] = await fate(t, (s) => {
    const transport = s.io.engine.transport;
    if (overPolling(t)) transport.doWrite("abc", () => {});
    else transport.ws.send("abc");
  });
  assert.equal(there, "parse error");
}

// Rows: reason/forced-close N05 B03
export async function anUndecodablePacket(t) {
  const bad = t.settings.parser === "msgpack" ? Buffer.from([0x81, 0xa1, 0x78, 0x01]) : "2{}";
  const [, there] = await fate(t, (s) => s.io.engine.write(bad));
  assertForced(t, there);
}

// Rows: reason/forced-close reason/forced-server-close N05
export async function aPacketForANamespaceNotJoined(t) {
  const [, there] = await fate(t, (s) => s.io._packet({ type: 2, nsp: "/custom", data: ["echo"], options: {} }));
  assertForced(t, there);
}

// Rows: N05
export async function aSecondConnect(t) {
  const [, there] = await fate(t, (s) => s.io._packet({ type: 0, nsp: "/", options: {} }));
  assertForced(t, there);
}

// Rows: F10 N04
export async function theClientComesBack(t) {
  const socket = await t.connect("/", { reconnectionDelay: 10, reconnectionDelayMax: 20 });
  const first = socket.id;
  socket.emit("cut");
  await once(socket, "disconnect");
  socket.emit("echo", "written while away");
  const back = once(socket, "echo-back");
  await once(socket, "connect");
  assert.notEqual(socket.id, first);
  assert.deepEqual(await back, ["written while away"]);
}
