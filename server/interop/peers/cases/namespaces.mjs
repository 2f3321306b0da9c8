import assert from "node:assert/strict";
import { once } from "../events.mjs";

// Rows: N04 N10
export async function shareOneConnection(t) {
  const root = await t.connect();
  const custom = root.io.socket("/custom");
  await once(custom, "connect");
  assert.notEqual(custom.id, root.id);
  assert.equal((await custom.emitWithAck("me")).id, custom.id);
  assert.equal((await root.emitWithAck("me")).id, root.id);
  custom.disconnect();
  assert.equal(await root.emitWithAck("echo", 1), 1, "leaving one keeps the other");
}

// Rows: N02 H04
export async function unknownNamespaceIsRefused(t) {
  const root = await t.connect();
  const unknown = root.io.socket("/nowhere");
  const [err] = await once(unknown, "connect_error");
  assert.equal(err.message, "Invalid namespace");
  assert.equal(err.data, undefined);
  assert.equal(await root.emitWithAck("echo", 1), 1, "the connection stays");
}

// Rows: N15
export async function middlewareRefusesWithData(t) {
  const socket = t.open("/auth", { auth: { token: "wrong" } });
  const [err] = await once(socket, "connect_error");
  assert.equal(err.message, "not authorized");
  assert.deepEqual(err.data, { code: "unauthenticated", attempts: 3 });
  assert.equal(socket.active, false);
  socket.auth = { token: "secret" };
  socket.connect();
  await once(socket, "connect");
  assert.equal((await socket.emitWithAck("me")).auth.token, "secret");
}

// Rows: H02 N08
export async function authIsEvaluatedAtEachConnect(t) {
  let calls = 0;
  const socket = await t.connect("/", { auth: (cb) => cb({ call: ++calls }) });
  assert.equal((await socket.emitWithAck("me")).auth.call, 1);
  socket.disconnect().connect();
  await once(socket, "connect");
  assert.equal((await socket.emitWithAck("me")).auth.call, 2);
}

// Rows: N16
export async function asynchronousMiddleware(t) {
  const socket = await t.connect("/slow");
  assert.equal(await socket.emitWithAck("echo", "ready"), "ready");
}

// Rows: N16 N06
export async function leavingDuringTheMiddleware(t) {
  const root = await t.connect();
  const slow = root.io.socket("/slow");
  slow.disconnect();
  assert.equal(await root.emitWithAck("echo", "alive"), "alive");
}

// Rows: N21
export async function eventsRightBehindConnectAreNotMissed(t) {
  const socket = t.open("/slow");
  socket.emit("echo", "early");
  assert.deepEqual(await once(socket, "echo-back"), ["early"]);
}

// Rows: N11 N12
export async function dynamicNamespaces(t) {
  const [one, again, two] = await Promise.all(["/room-1", "/room-1", "/room-2"].map((name) => t.connect(name)));
  const got = once(again, "said");
  let stray = false;
  two.on("said", () => { stray = true; });
  one.emit("broadcast", "said", "hello");
  assert.deepEqual(await got, ["hello"]);
  await two.emitWithAck("echo");
  assert.equal(stray, false);

  const denied = t.open("/room-3", { auth: { deny: true } });
  assert.equal((await once(denied, "connect_error"))[0].message, "denied");
  const unmatched = t.open("/room-x");
  assert.equal((await once(unmatched, "connect_error"))[0].message, "Invalid namespace");
}

// Rows: N11 N12 N02
export async function dynamicNamespacesByAFunctionThatSeesAuth(t) {
  const chess = { auth: { club: "chess" } };
  const [one, again] = await Promise.all([t.connect("/club-chess", chess), t.connect("/club-chess", chess)]);
  const tea = await t.connect("/club-tea", { auth: { club: "tea" } });
  const got = once(again, "said");
  let stray = false;
  tea.on("said", () => { stray = true; });
  one.emit("broadcast", "said", "hello");
  assert.deepEqual(await got, ["hello"]);
  await tea.emitWithAck("echo");
  assert.equal(stray, false);
  assert.equal((await one.emitWithAck("me")).auth.club, "chess");

  // The function is asked for names that are not there yet: who may come in is a matter of middlewares.
  const late = await t.connect("/club-chess");
  assert.equal(await late.emitWithAck("echo", "in"), "in");

  // Another club's card makes no namespace; with the right one the same socket gets in.
  const root = await t.connect();
  const stranger = root.io.socket("/club-go", chess);
  const [err] = await once(stranger, "connect_error");
  assert.equal(err.message, "Invalid namespace");
  assert.equal(err.data, undefined);
  assert.equal(stranger.active, false);
  assert.equal(await root.emitWithAck("echo", 1), 1, "the connection stays");
  stranger.auth = { club: "go" };
  stranger.connect();
  await once(stranger, "connect");
  assert.equal((await stranger.emitWithAck("me")).auth.club, "go");

  const nobody = t.open("/club-nobody");
  assert.equal((await once(nobody, "connect_error"))[0].message, "Invalid namespace");
}

// Rows: N13
export async function emptyChildrenAreRemoved(t) {
  const control = await t.control();
  const socket = await t.connect("/room-77");
  assert.ok((await control.emitWithAck("namespaces")).includes("/room-77"));
  const id = socket.id;
  socket.disconnect();
  await control.emitWithAck("reason", id);
  assert.ok(!(await control.emitWithAck("namespaces")).includes("/room-77"));
  await t.connect("/room-77");
}
