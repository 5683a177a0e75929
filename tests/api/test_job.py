"""test_job.py - the main job over real sockets: booked, used, metered over Modbus/TCP, charged, exported."""
import csv
import datetime
import hashlib
import io
import sys
import time

import tap
from lab import Lab
from tap import wait_for

PEOPLE = [("ada", "acme", "member"), ("bob", "bolt", "member"), ("mia", "host", "manager"), ("fin", "host", "finance")]


def minute(offset=0):
    now = datetime.datetime.now(datetime.timezone.utc).replace(second=0, microsecond=0)
    return (now + datetime.timedelta(minutes=offset)).strftime("%Y-%m-%dT%H:%M:%SZ")


def use(lab, instrument, user, seconds=3.0):
    """Walks up, checks in, runs the instrument, checks out; returns the booking and the charge."""
    b = lab.must(201, "POST", "/v1/bookings", {"instrument": instrument, "from": minute(), "to": minute(20),
                                               "walk_up": True},
                 token=user)
    lab.must(200, "POST", f"/v1/bookings/{b['id']}/checkin", {}, token=user)
    lab.ctl("wait", instrument, "unlocked", "10000")
    lab.ctl("run", instrument)
    session = lambda: lab.must(200, "GET", f"/v1/bookings/{b['id']}", token=user)
    wait_for("the run to be seen", lambda: any(s["state"] == "running" for s in session()["sessions"]))
    time.sleep(seconds)  # the instrument really runs: this is its time, not a wait for us
    lab.ctl("stop", instrument)
    wait_for("the run to end", lambda: all(s["state"] != "running" for s in session()["sessions"]))
    lab.must(200, "POST", f"/v1/bookings/{b['id']}/checkout", {}, token=user)
    charges = wait_for("the charge", lambda: lab.must(200, "GET", f"/v1/charges?booking={b['id']}",
                                                      token=user)["items"])
    return session(), charges[0]


def truth_seconds(lab, instrument):
    report = next(t for t in lab.ctl("truth") if t["instrument"] == instrument)
    return sum(r["to_ms"] - r["from_ms"] for r in report["runs"]) / 1000


def test_booked_used_metered_charged_exported():
    with Lab() as lab:
        lab.people(*PEOPLE)
        booking, charge = use(lab, "krios-1", "ada")
        truth = truth_seconds(lab, "krios-1")
        assert abs(charge["used_seconds"] - truth) <= 1, (charge, truth)
        assert booking["state"] == "completed", booking
        explained = lab.must(200, "GET", f"/v1/charges/{charge['id']}/explain", token="ada")
        assert explained["matches"] is True, explained
        period = charge["period"]
        export = lab.must(201, "POST", "/v1/exports", {"period": period, "format": "csv"}, token="fin")
        data = lab.request("GET", f"/v1/exports/{export['id']}/data", token="fin")
        assert data.status == 200
        manifest = wait_for("the manifest", lambda: lab.must(200, "GET", f"/v1/exports/{export['id']}", token="fin")
                            if lab.must(200, "GET", f"/v1/exports/{export['id']}",
                                        token="fin")["state"] == "done" else None)
        assert manifest["sha256"] == hashlib.sha256(data.raw).hexdigest()
        rows = list(csv.DictReader(io.StringIO(data.raw.decode("utf-8"), newline="")))
        assert len(rows) == manifest["rows"] == 1
        total = sum(round(float(r["amount"]) * 100) for r in rows)
        assert total == round(float(charge["amount"]["amount"]) * 100)
        assert manifest["sums"]["USD"]["amount"] == charge["amount"]["amount"]
        assert manifest["ledger_total"]["amount"] == charge["amount"]["amount"], manifest
        balance = lab.must(200, "GET", "/v1/ledger/balance", token="fin")
        assert balance["total"]["amount"] == "0.00", balance


def test_unbooked_run_is_reviewed_and_attributed():
    with Lab([{"id": "tem-1", "kind": "microscope", "interlock": "", "options": ",unlocked"}]) as lab:
        lab.people(*PEOPLE, ("max", "host", "manager"))
        lab.ctl("run", "tem-1")
        item = wait_for("the review item", lambda: lab.must(200, "GET", "/v1/review", token="mia")["items"])[0]
        time.sleep(1.5)
        lab.ctl("stop", "tem-1")
        assert item["kind"] == "unattributed"
        assert lab.request("GET", "/v1/review", token="ada").status == 403
        session = lambda: lab.must(200, "GET", f"/v1/sessions/{item['session']}", token="mia")
        wait_for("the run to end", lambda: session()["state"] != "running")
        # It would close by itself after five quiet minutes; a manager need not wait.
        assert lab.must(200, "POST", f"/v1/sessions/{item['session']}/close", {"reason": "she left"},
                        token="mia")["state"] == "closed"
        decide = {"org": "acme", "user": "ada", "reason": "she says so"}
        first = lab.must(200, "POST", f"/v1/review/{item['id']}/attribute", decide, token="mia")
        assert first["state"] == "proposed", first
        again = lab.request("POST", f"/v1/review/{item['id']}/attribute", decide, token="mia")
        assert again.status in (403, 409, 422), again
        second = lab.must(200, "POST", f"/v1/review/{item['id']}/attribute", decide, token="max")
        assert second["decided_by"] == "max", second


def test_restart_keeps_the_session():
    with Lab() as lab:
        lab.people(*PEOPLE)
        b = lab.must(201, "POST", "/v1/bookings", {"instrument": "krios-1", "from": minute(), "to": minute(20),
                                                   "walk_up": True}, token="ada")
        lab.must(200, "POST", f"/v1/bookings/{b['id']}/checkin", {}, token="ada")
        lab.ctl("wait", "krios-1", "unlocked", "10000")
        lab.ctl("run", "krios-1")
        show = lambda: lab.must(200, "GET", f"/v1/bookings/{b['id']}", token="ada")
        wait_for("the run", lambda: show()["sessions"] and show()["sessions"][-1]["state"] == "running")
        lab.daemon.kill()
        lab.daemon.wait()
        time.sleep(1)
        lab.start_daemon()
        wait_for("the run again", lambda: show()["sessions"][-1]["state"] == "running")
        lab.ctl("stop", "krios-1")
        wait_for("the stop", lambda: show()["sessions"][-1]["state"] != "running")
        lab.must(200, "POST", f"/v1/bookings/{b['id']}/checkout", {}, token="ada")
        charge = wait_for("the charge", lambda: lab.must(200, "GET", f"/v1/charges?booking={b['id']}",
                                                         token="ada")["items"])[0]
        truth = truth_seconds(lab, "krios-1")
        assert abs(charge["used_seconds"] - truth) <= 1, (charge, truth)


def test_stop_is_orderly():
    with Lab() as lab:
        assert lab.stop_daemon() == 0
        lab.start_daemon()
        assert lab.request("GET", "/livez").status == 200


if __name__ == "__main__":
    tap.main(sys.modules[__name__])
