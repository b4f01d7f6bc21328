// A Sparkplug B edge node on sparkplug-client, driven by JSON lines on standard input; see lineshaft.edge.testing.
"use strict";
const { newClient } = require("sparkplug-client");

const options = JSON.parse(process.argv[2]);
const say = (answer) => process.stdout.write(JSON.stringify(answer) + "\n");
const now = () => Date.now();
const commands = [];

const nodeMetrics = () => [
  { name: "Node Control/Rebirth", type: "Boolean", value: false, timestamp: now() },
  { name: "Uptime", type: "Int64", value: 5, timestamp: now() },
];
// `aliased`: births name an alias beside each name, and data then carries the alias only.
const deviceMetrics = () =>
  options.metrics.map((metric, index) => ({
    timestamp: now(),
    ...metric,
    ...(options.aliased ? { alias: 100 + index } : {}),
  }));

const client = newClient({
  serverUrl: options.url,
  username: options.user,
  password: options.password,
  groupId: options.group,
  edgeNode: options.node,
  clientId: `peer-${process.pid}`,
  version: "spBv1.0",
  publishDeath: true,
  keepalive: 30,
});

const births = () => {
  client.publishNodeBirth({ timestamp: now(), metrics: nodeMetrics() });
  client.publishDeviceBirth(options.device, { timestamp: now(), metrics: deviceMetrics() });
};

let heard = false;
client.on("birth", () => {
  if (!options.silent) births();
  if (!heard) say({ listening: 0 });
  heard = true;
});
client.on("ncmd", (payload) => {
  const plain = payload.metrics.map((metric) => ({ ...metric, value: String(metric.value) }));
  commands.push({ kind: "ncmd", metrics: plain });
  if (payload.metrics.some((metric) => metric.name === "Node Control/Rebirth" && metric.value)) births();
});
client.on("dcmd", (device, payload) => {
  commands.push({
    kind: "dcmd", device,
    metrics: payload.metrics.map((metric) => ({ name: metric.name, alias: metric.alias && Number(metric.alias),
      type: metric.type, value: typeof metric.value === "object" ? String(metric.value) : metric.value })),
  });
  if (options.echo) {
    client.publishDeviceData(device, { timestamp: now(), metrics: payload.metrics.map((m) => ({ ...m, timestamp: now() })) });
  }
});
client.on("error", (error) => say({ failed: String(error) }));

const orders = {
  data: ({ metrics, timestamp }) =>
    client.publishDeviceData(options.device, { timestamp: timestamp || now(),
      metrics: metrics.map((metric) => ({ timestamp: now(), ...metric })) }),
  burst: ({ count, name, alias }) => {
    for (let value = 0; value < count; value += 1) {
      const key = alias === undefined ? { name } : { alias };
      client.publishDeviceData(options.device, { timestamp: now(),
        metrics: [{ ...key, type: "Double", value, timestamp: now() }] });
    }
  },
  skip: () => client.incrementSeqNum(),
  device_death: () => client.publishDeviceDeath(options.device, { timestamp: now() }),
  device_birth: () => client.publishDeviceBirth(options.device, { timestamp: now(), metrics: deviceMetrics() }),
  births,
  commands: () => say({ commands }),
};

require("readline").createInterface({ input: process.stdin })
  .on("line", (line) => {
    const { do: name, ...rest } = JSON.parse(line);
    orders[name](rest);
  })
  .on("close", () => { client.stop(); setTimeout(() => process.exit(0), 200); });
