import assert from "node:assert/strict";
import { once } from "../events.mjs";

// These run against our server only: a typed contract is plain Socket.IO to everyone else.

// Rows: N20
export async function callIsAnEventWithAcknowledgement(t) {
  const socket = await t.connect("/typed");
  assert.deepEqual(await socket.emitWithAck("add", { a: 1, b: 2 }), { data: { sum: 3 } });
  assert.equal(await socket.emitWithAck("length", "four"), 4, "the raw form answers the bare value");
}

// Rows: N20
export async function errorsAreCoded(t) {
  const socket = await t.connect("/typed");
  assert.deepEqual(await socket.emitWithAck("add", { a: 13, b: 2 }), { error: { code: "unlucky", message: "13 is unlucky" } });
  for (const bad of [{ a: -1, b: 2 }, { a: "x" }, "text", 7]) {
    const answer = await socket.emitWithAck("add", bad);
    assert.equal(answer.error?.code, "invalid", JSON.stringify(bad));
  }
  assert.deepEqual(await socket.emitWithAck("add", { a: 1, b: 1 }), { data: { sum: 2 } });
}

// Rows: N20 B02
export async function payloadsSpreadOverArguments(t) {
  const a = await t.connect("/typed");
  const b = await t.connect("/typed");
  const got = once(b, "noted");
  a.emit("note", "title", Buffer.from([1, 2, 3]));
  const [title, blob] = await got;
  assert.equal(title, "title");
  assert.deepEqual([...blob], [3, 2, 1]);
}

// Rows: N20 M08
export async function theServerAsksTyped(t) {
  const asking = await t.connect("/typed");
  for (const answer of [{ data: true }, { data: false }, { error: { code: "shy", message: "no" } }]) {
    const voter = await t.connect("/typed");
    voter.on("vote", (question, ack) => ack(answer));
  }
  const { data } = await asking.emitWithAck("poll", "tea?");
  assert.deepEqual({ votes: data.votes.sort(), errors: data.errors }, { votes: [false, true], errors: 1 });
}
