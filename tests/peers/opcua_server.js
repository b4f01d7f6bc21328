// A foreign OPC UA server for tests and benchmarks: node-opcua, secured, with values that count.
//
//   node opcua_server.js '{"folder": "/a/private/folder", "items": 1000, "hz": 10, "user": "…", "password": "…"}'
//
// Standard output: one JSON object per line, the first is {"listening": port}.
// Standard input: one JSON object per line:
//   {"do": "start"}                    count every item up by one, `hz` times a second
//   {"do": "stop"}                     stop counting; answers {"stopped": {"ticks": n}}
//   {"do": "set", "node": "ns=1;s=…", "type": "Double", "value": 1.5, "status": "BadSensorFailure"}
//   {"do": "burst", "node": "ns=1;s=…", "count": n}   n changes at once, faster than any publishing interval
//   {"do": "watch", "node": "ns=1;s=…", "delay": ms, "answer": "Good"}   from now on note what clients write there; an
//                                      answer comes `delay` after the write is done; with `answer` the value stays what it is
//   {"do": "writes"}                   answers {"writes": [["ns=1;s=…", value], …]}, in the order of arrival
//   {"do": "protect", "node": "ns=1;s=…"}   clients can only read it
//   {"do": "sessions"}                 answers {"sessions": n}
//   {"do": "quit"}                     (the end of standard input says the same)
"use strict";
const path = require("node:path");
const readline = require("node:readline");
const {
    DataType, MessageSecurityMode, OPCUACertificateManager, OPCUAServer, SecurityPolicy, StatusCodes, Variant,
    VariantArrayType, coerceNodeId, makeAccessLevelFlag, standardUnits,
} = require("node-opcua");

const options = {
    port: 0, items: 10, hz: 10, user: "operator", password: "", trustAll: true,
    policies: ["Basic256Sha256", "Aes128_Sha256_RsaOaep", "Aes256_Sha256_RsaPss"], modes: ["SignAndEncrypt", "Sign"],
    anonymous: false, tokenLifetime: 600000, maxQueue: 5000, maxNodesPerRead: 100, maxNodesPerBrowse: 50, maxMonitoredItemsPerCall: 250,
    ...JSON.parse(process.argv[2] || "{}"),
};
const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);

async function main() {
    const certificates = (name) => new OPCUACertificateManager({
        rootFolder: path.join(options.folder, name), automaticallyAcceptUnknownCertificate: options.trustAll,
        disableFileWatchers: true,
    });
    const own = certificates("pki");
    await own.initialize();
    const users = certificates("users");
    await users.initialize();
    const server = new OPCUAServer({
        port: options.port, host: "127.0.0.1", hostname: "127.0.0.1",
        serverCertificateManager: own, userCertificateManager: users,
        securityPolicies: options.policies.map((name) => SecurityPolicy[name]),
        securityModes: options.modes.map((name) => MessageSecurityMode[name]),
        allowAnonymous: options.anonymous, defaultSecureTokenLifetime: options.tokenLifetime,
        userManager: { isValidUser: (name, password) => name === options.user && password === options.password },
        serverInfo: { applicationUri: "urn:lineshaft:test:peer" },
        serverCapabilities: {
            maxSessions: 1000, maxSubscriptions: 1000, // those of killed clients stay until they time out
            minSupportedSampleRate: 0, // an item that is asked for at 0 ms then gets every change
            maxSubscriptionsPerSession: 100, maxMonitoredItemsQueueSize: options.maxQueue,
            operationLimits: {
                maxNodesPerRead: options.maxNodesPerRead, maxNodesPerBrowse: options.maxNodesPerBrowse,
                maxMonitoredItemsPerCall: options.maxMonitoredItemsPerCall,
            },
        },
    });
    await server.initialize();
    const items = build(server.engine.addressSpace, options.items);
    await server.start();
    say({ listening: server.endpoints[0].port });
    await obey(server, items);
}

function build(space, count) {
    const namespace = space.getOwnNamespace();
    const line = namespace.addFolder(space.rootFolder.objects, { browseName: "Line", nodeId: "s=Line" });
    const counters = namespace.addFolder(line, { browseName: "Counters", nodeId: "s=Counters" });
    const items = [];
    for (let number = 0; number < count; number++) {
        items.push(namespace.addVariable({
            organizedBy: counters, browseName: `C${String(number).padStart(4, "0")}`,
            nodeId: `s=C${number}`, dataType: DataType.Double, value: { dataType: DataType.Double, value: 0 },
            minimumSamplingInterval: 0,
        }));
    }
    typesFolder(namespace, line);
    counters.addReference({ referenceType: "Organizes", nodeId: line }); // a loop, as real servers have them
    return items;
}

function typesFolder(namespace, line) {
    const folder = namespace.addFolder(line, { browseName: "Types", nodeId: "s=Types" });
    const add = (name, dataType, value, more) => namespace.addVariable({
        organizedBy: folder, browseName: name, nodeId: `s=${name}`, dataType, minimumSamplingInterval: 0,
        value: new Variant({ dataType, arrayType: VariantArrayType.Scalar, value }), ...more,
    });
    add("Spare1", DataType.Double, 1); // for tests that change a value
    add("Spare2", DataType.Double, 1);
    add("Boolean", DataType.Boolean, true);
    add("SByte", DataType.SByte, -5);
    add("Byte", DataType.Byte, 250);
    add("Int16", DataType.Int16, -30000);
    add("UInt16", DataType.UInt16, 60000);
    add("Int32", DataType.Int32, -2000000000);
    add("UInt32", DataType.UInt32, 4000000000);
    add("Int64", DataType.Int64, [0x7fffffff, 0xffffffff]);
    add("UInt64", DataType.UInt64, [0x00000000, 0xffffffff]);
    add("Float", DataType.Float, 0.5);
    add("Double", DataType.Double, 0.1);
    add("String", DataType.String, "läuft 运行");
    add("DateTime", DataType.DateTime, new Date("2024-02-29T12:34:56.789Z"));
    add("Guid", DataType.Guid, "72962B91-FA75-4AE6-8D28-B404DC7DAF63");
    add("LocalizedText", DataType.LocalizedText, { locale: "de", text: "Kessel" });
    add("Array", DataType.Double, new Float64Array([1, 2, 3]), {
        valueRank: 1, arrayDimensions: [3],
        value: new Variant({ dataType: DataType.Double, arrayType: VariantArrayType.Array, value: new Float64Array([1, 2, 3]) }),
    });
    namespace.addAnalogDataItem({
        organizedBy: folder, browseName: "Pressure", nodeId: "s=Pressure", description: "Reactor pressure",
        dataType: "Double", engineeringUnitsRange: { low: 0, high: 3000 }, engineeringUnits: standardUnits.kilopascal,
        value: { dataType: DataType.Double, value: 2700 }, minimumSamplingInterval: 0,
    });
}

async function obey(server, items) {
    const find = (text) => server.engine.addressSpace.findNode(coerceNodeId(text));
    const writes = [];
    let ticks = 0;
    let timer = null;
    const tick = (due) => {
        ticks += 1;
        // The time it was due: when it has to catch up, two counts would otherwise share a millisecond, and a tag has one
        // value at one time.
        const moment = new Date(due);
        for (const item of items) {
            item.setValueFromSource({ dataType: DataType.Double, value: ticks }, StatusCodes.Good, moment);
        }
    };
    const begin = () => {
        clearTimeout(timer);
        const period = 1000 / options.hz;
        let due = Date.now();
        const run = () => {
            for (; due <= Date.now(); due += period) tick(due);
            timer = setTimeout(run, Math.max(0, due - Date.now()));
        };
        run();
    };
    const actions = {
        start: () => begin(),
        stop: () => { clearTimeout(timer); say({ stopped: { ticks } }); },
        set: (order) => find(order.node).setValueFromSource(
            { dataType: DataType[order.type], value: order.value }, StatusCodes[order.status || "Good"],
            order.time ? new Date(order.time) : new Date()),
        burst: (order) => {
            const node = find(order.node);
            for (let number = 1; number <= order.count; number++) {
                node.setValueFromSource({ dataType: DataType.Double, value: number }, StatusCodes.Good,
                    new Date(Date.now() + number)); // a millisecond apart
            }
            say({ burst: order.count });
        },
        watch: (order) => {
            const node = find(order.node);
            const write = node.writeAttribute;
            node.writeAttribute = function (context, options, done) {
                writes.push([order.node, options.value.value.value]);
                const answer = (error, status) => setTimeout(() => done(error, status), order.delay || 0);
                if (order.answer) answer(null, StatusCodes[order.answer]);
                else write.call(this, context, options, answer);
            };
            say({ watching: order.node });
        },
        writes: () => say({ writes }),
        protect: (order) => {
            const node = find(order.node);
            node.accessLevel = node.userAccessLevel = makeAccessLevelFlag("CurrentRead");
            say({ protected: order.node });
        },
        sessions: () => say({ sessions: server.currentSessionCount }),
        quit: async () => { clearTimeout(timer); await server.shutdown(0); process.exit(0); },
    };
    const lines = readline.createInterface({ input: process.stdin });
    lines.on("close", () => actions.quit());
    for await (const text of lines) {
        const order = JSON.parse(text);
        await actions[order.do](order);
    }
}

main().catch((error) => { say({ failed: String(error.stack || error) }); process.exit(1); });
