"""test_e2e.py - the real labtime against the real labtimed: the day of a scientist, a manager and finance."""
import json
import os
import sys
import time

import tap
from lab import Lab
from tap import wait_for

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "api"))
from test_job import PEOPLE  # noqa: E402


def test_a_day_of_work():
    with Lab() as lab:
        lab.people(*PEOPLE)
        assert "ada" in lab.cli("whoami", token="ada").stdout
        assert "krios-1" in lab.cli("ls", token="ada").stdout
        free = lab.cli("free", "30m", "-k", "microscope", token="ada").stdout
        assert "krios-1" in free, free
        quote = lab.cli("quote", "krios-1", "now for 30m", token="ada").stdout
        assert "50.00" in quote, quote
        booking = lab.cli("book", "krios-1", "now for 30m", "-y", "-q", token="ada").stdout.strip()
        assert booking.startswith("B-"), booking
        assert lab.cli("book", "krios-1", "now for 30m", "-y", token="bob", check=False).returncode == 5
        assert booking in lab.cli("mine", token="ada").stdout
        lab.cli("start", booking, token="ada")
        lab.ctl("run", "krios-1")
        wait_for("the run", lambda: "running" in lab.cli("ls", token="ada").stdout)
        time.sleep(2)
        lab.ctl("stop", "krios-1")
        wait_for("the stop", lambda: "running" not in lab.cli("ls", token="ada").stdout)
        lab.cli("stop", booking, token="ada")
        lab.cli("wait", booking, "--for", "charged", "--timeout", "30s", token="ada")
        charge = json.loads(lab.cli("bill", "--json", token="ada").stdout)["items"][0]
        assert lab.cli("explain", charge["id"], token="ada").stdout
        assert lab.cli("show", booking, token="ada").stdout
        assert lab.cli("show", booking, token="bob", check=False).returncode == 3
        out = os.path.join(lab.dir, "month.csv")
        lab.cli("export", "this month", "--format", "csv", "-o", out, token="fin")
        assert charge["id"] in open(out, encoding="utf-8").read()
        assert not [n for n in os.listdir(lab.dir) if n.startswith(".") or n.endswith(".part")]


def test_exit_codes():
    with Lab() as lab:
        lab.people(*PEOPLE)
        code = lambda *a, **k: lab.cli(*a, check=False, **k).returncode
        assert code("ls", token="ada") == 0
        assert code("nosuchverb") == 2
        assert code("book", "krios-1", "yesterday nonsense", token="ada") == 2
        assert code("show", "B-999", token="ada") == 3
        assert code("review", "ls", token="ada") == 4
        assert code("book", "krios-1", "tomorrow 9am for 90h", "-y", token="ada") == 6
        lab.stop_daemon()
        assert code("ls", token="ada") == 7


if __name__ == "__main__":
    tap.main(sys.modules[__name__])
