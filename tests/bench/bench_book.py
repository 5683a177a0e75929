"""
Durable bookings over TLS at 64 clients, against the same daemon held to one item a turn (one commit a request), with
the disk as it is and with 10 ms added to each fsync; interleaved, medians.

LABTIME_LONG=1: 5 rounds of 4 s; else a short dose.
"""
import os
import re
import subprocess
import sys
from datetime import datetime, timedelta, timezone

import tap
from bench import BENCH, BenchLab, dose, figure, instruments, median, nowhere, spread
from lab import FAST

INSTRUMENTS = 16
POLICY = FAST + ' attended = false;'  # one person may book several at once: every request is a booking
ROUNDS, SECONDS = int(os.environ.get("LABTIME_BENCH_ROUNDS", dose(2, 5))), dose(2, 4)
SLOW_MS = 10


def load(lab, clients, *more):
    start = (datetime.now(timezone.utc) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:00Z")
    lab.write("tokens", "\n".join(lab.tokens.values()) + "\n")
    names = ",".join(i["id"] for i in lab.instruments)
    out = subprocess.run([f"{BENCH}/loadgen", "--tls", f"127.0.0.1:{lab.tls_port}", "--tokens", lab.path("tokens"),
                          "--clients", str(clients), "--instruments", names, "--start", start, "--step", "60", *more],
                         capture_output=True, text=True, check=False).stdout
    figures = {k: int(v) for k, v in re.findall(r"(\w+)=(\d+)(?:\s|$)", out)}
    assert figures.get("unanswered") == 0 and figures.get("status_201", 0) > 0, out
    assert figures["status_201"] == figures["requests"], out
    return figures


def run(options, fsync_ms, clients):
    """(bookings a second, items a commit, p99 ms)"""
    with BenchLab(instruments(nowhere(INSTRUMENTS), policy=POLICY), options) as lab:
        lab.people(*[(f"user-{i}", "lab-a", "member") for i in range(clients)])
        assert lab.stop_daemon() == 0
        if fsync_ms:
            lab.env.update(LD_PRELOAD=os.path.join(BENCH, "libslow_fsync.so"), LABTIME_FSYNC_MS=str(fsync_ms))
        lab.start_daemon()
        before = lab.metrics()
        figures = load(lab, clients, "--seconds", str(SECONDS))
        after = lab.metrics()
        stored = lab.store().execute("SELECT COUNT(*) FROM booking").fetchone()[0]
        assert stored == figures["status_201"], (stored, figures)
        commits = after["labtime_commits_total"] - before["labtime_commits_total"]
        return figures["rps"], figures["status_201"] / commits, figures["p99_us"] / 1000


def compare(name, fsync_ms, target, clients=64):
    ours, theirs = [], []
    for _ in range(ROUNDS):
        theirs.append(run(["--turn-items", "1"], fsync_ms, clients))
        ours.append(run([], fsync_ms, clients))
    ratios = [a[0] / b[0] for a, b in zip(ours, theirs)]
    figure(name, f"{median([o[0] for o in ours]):.0f} bookings/s ({median([o[1] for o in ours]):.0f} a commit, p99 "
           f"{median([o[2] for o in ours]):.0f} ms), one commit a request {median([t[0] for t in theirs]):.0f}/s, ratio "
           f"{median(ratios):.1f} ({spread(ratios)}; target >= {target}); {clients} clients over TLS, {ROUNDS} rounds",
           median(ratios) >= target)


def test_group_commit():
    compare("bookings", 0, 3)


def test_group_commit_on_a_slow_disk():
    compare(f"bookings, fsync + {SLOW_MS} ms", SLOW_MS, 50)


def test_group_commit_of_many():
    compare(f"bookings, fsync + {SLOW_MS} ms, 256 clients", SLOW_MS, 50, 256)


if __name__ == "__main__":
    tap.main(sys.modules[__name__])
