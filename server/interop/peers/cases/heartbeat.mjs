import assert from "node:assert/strict";
import { once } from "../events.mjs";

// These run against a fixture that pings every second and waits 1.5 s.

// Rows: E12
export async function pongsKeepTheConnection(t) {
  const socket = await t.connect();
  for (let i = 0; i < 4; i++) await once(socket.io, "ping");
  assert.equal(socket.connected, true);
}

// Rows: reason/ping-timeout E12
export async function silenceEndsIt(t) {
  const socket = await t.connect();
  socket.io.reconnection(false);
  const id = socket.id;
  const send = socket.io.engine._sendPacket;
  socket.io.engine._sendPacket = function (type, ...rest) {
    if (type !== "pong") send.call(this, type, ...rest);
  };
  await once(socket, "disconnect");
  const control = await t.control();
  assert.equal(await control.emitWithAck("reason", id), "ping timeout");
}
