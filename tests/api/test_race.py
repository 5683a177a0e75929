"""test_race.py - promise 1: many clients race over TLS for the same and for overlapping slots; one winner a slot."""
import sqlite3
import sys
import threading

import tap
from lab import Lab
from test_job import PEOPLE, minute

CLIENTS = 200

OVERLAPS = """SELECT COUNT(*) FROM occupancy a JOIN occupancy b ON a.unit = b.unit AND a.id < b.id
  WHERE a.active = 1 AND b.active = 1 AND a.busy_from < b.busy_to AND b.busy_from < a.busy_to"""


def race(lab, bodies):
    """All at once, each on its own TLS connection; returns the answers in order."""
    answers = [None] * len(bodies)
    gate = threading.Barrier(len(bodies))

    def one(i):
        c = lab.connection(tls=True)
        c.connect()
        gate.wait(60)
        for _ in range(50):
            answers[i] = lab.request("POST", "/v1/bookings", bodies[i], token="ada" if i % 2 else "bob",
                                     key=f"race-{i}", connection=c)
            if answers[i].status not in (429, 503):
                break
            c.close()
        c.close()

    threads = [threading.Thread(target=one, args=(i,)) for i in range(len(bodies))]
    for t in threads:
        t.start()
    for t in threads:
        t.join(120)
    return answers


def test_one_winner_a_slot():
    with Lab() as lab:
        lab.people(*PEOPLE)
        bodies = [{"instrument": "krios-1", "from": minute(60 + 10 * (i % 10)), "to": minute(70 + 10 * (i % 10))}
                  for i in range(CLIENTS)]
        answers = race(lab, bodies)
        won = [a.json["from"] for a in answers if a.status == 201]
        lost = [a for a in answers if a.status == 409]
        assert len(won) == len(set(won)) == 10, won
        assert len(won) + len(lost) == CLIENTS, {a.status for a in answers}
        assert all(a.json["code"] == "slot-taken" for a in lost)
        assert lab.store().execute(OVERLAPS).fetchone()[0] == 0


def test_overlapping_slots_never_overlap():
    with Lab() as lab:
        lab.people(*PEOPLE)
        bodies = [{"instrument": "krios-1", "from": minute(60 + i % 37), "to": minute(60 + i % 37 + 3 + i % 11)}
                  for i in range(CLIENTS)]
        answers = race(lab, bodies)
        won = sorted((a.json["from"], a.json["to"]) for a in answers if a.status == 201)
        assert won and all(won[i][1] <= won[i + 1][0] for i in range(len(won) - 1)), won
        assert lab.store().execute(OVERLAPS).fetchone()[0] == 0


def test_direct_sql_cannot_overlap():
    with Lab() as lab:
        lab.people(*PEOPLE)
        lab.must(201, "POST", "/v1/bookings", {"instrument": "krios-1", "from": minute(60), "to": minute(90)},
                 token="ada")
        lab.must(201, "POST", "/v1/bookings", {"instrument": "krios-1", "from": minute(100), "to": minute(110)},
                 token="ada")
        db = lab.store()
        rows = db.execute("SELECT id, unit, busy_from, busy_to FROM occupancy WHERE active = 1 ORDER BY busy_from").fetchall()
        (id1, unit, from1, to1), (id2, _, from2, to2) = rows
        insert = "INSERT INTO occupancy(id, unit, busy_from, busy_to, kind, ref, active) VALUES (?,?,?,?,'hold',?,1)"
        attempts = [
            (insert, (9001, unit, from1 + 1, to1 - 1, 9001)), (insert, (9002, unit, from1 - 1, from1 + 1, 9002)),
            (insert, (9003, unit, to1 - 1, to1 + 1, 9003)), (insert, (9004, unit, from1 - 5, to2 + 5, 9004)),
            (insert.replace("INSERT", "INSERT OR REPLACE"), (id1, unit, from2, to2, 9005)),
            ("UPDATE occupancy SET busy_to = ? WHERE id = ?", (from2 + 1, id1)),
            ("UPDATE occupancy SET busy_from = ?, busy_to = ? WHERE id = ?", (from1, to1, id2)),
            ("UPDATE OR REPLACE occupancy SET busy_from = ? WHERE id = ?", (to1 - 1, id2)),
        ]
        for sql, values in attempts:
            try:
                db.execute(sql, values)
            except sqlite3.IntegrityError:
                continue
            raise AssertionError(f"the store took {sql} {values}")
        db.rollback()
        db.execute(insert, (9010, unit, to1, from2, 9010))  # the gap between is free


if __name__ == "__main__":
    tap.main(sys.modules[__name__])
