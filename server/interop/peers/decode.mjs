// Decodes what the differential test sends with the official parsers. Each input line is a JSON array of
// samples, each output line the array of their outcomes.
//   {"frames": [text or {"b": base64}, …]} -> {"packets": [{type, nsp, id, data}], "error"?, "pending"?}
//   {"payload": text}                      -> {"packets": [{type, data} …]}
import { createInterface } from "node:readline";
import { Decoder } from "socket.io-parser";
import { decodePayload } from "engine.io-parser";

// plain makes data comparable: binary becomes {"$bin": base64}, lone surrogates what UTF-8 makes of them.
function plain(value) {
  if (Buffer.isBuffer(value)) return { $bin: value.toString("base64") };
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

for await (const line of createInterface({ input: process.stdin })) {
  const outcomes = JSON.parse(line).map((sample) =>
    sample.payload === undefined ? decodeFrames(sample.frames ?? []) : { packets: decodePayload(sample.payload).map(plain) });
  console.log(JSON.stringify(outcomes));
}
