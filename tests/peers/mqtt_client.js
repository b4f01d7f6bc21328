// A device on the npm client `mqtt`, driven by JSON lines on standard input; see lineshaft.edge.testing.
"use strict";
const mqtt = require("mqtt");

const options = JSON.parse(process.argv[2]);
const say = (answer) => process.stdout.write(JSON.stringify(answer) + "\n");
const heard = [];
let told = false;
const client = mqtt.connect(options.url, {
  username: options.user, password: options.password, protocolVersion: options.version || 4, reconnectPeriod: 200,
});
client.on("message", (topic, payload, packet) =>
  heard.push({ topic, text: payload.toString(), base64: payload.toString("base64"), qos: packet.qos, retain: packet.retain }));
client.on("connect", () => {
  client.subscribe(options.subscribe || [], { qos: 1 }, () => {
    if (!told) say({ listening: 0 });
    told = true;
  });
});
client.on("error", (error) => say({ failed: String(error) }));

const orders = {
  publish: ({ topic, text, base64, qos = 1, retain = false }) =>
    client.publish(topic, base64 === undefined ? text : Buffer.from(base64, "base64"), { qos, retain }),
  burst: ({ topic, count, qos = 1 }) => {
    for (let value = 0; value < count; value += 1) client.publish(topic, JSON.stringify({ value }), { qos });
  },
  heard: () => say({ heard }),
};

require("readline").createInterface({ input: process.stdin })
  .on("line", (line) => {
    const { do: name, ...rest } = JSON.parse(line);
    orders[name](rest);
  })
  .on("close", () => client.end(true, () => process.exit(0)));
