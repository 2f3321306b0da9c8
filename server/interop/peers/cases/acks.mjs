import assert from "node:assert/strict";
import { once } from "../events.mjs";

// Rows: L04 M02
export async function serverAnswers(t) {
  const socket = await t.connect();
  const answer = await new Promise((resolve) => socket.emit("echo", 1, "two", { three: [3] }, (...args) => resolve(args)));
  assert.deepEqual(answer, [1, "two", { three: [3] }]);
}

// Rows: L04 B02
export async function serverAnswersWithBinary(t) {
  const socket = await t.connect();
  const back = await socket.emitWithAck("echo", { blob: Buffer.from([9, 8]) });
  assert.deepEqual([...back.blob], [9, 8]);
}

// Rows: L04
export async function serverAnswersWithNothing(t) {
  const socket = await t.connect();
  const answer = await new Promise((resolve) => socket.emit("echo", (...args) => resolve(args)));
  assert.deepEqual(answer, []);
}

// Rows: M02
export async function manyAnswersFindTheirQuestions(t) {
  const socket = await t.connect();
  const answers = await Promise.all([...Array(100).keys()].map((i) => socket.emitWithAck("echo", i)));
  assert.deepEqual(answers, [...Array(100).keys()]);
}

// Rows: M02 M03
export async function clientAnswers(t) {
  const socket = await t.connect();
  socket.on("question", (question, ack) => ack({ got: question }));
  assert.deepEqual(await socket.emitWithAck("ask-me", "why"), { got: "why" });
}

// Rows: M03 B02
export async function clientAnswersWithBinary(t) {
  const socket = await t.connect();
  socket.on("question", (question, ack) => ack(Buffer.concat([question, Buffer.from([3])])));
  assert.deepEqual([...await socket.emitWithAck("ask-me", Buffer.from([1, 2]))], [1, 2, 3]);
}

// Rows: M04
export async function aSilentClientTimesOut(t) {
  const socket = await t.connect();
  assert.equal(await socket.emitWithAck("ask-silence", 50), "timeout");
}

// Rows: M08 M09 M14
export async function aRoomAnswers(t) {
  const asking = await t.connect();
  const members = await Promise.all([1, 2, 3].map(async (n) => {
    const socket = await t.connect();
    socket.on("question", (question, ack) => ack(`${question}${n}`));
    await socket.emitWithAck("join", ["jury"]);
    return socket;
  }));
  assert.deepEqual(await asking.emitWithAck("ask-room", "jury", "q", 10000), { timeout: false, answers: ["q1", "q2", "q3"] });
  members[1].off("question");
  assert.deepEqual(await asking.emitWithAck("ask-room", "jury", "q", 3000), { timeout: true, answers: ["q1", "q3"] });
  assert.deepEqual(await asking.emitWithAck("ask-room", "nobody", "q", 10000), { timeout: false, answers: [] });
}

// Rows: L04
export async function anUnknownAnswerIsIgnored(t) {
  const socket = await t.connect();
  socket.io._packet({ type: 3, nsp: "/", id: 4711, data: ["stray"], options: {} });
  socket.emit("echo", "alive");
  assert.deepEqual(await once(socket, "echo-back"), ["alive"]);
}
