import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";

// These run against a fixture that compresses WebSocket messages from 1024 bytes on, as the client does.

// connect returns a connected socket, its WebSocket, and a function that tells how many bytes have
// crossed the network on it since it was asked last.
async function connect(t) {
  const socket = await t.connect();
  const { ws } = socket.io.engine.transport;
  assert.equal(ws.extensions, "permessage-deflate");
  const stream = ws._socket;
  let sent = 0;
  let received = 0;
  const crossed = () => {
    const since = { sent: stream.bytesWritten - sent, received: stream.bytesRead - received };
    sent = stream.bytesWritten;
    received = stream.bytesRead;
    return since;
  };
  crossed();
  return { socket, crossed };
}

// Rows: E15 E13
export async function largeTextIsSmallOnTheWire(t) {
  const { socket, crossed } = await connect(t);
  const text = "grüße, world! ".repeat(30000);
  assert.equal(await socket.emitWithAck("echo", text), text);
  const { sent, received } = crossed();
  assert.ok(sent < 20000, `${sent} bytes sent for ${text.length} characters`);
  assert.ok(received < 20000, `${received} bytes received for ${text.length} characters`);
}

// Rows: E15 B02
export async function largeBinaryIsSmallOnTheWire(t) {
  const { socket, crossed } = await connect(t);
  const blob = Buffer.alloc(900000, "0123456789abcdef");
  const back = await socket.emitWithAck("echo", { blob, more: [blob] });
  assert.ok(blob.equals(back.blob));
  assert.ok(blob.equals(back.more[0]));
  const { sent, received } = crossed();
  assert.ok(sent < 40000, `${sent} bytes sent`);
  assert.ok(received < 40000, `${received} bytes received`);
}

// Rows: E15 B02 E13
export async function whatCannotBeCompressedArrives(t) {
  const { socket } = await connect(t);
  for (const size of [1023, 1024, 1025, 65535, 65536, 900000]) {
    const blob = randomBytes(size);
    assert.ok(blob.equals(await socket.emitWithAck("echo", blob)), `${size} bytes`);
  }
}

// Rows: E15 M22
export async function largeAndSmallKeepTheirOrder(t) {
  const { socket } = await connect(t);
  const sent = Array.from({ length: 200 }, (_, i) => (i % 3 ? `${i}` : `${i} `.repeat(3000)));
  assert.deepEqual(await Promise.all(sent.map((text) => socket.emitWithAck("echo", text))), sent);
  const got = [];
  const all = new Promise((resolve) => socket.on("echo-back", (text) => got.push(text) === sent.length && resolve()));
  for (const text of sent) socket.emit("echo", text);
  await all;
  assert.deepEqual(got, sent);
}

// Rows: E15 E22
export async function aRoomGetsOneCompressedMessage(t) {
  const [from, ...to] = await Promise.all([1, 2, 3, 4].map(() => connect(t)));
  await Promise.all(to.map(({ socket }) => socket.emitWithAck("join", ["r"])));
  const text = "to all of you ".repeat(30000);
  const heard = to.map(({ socket, crossed }) => {
    crossed();
    return new Promise((resolve) => socket.once("said", resolve));
  });
  from.socket.emit("to", ["r"], "said", text);
  for (const [i, said] of (await Promise.all(heard)).entries()) {
    assert.equal(said, text);
    const { received } = to[i].crossed();
    assert.ok(received < 20000, `${received} bytes received`);
  }
}
