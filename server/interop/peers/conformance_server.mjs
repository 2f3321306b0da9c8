// The official servers, set up the way the conformance cases expect: an Engine.IO server that echoes
// on /engine.io/, and a Socket.IO server with the namespaces "/" and "/custom". Prints one JSON line
// with both addresses and serves until its standard input ends.
import { createServer } from "node:http";
import { attach } from "engine.io";
import { Server } from "socket.io";

const timing = { pingInterval: 1000, pingTimeout: 3000, maxHttpBufferSize: 1e6, cors: { origin: "*" } };

function listen(server) {
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve(`http://127.0.0.1:${server.address().port}`));
  });
}

const engineHttp = createServer();
attach(engineHttp, timing).on("connection", (socket) => {
  socket.on("data", (data) => socket.send(data));
});

const socketHttp = createServer();
const io = new Server(socketHttp, { ...timing, connectTimeout: 8000 });
for (const name of ["/", "/custom"]) {
  io.of(name).on("connection", (socket) => {
    socket.emit("auth", socket.handshake.auth);
    socket.on("message", (...args) => socket.emit("message-back", ...args));
    socket.on("message-with-ack", (...args) => args.pop()(...args));
  });
}

console.log(JSON.stringify({ engine: await listen(engineHttp), socket: await listen(socketHttp) }));
process.stdin.on("end", () => process.exit(0)).resume();
