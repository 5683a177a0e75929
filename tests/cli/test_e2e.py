"""test_e2e.py - the real labtime against the real labtimed: the day of a scientist, a manager and finance."""
import json
import os
import re
import signal
import subprocess
import sys
import time

import tap
from lab import LABTIME, Lab
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
        assert re.search(r"price\s5[01]\.\d\d", quote), quote  # half an hour, to the next line of the grid
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
        assert code("export", "this month", "-o", lab.path("labtimed.conf"), token="fin") == 1  # it is there
        assert code("nosuchverb") == 2
        assert code("ls", "--jsn", token="ada") == 2
        assert code("book", "krios-1", "yesterday nonsense", token="ada") == 2
        assert code("book", "krios-1", "tomorrow 9am for 1h", token="ada") == 2  # nobody to ask, neither --yes
        assert code("show", "B-999", token="ada") == 3
        assert code("book", "nosuch", "tomorrow 9am for 1h", "-y", token="ada") == 3
        assert code("review", "ls", token="ada") == 4
        booking = lab.cli("book", "krios-1", "tomorrow 9am for 1h", "-y", "-q", token="ada").stdout.strip()
        assert code("book", "krios-1", "tomorrow 9am for 1h", "-y", token="bob") == 5
        assert code("book", "krios-1", "in 3 days for 90h", "-y", token="ada") == 6
        assert code("book", "krios-1", "tomorrow 14:00 for 1h", "--max-price", "99.99", token="ada") == 6
        assert code("quote", "krios-1", "in 3 days for 90h", token="ada") == 6
        assert code("quote", "krios-1", "tomorrow 9am for 1h", token="bob") == 5
        assert code("wait", booking, "--for", "end", "--timeout", "1s", token="ada") == 8
        lab.stop_daemon()
        assert code("ls", token="ada", env={"LABTIME_RETRY": "1"}) == 7


def test_now_is_echoed_as_it_is_booked():
    with Lab() as lab:
        lab.people(*PEOPLE)
        quote = lab.cli("quote", "krios-1", "now for 30m", "--json", token="ada")
        start = json.loads(quote.stdout)["from"]
        assert start[17:19] == "00" and start[11:16] in quote.stderr.splitlines()[0], quote
        r = lab.cli("book", "krios-1", "now for 30m", "-y", "--json", token="ada")
        b = json.loads(r.stdout)
        assert f"{b['from'][11:16]}-{b['to'][11:16]}" in r.stderr.splitlines()[0] or b["from"][:10] != b["to"][:10], r


def test_retry_books_once():
    """The daemon dies between the request and its answer; the client asks again with the same key."""
    with Lab() as lab:
        lab.people(*PEOPLE)
        lab.cli("ls", token="ada")
        # Frozen, the daemon takes the connection (the kernel does) but answers nothing.
        lab.daemon.send_signal(signal.SIGSTOP)
        env = dict(lab.env, LABTIME_TOKEN_FILE=lab.path("token-ada"), LABTIME_RETRY="60")
        client = subprocess.Popen([LABTIME, "book", "krios-1", "tomorrow 9am for 1h", "-y", "-q"], env=env, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        wait_for("the request on its way", lambda: connected(client.pid))
        lab.daemon.kill()
        lab.daemon.wait()
        lab.start_daemon()
        out, err = client.communicate(timeout=90)
        assert client.returncode == 0 and out.startswith("B-"), (out, err)
        assert len(json.loads(lab.cli("mine", "--json", token="ada").stdout)["items"]) == 1


def test_lost_answer_books_once():
    """The booking is durable, but its answer never leaves: killed at the moment the row is there."""
    with Lab() as lab:
        lab.people(*PEOPLE)
        body = {"instrument": "krios-1", "from": "2030-01-01T00:00:00Z", "to": "2030-01-01T01:00:00Z"}
        day = json.loads(lab.cli("quote", "krios-1", "tomorrow 9am for 1h", "--json", token="ada").stdout)
        body.update({"from": day["from"], "to": day["to"]})
        sent = lab.connection()
        sent.request("POST", "/v1/bookings", body=json.dumps(body), headers={
            "Authorization": "Bearer " + lab.tokens["ada"], "Idempotency-Key": "one-and-the-same",
            "Content-Type": "application/json"})
        wait_for("the row", lambda: lab.store().execute("SELECT count(*) FROM booking").fetchone()[0] == 1)
        lab.daemon.kill()  # whether the answer left or not, nobody read it
        lab.daemon.wait()
        lab.start_daemon()
        again = lab.request("POST", "/v1/bookings", body, token="ada", key="one-and-the-same")
        assert again.status == 201 and again.headers["Idempotency-Replayed"] == "true", again
        assert lab.store().execute("SELECT count(*) FROM booking").fetchone()[0] == 1


def connected(pid):
    """Has this process a socket? Its request goes out as soon as the connection stands."""
    try:
        fds = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
    except OSError:
        return False
    return any(fd.startswith("socket:") for fd in fds)


if __name__ == "__main__":
    tap.main(sys.modules[__name__])
