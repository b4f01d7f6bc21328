// A Modbus/TCP server on modbus-serial: holding register n holds n, input register n holds 2n, odd coils are on; registers
// from 500 on do not exist. Prints {"listening": port}; ends with its standard input.
const { ServerTCP } = require("modbus-serial");

const holding = new Map();
const coils = new Map();
const missing = (address) => {
  if (address >= 500) throw { modbusErrorCode: 2 };
};
const vector = {
  getHoldingRegister: (address) => (missing(address), holding.get(address) ?? address),
  getInputRegister: (address) => (missing(address), (2 * address) & 0xffff),
  getCoil: (address) => coils.get(address) ?? address % 2 === 1,
  getDiscreteInput: (address) => address % 2 === 1,
  setRegister: (address, value) => (missing(address), holding.set(address, value), undefined),
  setCoil: (address, value) => (coils.set(address, value), undefined),
  readDeviceIdentification: () => ({ 0x00: "Foreign", 0x01: "modbus-serial", 0x02: "1.0", 0x05: "Model M" }),
};
const server = new ServerTCP(vector, { host: "127.0.0.1", port: 0, debug: false, unitID: 1 });
server.on("initialized", () => {
  console.log(JSON.stringify({ listening: server._server.address().port }));
});
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
