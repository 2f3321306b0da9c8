import assert from "node:assert/strict";
import { once } from "../events.mjs";

// crowd connects n sockets that record the "said" events they get.
async function crowd(t, n, namespace) {
  const sockets = await Promise.all(Array.from({ length: n }, () => t.connect(namespace)));
  for (const socket of sockets) {
    socket.said = [];
    socket.on("said", (what) => socket.said.push(what));
  }
  return sockets;
}

// settle makes sure that everything the server sent before has arrived at each socket.
async function settle(sockets) {
  await Promise.all(sockets.map((socket) => socket.emitWithAck("echo")));
  await Promise.all(sockets.map((socket) => socket.emitWithAck("echo")));
}

// Rows: R01 R02
export async function joinAndLeave(t) {
  const socket = await t.connect();
  assert.deepEqual(await socket.emitWithAck("rooms"), [socket.id]);
  await socket.emitWithAck("join", ["a", "b"]);
  await socket.emitWithAck("join", ["a"]);
  assert.deepEqual(await socket.emitWithAck("rooms"), ["a", "b", socket.id].sort());
  await socket.emitWithAck("leave", "a");
  await socket.emitWithAck("leave", "never joined");
  assert.deepEqual(await socket.emitWithAck("rooms"), ["b", socket.id].sort());
}

// Rows: M10 M13
export async function roomsGetTheUnionOnceAndWithoutTheSender(t) {
  const [a, b, both, none] = await crowd(t, 4);
  await a.emitWithAck("join", ["a"]);
  await b.emitWithAck("join", ["b"]);
  await both.emitWithAck("join", ["a", "b"]);
  a.emit("to", ["a", "b"], "said", 1);
  await settle([a, b, both, none]);
  assert.deepEqual([a.said, b.said, both.said, none.said], [[], [1], [1], []]);
}

// Rows: M11 M12
export async function exceptRooms(t) {
  const [a, b, both] = await crowd(t, 3);
  await a.emitWithAck("join", ["a"]);
  await b.emitWithAck("join", ["b"]);
  await both.emitWithAck("join", ["a", "b"]);
  a.emit("to-except", ["a"], ["b"], "said", 1);
  a.emit("to-except", [], [b.id], "said", 2);
  await settle([a, b, both]);
  assert.deepEqual([a.said, b.said, both.said], [[1, 2], [], [2]]);
}

// Rows: M06 M07
export async function everyoneAndEveryoneElse(t) {
  const [a, b] = await crowd(t, 2);
  const [elsewhere] = await crowd(t, 1, "/custom");
  a.emit("broadcast", "said", 1);
  a.emit("everyone", "said", 2);
  await settle([a, b, elsewhere]);
  assert.deepEqual([a.said, b.said, elsewhere.said], [[2], [1, 2], []]);
}

// Rows: E22 B02
export async function binaryToARoom(t) {
  const [a, b, c] = await crowd(t, 3);
  await b.emitWithAck("join", ["r"]);
  await c.emitWithAck("join", ["r"]);
  a.emit("to", ["r"], "said", Buffer.from([1, 2]));
  await settle([a, b, c]);
  assert.deepEqual([a.said.length, [...b.said[0]], [...c.said[0]]], [0, [1, 2], [1, 2]]);
}

// Rows: R06
export async function fetchSockets(t) {
  const [a, b] = await crowd(t, 2);
  await a.emitWithAck("join", ["f"]);
  await b.emitWithAck("join", ["f"]);
  assert.deepEqual(await a.emitWithAck("fetch", "f"), [a.id, b.id].sort());
  assert.deepEqual(await a.emitWithAck("fetch", b.id), [b.id]);
}

// Rows: R07
export async function setsOfSocketsAreMoved(t) {
  const [a, b] = await crowd(t, 2);
  await b.emitWithAck("join", ["from"]);
  await a.emitWithAck("sockets-join", "from", "into");
  assert.deepEqual(await b.emitWithAck("rooms"), ["from", "into", b.id].sort());
  assert.deepEqual(await a.emitWithAck("rooms"), [a.id]);
  await a.emitWithAck("sockets-leave", "into", "from");
  assert.deepEqual(await b.emitWithAck("rooms"), ["into", b.id].sort());
}

// Rows: R07 H18
export async function setsOfSocketsAreDisconnected(t) {
  const [a, b] = await crowd(t, 2);
  await b.emitWithAck("join", ["out"]);
  const gone = once(b, "disconnect");
  a.emit("disconnect-sockets", "out", false);
  assert.equal((await gone)[0], "io server disconnect");
  assert.equal(b.active, false);
  assert.equal(await a.emitWithAck("echo", "here"), "here");
}

// Rows: R03
export async function roomsAreLeftAtDisconnect(t) {
  const [a, b] = await crowd(t, 2);
  const control = await t.control();
  const id = b.id;
  await b.emitWithAck("join", ["gone"]);
  b.disconnect();
  await control.emitWithAck("reason", id);
  assert.deepEqual(await a.emitWithAck("fetch", "gone"), []);
}
