"""
Nobody waits for a slow disk, a dead controller, a stalled reader or a long export: quiet and stressed runs of the real
daemon, interleaved and printed side by side. Stressed: a tenth of the controllers dead (half refuse, half accept and
say nothing), a client that asks for an export and never reads it, another export under way all the time, 50 ms added
to each fsync. Targets: poll lateness p99 <= max(20 ms, 2 x quiet); reads' p99 <= quiet + one fsync + 10 ms; writes'
p99 <= quiet + two fsyncs. What must hold in any case: every request is answered, exports are whole, readings go on.

LABTIME_STALL=small is the dose of ./check; LABTIME_LONG=1: 200 controllers, a million rows, 5 rounds.
"""
import os
import re
import socket
import subprocess
import sys
import threading
import time
from datetime import datetime, timedelta, timezone

import tap
from bench import BENCH, BenchLab, Farm, dose, figure, instruments, late_p99_ms, median, nowhere, wait_up
from lab import FAST

SMALL = os.environ.get("LABTIME_STALL") == "small"
CONTROLLERS = 30 if SMALL else dose(100, 200)
ROWS = 20000 if SMALL else int(os.environ.get("LABTIME_ROWS", dose(200000, 1000000)))
ROUNDS = 1 if SMALL else int(os.environ.get("LABTIME_BENCH_ROUNDS", dose(2, 5)))
SECONDS = 2 if SMALL else dose(4, 20)
FSYNC_MS = 50
UNITS = 4  # instruments that are booked


class Silent:
    """Endpoints that accept and never answer."""

    def __init__(self, n):
        self.sockets = [socket.create_server(("127.0.0.1", 0), backlog=16) for _ in range(n)]
        self.addresses = [f"127.0.0.1:{s.getsockname()[1]}" for s in self.sockets]

    def stop(self):
        for s in self.sockets:
            s.close()


class Exports(threading.Thread):
    """One export after the other, each checked against its manifest."""

    def __init__(self, lab):
        super().__init__()
        self.lab, self.over, self.done, self.error = lab, threading.Event(), 0, None

    def run(self):
        try:
            while not self.over.is_set():
                name = self.lab.must(201, "POST", "/v1/exports", {"period": "2026-12", "format": "csv"})["id"]
                subprocess.run(["curl", "-s", "--fail", "-o", self.lab.path("out.csv"), "--unix-socket",
                                self.lab.path("labtimed.sock"), f"http://localhost/v1/exports/{name}/data"], check=True)
                manifest = self.lab.must(200, "GET", f"/v1/exports/{name}")
                assert manifest["state"] == "done" and manifest["rows"] == ROWS, manifest
                assert os.path.getsize(self.lab.path("out.csv")) == manifest["bytes"], manifest
                self.done += 1
        except BaseException as error:
            self.error = error


def never_reads(lab):
    name = lab.must(201, "POST", "/v1/exports", {"period": "2026-12", "format": "csv"})["id"]
    s = socket.socket(socket.AF_UNIX)
    s.connect(lab.path("labtimed.sock"))
    s.sendall(f"GET /v1/exports/{name}/data HTTP/1.1\r\nHost: lab\r\n\r\n".encode())
    return s


def probe(lab, *more):
    return subprocess.Popen([f"{BENCH}/loadgen", "--unix", lab.path("labtimed.sock"), "--seconds", str(SECONDS), "--retry", "30",
                             "--tokens", lab.path("tokens"), "--clients", "2", *more], stdout=subprocess.PIPE, text=True)


def p99_ms(process, wanted):
    out = process.communicate(timeout=SECONDS + 90)[0]
    figures = {k: int(v) for k, v in re.findall(r"(\w+)=(\d+)(?:\s|$)", out)}
    assert process.returncode == 0 and figures.get(wanted) == figures["requests"] > 20, (process.returncode, out)
    return figures["p99_us"] / 1000


def measure(lab, turn):
    """(lateness, reads', writes') p99 in ms"""
    start = datetime.now(timezone.utc) + timedelta(hours=1 + 12 * turn)
    names = ",".join(i["id"] for i in lab.instruments[:UNITS])
    before = lab.metrics()
    reads = probe(lab, "--get", "/v1/instruments/dev-0000", "--pause", "5")
    writes = probe(lab, "--instruments", names, "--start", start.strftime("%Y-%m-%dT%H:%M:00Z"), "--step", "60", "--pause", "30")
    r, w = p99_ms(reads, "status_200"), p99_ms(writes, "status_201")
    after = lab.metrics()
    good = 'labtime_polls_total{result="good"}'
    assert after[good] - before[good] >= 0.8 * lab.alive * SECONDS, "polls stopped"
    return late_p99_ms(before, after), r, w


def quiet_run(lab, turn):
    lab.start_daemon()
    wait_up(lab, lab.alive)
    time.sleep(1)
    figures = measure(lab, turn)
    assert lab.stop_daemon() == 0
    return figures


def stressed_run(lab, turn):
    lab.env.update(LD_PRELOAD=os.path.join(BENCH, "libslow_fsync.so"), LABTIME_FSYNC_MS=str(FSYNC_MS))
    lab.start_daemon()
    wait_up(lab, lab.alive)
    stalled, exports = never_reads(lab), Exports(lab)
    exports.start()
    time.sleep(1)
    figures = measure(lab, turn)
    exports.over.set()
    exports.join(120)
    stalled.close()
    assert exports.error is None, exports.error
    assert exports.done > 0, "no export came through"
    assert lab.stop_daemon() == 0
    return figures


def prepare(addresses, alive, rows):
    lab = BenchLab(instruments(addresses, policy=FAST + " attended = false;"))
    lab.alive = alive
    if rows:
        subprocess.run([f"{BENCH}/csv_ours", "make", lab.path("labtime.db"), str(rows)], check=True)
    lab.start()
    lab.people(("ada", "lab-a", "member"), ("bob", "lab-a", "member"))
    lab.write("tokens", "\n".join(lab.tokens.values()) + "\n")
    assert lab.stop_daemon() == 0
    return lab


def report(what, quiet, stressed, most):
    q, s = median(quiet), median(stressed)
    figure(f"stall, {what}", f"p99 {s:.1f} ms, quiet {q:.1f} ms (target <= {most(q):.1f}); {CONTROLLERS} controllers, "
           f"{CONTROLLERS // 10} dead, {ROWS} rows, fsync + {FSYNC_MS} ms, {len(quiet)} rounds", s <= most(q))


def test_nobody_waits():
    dead = CONTROLLERS // 10
    farm, silent, labs = Farm(CONTROLLERS), Silent(dead - dead // 2), []
    rows = []
    try:
        labs.append(prepare(farm.addresses, CONTROLLERS, 0))
        addresses = farm.addresses[:CONTROLLERS - dead] + nowhere(dead // 2) + silent.addresses
        labs.append(prepare(addresses, CONTROLLERS - dead, ROWS))
        for i in range(ROUNDS):
            rows.append((quiet_run(labs[0], i), stressed_run(labs[1], i)))
            print(f"# round {i + 1}, p99 in ms of lateness, reads, writes: quiet {rows[-1][0]}, "
                  f"stressed {rows[-1][1]}", flush=True)
    except BaseException:
        for lab in labs:
            print("".join("# " + line + "\n" for line in lab.text("labtimed.log").splitlines()[-10:]))
        raise
    finally:
        for lab in labs:
            lab.stop()
        silent.stop()
        farm.stop()
    late, reads, writes = (([q[i] for q, _ in rows], [s[i] for _, s in rows]) for i in range(3))
    report("poll lateness", *late, lambda q: max(20, 2 * q))
    report("reads", *reads, lambda q: q + FSYNC_MS + 10)
    report("writes", *writes, lambda q: q + 2 * FSYNC_MS)


if __name__ == "__main__":
    tap.main(sys.modules[__name__])
