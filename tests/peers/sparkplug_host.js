// A Sparkplug B host on mqtt and sparkplug-payload, driven by JSON lines on standard input; see lineshaft.edge.testing.
"use strict";
const mqtt = require("mqtt");
const { encodePayload, decodePayload } = require("sparkplug-payload").get("spBv1.0");

const options = JSON.parse(process.argv[2]);
const say = (answer) => process.stdout.write(JSON.stringify(answer) + "\n");
const plain = (value) => (value !== null && typeof value === "object" ? Number(value) : value);
const births = {}; // alias → [name, type]
const heard = [];
let told = false;
const client = mqtt.connect(options.url, { username: options.user, password: options.password });

client.on("message", (topic, message) => {
  const [, , kind, , device = ""] = topic.split("/");
  if (topic.startsWith("spBv1.0/STATE/")) return;
  // Data come without datatypes, as the specification wants; the library decodes by datatype, so the births' are filled in.
  const payload = decodePayloadWith(message);
  for (const metric of payload.metrics || []) {
    if (kind.endsWith("BIRTH") && metric.alias !== undefined) births[Number(metric.alias)] = [metric.name, metric.type];
  }
  heard.push({
    kind, device, seq: payload.seq === undefined || payload.seq === null ? null : Number(payload.seq),
    metrics: (payload.metrics || []).map((metric) => ({
      name: metric.name || (births[Number(metric.alias)] || [])[0], type: metric.type, alias: plain(metric.alias),
      value: plain(metric.value), timestamp: plain(metric.timestamp), historical: Boolean(metric.isHistorical),
    })),
  });
});

function decodePayloadWith(message) {
  const root = require("sparkplug-payload/lib/sparkplugPayloadProto").org.eclipse.tahu.protobuf.Payload;
  const raw = root.decode(message);
  let filled = false;
  for (const metric of raw.metrics) {
    const known = births[Number(metric.alias)];
    if (!metric.datatype && known) {
      metric.datatype = TYPES.indexOf(known[1]);
      filled = true;
    }
  }
  return decodePayload(filled ? root.encode(raw).finish() : message);
}
const TYPES = ["Unknown", "Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64", "Float", "Double",
  "Boolean", "String", "DateTime", "Text", "UUID"];

client.on("connect", () =>
  client.subscribe("spBv1.0/#", { qos: 1 }, () => {
    if (!told) say({ listening: 0 });
    told = true;
  }));
client.on("error", (error) => say({ failed: String(error) }));

const send = (topic, metrics) =>
  client.publish(topic, Buffer.from(encodePayload({ timestamp: Date.now(), metrics })), { qos: 0 });
const orders = {
  heard: () => say({ heard }),
  ncmd: ({ group, node, metrics }) => send(`spBv1.0/${group}/NCMD/${node}`, metrics),
  dcmd: ({ group, node, device, metrics }) => send(`spBv1.0/${group}/DCMD/${node}/${device}`, metrics),
  state: ({ host, online, timestamp }) =>
    client.publish(`spBv1.0/STATE/${host}`, JSON.stringify({ online, timestamp }), { qos: 1, retain: true }),
};

require("readline").createInterface({ input: process.stdin })
  .on("line", (line) => {
    const { do: name, ...rest } = JSON.parse(line);
    orders[name](rest);
  })
  .on("close", () => client.end(true, () => process.exit(0)));
