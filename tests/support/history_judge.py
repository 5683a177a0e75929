"""
history_judge.py - what a recorded history (history.py) says against the store that is left.

The store keeps for each booking a version that every change raises and a history of verbs. So a booking is judged like
a register with versions: a version means one content, versions never go back from one answer to a later question, and
what was acknowledged is not newer than what is stored. Verbs are counted against what clients asked for.
"""
from history import instant

OVERLAPS = """SELECT a.kind || ' ' || a.ref AS one, b.kind || ' ' || b.ref AS other
  FROM occupancy a JOIN occupancy b ON a.unit = b.unit AND a.id < b.id
  WHERE a.active = 1 AND b.active = 1 AND a.busy_from < b.busy_to AND b.busy_from < a.busy_to"""
# Two sessions of a unit overlap in what was open of them.
TOGETHER = """SELECT a.id AS one, b.id AS other, 'B-' || b.booking AS booking, a.opened_at AS one_from,
  a.closed_at AS one_to,
  a.opened_cause || '/' || a.close_cause AS one_why, b.opened_at AS other_from, b.closed_at AS other_to,
  b.opened_cause || '/' || b.close_cause AS other_why FROM session a JOIN session b
  ON a.instrument = b.instrument AND a.id < b.id
  WHERE a.opened_at < COALESCE(b.closed_at, 9e18) AND b.opened_at < COALESCE(a.closed_at, 9e18)
  AND a.opened_at < COALESCE(a.closed_at, 9e18) AND b.opened_at < COALESCE(b.closed_at, 9e18)"""
ENDED = ("completed", "cancelled", "no_show", "displaced", "lapsed", "replaced")
CHANGES = ("move", "extend", "shorten")
UNUSED = ("cancelled", "no_show", "lapsed", "displaced")


class Judge:
    def __init__(self, history, db):
        self.history, self.db, self.complaints = history, db, []
        db.row_factory = lambda cursor, row: dict(zip([c[0] for c in cursor.description], row))
        self.bookings = {f"B-{b['id']}": b for b in db.execute("SELECT * FROM booking")}
        self.events, self.sessions = {}, {}
        for e in db.execute("SELECT * FROM booking_event ORDER BY booking, n"):
            self.events.setdefault(f"B-{e['booking']}", []).append(e)
        for s in db.execute("SELECT * FROM session ORDER BY id"):
            self.sessions.setdefault(f"B-{s['booking']}", []).append(s)
        self.ops = {}
        for op in history.ops:
            self.ops.setdefault(op.booking, []).append(op)

    def complain(self, booking, text):
        self.complaints.append((booking, text))

    def done(self, booking, *kinds):
        return [o for o in self.ops.get(booking, []) if o.kind in kinds and o.done]

    def number(self, sql, *values):
        return list(self.db.execute(sql, values).fetchone().values())[0]

    def verbs(self, booking, *verbs):
        return [e for e in self.events.get(booking, []) if e["verb"] in verbs]

    # what clients were told -------------------------------------------------------------------------------

    def creations(self):
        """Each acknowledged one is there once, and nothing else is. The note of a booking is the key that asked for it."""
        asked = {}
        for op in (o for o in self.history.ops if o.kind == "create"):
            asked.setdefault(op.key, op)
        seen = {}
        for id, b in self.bookings.items():
            op = asked.get(b["note"])
            if op is None or (op.completed is not None and not op.done):
                self.complain(id, f"phantom: nobody was told of it (note {b['note']!r}, {op})")
            if b["note"] in seen:
                self.complain(id, f"one request made two bookings: {seen[b['note']]} and {id}")
            seen[b["note"]] = id
        for op in asked.values():
            b = self.bookings.get(op.booking) if op.done else None
            if op.done and b is None:
                self.complain(op.booking, f"lost: the booking was acknowledged: {op}")
            elif op.done and (b["note"] != op.key or b["user"] != op.user or b["instrument"] != op.body["instrument"]):
                self.complain(op.booking, f"it is not what was asked for: {b}")

    def contents(self, booking, ops):
        """A version is one content, the same for whoever is told."""
        at = {}
        for o in ops:
            if o.done and o.json.get("id") == booking:
                said = (o.json["state"], instant(o.json["from"]), instant(o.json["to"]))
                first = at.setdefault(o.json["version"], said)
                if first != said:
                    self.complain(booking, f"version {o.json['version']} is {first} and {said}")
        return at

    def order(self, booking, ops):
        """Who asks after an answer is told at least that version. A replayed answer is an old one, rightly."""
        newest, answers = 0, sorted((o for o in ops if o.done and not o.replayed), key=lambda o: o.completed)
        told = 0
        for o in sorted(answers, key=lambda o: o.invoked):
            while told < len(answers) and answers[told].completed < o.invoked:
                newest = max(newest, answers[told].json["version"])
                told += 1
            if o.json["version"] < newest:
                self.complain(booking, f"went back from version {newest} to {o.json['version']}: {o}")

    def final(self, booking, at):
        """What is stored is what the newest answer said, or newer."""
        b = self.bookings.get(booking)
        if b is None or not at:
            return
        last = max(at)
        stored = (b["state"], b["booked_from"] // 1000, b["booked_to"] // 1000)
        if b["version"] < last or (b["version"] == last and stored != at[last]):
            self.complain(booking, f"lost: version {last} {at[last]} was told, {b['version']} {stored} is stored")
        for version, (state, _, _) in at.items():
            if state in ENDED and b["state"] != state and (state, b["state"]) != ("no_show", "completed"):
                self.complain(booking, f"a final state changed from {state} to {b['state']}")

    def changes(self, booking, ops, at):
        """Moved, extended and shortened as often as acknowledged; only an answer that never came leaves room. The
        version stays when the booking already had the time that was asked for: that is no change."""
        acknowledged = [o for o in ops if o.kind in CHANGES and o.done and o.json["version"] != o.match]
        uncertain = [o for o in ops if o.kind in CHANGES and o.uncertain]
        n = len(self.verbs(booking, *CHANGES))
        if not len(acknowledged) <= n <= len(acknowledged) + len(uncertain):
            self.complain(booking, f"{len(acknowledged)} changes were acknowledged, {len(uncertain)} may have happened, "
                                   f"{n} did")
        for o in (o for o in ops if o.kind in CHANGES and o.done):
            said = (instant(o.json["from"]), instant(o.json["to"]))
            if o.json["version"] not in (o.match, o.match + 1):
                self.complain(booking, f"version {o.match} was to be changed, and not what others made of it: {o}")
            if said != (instant(o.body.get("from", o.json["from"])), instant(o.body["to"])):
                self.complain(booking, f"acknowledged is not what was asked for: {o}")
        b = self.bookings.get(booking)
        if b is None or not at:
            return
        allowed = {at[max(at)][1:]} | {(instant(o.body.get("from")) or b["booked_from"] // 1000, instant(o.body["to"]))
                                       for o in uncertain}
        if (b["booked_from"] // 1000, b["booked_to"] // 1000) not in allowed:
            self.complain(booking, f"its time is one that nobody was told or asked for: {b}")

    def ends(self, booking):
        """Cancelled, checked in and checked out as often as acknowledged, and the state is one that follows."""
        b = self.bookings.get(booking)
        if b is None:
            return
        cancelled, ins, outs = (self.done(booking, k) for k in ("cancel", "checkin", "checkout"))
        if cancelled and (len(self.verbs(booking, "cancel")) != 1 or b["state"] not in UNUSED):
            self.complain(booking, f"cancelled and acknowledged, it is {b['state']}")
        if len(self.verbs(booking, "checkin")) > len({o.key for o in ins}):
            self.complain(booking, "checked in more often than anybody asked for")
        if ins and not any(s["checkin_at"] for s in self.sessions.get(booking, [])):
            self.complain(booking, "lost: an acknowledged check-in has no session")
        for o in ins:
            if o.json["session"] not in [f"S-{s['id']}" for s in self.sessions.get(booking, [])]:
                self.complain(booking, f"lost: the session of {o}")
        if outs and b["state"] not in ENDED:
            self.complain(booking, f"checked out and acknowledged, it is {b['state']}")
        if not cancelled and not ins and b["state"] in ("cancelled", "completed"):
            self.complain(booking, f"{b['state']}, and nobody asked for it")

    def replays(self):
        """A key that was answered gives the same answer for ever, and says that it is the old one."""
        first = {}
        for o in self.history.ops:
            if o.key and o.completed:
                before = first.setdefault((o.user, o.key), o)
                if before is not o and (not o.replayed or (before.status, before.json) != (o.status, o.json)):
                    self.complain(o.booking, f"one key, two answers: {before} and {o}")

    # the store by itself ----------------------------------------------------------------------------------

    def session_rows(self):
        for booking, rows in self.sessions.items():
            if len(rows) > 1:
                self.complain(booking, f"{len(rows)} sessions of one check-in")
            if not self.done(booking, "checkin"):
                self.complain(booking, f"phantom: a session without a check-in: {rows[0]}")
            for s in rows:
                pieces = self.number("SELECT COALESCE(SUM(measured_ms), 0) FROM usage WHERE session = ?", s["id"])
                if pieces != s["measured_ms"]:
                    self.complain(booking, f"its pieces add up to {pieces} ms: {s}")

    def overlaps(self):
        for row in self.db.execute(OVERLAPS):
            self.complain(None, f"two things hold a unit at one time: {row}")
        for row in self.db.execute(TOGETHER):
            self.complain(row["booking"], f"two sessions of a unit were open together: {row}")
        for row in self.db.execute("PRAGMA integrity_check"):
            if list(row.values()) != ["ok"]:
                self.complain(None, f"the store is damaged: {row}")

    def told_overlaps(self):
        """Two bookings of a unit that clients were told at one time. A version holds from its first answer to its last."""
        spans = {}
        for o in self.history.ops:
            if o.done and not o.replayed and o.booking and o.json["state"] in ("confirmed", "active"):
                key = (o.json["instrument"], o.booking, o.json["version"])
                s = spans.setdefault(key, [o.completed, o.invoked, instant(o.json["from"]), instant(o.json["to"])])
                s[0], s[1] = min(s[0], o.completed), max(s[1], o.invoked)
        known = sorted((k[0], s[2], s[3], s[0], s[1], k[1]) for k, s in spans.items() if s[0] < s[1])
        for i, (unit, start, end, told, last, booking) in enumerate(known):
            for j in range(i + 1, len(known)):
                unit2, start2, _, told2, last2, other = known[j]
                if unit2 != unit or start2 >= end:
                    break
                if other != booking and told < last2 and told2 < last:
                    self.complain(booking, f"told at one time with {other}, which overlaps: from {max(told, told2):.3f}")

    def all(self):
        self.creations()
        for booking, ops in self.ops.items():
            if booking:
                at = self.contents(booking, ops)
                self.order(booking, ops)
                self.final(booking, at)
                self.changes(booking, ops, at)
                self.ends(booking)
        self.replays()
        self.session_rows()
        self.overlaps()
        self.told_overlaps()
        return self.complaints
