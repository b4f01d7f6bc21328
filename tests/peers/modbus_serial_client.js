// A foreign Modbus/TCP client for tests: modbus-serial. Does what it is told, in order, and says what came of each.
//
//   node modbus_serial_client.js '{"port": 502, "unit": 1, "calls": [["readHoldingRegisters", 0, 2], ["writeRegister", 3, 7]]}'
//
// Standard output: {"results": [{"data": …} or {"exception": code} or {"error": "…"} of every call]}.
"use strict";
const ModbusRTU = require("modbus-serial");

const options = JSON.parse(process.argv[2]);

async function main() {
    const client = new ModbusRTU();
    await client.connectTCP("127.0.0.1", { port: options.port });
    client.setID(options.unit ?? 1);
    client.setTimeout(30000);
    const results = [];
    for (const [name, ...given] of options.calls) {
        try {
            const answer = await client[name](...given);
            results.push({ data: answer.data ?? answer.value ?? answer.state ?? null });
        } catch (error) {
            results.push(error.modbusCode ? { exception: error.modbusCode } : { error: String(error.message) });
        }
    }
    client.close(() => process.exit(0));
    process.stdout.write(`${JSON.stringify({ results })}\n`);
}

main().catch((error) => {
    process.stdout.write(`${JSON.stringify({ results: [{ error: String(error.message || error) }] })}\n`);
    process.exit(1);
});
