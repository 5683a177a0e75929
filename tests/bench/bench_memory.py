"""
5,000 idle TLS connections: each has had one request answered and stays open. The figure is the daemon's whole resident
memory (VmRSS) with all of them there, and its growth a connection.
"""
import multiprocessing
import re
import resource
import socket
import ssl
import sys

import tap
from bench import BenchLab, figure, instruments, nowhere

CONNECTIONS, PROCESSES, TARGET_MB = 5000, 2, 100
SPARE = 800   # TLS may have 7/8 of the daemon's connections
REQUEST = b"GET /livez HTTP/1.1\r\nHost: bench\r\n\r\n"


class Idle(BenchLab):
    """Its own limit on connections, and no other."""

    def write_config(self):
        super().write_config()
        text = self.text("labtimed.conf").replace("connections = 4096", f"connections = {CONNECTIONS + SPARE}")
        self.write("labtimed.conf", text)


def resident_kb(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return int(re.search(r"^VmRSS:\s+(\d+) kB", f.read(), re.M).group(1))


def hold(port, n, ready, done):
    """One process of clients: connects n times, asks once on each, keeps them until done."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    kept = []
    for _ in range(n):
        s = socket.create_connection(("127.0.0.1", port), timeout=30)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        s = context.wrap_socket(s)
        s.sendall(REQUEST)
        kept.append((s, s.recv(4096).startswith(b"HTTP/1.1 200")))
    ready.put(sum(good for _, good in kept))
    done.wait()


def test_memory():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < CONNECTIONS + SPARE:
        raise tap.Skip(f"a process may open {hard} descriptors here, {CONNECTIONS + SPARE} are needed (ulimit -Hn)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, CONNECTIONS + SPARE), hard))
    with Idle(instruments(nowhere(1))) as lab:
        lab.request("GET", "/livez", tls=True)
        before = resident_kb(lab.daemon.pid)
        ready, done = multiprocessing.Queue(), multiprocessing.Event()
        clients = [multiprocessing.Process(target=hold, args=(lab.tls_port, CONNECTIONS // PROCESSES, ready, done))
                   for _ in range(PROCESSES)]
        for c in clients:
            c.start()
        try:
            answered = sum(ready.get(timeout=120) for _ in clients)
            open_now, after = int(lab.metrics()["labtime_http_connections"]), resident_kb(lab.daemon.pid)
        finally:
            done.set()
            for c in clients:
                c.join(30)
                c.terminate()
        assert answered == CONNECTIONS, answered
        assert lab.request("GET", "/livez").status == 200
    figure("idle TLS connections", f"{after / 1000:.1f} MB resident with {open_now} open (target < {TARGET_MB} with "
           f"{CONNECTIONS}), {(after - before) / max(open_now, 1):.1f} kB each, {before / 1000:.1f} MB without",
           after < TARGET_MB * 1000 and open_now >= CONNECTIONS)


if __name__ == "__main__":
    tap.main(sys.modules[__name__])
