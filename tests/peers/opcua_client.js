// A foreign OPC UA client for tests: node-opcua, reads and follows nodes of a server once, then ends.
//
//   node opcua_client.js '{"url": "opc.tcp://…", "folder": "/a/private/folder", "certificate": "….pem", "key": "….pem",
//                          "applicationUri": "urn:…", "user": "…", "password": "…", "nodes": ["ns=2;s=…"], "follow": 3}'
//
// Standard output, one JSON object per line: {"read": [{"value", "status", "source"}]} of all nodes, then, where `follow`
// is given, {"followed": [...values of the first node...]}, and, where `history` is true, {"history": [[{"value", "status",
// "source"}] of every node, by raw history reads from 1970 to now]}, where `writes` ([{"node", "type", "value"}]) are given,
// {"written": [status code of each, in one call]}, and, where `call` ({"object", "method"}) is, {"called": status code}; or {"refused": "what the server or the library said"}.
// Without `user` it comes anonymously; without `certificate` without any security.
"use strict";
const path = require("node:path");
const {
    AttributeIds, ClientMonitoredItem, ClientSubscription, DataType, MessageSecurityMode, OPCUACertificateManager,
    OPCUAClient, SecurityPolicy, TimestampsToReturn, UserTokenType,
} = require("node-opcua");

const options = { folder: ".", nodes: [], follow: 0, ...JSON.parse(process.argv[2]) };
const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);

const plain = (each) => ({
    value: each.value.value, status: each.statusCode.value, source: each.sourceTimestamp?.toISOString() ?? null,
});

function identity() {
    if (!options.user) {
        return { type: UserTokenType.Anonymous };
    }
    return { type: UserTokenType.UserName, userName: options.user, password: options.password };
}

async function makeClient() {
    const manager = new OPCUACertificateManager({
        rootFolder: path.join(options.folder, "pki"), automaticallyAcceptUnknownCertificate: true,
        disableFileWatchers: true,
    });
    await manager.initialize();
    const secured = options.certificate
        ? {
            securityMode: MessageSecurityMode.SignAndEncrypt, securityPolicy: SecurityPolicy.Basic256Sha256,
            certificateFile: options.certificate, privateKeyFile: options.key, applicationUri: options.applicationUri,
        }
        : { securityMode: MessageSecurityMode.None, securityPolicy: SecurityPolicy.None };
    return OPCUAClient.create({
        ...secured, clientCertificateManager: manager, endpointMustExist: false, requestedSessionTimeout: 20000,
        connectionStrategy: { maxRetry: 0 }, clientName: "peer",
    });
}

function follow(session) {
    return new Promise((resolve, reject) => {
        const seen = [];
        const subscription = ClientSubscription.create(session, {
            requestedPublishingInterval: 50, requestedLifetimeCount: 1000, requestedMaxKeepAliveCount: 20,
            publishingEnabled: true, maxNotificationsPerPublish: 0, priority: 0,
        });
        const item = ClientMonitoredItem.create(
            subscription, { nodeId: options.nodes[0], attributeId: AttributeIds.Value },
            { samplingInterval: 0, queueSize: 100, discardOldest: true }, TimestampsToReturn.Both,
        );
        item.on("changed", (value) => {
            seen.push(value.value.value);
            if (seen.length === options.follow) {
                resolve(seen);
            }
        });
        item.on("err", (message) => reject(new Error(message)));
    });
}

async function main() {
    const client = await makeClient();
    await client.connect(options.url);
    const session = await client.createSession(identity());
    const values = await session.read(options.nodes.map((nodeId) => ({ nodeId, attributeId: AttributeIds.Value })));
    say({ read: values.map(plain) });
    if (options.follow) {
        say({ followed: await follow(session) });
    }
    if (options.history) {
        const results = await session.readHistoryValue(options.nodes, new Date("1971-01-01"), new Date(), {
            numValuesPerNode: 0, timestampsToReturn: TimestampsToReturn.Both,
        });
        say({ history: results.map((result) => (result.historyData?.dataValues ?? []).map(plain)) });
    }
    if (options.writes) {
        const codes = await session.write(options.writes.map(({ node, type, value }) => ({
            nodeId: node, attributeId: AttributeIds.Value, value: { value: { dataType: DataType[type], value } },
        })));
        say({ written: codes.map((code) => code.value) });
    }
    if (options.call) {
        const { object, method } = options.call;
        const result = await session.call({ objectId: object, methodId: method, inputArguments: [] });
        say({ called: result.statusCode.value });
    }
    await session.close();
    await client.disconnect();
}

main().then(() => process.exit(0), (error) => {
    say({ refused: String(error.message || error) });
    process.exit(1);
});
