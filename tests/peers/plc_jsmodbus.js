// plc_jsmodbus.js PORT - the PLC served by npm's jsmodbus.
'use strict';
const net = require('net');
const modbus = require('jsmodbus');
const plc = require('./plc.js').listen();

const holding = Buffer.alloc(64), coils = Buffer.alloc(8);
const socket = new net.Server();
const server = new modbus.server.TCP(socket, { holding, coils });
const refresh = () => { for (let n = 0; n < 3; n++) holding.writeUInt16BE(plc.register(n), 2 * n); };
server.on('preReadHoldingRegisters', refresh);
server.on('postWriteSingleCoil', () => { plc.coil = (coils[0] & 1) === 1; });
socket.on('connection', (s) => s.on('error', () => {}));
socket.listen(Number(process.argv[2]), '127.0.0.1');
