// plc_modbus_serial.js PORT - the PLC served by npm's modbus-serial (ServerTCP).
'use strict';
const { ServerTCP } = require('modbus-serial');
const plc = require('./plc.js').listen();

const server = new ServerTCP({
  getHoldingRegister: (address) => plc.register(address),
  getCoil: () => plc.coil,
  setCoil: (address, value) => { if (address === 0) plc.coil = Boolean(value); },
}, { host: '127.0.0.1', port: Number(process.argv[2]), unitID: 1 });
server.on('socketError', () => {});
