// The official server, set up as the fixture that the cases talk to; fixture_test.go sets ours up the
// same way. Takes its settings as one JSON argument, prints {"url"} and serves until its input ends.
import { createServer } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { Server } from "socket.io";
import msgpack from "socket.io-msgpack-parser";

const settings = JSON.parse(process.argv[2] ?? "{}");
const http = createServer();
const io = new Server(http, {
  pingInterval: settings.pingInterval ?? 25000,
  pingTimeout: settings.pingTimeout ?? 20000,
  connectTimeout: settings.connectTimeout ?? 45000,
  cors: { origin: true },
  cleanupEmptyChildNamespaces: true,
  ...(settings.parser === "msgpack" && { parser: msgpack }),
  ...(settings.deflate && { perMessageDeflate: { threshold: settings.deflate } }),
  ...(settings.recovery && { connectionStateRecovery: { maxDisconnectionDuration: 60000, skipMiddlewares: false } }),
});

const reasons = new Map(); // socket id -> promise of its disconnect reason

function serve(nsp) {
  nsp.on("connection", (socket) => {
    reasons.set(socket.id, new Promise((resolve) => socket.once("disconnect", resolve)));
    const others = (rooms) => rooms.reduce((target, room) => target.to(room), socket);

    socket.on("echo", (...args) => {
      const ack = args.at(-1);
      if (typeof ack === "function") ack(...args.slice(0, -1));
      else socket.emit("echo-back", ...args);
    });
    socket.on("me", (ack) => ack({
      id: socket.id,
      recovered: socket.recovered,
      auth: socket.handshake.auth,
      x: socket.handshake.query.x ?? "",
      header: socket.handshake.headers["x-fixture"] ?? "",
      transport: socket.conn.transport.name,
    }));
    socket.on("join", async (rooms, ack) => { await socket.join(rooms); ack(); });
    socket.on("leave", async (room, ack) => { await socket.leave(room); ack(); });
    socket.on("rooms", (ack) => ack([...socket.rooms].sort()));
    socket.on("to", (rooms, event, ...args) => others(rooms).emit(event, ...args));
    socket.on("to-except", (rooms, except, event, ...args) => nsp.to(rooms).except(except).emit(event, ...args));
    socket.on("broadcast", (event, ...args) => socket.broadcast.emit(event, ...args));
    socket.on("everyone", (event, ...args) => nsp.emit(event, ...args));
    socket.on("volatile", (event, ...args) => socket.volatile.emit(event, ...args));
    socket.on("burst", (n) => {
      for (let i = 0; i < n; i++) {
        socket.emit("burst", i, ...(i % 3 ? [] : [Buffer.from([i % 256])]));
      }
    });
    socket.on("ask-me", (question, ack) => socket.timeout(10000).emit("question", question, (err, answer) => ack(answer)));
    socket.on("ask-silence", (ms, ack) => socket.timeout(ms).emit("silence", (err) => ack(err ? "timeout" : "answer")));
    socket.on("ask-room", (room, question, ms, ack) => {
      nsp.to(room).timeout(ms).emit("question", question, (err, answers) => ack({ timeout: !!err, answers: answers.sort() }));
    });
    socket.on("fetch", async (room, ack) => ack((await nsp.in(room).fetchSockets()).map((s) => s.id).sort()));
    socket.on("sockets-join", (from, into, ack) => { nsp.in(from).socketsJoin(into); ack(); });
    socket.on("sockets-leave", (from, out, ack) => { nsp.in(from).socketsLeave(out); ack(); });
    socket.on("disconnect-sockets", (room, close) => nsp.in(room).disconnectSockets(close));
    socket.on("kick", (close) => socket.disconnect(close));
    socket.on("cut", () => socket.conn.close());
  });
}

for (const name of ["/", "/custom", "/auth", "/slow"]) serve(io.of(name));
io.of("/auth").use((socket, next) => {
  if (socket.handshake.auth.token === "secret") return next();
  const err = new Error("not authorized");
  err.data = { code: "unauthenticated", attempts: 3 };
  next(err);
});
io.of("/slow").use(async (socket, next) => {
  await delay(20);
  next();
});
serve(io.of(/^\/room-\d+$/).use((socket, next) => next(socket.handshake.auth.deny ? new Error("denied") : undefined)));
serve(io.of((name, auth, next) => next(null, name === `/club-${auth.club}`)));

io.of("/control").on("connection", (socket) => {
  socket.on("reason", async (id, ack) => ack(await reasons.get(id)));
  socket.on("namespaces", (ack) => ack([...io._nsps.keys()].sort()));
});

http.listen(0, "127.0.0.1", () => {
  console.log(JSON.stringify({ url: `http://127.0.0.1:${http.address().port}` }));
});
process.stdin.on("end", () => process.exit(0)).resume();
