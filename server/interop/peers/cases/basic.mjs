import assert from "node:assert/strict";
import { collect, once } from "../events.mjs";

// Rows: N01 N07 E01
export async function connects(t) {
  const socket = await t.connect();
  assert.equal(socket.connected, true);
  assert.equal(socket.id.length, 20);
  assert.notEqual(socket.id, socket.io.engine.id);
  const other = await t.connect();
  assert.notEqual(other.id, socket.id);
}

// Rows: E08 E09 E20
export async function usesTheTransportsAskedFor(t) {
  const socket = await t.connect();
  assert.equal(socket.io.engine.transport.name, t.settings.transports.at(-1));
  const me = await socket.emitWithAck("me");
  assert.equal(me.transport, t.settings.transports.at(-1));
}

// Rows: N08 N09
export async function handshakeReachesTheServer(t) {
  const socket = await t.connect("/", {
    auth: { token: "abc", nested: { list: [1, 2] } },
    query: { x: "ä&=" },
    extraHeaders: { "x-fixture": "yes" },
  });
  const me = await socket.emitWithAck("me");
  assert.deepEqual(me.auth, { token: "abc", nested: { list: [1, 2] } });
  assert.equal(me.x, "ä&=");
  assert.equal(me.header, "yes");
  assert.equal(me.id, socket.id);
  assert.equal(me.recovered, false);
}

// Rows: M01 B01 B08
export async function valuesSurvive(t) {
  const socket = await t.connect();
  const big = t.settings.parser === "msgpack" ? 123456.789 : 1e300; // the official msgpack encoder turns 1e300 into 0
  const values = [1, -2.5, big, "text", "€😀\u2028\"\\", true, false, null, [], {}, [[1], { a: [null] }], { "": 0, "ü": "x" }];
  socket.emit("echo", ...values);
  assert.deepEqual(await once(socket, "echo-back"), values);
}

// Rows: B08
export async function datesTravelAsText(t) {
  const socket = await t.connect();
  const when = new Date(1234567890123);
  const [back] = await echo(socket, { when });
  assert.deepEqual(back, { when: t.settings.parser === "msgpack" ? back.when : when.toISOString() });
  assert.equal(new Date(back.when).getTime(), when.getTime());
}

async function echo(socket, ...args) {
  socket.emit("echo", ...args);
  return once(socket, "echo-back");
}

// Rows: B02 B05 E05
export async function binaryAnywhere(t) {
  const socket = await t.connect();
  // The official msgpack encoder takes a Uint8Array for an object.
  const view = t.settings.parser === "msgpack" ? Buffer.from([255, 0]) : new Uint8Array([255, 0]);
  const back = await echo(socket, Buffer.from([1, 2, 3]), { deep: [{ blob: Buffer.from([]) }, "text"] }, view);
  assert.deepEqual([...back[0]], [1, 2, 3]);
  assert.deepEqual([...back[1].deep[0].blob], []);
  assert.equal(back[1].deep[1], "text");
  assert.deepEqual([...back[2]], [255, 0]);
}

// Rows: B02
export async function binaryOfManySizes(t) {
  const socket = await t.connect();
  for (const size of [1, 125, 126, 127, 65535, 65536, 300000]) {
    const sent = Buffer.alloc(size, size % 251);
    const [back] = await echo(socket, sent);
    assert.ok(sent.equals(back), `${size} bytes`);
  }
}

// Rows: E03 E04 M22
export async function orderIsKept(t) {
  const socket = await t.connect();
  const n = 500;
  const got = collect(socket, "burst", n);
  socket.emit("burst", n);
  assert.deepEqual((await got).map(([i]) => i), [...Array(n).keys()]);
}

// Rows: E09 M22
export async function orderIsKeptBothWaysWhileUpgrading(t) {
  const socket = t.open();
  const n = 400;
  const got = collect(socket, "echo-back", n);
  await once(socket, "connect");
  for (let i = 0; i < n; i++) {
    socket.emit("echo", i, ...(i % 5 ? [] : [Buffer.from([i % 256])]));
    if (i % 20 === 0) await new Promise(setImmediate);
  }
  assert.deepEqual((await got).map(([i]) => i), [...Array(n).keys()]);
}

// Rows: M05
export async function sendIsTheEventMessage(t) {
  const a = await t.connect();
  const b = await t.connect();
  const got = once(b, "message");
  a.emit("broadcast", "message", "hello", 1);
  assert.deepEqual(await got, ["hello", 1]);
}

// Rows: M15 E18
export async function volatileArrivesWhenWritable(t) {
  const socket = await t.connect();
  // Over polling there is a moment between two polls in which volatile is dropped, so ask until it arrives.
  const got = once(socket, "tick");
  const timer = setInterval(() => socket.emit("volatile", "tick", Buffer.from([7])), 20);
  const [value] = await got;
  clearInterval(timer);
  assert.deepEqual([...value], [7]);
}

// Rows: N19
export async function anEventCalledErrorIsHarmless(t) {
  const socket = await t.connect();
  socket.emit("error", "x");
  socket.emit("__proto__", 1);
  assert.deepEqual(await echo(socket, "alive"), ["alive"]);
}

// Rows: E13
export async function largeMessagesBelowTheLimit(t) {
  const socket = await t.connect();
  const text = "ü".repeat(400000);
  const [back] = await echo(socket, text);
  assert.equal(back, text);
}
