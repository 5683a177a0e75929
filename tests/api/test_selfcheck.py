"""test_selfcheck.py - a damaged store is found after the start, by a child: no more writes, reads go on."""
import os
import signal
import sqlite3
import subprocess
import sys

import tap
from lab import Lab
from tap import wait_for
from test_job import PEOPLE, minute


def damage(path, table):
    """Overwrites the root page of a table that neither the start nor the reads below touch."""
    db = sqlite3.connect(path)
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    page = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,)).fetchone()[0]
    size = db.execute("PRAGMA page_size").fetchone()[0]
    db.close()
    with open(path, "r+b") as f:
        f.seek((page - 1) * size)
        f.write(b"\xee" * size)


def book(lab, after):
    return lab.request("POST", "/v1/bookings", {"instrument": "krios-1", "from": minute(after), "to": minute(after + 10)},
                       token="ada")


def test_a_sound_store_stays_writable():
    with Lab() as lab:
        lab.people(*PEOPLE)
        children = f"/proc/{lab.daemon.pid}/task/{lab.daemon.pid}/children"
        wait_for("the check to end", lambda: not open(children, encoding="ascii").read().split())
        assert book(lab, 60).status == 201
        assert lab.request("GET", "/readyz").status == 200
        assert "damaged" not in lab.text("labtimed.log")


def test_a_damaged_store_is_read_only():
    with Lab() as lab:
        lab.people(*PEOPLE)
        b = book(lab, 60).json
        assert lab.stop_daemon() == 0
        damage(lab.path("labtime.db"), "export")
        log = open(lab.path("labtimed.log"), "ab")
        lab.daemon = subprocess.Popen(lab.command(), stdout=log, stderr=log, env=lab.env)
        log.close()

        def ready():
            try:
                return lab.request("GET", "/readyz")
            except OSError:
                return None
        wait_for("503 of /readyz", lambda: (a := ready()) and a.status == 503 and "read-only" in str(a.raw) and a)
        refused = book(lab, 90)
        assert refused.status == 503, refused
        assert lab.must(200, "GET", f"/v1/bookings/{b['id']}", token="ada")["state"] == "confirmed"
        assert lab.must(200, "GET", "/v1/instruments")["items"]
        checks = {c["name"]: c for c in lab.must(200, "GET", "/v1/doctor")["checks"]}
        assert not checks["store"]["ok"] and "read-only" in checks["store"]["detail"], checks["store"]
        assert lab.request("GET", "/livez").status == 200
        assert "the store is damaged" in lab.text("labtimed.log")
        lab.daemon.send_signal(signal.SIGTERM)
        assert lab.daemon.wait(30) is not None


def test_verify_says_what_it_found():
    with Lab() as lab:
        lab.people(*PEOPLE)
        assert lab.stop_daemon() == 0
        verify = lambda *more: subprocess.run([*lab.command(), "--verify", *more], capture_output=True, text=True,
                                              env=lab.env, check=False)
        assert verify().returncode == 0 and "ok" in verify().stdout
        damage(lab.path("labtime.db"), "export")
        for more in ((), ("--quick",)):
            found = verify(*more)
            assert found.returncode == 3 and "damaged" in found.stderr, found
        os.truncate(lab.path("labtime.db"), 100)
        assert verify().returncode in (1, 3)


if __name__ == "__main__":
    tap.main(sys.modules[__name__])
