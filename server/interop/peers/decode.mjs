// Decodes what the differential test sends with the official parsers. Each input line is a JSON array of
// samples, each output line the array of their outcomes.
//   {"frames": [text or {"b": base64}, …]} -> {"packets": [{type, nsp, id, data}], "error"?, "pending"?}
//   {"payload": text}                      -> {"packets": [{type, data} …]}
//   {"msgpack": base64}                    -> {"packets": [{type, nsp, id, data}], "error"?, "again": base64}
import { createInterface } from "node:readline";
import { Decoder } from "socket.io-parser";
import { decodePayload } from "engine.io-parser";
import msgpack from "socket.io-msgpack-parser";

// plain makes data comparable: binary becomes {"$bin": base64}, lone surrogates what UTF-8 makes of them.
function plain(value) {
  if (Buffer.isBuffer(value)) return { $bin: value.toString("base64") };
  if (value instanceof ArrayBuffer) return plain(Buffer.from(value));
  if (value instanceof Date) return value.toJSON();
  if (typeof value === "string") return value.toWellFormed();
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== "object") return value;
  const object = Object.create(null);
  for (const key of Object.keys(value)) object[key.toWellFormed()] = plain(value[key]);
  return object;
}

function decodeFrames(frames) {
  const packets = [];
  const decoder = new Decoder();
  decoder.on("decoded", ({ type, nsp, id, data }) => packets.push({ type, nsp, id, data: plain(data) }));
  try {
    for (const frame of frames) {
      decoder.add(typeof frame === "string" ? frame : Buffer.from(frame.b, "base64"));
    }
  } catch (err) {
    return { packets, error: err.message };
  }
  return { packets, pending: !!decoder.reconstructor };
}

function decodeMsgpack(frame) {
  const packets = [];
  const decoder = new msgpack.Decoder();
  try {
    decoder.on("decoded", (packet) => packets.push(packet));
    decoder.add(Buffer.from(frame, "base64"));
    const [{ type, nsp, id, data }] = packets;
    const [again] = new msgpack.Encoder().encode({ type, nsp, id, data });
    return { packets: [{ type, nsp: nsp.toWellFormed(), id, data: plain(data) }], again: again.toString("base64") };
  } catch (err) {
    return { packets: [], error: err.message };
  }
}

function decode(sample) {
  if (sample.payload !== undefined) return { packets: decodePayload(sample.payload).map(plain) };
  if (sample.msgpack !== undefined) return decodeMsgpack(sample.msgpack);
  return decodeFrames(sample.frames ?? []);
}

for await (const line of createInterface({ input: process.stdin })) {
  const outcomes = JSON.parse(line).map(decode);
  console.log(JSON.stringify(outcomes));
}
