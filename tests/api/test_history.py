"""
test_history.py - promises 1, 2, 3 and 6 in one recorded history: clients over TLS and over the Unix socket book, move,
extend, shorten, cancel, check in, run the instruments and check out, while the daemon is killed and stopped again and
again. Each asks until it is answered. Then all that was acknowledged is there, nothing else is, nothing overlaps, and
each session is charged what its instrument really ran.
LABTIME_KILLS sets the dose (8 in ./check, 100 in ./check --long), LABTIME_SEED replays a workload.
"""
import csv
import hashlib
import io
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

import tap
from history import Caller, History, Sim, instant, text
from history_judge import Judge
from lab import Lab
from tap import wait_for

KILLS = int(os.environ.get("LABTIME_KILLS", "8"))
SEED = int(os.environ.get("LABTIME_SEED", "0")) or random.randrange(1, 1 << 31)
MINUTE = 60
FAR = 120 * MINUTE          # from here on bookers book; nearer is for those who come and use it
SPAN = 300                  # minutes that they compete for
POOL = 12                   # live bookings of a user
MEMBERS = [("ada", "acme", "member"), ("bob", "bolt", "member"), ("cyd", "acme", "member")]
STAFF = [("mia", "host", "manager"), ("fin", "host", "finance")]
POLICY = ('grid = "1m"; min = "1m"; max = "48h"; horizon = "30d"; no_show = "30m"; early = "30m"; attended = false; '
          'settle = "1m"; gap = "5s";')
PRICE = 'price = { no_show_fee = "100%"; late_cancel = "1h 0%, 0s 50%"; };'
UNITS = ["krios-1", "krios-2", "novaseq-1", "novaseq-2"]


class Client(threading.Thread):
    """Acts until it is told to stop; what it is in the middle of it ends."""

    def __init__(self, lab, history, name, tls, stop):
        super().__init__(name=name, daemon=True)
        self.rng = random.Random(f"{SEED} {name}")
        self.caller = Caller(lab, history, name, self.rng, tls)
        self.stop, self.error = stop, None

    def run(self):
        try:
            while not self.stop.is_set():
                self.act()
        except BaseException as error:  # told by the test, with the history
            self.error = error
            self.stop.set()
        self.caller.close()

    def ask(self, user, kind, booking, expected, **kw):
        method, path = "POST", f"/v1/bookings/{booking}/{kind}"
        if kind == "create":
            path = "/v1/bookings"
        elif kind in ("move", "extend", "shorten", "get"):
            method, path = "GET" if kind == "get" else "PATCH", f"/v1/bookings/{booking}"
        op = self.caller.ask(user, kind, method, path, booking=booking, **kw)
        assert op.status in expected, f"unexpected: {op}"
        if method == "POST" and self.rng.random() < 0.08:
            self.caller.ask(user, kind, method, path, booking=op.booking, key=op.key, body=kw.get("body"))
        return op

    def create(self, user, unit, start, minutes, walk_up=False):
        key = self.caller.key()
        body = {"instrument": unit, "from": text(start), "to": text(start + minutes * MINUTE), "note": key}
        if walk_up:
            body["walk_up"] = True
        return self.ask(user, "create", None, (201, 409, 422), body=body, key=key)


class Booker(Client):
    """Two of them share a user, one over TLS and one over the Unix socket, and change each other's bookings."""

    def __init__(self, lab, history, name, tls, stop, user, pool):
        super().__init__(lab, history, name, tls, stop)
        self.user, self.pool = user, pool

    def act(self):
        known = sorted(self.pool.items())
        if not known or len(known) < self.rng.randrange(1, POOL + 1):
            op = self.create(self.user, self.rng.choice(UNITS), self.far(), self.rng.randrange(1, 20))
            return self.learn(op)
        booking, said = self.rng.choice(known)
        kind = self.rng.choice(["move", "move", "extend", "shorten", "get", "get", "cancel", "checkin"])
        if kind == "get":
            return self.learn(self.ask(self.user, "get", booking, (200,)))
        if kind in ("cancel", "checkin"):  # whoever comes hours early is sent away
            op = self.ask(self.user, kind, booking, (200, 409) if kind == "cancel" else (409, 422), body={})
            return self.pool.pop(booking, None) if kind == "cancel" else self.learn(op)
        op = self.ask(self.user, kind, booking, (200, 409, 412, 422), body=self.new_times(kind, said), match=said["version"])
        return self.learn(op if op.done else self.ask(self.user, "get", booking, (200,)))

    def far(self):
        return (int(time.time()) // MINUTE + self.rng.randrange(SPAN)) * MINUTE + FAR

    def new_times(self, kind, said):
        start, end = instant(said["from"]), instant(said["to"])
        step = self.rng.randrange(1, 15) * MINUTE
        if kind == "move":
            start, length = self.far(), end - start
            return {"from": text(start), "to": text(start + length)}
        return {"to": text(end + step if kind == "extend" else max(start + MINUTE, end - step))}

    def learn(self, op):
        if op.done and op.json["state"] == "confirmed":
            self.pool[op.booking] = op.json
        elif op.done:
            self.pool.pop(op.booking, None)


class User(Client):
    """Comes to one instrument: books from now or soon, checks in, runs it, extends, checks out."""

    def __init__(self, lab, history, name, tls, stop, unit):
        super().__init__(lab, history, name, tls, stop)
        self.unit, self.sim, self.runs, self.seen, self.rounds = unit, Sim(lab), [], set(), 0

    def act(self):
        self.user = self.rng.choice(MEMBERS)[0]
        walk_up = self.rng.random() < 0.3
        start = int(time.time()) // MINUTE * MINUTE + (0 if walk_up else self.rng.randrange(1, 6) * MINUTE)
        op = self.create(self.user, self.unit, start, self.rng.randrange(4, 9), walk_up)
        if not op.done:
            return
        self.booking, self.to = op.booking, instant(op.json["to"])
        choice = self.rng.random()
        if choice < 0.15:
            return self.on("cancel", (200, 409))
        if choice < 0.35:
            self.grow(op.json)
        if not self.on("checkin", (200, 409, 422)).done:
            return self.on("cancel", (200, 409))
        if self.rng.random() < 0.85:
            self.use()
        else:
            self.on("checkout", (200, 409))

    def on(self, kind, expected):
        return self.ask(self.user, kind, self.booking, expected, body={})

    def grow(self, said):
        """An extension, with the version that is stored now: check-ins and runs raise it too."""
        body = {"to": text(self.to + self.rng.randrange(1, 4) * MINUTE)}
        op = self.ask(self.user, "extend", self.booking, (200, 409, 412, 422), body=body, match=said["version"])
        said = op.json if op.done else self.ask(self.user, "get", self.booking, (200,)).json
        self.to = instant(said["to"])

    def use(self):
        for _ in range(self.rng.randrange(1, 4)):
            self.start_run()
            early_wish = self.rng.random() < 0.1
            if self.rng.random() < 0.4:
                self.grow(self.ask(self.user, "get", self.booking, (200,)).json)
            if early_wish:  # a check-out while it runs is a wish: both end with the run
                self.on("checkout", (200,))
            self.end_run()
            if early_wish:
                break
        else:
            self.on("checkout", (200,))
        self.rounds += 1

    def start_run(self):
        assert self.to - time.time() > 20, f"{self.booking} is nearly over: the machine is too slow for this test"
        wait_for("the start", lambda: self.sim.must("wait", self.unit, "unlocked", 60000) and
                 self.sim.ask("run", self.unit)["ok"])
        self.runs.append(self.booking)
        self.caller.history.mark("the run begins", self.booking)

    def end_run(self):
        """Some seconds; or as soon as somebody saw it, be it less than a count."""
        if self.rng.random() < 0.25:
            wait_for("the run to be seen", self.is_seen, seconds=60)
        else:
            shown = self.sim.must("state", self.unit)["hourmeter"]
            self.sim.must("wait", self.unit, "hourmeter", shown + self.rng.randrange(1, 4), 60000)
        self.sim.must("stop", self.unit)
        self.caller.history.mark("the run is over", self.booking)

    def is_seen(self):
        said = self.ask(self.user, "get", self.booking, (200,)).json
        if any(s["state"] == "running" for s in said["sessions"]):
            self.seen.add(self.booking)
            return True
        return False


def clients(lab, history, stop):
    made = []
    for n, (user, _, _) in enumerate(MEMBERS):
        pool = {}
        made += [Booker(lab, history, f"{user}-{'tls' if tls else 'unix'}", tls, stop, user, pool) for tls in (True, False)]
    return made + [User(lab, history, unit, n % 2 == 0, stop, unit) for n, unit in enumerate(UNITS)]


class Deaths:
    """Kills and stops the daemon between two answers, and looks at the store as it lies there."""

    def __init__(self, lab, history, rng):
        self.lab, self.history, self.rng = lab, history, rng
        self.kills = self.stops = self.at_start = 0

    def one(self):
        if self.rng.random() < 0.3:
            self.history.mark("SIGTERM")
            self.stops += 1
            assert self.lab.stop_daemon(signal.SIGTERM, 60) == 0, "an orderly stop failed"
        else:
            self.kill()
        acknowledged = {o.booking for o in list(self.history.ops) if o.kind == "create" and o.done and o.completed}
        self.look(acknowledged)
        if self.rng.random() < 0.3:
            self.kill_while_it_starts()
        self.lab.start_daemon()
        self.history.mark("serving")

    def kill(self):
        self.history.mark("SIGKILL")
        self.kills += 1
        self.lab.daemon.kill()
        self.lab.daemon.wait()

    def kill_while_it_starts(self):
        """As soon as it has written so many bytes into its log."""
        log, enough = self.lab.path("labtimed.log"), self.rng.randrange(1, 900)
        before = os.path.getsize(log)
        with open(log, "ab") as out:
            self.lab.daemon = subprocess.Popen(self.lab.command(), stdout=out, stderr=out, env=self.lab.env)
        wait_for("a sign of life", lambda: os.path.getsize(log) >= before + enough or ready(self.lab), seconds=60)
        self.at_start += 1
        self.kill()

    def look(self, acknowledged):
        """On a copy: whoever opens the store itself would recover it in the daemon's place."""
        with tempfile.TemporaryDirectory() as there:
            for name in ("labtime.db", "labtime.db-wal"):
                if os.path.exists(self.lab.path(name)):
                    shutil.copy(self.lab.path(name), there)
            db = sqlite3.connect(os.path.join(there, "labtime.db"))
            judge = Judge(self.history, db)
            judge.overlaps()
            lost = acknowledged - set(judge.bookings)
            db.close()
        assert not judge.complaints, judge.complaints
        assert not lost, f"acknowledged and not there after a death: {lost}"


def ready(lab):
    try:
        return lab.request("GET", "/readyz").status == 200
    except (OSError, ValueError):
        return False


def settle(lab):
    """What a human decides is decided: what was measured is charged. Returns when no session waits."""
    def over():
        for item in walk(lab, "/v1/review", "mia"):
            # a run between two counts is seen by the run bit alone
            assert item["kind"] in ("meter_lost", "meter_disagrees"), f"nobody did this: {item}"
            lab.must(200, "POST", f"/v1/review/{item['id']}/accept", {"reason": "as measured"}, token="mia")
        rows = lab.store().execute("SELECT id FROM session WHERE outcome IS NULL OR outcome NOT IN ('charged', 'waived')")
        return not rows.fetchall()
    wait_for("all sessions to be charged", over, seconds=150, step=0.2)


def walk(lab, path, who):
    cursor, items = "", []
    while cursor is not None:
        page = lab.must(200, "GET", f"{path}{'&' if '?' in path else '?'}limit=200{cursor and '&cursor=' + cursor}", token=who)
        items, cursor = items + page["items"], page["next_cursor"]
    return items


def minor(money):
    return round(float(money["amount"]) * 100)


def truth_of(lab, users, complain):
    """Milliseconds that each booking really ran, by the simulator; its n-th run is the n-th that its user started."""
    ran = {}
    for user in users:
        truth = lab.ctl("truth", user.unit)[0]
        if len(truth["runs"]) != len(user.runs):
            complain(None, f"{user.unit}: {len(truth['runs'])} runs, {len(user.runs)} were started")
        for booking, run in zip(user.runs, truth["runs"]):
            ran[booking] = ran.get(booking, 0) + run["ms"]
    return ran


def check_sessions(judge, charges, ran, seen):
    """A session is charged what was run in it, within one count; a fee is due only where nobody saw it run."""
    usage = {c["booking"]: c for c in charges if c["kind"] == "usage"}
    fees = [c for c in charges if c["kind"] == "fee"]
    for booking, ms in ran.items():
        used = usage[booking]["used_seconds"] * 1000 if booking in usage else 0
        if abs(used - ms) > 1000 + 5:  # 5 ms: the simulator looks at its clock per request
            judge.complain(booking, f"it ran {ms} ms and is charged {used} ms")
    for booking, c in usage.items():
        if booking not in ran and c["used_seconds"]:
            judge.complain(booking, f"nothing ran, and it is charged {c['used_seconds']} s")
    for c in fees:
        if minor(c["amount"]) and (ran.get(c["booking"], 0) >= 1000 or c["booking"] in seen):
            judge.complain(c["booking"], f"a fee of {c['amount']} although it ran {ran.get(c['booking'])} ms")
    owed = {}
    for c in charges:
        if c["kind"] != "usage" and c["session"] is None:
            owed[c["booking"]] = owed.get(c["booking"], 0) + minor(c["amount"])
    for booking, b in judge.bookings.items():
        if b["fee_minor"] != owed.get(booking, 0):
            judge.complain(booking, f"it owes a fee of {b['fee_minor']}, and {owed.get(booking, 0)} is charged")


def check_meters(lab, judge, charges):
    """Charged and nobody's seconds are what the counter went up by, exactly."""
    for unit in UNITS:
        truth = lab.ctl("truth", unit)[0]
        charged = sum(c["used_seconds"] + c["fault_seconds"] for c in charges if c["kind"] == "usage" and
                      c["instrument"] == unit)
        nobodys = judge.number(
            "SELECT COALESCE(SUM(measured_ms), 0) FROM usage WHERE session IS NULL AND instrument = ?", unit)
        if charged * 1000 + nobodys != truth["hourmeter"] * 1000:
            judge.complain(None, f"{unit}: counted {truth['hourmeter']} s, {charged} s are charged, {nobodys} ms nobody's")
        if nobodys:
            judge.complain(None, f"{unit}: every run had a session, and {nobodys} ms are nobody's")


def check_money(lab, judge, charges):
    balance = lab.must(200, "GET", "/v1/ledger/balance", token="fin")
    if minor(balance["total"]) != 0:
        judge.complain(None, f"the ledger does not balance: {balance}")
    for period in sorted({c["period"] for c in charges}):
        of = [c for c in charges if c["period"] == period]
        export = lab.must(201, "POST", "/v1/exports", {"period": period, "format": "csv"}, token="fin")
        raw = lab.request("GET", f"/v1/exports/{export['id']}/data", token="fin").raw
        manifest = wait_for("the manifest", lambda: done_export(lab, export["id"]))
        rows = list(csv.DictReader(io.StringIO(raw.decode("utf-8"), newline="")))
        sums = {sum(round(float(r["amount"]) * 100) for r in rows), sum(minor(c["amount"]) for c in of),
                minor(manifest["sums"]["USD"]), minor(manifest["ledger_total"])}
        if len(sums) != 1 or len(rows) != len(of) or manifest["sha256"] != hashlib.sha256(raw).hexdigest():
            judge.complain(None, f"{period}: {len(rows)} rows of {len(of)} charges; export, charges, ledger say {sums}")


def done_export(lab, id):
    manifest = lab.must(200, "GET", f"/v1/exports/{id}", token="fin")
    return manifest if manifest["state"] == "done" else None


def check_explained(lab, judge, charges):
    for c in charges:
        if not lab.must(200, "GET", f"/v1/charges/{c['id']}/explain", token="fin")["matches"]:
            judge.complain(c["booking"], f"the charge cannot be computed again: {c}")


def report(history, deaths, users, charges):
    ops = [o for o in history.ops if o.completed is not None]
    writes = [o for o in ops if o.method != "GET"]
    kinds = {}
    for o in writes:
        kinds[o.kind] = kinds.get(o.kind, 0) + o.done
    print(f"# {history.now():.0f} s, {deaths.kills} kills ({deaths.at_start} while it started), {deaths.stops} stops; "
          f"{len(ops)} operations, {sum(o.done for o in writes)} writes acknowledged {kinds}, "
          f"{sum(o.attempts > 1 for o in ops)} asked again, {sum(o.lost > 0 for o in writes)} writes lost an answer, "
          f"{sum(o.replayed for o in ops)} replayed, {sum(o.uncertain for o in ops)} uncertain; "
          f"{sum(len(u.runs) for u in users)} runs, {sum(c['kind'] == 'usage' for c in charges)} sessions charged, "
          f"{sum(c['kind'] == 'fee' for c in charges)} fees", flush=True)


def fail(history, complaints):
    for booking, what in complaints[:8]:
        print(f"# {booking or ''} {what}")
        for line in history.tell(booking, 30 if booking else 12):
            print("#   " + line)
    for booking, what in complaints[8:60]:
        print(f"# {booking or ''} {what}")
    raise AssertionError(f"{len(complaints)} complaints, LABTIME_SEED={SEED} LABTIME_KILLS={KILLS}: {complaints[0][1]}")


def too_little(deaths, users):
    if deaths.kills < KILLS or any(u.rounds < 2 for u in users):
        return f"too little happened: {deaths.kills} kills, uses of the instruments: {[u.rounds for u in users]}"
    return None


def live(lab, history, deaths, stop):
    """The history itself: until the daemon has died so often and each instrument was used."""
    acting = clients(lab, history, stop)
    users = [c for c in acting if isinstance(c, User)]
    for c in acting:
        c.start()
    try:
        deadline = time.monotonic() + 120 + 5 * KILLS
        while not stop.is_set() and time.monotonic() < deadline and too_little(deaths, users):
            history.wait_completed(history.completed + int(10 ** deaths.rng.uniform(0.7, 3.2)), seconds=3)
            deaths.one()
    finally:
        stop.set()
        for c in acting:
            c.join(200)
    errors = [(None, too_little(deaths, users))] if too_little(deaths, users) else []
    errors += [(getattr(c, "booking", None), f"{c.name}: {c.error!r}") for c in acting if c.error or c.is_alive()]
    if errors:
        fail(history, errors + Judge(history, lab.store()).all())
    return users


def test_whoever_was_answered_was_right():
    print(f"# {KILLS} kills, seed {SEED}", flush=True)
    instruments = [{"id": unit, "kind": "microscope", "policy": POLICY, "price": PRICE} for unit in UNITS]
    history, stop = History(), threading.Event()
    with Lab(instruments) as lab:
        lab.people(*MEMBERS, *STAFF)
        deaths = Deaths(lab, history, random.Random(SEED))
        users = live(lab, history, deaths, stop)
        settle(lab)
        charges = walk(lab, "/v1/charges", "fin")
        report(history, deaths, users, charges)
        judge = Judge(history, lab.store())
        judge.all()
        ran = truth_of(lab, users, judge.complain)
        check_sessions(judge, charges, ran, set().union(*(u.seen for u in users)))
        check_meters(lab, judge, charges)
        check_money(lab, judge, charges)
        check_explained(lab, judge, charges)
        if judge.complaints:
            fail(history, judge.complaints)
        assert len(ran) >= len(UNITS) and len(judge.bookings) > 20, "too little happened to mean anything"
        assert lab.stop_daemon() == 0


if __name__ == "__main__":
    tap.main(sys.modules[__name__])
