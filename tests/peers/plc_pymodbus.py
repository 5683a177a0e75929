"""
plc_pymodbus.py - a PLC played by pymodbus (Debian's python3-pymodbus): hour meter, run bit and interlock coil of the
generic-plc map. usage: plc_pymodbus.py PORT; lines on stdin: run, stop, truth. One JSON line answers each.
"""
import asyncio
import json
import sys
import threading
import time

from pymodbus.datastore import ModbusSequentialDataBlock, ModbusServerContext, ModbusSlaveContext
from pymodbus.server import StartAsyncTcpServer


class Plc:
    def __init__(self):
        self.coils = ModbusSequentialDataBlock(0, [0] * 17)
        self.holding = ModbusSequentialDataBlock(0, [0] * 33)
        self.runs, self.since = [], None

    def ran(self):
        return sum(b - a for a, b in self.runs) + (time.time() - self.since if self.since else 0.0)

    def refresh(self):
        seconds = int(self.ran())
        self.holding.setValues(1, [seconds >> 16, seconds & 0xFFFF, 1 if self.since else 0])  # blocks count from 1

    def command(self, word):
        if word == "run":
            if self.coils.getValues(1, 1)[0] == 0:
                return {"ok": False, "error": "locked"}
            self.since = self.since or time.time()
        elif word == "stop" and self.since:
            self.runs.append((self.since, time.time()))
            self.since = None
        self.refresh()
        return {"ok": True, "total_ms": int(self.ran() * 1000), "interlock": int(self.coils.getValues(1, 1)[0])}


def main():
    plc = Plc()

    def commands():
        for line in sys.stdin:
            print(json.dumps(plc.command(line.strip())), flush=True)
        loop.call_soon_threadsafe(server.cancel)

    async def tick():
        while True:
            plc.refresh()
            await asyncio.sleep(0.05)

    async def serve():
        asyncio.get_running_loop().create_task(tick())
        context = ModbusServerContext(slaves=ModbusSlaveContext(co=plc.coils, hr=plc.holding, zero_mode=False),
                                      single=True)
        await StartAsyncTcpServer(context=context, address=("127.0.0.1", int(sys.argv[1])))

    loop = asyncio.new_event_loop()
    server = loop.create_task(serve())
    threading.Thread(target=commands, daemon=True).start()
    try:
        loop.run_until_complete(server)
    except asyncio.CancelledError:
        pass


main()
