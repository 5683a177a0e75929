"""test_manage.py - what managers and administrators do, with the real programs: runs without a booking, review by one
and by two, blocks, users, tokens, prices, the doctor, a backup that a daemon starts from."""
import json
import os
import sqlite3
import sys
import time

import tap
from lab import Lab
from tap import wait_for

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "api"))
from test_job import PEOPLE  # noqa: E402

STAFF = PEOPLE + [("max", "host", "manager"), ("adm", "host", "admin")]
TEM = {"id": "tem-1", "kind": "microscope", "interlock": "", "options": ",unlocked"}
KRIOS = {"id": "krios-1", "kind": "microscope"}


def get(lab, user, *args):
    return json.loads(lab.cli(*args, "--json", token=user).stdout)


def refused(lab, code, kebab, user, *args):
    """The command ends with this exit code and its last line names the reason."""
    r = lab.cli(*args, token=user, check=False)
    assert r.returncode == code, (args, r)
    assert r.stderr.rstrip().splitlines()[-1] == f"[{kebab}]", (args, r.stderr)
    return r


def run(lab, instrument, seconds=1.5):
    """The instrument runs; returns the session that saw it, ended but still open."""
    lab.ctl("run", instrument)
    def sessions(state):
        return [s for s in get(lab, "mia", "session", "ls", "-i", instrument)["items"] if s["state"] == state]
    wait_for("the run", lambda: sessions("running"))
    time.sleep(seconds)  # the instrument really runs: this is its time, not a wait for us
    lab.ctl("stop", instrument)
    return wait_for("the end of the run", lambda: sessions("idle"))[0]["id"]


def item_of(lab, session):
    return next(i for i in get(lab, "mia", "review", "ls", "--state", "all")["items"] if i["session"] == session)["id"]


def unbooked(lab):
    """A run that nobody booked, closed by a manager; its session and its review item."""
    session = run(lab, "tem-1")
    lab.cli("session", "close", session, "--reason", "nobody is there", token="mia")
    return session, item_of(lab, session)


def test_claimed_run_needs_one_manager():
    with Lab([dict(TEM)]) as lab:
        lab.people(*STAFF)
        session = run(lab, "tem-1")
        claim = get(lab, "ada", "claim", "tem-1", "now", "--note", "calibration")
        assert claim["state"] == "open" and claim["user"] == "ada", claim
        item = item_of(lab, session)
        refused(lab, 4, "forbidden", "ada", "review", "attribute", item, "acme", "ada", "--reason", "me")
        refused(lab, 5, "session-open", "mia", "review", "attribute", item, "acme", "ada", "--reason", "too early")
        lab.cli("session", "close", session, "--reason", "she left", token="mia")
        refused(lab, 2, "usage", "mia", "review", "attribute", item, "acme", "ada")
        refused(lab, 3, "unknown-user", "mia", "review", "attribute", item, "bolt", "ada", "--reason", "x")
        done = get(lab, "mia", "review", "attribute", item, "acme", "ada", "--reason", "the log book")
        assert (done["state"], done["decided_by"], done["proposed_by"]) == ("done", "mia", None), done
        assert done["claims"][0]["id"] == claim["id"], done
        bill = wait_for("the charge", lambda: get(lab, "ada", "bill")["items"])
        assert bill[0]["session"] == session and bill[0]["used_seconds"] >= 1, bill
        assert "the same amount" in lab.cli("explain", bill[0]["id"], token="ada",
                                            env={"LABTIME_FORCE_TTY": "1", "COLUMNS": "80"}).stderr


def test_unclaimed_run_needs_two_managers():
    with Lab([dict(TEM)]) as lab:
        lab.people(*STAFF)
        session, item = unbooked(lab)
        attribute = ("review", "attribute", item, "acme", "ada", "--reason", "badge log")
        refused(lab, 6, "nobody-to-charge", "mia", "review", "accept", item)
        first = get(lab, "mia", *attribute)
        assert (first["state"], first["proposed_by"], first["decided_by"]) == ("proposed", "mia", None), first
        refused(lab, 5, "second-person", "mia", *attribute)
        refused(lab, 5, "other-proposal", "max", "review", "attribute", item, "bolt", "bob", "--reason", "no")
        second = get(lab, "max", *attribute)
        assert second["decided_by"] == "max" and second["org"] == "acme" and second["due_at"], second
        refused(lab, 5, "already-decided", "max", "review", "waive", item, "--reason", "late")
        assert get(lab, "ada", "bill")["items"] == []  # the organisation may object first
        lab.cli("session", "disown", session, "--reason", "we were closed", token="ada")
        again = get(lab, "mia", "review", "show", item)
        assert (again["state"], again["decided_by"]) == ("open", None), again


def test_waiver_needs_two_managers():
    with Lab([dict(TEM)]) as lab:
        lab.people(*STAFF)
        session, item = unbooked(lab)
        refused(lab, 2, "usage", "mia", "review", "waive", item)
        assert get(lab, "mia", "review", "waive", item, "--reason", "a service visit")["state"] == "proposed"
        refused(lab, 5, "second-person", "mia", "review", "waive", item, "--reason", "again")
        assert get(lab, "max", "review", "waive", item, "--reason", "seen")["state"] == "done"
        shown = get(lab, "mia", "show", session)
        assert shown["outcome"] == "unattributed", shown
        assert get(lab, "fin", "bill", "--org", "acme")["items"] == []


def test_accept_charges_what_was_measured():
    with Lab([dict(KRIOS)]) as lab:
        lab.people(*STAFF)
        booking = lab.cli("book", "krios-1", "now for 30m", "-y", "-q", token="ada").stdout.strip()
        lab.cli("start", booking, token="ada")
        lab.ctl("wait", "krios-1", "unlocked", "10000")
        session = run(lab, "krios-1")
        lab.ctl("set", "krios-1", "hourmeter", "500000")  # somebody turned the counter
        item = wait_for("the review item", lambda: get(lab, "mia", "review", "ls")["items"])[0]
        assert item["session"] == session and item["kind"] == "meter_manual", item
        lab.cli("stop", booking, token="ada")
        assert get(lab, "ada", "bill")["items"] == []
        done = get(lab, "mia", "review", "accept", item["id"], "--reason", "the jump was ours")
        assert (done["state"], done["decided_by"]) == ("done", "mia"), done
        charge = wait_for("the charge", lambda: get(lab, "ada", "bill")["items"])[0]
        assert 1 <= charge["used_seconds"] <= 60, charge


def visit(lab, user):
    """A customer books, starts, runs and stops; the session."""
    booking = lab.cli("book", "krios-1", "now for 15m", "-y", "-q", token=user).stdout.strip()
    lab.cli("start", booking, token=user)
    lab.ctl("wait", "krios-1", "unlocked", "10000")
    session = run(lab, "krios-1", 2.5)
    lab.cli("stop", booking, token=user)
    return session


def test_customers_after_an_accepted_level_are_not_forgotten():
    with Lab([dict(KRIOS, poll="500ms")]) as lab:
        lab.people(*STAFF)
        booking = lab.cli("book", "krios-1", "now for 15m", "-y", "-q", token="ada").stdout.strip()
        lab.cli("start", booking, token="ada")
        lab.ctl("wait", "krios-1", "unlocked", "10000")
        first = run(lab, "krios-1")
        lab.ctl("set", "krios-1", "hourmeter", "90000")
        wait_for("the review item", lambda: get(lab, "mia", "review", "ls")["items"])
        lab.cli("stop", booking, token="ada")
        get(lab, "mia", "review", "accept", item_of(lab, first), "--reason", "looks fine")
        left = get(lab, "mia", "review", "ls")["items"]
        assert [(i["kind"], i["session"]) for i in left] == [("meter_manual", None)], left
        refused(lab, 5, "still-held", "mia", "review", "accept", left[0]["id"])
        second = visit(lab, "bob")
        shown = get(lab, "mia", "show", second)
        assert (shown["outcome"], shown["review_reason"]) == ("awaiting_review", "meter_manual"), shown
        assert get(lab, "bob", "bill")["items"] == []
        held = get(lab, "mia", "instrument", "meter", "krios-1")
        assert held["held_ms"] >= 2000 and held["held_since"], held
        rows = {i["key"]: i["used_seconds"] for i in get(lab, "mia", "usage", "-i", "krios-1")["items"]}
        assert rows["held"] == held["held_ms"] // 1000, (rows, held)
        done = get(lab, "mia", "review", "new-meter", left[0]["id"], "--reason", "the counter was replaced")
        assert done["state"] == "done", done
        charge = wait_for("bob's charge", lambda: get(lab, "bob", "bill")["items"])[0]
        assert charge["session"] == second and charge["used_seconds"] >= 2, charge
        assert get(lab, "mia", "instrument", "meter", "krios-1")["held_ms"] == 0


def dark_run(lab):
    """A sampled run of ada's that nobody reads for some seconds, checked out; its session, its review item, the dark."""
    booking = lab.cli("book", "seq-1", "now for 2m", "-y", "-q", token="ada").stdout.strip()
    lab.cli("start", booking, token="ada")
    lab.ctl("wait", "seq-1", "unlocked", "10000")
    lab.ctl("run", "seq-1")
    session = lambda: get(lab, "mia", "session", "ls", "-i", "seq-1")["items"][0]
    ran = lambda: next(t for t in lab.ctl("truth") if t["instrument"] == "seq-1")["total_ms"] / 1000
    wait_for("a measured second", lambda: session()["measured_seconds"] >= 1)
    lab.daemon.kill()
    lab.daemon.wait()
    before = ran()
    wait_for("more than a twentieth of the session in the dark", lambda: ran() >= before + 10)
    lab.start_daemon()
    wait_for("the run again", lambda: session()["state"] == "running")
    dark = ran() - before
    item = wait_for("the review item", lambda: get(lab, "mia", "review", "ls")["items"])[0]
    lab.ctl("stop", "seq-1")
    wait_for("the end of the run", lambda: session()["state"] != "running")
    lab.cli("stop", booking, token="ada")
    return session()["id"], item, dark


def test_estimated_time_needs_two_managers():
    with Lab([{"id": "seq-1", "kind": "sequencer", "sim": "dio", "profile": "adam-6050", "poll": "500ms"}]) as lab:
        lab.people(*STAFF)
        session, item, dark = dark_run(lab)
        assert (item["kind"], item["session"]) == ("meter_lost", session), item
        assert 6 <= item["estimable_seconds"] <= dark + 2, (item, dark)
        assert get(lab, "ada", "bill")["items"] == []
        accept = lambda estimated: ("review", "accept", item["id"], "--estimated", estimated, "--reason", "the log book")
        refused(lab, 4, "forbidden", "ada", *accept("5s"))
        refused(lab, 2, "time-syntax", "mia", *accept("some"))
        refused(lab, 2, "above-bound", "mia", *accept("10m"))
        first = get(lab, "mia", *accept("5s"))
        assert (first["state"], first["proposed_by"], first["decided_by"]) == ("proposed", "mia", None), first
        assert get(lab, "max", "review", "show", item["id"])["proposal"] == "charge 5 s as estimated"
        refused(lab, 5, "second-person", "mia", *accept("5s"))
        refused(lab, 5, "other-proposal", "max", *accept("6s"))
        assert get(lab, "ada", "bill")["items"] == []
        done = get(lab, "max", *accept("5s"))
        assert (done["state"], done["decision"], done["decided_by"]) == ("done", "charge 5 s as estimated", "max"), done
        refused(lab, 5, "already-decided", "mia", *accept("5s"))
        charge = wait_for("the charge", lambda: get(lab, "ada", "bill")["items"])[0]
        assert charge["session"] == session and charge["estimated_seconds"] == 5, charge
        assert abs(charge["gap_seconds"] - dark) <= 3 and "estimated" in charge["flags"], (charge, dark)
        shown = get(lab, "ada", "show", charge["id"])
        line = next(l for l in shown["lines"] if l["component"] == "estimated")
        assert (line["seconds"], line["amount"]["amount"], line["factor"]) == (5, "0.14", "1.000"), line
        assert line["detail"] == "not measured; two people agreed to charge it", line
        assert charge["idle_seconds"] == 0, charge  # it ran in the dark, as far as anybody knows
        text = lab.cli("explain", charge["id"], token="ada", env={"LABTIME_FORCE_TTY": "1", "COLUMNS": "100"})
        assert "two people agreed to charge it" in text.stdout and "the same amount" in text.stderr, text
        usage = get(lab, "fin", "usage", "-p", "this month", "--by", "org")["items"]
        assert [(u["key"], u["estimated_seconds"], u["gap_seconds"]) for u in usage] == [
            ("acme", 5, charge["gap_seconds"])], usage
        told = [e for e in lab.must(200, "GET", "/v1/events?limit=200", token="ada")["items"] if e["kind"] == "estimate_approved"]
        assert len(told) == 1 and "mia and max agreed to charge 5 s" in told[0]["detail"], told


def test_disown_a_presumed_session():
    with Lab([dict(TEM)]) as lab:
        lab.people(*STAFF)
        booking = lab.cli("book", "tem-1", "now for 30m", "-y", "-q", token="ada").stdout.strip()
        session = run(lab, "tem-1")  # nobody checked in
        assert get(lab, "ada", "show", session)["presumed"] is True
        assert get(lab, "ada", "show", session)["booking"] == booking
        refused(lab, 3, "not-found", "bob", "session", "disown", session)
        mine = get(lab, "ada", "session", "disown", session, "--reason", "I was at lunch")
        assert mine["kind"] == "unattributed", mine
        assert get(lab, "mia", "review", "show", item_of(lab, session))["state"] == "open"
        assert lab.cli("show", session, token="ada", check=False).returncode == 3


def test_disown_what_ran_before_my_check_in():
    with Lab([dict(TEM)]) as lab:
        lab.people(*STAFF)
        booking = lab.cli("book", "tem-1", "now for 30m", "-y", "-q", token="ada").stdout.strip()
        lab.ctl("run", "tem-1")
        session = wait_for("the run", lambda: get(lab, "ada", "show", booking)["session"])
        time.sleep(2.5)  # the instrument really runs
        lab.cli("start", booking, token="ada")
        refused(lab, 2, "time-syntax", "ada", "session", "disown", session, "--before", "never")
        mine = get(lab, "ada", "session", "disown", session, "--reason", "I came later")
        assert (mine["id"], mine["kind"], mine["opened_at"]) == (session, "booked", mine["checkin_at"]), mine
        r = refused(lab, 5, "nothing-to-disown", "ada", "session", "disown", session)
        assert session in r.stderr, r
        lab.ctl("stop", "tem-1")
        wait_for("the end of the run", lambda: get(lab, "ada", "show", session)["state"] == "idle")
        lab.cli("stop", booking, token="ada")
        wait_for("the charge", lambda: get(lab, "ada", "show", session)["outcome"] == "charged")
        rows = {u["key"]: u for u in get(lab, "fin", "usage", "-p", "this month", "-i", "tem-1")["items"]}
        assert rows["unattributed"]["used_seconds"] >= 1 and not rows["unattributed"]["charged"], rows
        assert rows["unattributed"]["sessions"] == 1 and rows["tem-1"]["charged"], rows
        assert "unattributed" not in [u["key"] for u in get(lab, "ada", "usage", "-p", "this month")["items"]]


def test_block_displaces():
    with Lab([dict(KRIOS)]) as lab:
        lab.people(*STAFF)
        booking = lab.cli("book", "krios-1", "tomorrow 9am for 2h", "-y", "-q", token="ada").stdout.strip()
        block = ("block", "krios-1", "tomorrow 8am-6pm", "--reason", "pump swap")
        refused(lab, 4, "forbidden", "ada", *block)
        assert "--displace" in refused(lab, 5, "slot-taken", "mia", *block).stderr
        shown = lab.cli(*block, "--displace", token="mia", env={"LABTIME_FORCE_TTY": "1", "COLUMNS": "80"}).stdout
        assert booking in shown.split("Displaced", 1)[1], shown
        assert get(lab, "ada", "show", booking)["state"] == "displaced"
        held = get(lab, "ada", "show", booking)["first_refusal"]
        assert "T18:00" in held["from"] and "T20:00" in held["to"], held
        mine = lab.cli("mine", token="ada", env={"LABTIME_FORCE_TTY": "1", "COLUMNS": "80"}).stderr
        assert f"Held for the owner of {booking} until" in mine and "labtime book krios-1 " in mine, mine
        refused(lab, 5, "slot-taken", "bob", "book", "krios-1", "tomorrow 7pm for 1h", "-y")
        told = [line.split("\t") for line in lab.cli("watch", booking, "--once", token="ada").stdout.splitlines()]
        assert [t[1] for t in told][-2:] == ["booking.displace", "booking.first_refusal"], told
        assert "labtime book krios-1" in told[-1][8], told
        newest = lab.must(200, "GET", "/v1/events?last=2", token="ada")["items"]
        assert [e["id"] for e in newest] == sorted(e["id"] for e in newest) and len(newest) == 2, newest
        assert not lab.cli("watch", booking, "--once", token="bob").stdout
        take = next(line for line in mine.splitlines() if "labtime book" in line).split("#")[0].split()[1:]
        lab.cli(*take, "-y", token="ada")
        assert get(lab, "ada", "show", booking)["first_refusal"] is None
        refused(lab, 5, "slot-taken", "ada", "book", "krios-1", "tomorrow 9am for 1h", "-y")
        block_id = lab.cli("block", "ls", "-q", token="mia").stdout.strip()
        lab.cli("block", "rm", block_id, token="mia")
        lab.cli("book", "krios-1", "tomorrow 9am for 1h", "-y", token="ada")


def test_users_and_tokens():
    with Lab([dict(KRIOS)]) as lab:
        lab.people(*STAFF)
        booking = lab.cli("book", "krios-1", "tomorrow 9am for 2h", "-y", "-q", token="ada").stdout.strip()
        assert "--cancel" in refused(lab, 5, "has-bookings", "adm", "user", "rm", "ada").stderr
        lab.cli("user", "rm", "ada", "--cancel", token="adm")
        assert get(lab, "adm", "show", booking)["state"] == "cancelled"
        assert get(lab, "adm", "show", booking)["fee"]["amount"] == "0.00"
        refused(lab, 4, "login-needed", "ada", "ls")
        lab.cli("ls", token="bob")
        token = get(lab, "bob", "whoami")["token"]
        lab.cli("token", "rm", token, token="adm")
        refused(lab, 4, "login-needed", "bob", "ls")
        refused(lab, 3, "not-found", "adm", "token", "rm", "nosuch")


def test_prices_and_policies_have_versions():
    with Lab([dict(KRIOS)]) as lab:
        lab.people(*STAFF)
        refused(lab, 4, "forbidden", "mia", "rate", "set", "krios-1", "rate=1")
        refused(lab, 2, "bad-value", "adm", "rate", "set", "krios-1", "rate=abc")
        refused(lab, 2, "unknown-key", "adm", "rate", "set", "krios-1", "ratee=1")
        lab.cli("rate", "set", "krios-1", "rate=250.00", "--from", "in 10 days", token="adm")
        versions = get(lab, "adm", "rate", "ls", "krios-1")["items"]
        assert [v["terms"]["rate"] for v in versions] == ["100.00", "250.00"], versions
        price = lambda: get(lab, "ada", "quote", "krios-1", "in 11 days for 1h")["price"]["amount"]
        assert price() == "100.00"  # lock_at_booking: what is booked now is priced by what holds now
        lab.cli("rate", "set", "krios-1", "rate=130.00", token="adm")
        assert price() == "130.00"
        states = lambda: [v["state"] for v in get(lab, "adm", "rate", "ls", "krios-1")["items"]]
        assert states() == ["past", "announced", "in_force"], states()
        refused(lab, 4, "forbidden", "mia", "rate", "rm", "krios-1", "2")
        refused(lab, 5, "price-in-force", "adm", "rate", "rm", "krios-1", "3")
        refused(lab, 3, "no-price-list", "adm", "rate", "rm", "krios-1", "9")
        lab.cli("rate", "rm", "krios-1", "2", token="adm")
        assert states() == ["past", "withdrawn", "in_force"], states()
        policy = get(lab, "adm", "policy", "ls", "krios-1")["items"]
        assert policy[0]["terms"]["grid"] == "1m" and policy[0]["terms"]["max"] == "48h", policy
        shown = lab.cli("policy", "ls", "krios-1", token="adm", env={"LABTIME_FORCE_TTY": "1", "COLUMNS": "80"}).stdout
        assert "grid=1m" in shown and "{" not in shown and max(len(l) for l in shown.splitlines()) <= 90, shown


def test_out_of_service_is_not_free():
    with Lab([dict(KRIOS)]) as lab:
        lab.people(*STAFF)
        assert get(lab, "ada", "show", "krios-1")["next_free"]
        lab.cli("instrument", "set", "krios-1", "--out-of-service", "yes", "--notes", "cold trap leaks", token="adm")
        shown = get(lab, "ada", "show", "krios-1")
        assert (shown["status"], shown["next_free"], shown["notes"]) == ("out_of_service", None, "cold trap leaks"), shown
        assert lab.cli("book", "krios-1", "tomorrow 9am for 1h", "-y", token="ada", check=False).returncode in (5, 6)
        lab.cli("instrument", "set", "krios-1", "--out-of-service", "no", token="adm")
        lab.cli("book", "krios-1", "tomorrow 9am for 1h", "-y", token="ada")


def test_doctor_names_a_dead_controller():
    dead = {"id": "dead-1", "kind": "microscope", "external": True, "address": "127.0.0.1:9"}
    behind = [dict(dead, id="gate-1", address="127.0.0.2:9"),
              dict(dead, id="gate-2", address="127.0.0.2:9", profile="adam-6050", interlock="")]
    with Lab([dict(KRIOS), dead, *behind]) as lab:
        lab.people(*STAFF)
        refused(lab, 4, "forbidden", "ada", "doctor")
        checks = lambda: {c["name"]: c for c in json.loads(
            lab.cli("doctor", "--json", token="adm", check=False).stdout)["checks"]}
        wait_for("the live controller", lambda: checks()["controller krios-1"]["ok"])
        found = checks()
        assert not found["controller dead-1"]["ok"] and "refused" in found["controller dead-1"]["detail"], found
        assert found["controller dead-1"]["cure"], found
        assert found["controller gate-1"]["detail"].endswith("shares the line 127.0.0.2:9 with gate-2"), found
        assert found["controller gate-2"]["detail"].endswith("shares the line 127.0.0.2:9 with gate-1"), found
        assert not any("shares" in found["controller " + one]["detail"] for one in ("krios-1", "dead-1")), found
        assert "security patches" in found["libevent"]["detail"], found
        assert {"configuration", "zone", "store", "disk", "clock", "libevent", "admins", "http"} <= set(found), found
        assert found["http"]["ok"] and found["http"]["detail"].endswith("400"), found["http"]
        r = refused(lab, 1, "unhealthy", "adm", "doctor")
        assert "dead-1" in r.stdout


def clock_was_set(lab, seconds):
    """The wall clock is set while labtimed does not run: the store remembers a label of so many seconds ago."""
    lab.stop_daemon()
    with sqlite3.connect(lab.path("labtime.db")) as db:
        db.execute("UPDATE clock SET wall_ms = wall_ms - ?1, offset_ms = offset_ms - ?1",
                   (seconds * 1000,))
    db.close()
    lab.start_daemon()


def test_a_manager_accepts_the_clock_after_a_jump():
    with Lab([dict(KRIOS)]) as lab:
        lab.people(*STAFF)
        steps = lambda: {c["name"]: c for c in json.loads(
            lab.cli("doctor", "--json", token="adm", check=False).stdout)["checks"]}["clock steps"]
        assert steps() == {"name": "clock steps", "ok": True, "detail": "none since this store began", "cure": None}
        refused(lab, 5, "clock-steady", "mia", "clock", "accept", "--reason", "nothing happened")
        clock_was_set(lab, 3600)
        found = steps()
        assert not found["ok"] and "3600." in found["detail"] and "wait until" in found["detail"], found
        assert "labtime clock accept" in found["cure"], found
        events = lab.request("GET", "/v1/events?limit=100", token="mia").json["items"]
        assert "the wall clock jumped forward by" in next(e for e in events if e["kind"] == "clock_jumped")["detail"], events
        refused(lab, 2, "usage", "mia", "clock", "accept")
        refused(lab, 4, "forbidden", "ada", "clock", "accept", "--reason", "let me in")
        assert get(lab, "mia", "clock", "accept", "--reason", "the machine was paused")["waits"] is False
        found = steps()
        assert found["ok"] and "wait until" not in found["detail"], found
        refused(lab, 5, "clock-steady", "mia", "clock", "accept", "--reason", "again")


def test_a_daemon_starts_from_a_backup():
    with Lab([dict(KRIOS)]) as lab:
        lab.people(*STAFF)
        for hour in range(9, 13):
            lab.cli("book", "krios-1", f"tomorrow {hour}:00 for 1h", "-y", token="ada")
        before = get(lab, "ada", "mine")["items"]
        copy = lab.path("backup.db")
        assert int(get(lab, "adm", "backup", copy)["bytes"]) == os.path.getsize(copy)
        refused(lab, 5, "file-exists", "adm", "backup", copy)
        refused(lab, 4, "forbidden", "mia", "backup", lab.path("other.db"))
        lab.cli("book", "krios-1", "tomorrow 15:00 for 1h", "-y", token="ada")  # after the backup
        lab.stop_daemon()
        for name in os.listdir(lab.dir):
            if name.startswith("labtime.db"):
                os.unlink(lab.path(name))
        os.rename(copy, lab.path("labtime.db"))
        lab.start_daemon()
        assert get(lab, "ada", "mine")["items"] == before
        lab.cli("book", "krios-1", "tomorrow 15:00 for 1h", "-y", token="ada")


if __name__ == "__main__":
    tap.main(sys.modules[__name__])
