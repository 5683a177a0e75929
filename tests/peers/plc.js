// plc.js - the same PLC for the npm servers: state, hour meter and the stdin commands run, stop, truth.
'use strict';
const readline = require('readline');

class Plc {
  constructor() { this.coil = false; this.runs = 0; this.since = null; }
  ran() { return this.runs + (this.since === null ? 0 : Date.now() - this.since); }
  register(n) {
    const seconds = Math.floor(this.ran() / 1000);
    return n === 0 ? seconds >>> 16 : n === 1 ? seconds & 0xffff : n === 2 ? (this.since === null ? 0 : 1) : 0;
  }
  command(word) {
    if (word === 'run') {
      if (!this.coil) return { ok: false, error: 'locked' };
      if (this.since === null) this.since = Date.now();
    } else if (word === 'stop' && this.since !== null) {
      this.runs += Date.now() - this.since;
      this.since = null;
    }
    return { ok: true, total_ms: this.ran(), interlock: this.coil ? 1 : 0 };
  }
}

exports.listen = function () {
  const plc = new Plc();
  const lines = readline.createInterface({ input: process.stdin });
  lines.on('line', (line) => console.log(JSON.stringify(plc.command(line.trim()))));
  lines.on('close', () => process.exit(0));
  return plc;
};
