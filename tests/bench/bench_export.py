"""
CSV export of many charges against `sqlite3 -csv` on the same rows: the exporter alone (csv_ours), and end to end out of
the daemon over the Unix socket; interleaved, medians; a ratio over 1 means ours is faster.

LABTIME_LONG=1: 1,000,000 rows, 5 rounds; else a short dose.
"""
import hashlib
import os
import shutil
import subprocess
import sys
import time

import tap
from bench import BENCH, BenchLab, dose, figure, instruments, median, nowhere, spread

ROWS, ROUNDS, TARGET = int(os.environ.get("LABTIME_ROWS", dose(50000, 1000000))), dose(3, 5), 1
QUERY = """SELECT id, kind, corrects, session, booking, org, user, instrument, project, period, posted_at, service_from,
  service_to, used_s, idle_s, fault_s, overrun_s, billed_s, estimated_s, amount_minor, currency, flags
  FROM charge WHERE period = '2026-12' AND seq > 0 ORDER BY seq"""


class SeededLab(BenchLab):
    """A lab whose store has ROWS charges of December 2026 from the start."""

    def start_daemon(self):
        if not os.path.exists(self.path("labtime.db")):
            subprocess.run([f"{BENCH}/csv_ours", "make", self.path("labtime.db"), str(ROWS)], check=True)
        super().start_daemon()


def timed(command, path):
    with open(path, "wb") as out:
        began = time.perf_counter()
        subprocess.run(command, check=True, stdout=out)
        return time.perf_counter() - began


def check_file(path, manifest):
    with open(path, "rb") as f:
        digest = hashlib.sha256()
        lines = 0
        for block in iter(lambda: f.read(1 << 20), b""):
            digest.update(block)
            lines += block.count(b"\n")
    assert lines == ROWS + 1, f"{lines} lines"
    if manifest:
        assert manifest["state"] == "done" and manifest["matches_ledger"] and manifest["rows"] == ROWS, manifest
        assert manifest["sha256"] == digest.hexdigest()


def daemon_export(lab, path):
    began = time.perf_counter()
    name = lab.must(201, "POST", "/v1/exports", {"period": "2026-12", "format": "csv"})["id"]
    took = time.perf_counter() - began
    took += timed(["curl", "-s", "--fail", "--unix-socket", lab.path("labtimed.sock"),
                   f"http://localhost/v1/exports/{name}/data"], path)
    check_file(path, lab.must(200, "GET", f"/v1/exports/{name}"))
    return took


def test_csv_export():
    if not shutil.which("sqlite3") or not shutil.which("curl"):
        raise tap.Skip("sqlite3 and curl are needed")
    with SeededLab(instruments(nowhere(1))) as lab:
        out, theirs, alone, through = lab.path("out.csv"), [], [], []
        for _ in range(ROUNDS):
            theirs.append(timed(["sqlite3", "-csv", "-header", lab.path("labtime.db"), QUERY], out))
            check_file(out, None)
            alone.append(timed([f"{BENCH}/csv_ours", "run", lab.path("labtime.db")], out))
            check_file(out, None)
            through.append(daemon_export(lab, out))
    for name, ours in (("csv export", alone), ("csv export through the daemon", through)):
        ratios = [b / a for a, b in zip(ours, theirs)]
        figure(name, f"{ROWS / median(ours) / 1e6:.2f} M rows/s, sqlite3 -csv {ROWS / median(theirs) / 1e6:.2f}, ratio "
               f"{median(ratios):.2f} ({spread(ratios)}; target >= {TARGET}); {ROWS} rows, {ROUNDS} rounds",
               median(ratios) >= TARGET)


if __name__ == "__main__":
    tap.main(sys.modules[__name__])
