"""
test_adam.py - instruments behind a plain digital I/O module, over real sockets: a run contact that is sampled and an
interlock relay (adam-6050), and a counter of second pulses without a run bit (adam-6050-pulse).
"""
import sys

import tap
from lab import Lab
from tap import wait_for
from test_job import PEOPLE, minute, use

POLL_MS = 500
JITTER_MS = 150   # of a poll that comes a little late on a busy machine


def truth(lab, instrument):
    return next(t for t in lab.ctl("truth") if t["instrument"] == instrument)


def measured_ms(lab, booking):
    session = lab.must(200, "GET", f"/v1/sessions/{booking['sessions'][-1]['id']}", token="mia")
    total = sum(r["measured_ms"] for r in session["runs"])
    assert session["measured_seconds"] == total // 1000, session
    return total


def meter(lab):
    return lab.must(200, "GET", "/v1/instruments/seq-1/meter", token="mia")


def test_a_sampled_contact_is_interlocked_metered_and_charged():
    with Lab([{"id": "seq-1", "kind": "sequencer", "sim": "dio", "profile": "adam-6050",
               "poll": f"{POLL_MS}ms", "options": ",unlocked"}]) as lab:
        lab.people(*PEOPLE)
        lab.ctl("wait", "seq-1", "locked", "10000")   # nobody has checked in
        wait_for("the read-back", lambda: meter(lab)["interlock"] == "locked")
        assert meter(lab)["desired"] == "locked" and meter(lab)["lease_valid_until"], meter(lab)
        booking, charge = use(lab, "seq-1", "ada", seconds=4.0)
        real = truth(lab, "seq-1")
        assert len(real["runs"]) == 1, real
        measured = measured_ms(lab, booking)
        assert abs(measured - real["total_ms"]) <= POLL_MS + JITTER_MS, (measured, real)
        assert charge["used_seconds"] == measured // 1000, (charge, measured)
        # 100.00 an hour
        expected = charge["used_seconds"] * 100 / 3600
        assert abs(float(charge["amount"]["amount"]) - expected) <= 0.005 + 1e-9, (charge, expected)
        lab.ctl("wait", "seq-1", "locked", "10000")   # checked out: locked again
        try:
            lab.ctl("run", "seq-1")
        except AssertionError:
            pass
        else:
            raise AssertionError("the locked instrument started")


def test_a_sampled_contact_measures_nothing_while_nobody_looks():
    with Lab([{"id": "seq-1", "kind": "sequencer", "sim": "dio", "profile": "adam-6050",
               "poll": f"{POLL_MS}ms"}]) as lab:
        lab.people(*PEOPLE)
        b = lab.must(201, "POST", "/v1/bookings", {"instrument": "seq-1", "from": minute(), "to": minute(20),
                                                   "walk_up": True}, token="ada")
        lab.must(200, "POST", f"/v1/bookings/{b['id']}/checkin", {}, token="ada")
        lab.ctl("wait", "seq-1", "unlocked", "10000")
        lab.ctl("run", "seq-1")
        show = lambda: lab.must(200, "GET", f"/v1/bookings/{b['id']}", token="ada")
        wait_for("a measured second", lambda: show()["sessions"] and measured_ms(lab, show()) >= 1000)
        lab.daemon.kill()
        lab.daemon.wait()
        before = truth(lab, "seq-1")["total_ms"]
        wait_for("two seconds in the dark", lambda: truth(lab, "seq-1")["total_ms"] >= before + 2000)
        lab.start_daemon()
        seen = truth(lab, "seq-1")["total_ms"]
        dark = seen - before
        wait_for("the run again", lambda: show()["sessions"][-1]["state"] == "running")
        wait_for("a second more", lambda: truth(lab, "seq-1")["total_ms"] >= seen + 1500)
        lab.ctl("stop", "seq-1")
        wait_for("the stop", lambda: show()["sessions"][-1]["state"] != "running")
        lab.must(200, "POST", f"/v1/bookings/{b['id']}/checkout", {}, token="ada")
        charge = wait_for("the charge", lambda: lab.must(200, "GET", f"/v1/charges?booking={b['id']}",
                                                         token="ada")["items"])[0]
        real, measured = truth(lab, "seq-1")["total_ms"], measured_ms(lab, show())
        # what ran in the dark is not billed, and doubt is the customer's: at most two polls are lost besides
        assert measured <= real - dark + POLL_MS + JITTER_MS, (measured, real, dark)
        assert measured >= 1000 and charge["used_seconds"] == measured // 1000, (charge, measured)


def test_second_pulses_are_charged_to_the_count():
    with Lab([{"id": "seq-1", "kind": "sequencer", "sim": "dio", "profile": "adam-6050-pulse", "interlock": "",
               "options": ",unlocked"}]) as lab:
        lab.people(*PEOPLE)
        booking, charge = use(lab, "seq-1", "ada", seconds=5.3)
        real, measured = truth(lab, "seq-1"), measured_ms(lab, booking)
        assert abs(measured - real["total_ms"]) <= 1000, (measured, real)
        assert measured % 1000 == 0 and charge["used_seconds"] == measured // 1000, (charge, measured)


if __name__ == "__main__":
    tap.main(sys.modules[__name__])
