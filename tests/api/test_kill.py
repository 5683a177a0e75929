"""
test_kill.py - promise 6: kill -9 at random moments under load. Each client retries with its key until it is answered;
then every acknowledged booking is there, none that no client knows of, no metered second twice, and the store is whole.
LABTIME_KILLS sets the dose (10 in ./check, 100 in ./check --long); the seed is printed.
"""
import os
import random
import sys
import threading
import time

import tap
from lab import Lab
from tap import wait_for
from test_job import PEOPLE, minute
from test_race import OVERLAPS

KILLS = int(os.environ.get("LABTIME_KILLS", "10"))
SEED = int(os.environ.get("LABTIME_SEED", "0")) or random.randrange(1, 1 << 31)
CLIENTS = 8


class Client(threading.Thread):
    """Books and cancels for ever; remembers what it was told."""

    def __init__(self, lab, index, stop):
        super().__init__()
        self.lab, self.index, self.stop = lab, index, stop
        self.rng = random.Random(SEED * 1000 + index)
        self.user = "ada" if index % 2 else "bob"
        self.live, self.refused, self.ended = {}, 0, set()
        self.error = None

    def ask(self, path, body, key):
        """Until answered. A connection that breaks says nothing about what happened."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                answer = self.lab.request("POST", path, body, token=self.user, key=key)
                if answer.status not in (429, 503):
                    return answer
            except (OSError, ValueError, __import__("http.client").client.HTTPException):
                pass
            time.sleep(0.02)
        raise AssertionError("not answered for 60 s: " + path)

    def run(self):
        try:
            n = 0
            while not self.stop.is_set():
                n += 1
                self.act(f"c{self.index}-{n}")
        except BaseException as error:
            self.error = error

    def act(self, key):
        if self.live and self.rng.random() < 0.4:
            booking = self.rng.choice(sorted(self.live))
            answer = self.ask(f"/v1/bookings/{booking}/cancel", {}, key)
            assert answer.status == 200, answer
            del self.live[booking]
            self.ended.add(booking)
            return
        start = self.rng.randrange(60, 6000)
        instrument = self.rng.choice(["krios-1", "novaseq-1"])
        body = {"instrument": instrument, "from": minute(start), "to": minute(start + self.rng.randrange(1, 40))}
        answer = self.ask("/v1/bookings", body, key)
        assert answer.status in (201, 409, 422), answer
        if answer.status == 201:
            self.live[answer.json["id"]] = (instrument, answer.json["from"], answer.json["to"])
        else:
            self.refused += 1


def ran(lab):
    """What the device knows to have run, in ms; it counts whole seconds for its readers."""
    truth = next(t for t in lab.ctl("truth") if t["instrument"] == "krios-1")
    return sum(r["to_ms"] - r["from_ms"] for r in truth["runs"])


def metered(lab):
    ext, first = lab.store().execute("SELECT ext_ms, ext_first_ms FROM meter WHERE instrument = 'krios-1'").fetchone()
    return ext - first


def test_kill_nine_loses_nothing():
    print(f"# {KILLS} kills, seed {SEED}")
    rng = random.Random(SEED)
    instruments = [{"id": "krios-1", "kind": "microscope", "interlock": "", "options": ",unlocked"},
                   {"id": "novaseq-1", "kind": "sequencer"}]
    with Lab(instruments) as lab:
        lab.people(*PEOPLE)
        lab.ctl("run", "krios-1")
        stop = threading.Event()
        clients = [Client(lab, i, stop) for i in range(CLIENTS)]
        for c in clients:
            c.start()
        for _ in range(KILLS):
            time.sleep(rng.uniform(0.05, 0.6))
            lab.daemon.kill()
            lab.daemon.wait()
            lab.start_daemon()
        time.sleep(0.3)
        stop.set()
        for c in clients:
            c.join(90)
        assert not [c.error for c in clients if c.error], [c.error for c in clients]
        lab.ctl("stop", "krios-1")
        wait_for("the last reading", lambda: -1000 <= ran(lab) - metered(lab) <= 3000, seconds=60)
        assert lab.stop_daemon() == 0
        db = lab.store()
        told = {b for c in clients for b in c.live} | {b for c in clients for b in c.ended}
        live = {b for c in clients for b in c.live}
        stored = {f"B-{i}": s for i, s in db.execute("SELECT id, state FROM booking")}
        assert len(told) > 20, "too little load to mean anything"
        assert told == set(stored), (told ^ set(stored))
        assert all(stored[b] == "confirmed" for b in live), {b: stored[b] for b in live if stored[b] != "confirmed"}
        assert all(stored[b] == "cancelled" for b in told - live)
        assert db.execute(OVERLAPS).fetchone()[0] == 0
        assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        for instrument, ext, first in db.execute("SELECT instrument, ext_ms, ext_first_ms FROM meter"):
            placed = db.execute("SELECT COALESCE(SUM(measured_ms), 0) FROM usage WHERE instrument = ?",
                                (instrument,)).fetchone()[0]
            assert placed == ext - first, (instrument, placed, ext - first)
        assert -1000 <= ran(lab) - metered(lab) <= 3000, (ran(lab), metered(lab))
        print(f"# {len(told)} bookings, {sum(c.refused for c in clients)} refused")


if __name__ == "__main__":
    tap.main(sys.modules[__name__])
