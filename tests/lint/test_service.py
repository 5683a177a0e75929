"""
test_service.py - the systemd unit: what systemd thinks of it, and whether the daemon lives under its system calls.

tests/support/filtered.py puts the filter on the real daemon; directories, users and mounts are systemd's part and are
not played here.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

import filtered
import tap
from lab import BUILD, LABTIMED, Lab
from tap import Skip, wait_for

UNIT = os.path.join(BUILD, "etc", "labtimed.service")
EXPOSURE = 12          # tenths, as `systemd-analyze --threshold` counts
PEOPLE = [("adm", "host", "admin"), ("ada", "acme", "member")]


def analyze(*arguments):
    if not shutil.which("systemd-analyze"):
        raise Skip("there is no systemd-analyze here (Debian package systemd)")
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, check=False)


def test_exposure():
    r = analyze("security", "--offline=true", f"--threshold={EXPOSURE}", UNIT)
    level = re.search(r"Overall exposure level.*: ([0-9.]+)", r.stdout)
    assert level, r.stdout + r.stderr
    print(f"# exposure {level.group(1)}, at most {EXPOSURE / 10}")
    assert r.returncode == 0, "\n".join(l for l in r.stdout.splitlines() if l.startswith("✗") or "Overall" in l)


def test_a_disk_that_is_full_for_an_hour_does_not_end_it():
    """Each start ends at once meanwhile: systemd must not give up after some of them."""
    with open(UNIT, encoding="utf-8") as f:
        lines = f.read().splitlines()
    assert "Restart=always" in lines and "StartLimitIntervalSec=0" in lines, lines


def test_verify():
    with tempfile.TemporaryDirectory() as directory, open(UNIT, encoding="utf-8") as f:
        copy = os.path.join(directory, "labtimed.service")
        with open(copy, "w", encoding="utf-8") as out:
            out.write(re.sub(r"^ExecStart=\S+", "ExecStart=" + LABTIMED, f.read(), flags=re.M))
        r = analyze("verify", "--man=no", copy)
        told = [l for l in r.stderr.splitlines() if "labtimed" in l]
        assert r.returncode == 0 and not told, r.stderr


def children(pid):
    """Its child processes that have not ended."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", encoding="ascii", errors="replace") as f:
                state, parent = f.read().rpartition(")")[2].split()[:2]
        except OSError:
            continue   # it has ended meanwhile
        if parent == str(pid) and state != "Z":
            found.append(name)
    return found


def test_daemon_under_the_filter():
    if not os.path.exists(filtered.NUMBERS):
        raise Skip("the numbers of system calls are only known for x86_64, and with libc6-dev")
    analyze("--version")
    names = filtered.allowed(UNIT)
    assert {"read", "fdatasync", "socket"} <= names and not {"mount", "ptrace", "setuid", "adjtimex"} & names
    under = [sys.executable, filtered.__file__, UNIT]
    assert subprocess.run([*under, "/bin/true"], check=False).returncode == 0
    refused = subprocess.run([*under, "/usr/bin/unshare", "-m", "true"], capture_output=True, text=True, check=False,
                             env=dict(os.environ, LC_ALL="C"))
    assert refused.returncode != 0 and "not permitted" in refused.stderr, refused
    with Lab([{"id": "krios-1", "kind": "microscope"}], wrapper=under) as lab:
        with open(f"/proc/{lab.daemon.pid}/status", encoding="ascii") as f:
            assert "Seccomp:\t2" in f.read()
        lab.people(*PEOPLE)
        checks = lambda: {c["name"]: c for c in lab.must(200, "GET", "/v1/doctor", token="adm")["checks"]}
        wait_for("the controller", lambda: checks()["controller krios-1"]["ok"])
        assert "not known" in checks()["clock"]["detail"] or checks()["clock"]["ok"], checks()["clock"]
        lab.must(200, "GET", "/v1/site", tls=True)
        lab.cli("book", "krios-1", "tomorrow 9am for 1h", "-y", token="ada")
        lab.must(201, "POST", "/v1/backups", {"path": lab.path("backup.db")})
        lab.daemon.send_signal(1)
        wait_for("the reload", lambda: "configuration reloaded" in lab.text("labtimed.log"))
        wait_for("the self-check's end", lambda: not children(lab.daemon.pid))
        assert "check did not start" not in lab.text("labtimed.log") and "without a result" not in lab.text("labtimed.log")
        assert lab.stop_daemon() == 0


if __name__ == "__main__":
    tap.main(sys.modules[__name__])
