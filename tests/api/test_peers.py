"""
test_peers.py - instruments behind Modbus servers that are not ours are booked, metered and charged the same way:
pymodbus (Debian's python3-pymodbus), npm's modbus-serial and jsmodbus. Part of ./check --long, which installs them.
"""
import json
import os
import shutil
import socket
import subprocess
import sys
import time

import tap
from lab import SOURCE, Lab
from tap import Skip, wait_for
from test_job import PEOPLE, minute

PEERS = os.path.join(SOURCE, "tests", "peers")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Peer:
    def __init__(self, command, env=None):
        self.port = free_port()
        self.process = subprocess.Popen([*command, str(self.port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, env=dict(os.environ, **(env or {})))
        wait_for("the peer to listen", self.listens)

    def listens(self):
        assert self.process.poll() is None, "the peer ended"
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def ask(self, word):
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def job(peer):
    """Booked, used for three seconds, charged; the charge against the peer's own clock."""
    try:
        with Lab([{"id": "peer-1", "kind": "microscope", "external": True, "port": peer.port}]) as lab:
            lab.people(*PEOPLE)
            b = lab.must(201, "POST", "/v1/bookings", {"instrument": "peer-1", "from": minute(), "to": minute(20),
                                                       "walk_up": True}, token="ada")
            assert peer.ask("run")["ok"] is False, "it must be locked before the check-in"
            lab.must(200, "POST", f"/v1/bookings/{b['id']}/checkin", {}, token="ada")
            wait_for("the interlock to open", lambda: peer.ask("truth")["interlock"] == 1)
            assert peer.ask("run")["ok"]
            state = lambda: lab.must(200, "GET", f"/v1/bookings/{b['id']}", token="ada")["sessions"][-1]["state"]
            wait_for("the run to be seen", lambda: state() == "running")
            time.sleep(3)  # the instrument really runs
            truth = peer.ask("stop")["total_ms"] / 1000
            wait_for("the stop to be seen", lambda: state() != "running")
            lab.must(200, "POST", f"/v1/bookings/{b['id']}/checkout", {}, token="ada")
            charge = wait_for("the charge", lambda: lab.must(200, "GET", f"/v1/charges?booking={b['id']}",
                                                             token="ada")["items"])[0]
            assert abs(charge["used_seconds"] - truth) <= 1, (charge["used_seconds"], truth)
            wait_for("the interlock to close", lambda: peer.ask("truth")["interlock"] == 0)
    finally:
        peer.close()


def npm(package):
    """The package, in a directory of its own under the build; installed once, never into the system."""
    if not shutil.which("node") or not shutil.which("npm"):
        raise Skip("no node here; an installed node is used as it is, never brought")
    home = os.path.join(os.environ["LABTIME_BUILD"], "npm")
    os.makedirs(home, exist_ok=True)
    if not os.path.isdir(os.path.join(home, "node_modules", package.split("@")[0])):
        r = subprocess.run(["npm", "install", "--prefix", home, "--omit=optional", "--ignore-scripts", "--no-audit",
                            "--no-fund", package],
                           capture_output=True, text=True, timeout=300)
        assert r.returncode == 0, r.stderr[-800:]
    return {"NODE_PATH": os.path.join(home, "node_modules")}


def test_pymodbus():
    python = "/usr/bin/python3"
    if subprocess.run([python, "-c", "import pymodbus"], capture_output=True).returncode != 0:
        raise Skip("python3-pymodbus is not installed; ./check --long installs it")
    job(Peer([python, os.path.join(PEERS, "plc_pymodbus.py")]))


def test_modbus_serial():
    job(Peer(["node", os.path.join(PEERS, "plc_modbus_serial.js")], npm("modbus-serial@8.0.25")))


def test_jsmodbus():
    job(Peer(["node", os.path.join(PEERS, "plc_jsmodbus.js")], npm("jsmodbus@5.0.0")))


if __name__ == "__main__":
    tap.main(sys.modules[__name__])
