"""test_reload.py - SIGHUP: all of the new configuration or nothing, and no open session is dropped."""
import os
import signal
import sys

import tap
from lab import FAST, INSTRUMENT, INTERLOCK, Lab
from tap import wait_for
from test_job import PEOPLE, minute


def hangup(lab, expect):
    """Sends SIGHUP and waits for the daemon's word on it; returns that log line."""
    before = len(lab.text("labtimed.log"))
    lab.daemon.send_signal(signal.SIGHUP)

    def said():
        lines = [l for l in lab.text("labtimed.log")[before:].splitlines() if expect in l]
        return lines[0] if lines else None
    return wait_for(f"\"{expect}\" in the log", said)


def title(lab, instrument):
    return lab.must(200, "GET", f"/v1/instruments/{instrument}")["title"]


def test_applies_and_keeps_the_session():
    with Lab() as lab:
        lab.people(*PEOPLE)
        b = lab.must(201, "POST", "/v1/bookings", {"instrument": "krios-1", "from": minute(), "to": minute(30),
                                                   "walk_up": True}, token="ada")
        lab.must(200, "POST", f"/v1/bookings/{b['id']}/checkin", {}, token="ada")
        lab.ctl("wait", "krios-1", "unlocked", "10000")
        lab.ctl("run", "krios-1")
        state = lambda: lab.must(200, "GET", f"/v1/bookings/{b['id']}", token="ada")["sessions"][-1]["state"]
        wait_for("the run", lambda: state() == "running")
        lab.instruments[0]["title"] = "Krios, renamed 冷冻电镜"
        lab.instruments[1]["policy"] = FAST.replace('min = "1m"', 'min = "2h"')
        lab.write_config()
        hangup(lab, "configuration reloaded")
        assert title(lab, "krios-1") == "Krios, renamed 冷冻电镜"
        assert state() == "running"
        short = lab.request("POST", "/v1/bookings", {"instrument": "novaseq-1", "from": minute(60), "to": minute(70)},
                            token="ada")
        assert short.status == 422 and short.json["violations"][0]["rule"] == "R04", short
        versions = lab.must(200, "GET", "/v1/instruments/novaseq-1/policies", token="mia")["items"]
        assert len(versions) == 2 and {v["source"] for v in versions} == {"config"}, versions
        before = lab.ctl("state", "novaseq-1")[0]["requests"]
        wait_for("polls to go on", lambda: lab.ctl("state", "novaseq-1")[0]["requests"] > before + 3)


def test_nothing_of_a_broken_one():
    with Lab() as lab:
        lab.people(*PEOPLE)
        lab.instruments[0]["title"] = "Half applied"
        lab.instruments[1]["policy"] = 'grid = "7m";'
        lab.write_config()
        line = hangup(lab, "reload refused")
        assert "novaseq-1.conf" in line and "grid" in line, line
        assert title(lab, "krios-1") == "krios-1"


def test_an_instrument_in_use_cannot_vanish():
    with Lab() as lab:
        lab.people(*PEOPLE)
        lab.must(201, "POST", "/v1/bookings", {"instrument": "krios-1", "from": minute(60), "to": minute(70)},
                 token="ada")
        os.rename(lab.path("instruments.d/krios-1.conf"), lab.path("krios-1.away"))
        line = hangup(lab, "reload refused")
        assert "krios-1" in line, line
        assert lab.request("GET", "/v1/instruments/krios-1").status == 200
        os.rename(lab.path("krios-1.away"), lab.path("instruments.d/krios-1.conf"))
        os.rename(lab.path("instruments.d/novaseq-1.conf"), lab.path("novaseq-1.away"))
        hangup(lab, "configuration reloaded")
        assert lab.request("GET", "/v1/instruments/novaseq-1").status == 404


def test_one_more_instrument():
    with Lab() as lab:
        port = lab.instruments[0]["port"]
        lab.write("instruments.d/twin-1.conf", INSTRUMENT.format(id="twin-1", title="Twin", kind="microscope",
            address=f"127.0.0.1:{port}", unit=2, profile="generic-plc", poll="200ms", price="", interlock=INTERLOCK,
            policy=FAST))
        hangup(lab, "configuration reloaded")
        wait_for("the new instrument to answer", lambda: lab.must(200, "GET", "/v1/instruments/twin-1")["link"] == "up")


def test_a_listener_needs_a_restart():
    with Lab() as lab:
        text = lab.text("labtimed.conf").replace("127.0.0.1:0", "127.0.0.1:7621")
        lab.write("labtimed.conf", text)
        line = hangup(lab, "reload refused")
        assert "listen.tls" in line and "restart" in line, line


if __name__ == "__main__":
    tap.main(sys.modules[__name__])
