"""
test_outage.py - controllers that are away for 20 s and 50 s (and, with LABTIME_LONG=1, for two and ten minutes), the
real programs over real sockets: alone and behind gateways of five units, with and without an interlock. Each is read
again within 5 s of being well, and the relay opens within 3 s of a check-in. All wait at the same time. The seconds are
those of a machine that gives this test its turn: what it was kept from running in the wait is allowed besides.
"""
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import tap
from lab import SIM, Lab
from tap import wait_for
from test_job import PEOPLE, minute

READ_AGAIN_S = 5.0
OPENS_S = 3.0
ASKED_S = 1.0
DOCTOR_ASKS = 16   # controllers a call; the next call goes on with the others
FAULTS = {"silent": ["silence"], "four": ["exception", "4"], "six": ["exception", "6"], "eleven": ["exception", "11"],
          "reset": ["reset"], "unit": ["wrong-unit"]}
PERSONS = {"person-silent": "ada", "person-four": "bob", "person-2": "eve"}   # instrument: who checks in
LOCK = 'interlock  = { mode = "enable"; gates = "start"; fail = "locked"; };'


def free_port():
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def plc(name, lock=True, **more):
    return dict({"id": name, "kind": "microscope", "poll": "1s", "interlock": LOCK if lock else "",
                 "options": "" if lock else ",unlocked"}, **more)


def gateway(name, lock=True, **more):
    """Five units behind one address."""
    port = more.pop("port", None) or free_port()
    return [plc(f"{name}-{u}", lock, port=port, unit=u,
                options=f",unit={u}" + ("" if lock else ",unlocked"), **more) for u in range(1, 6)]


class Starved:
    """How long this process was kept from running: what short sleeps took beyond what a quiet machine needs."""
    NAP_S, QUIET_S = 0.02, 0.02

    def __init__(self):
        self.lost, self.over = 0.0, threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)

    def watch(self):
        while not self.over.is_set():
            began = time.monotonic()
            time.sleep(self.NAP_S)
            self.lost += max(0.0, time.monotonic() - began - self.NAP_S - self.QUIET_S)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


class OtherSim:
    """A gateway that is a process of its own, so that it can go away."""

    def __init__(self, directory, name):
        self.port, self.name, self.directory = free_port(), name, directory
        self.units = [f"{name}-{u}" for u in range(1, 6)]
        self.process = None

    def start(self):
        args = [SIM, "--control", os.path.join(self.directory, self.name + ".sock")]
        for u, unit in enumerate(self.units, 1):
            args += ["--instrument", f"{unit}=microscope@127.0.0.1:{self.port},unit={u}"]
        self.process = subprocess.Popen(args, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def end(self):
        if self.process:
            self.process.kill()
            self.process.wait()


class World:
    """A lab in which much is away for the same time, and is well again at the same instant."""

    def __init__(self, seconds):
        self.seconds = seconds
        instruments = []
        for lock in (True, False):
            kind = "lock" if lock else "free"
            instruments += [plc(f"{fault}-{kind}", lock) for fault in FAULTS]
            instruments += gateway(f"one-{kind}", lock) + gateway(f"all-{kind}", lock)
        instruments += [plc("person-silent"), plc("person-four")] + gateway("person")
        self.lab = Lab(instruments)
        self.others = [OtherSim(self.lab.dir, name) for name in ("gone", "frozen")]
        for sim in self.others:
            self.lab.instruments += gateway(sim.name, port=sim.port, external=True)

    def run(self):
        try:
            for sim in self.others:
                sim.start()
            with self.lab:
                self.outage()
        finally:
            for sim in self.others:
                sim.end()

    def faults(self):
        """(instrument, fault) of those that the simulator itself makes ill."""
        for kind in ("lock", "free"):
            yield from ((f"{name}-{kind}", fault) for name, fault in FAULTS.items())
            yield f"one-{kind}-3", FAULTS["silent"]
            yield from ((f"all-{kind}-{u}", FAULTS["silent"]) for u in range(1, 6))
        yield from (("person-silent", FAULTS["silent"]), ("person-four", FAULTS["four"]),
                    ("person-2", FAULTS["silent"]))

    def ill(self):
        return [name for name, _ in self.faults()] + [u for sim in self.others for u in sim.units]

    def links(self):
        return dict(self.store.execute("SELECT id, link FROM instrument"))

    def control(self, lines):
        """Many commands at once; returns when all have been carried out."""
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(self.lab.path("sim.sock"))
            s.sendall("".join(line + "\n" for line in lines).encode())
            s.shutdown(socket.SHUT_WR)
            answers = b"".join(iter(lambda: s.recv(65536), b"")).decode().splitlines()
        assert len(answers) == len(lines) and all('"ok":true' in a for a in answers), answers

    def outage(self):
        lab = self.lab
        lab.people(*PEOPLE, ("eve", "acme", "member"))
        self.store = lab.store()
        wait_for("all links", lambda: all(v == "up" for v in self.links().values()), seconds=60)
        bookings = {p: lab.must(201, "POST", "/v1/bookings", {"instrument": p, "from": minute(), "to": minute(40),
                                                              "walk_up": True}, token=user)["id"] for p, user in PERSONS.items()}
        began = time.monotonic()
        self.control([f"fault {name} {' '.join(fault)}" for name, fault in self.faults()])
        self.others[0].end()
        self.others[1].process.send_signal(signal.SIGSTOP)
        wait_for("everything ill to be down", lambda: all(self.links()[n] == "down" for n in self.ill()),
                 seconds=self.seconds)
        if self.seconds >= 50:
            self.doctor_asks_at_once("eleven-lock")
        wait_for("the end of the outage", lambda: time.monotonic() >= began + self.seconds, seconds=self.seconds + 1)
        self.others[0].start()
        wait_for("the gateway that was gone", lambda: self.listens(self.others[0].port))
        self.control([f"fault {name} none" for name, _ in self.faults()])
        self.others[1].process.send_signal(signal.SIGCONT)
        self.judge(time.monotonic(), bookings)

    def asked(self, name):
        return self.lab.ctl("state", name)[0]["requests"]

    def doctor_asks_at_once(self, name):
        """Long before the end: a backoff of some seconds has grown again by then."""
        with Starved() as starved:
            for _ in range(3):
                before, began = self.asked(name), time.monotonic()
                for _ in range(-(-len(self.ill()) // DOCTOR_ASKS)):
                    self.lab.must(200, "GET", "/v1/doctor")
                wait_for(f"{name} to be asked for the doctor", lambda: self.asked(name) > before)
                took = time.monotonic() - began
                assert took <= ASKED_S + starved.lost, f"{name} was asked {took:.1f} s after the doctor was called"

    @staticmethod
    def listens(port):
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", port)) == 0

    def check_in(self, person, booking, took):
        began = time.monotonic()
        self.lab.must(200, "POST", f"/v1/bookings/{booking}/checkin", {}, token=PERSONS[person])
        self.lab.ctl("wait", person, "unlocked", "15000")
        took[person] = time.monotonic() - began

    def judge(self, well, bookings):
        opened, again = {}, {}
        threads = [threading.Thread(target=self.check_in, args=(p, b, opened)) for p, b in bookings.items()]
        for t in threads:
            t.start()

        def all_read():
            now = self.links()
            for name in self.ill():
                if now[name] == "up":
                    again.setdefault(name, time.monotonic() - well)
            return len(again) == len(self.ill())

        with Starved() as starved:
            try:
                wait_for("everything to be read again", all_read, seconds=60, step=0.05)
            except AssertionError:
                late = sorted(set(self.ill()) - set(again))
                raise AssertionError(f"away for {self.seconds} s: not read again after 60 s: {late}")
            for t in threads:
                t.join()
        print(f"# away for {self.seconds} s: the last was read after {max(again.values()):.1f} s, the last relay opened "
              f"after {max(opened.values(), default=99):.1f} s, this test was kept waiting for {starved.lost:.1f} s")
        late = {n: round(s, 1) for n, s in again.items() if s > READ_AGAIN_S + starved.lost}
        assert not late, f"away for {self.seconds} s: read again after {late}"
        late = {p: round(opened.get(p, 99), 1) for p in bookings if opened.get(p, 99) > OPENS_S + starved.lost}
        assert not late, f"away for {self.seconds} s: the relay opened so many seconds after the check-in: {late}"
        told = {r[0] for r in self.store.execute("SELECT instrument FROM event WHERE kind = 'link_down'")}
        assert told == set(self.ill()), f"told down besides: {told - set(self.ill())}"


def run_all(lengths):
    failures = []

    def one(seconds):
        try:
            World(seconds).run()
        except BaseException as error:
            failures.append(f"{type(error).__name__}: {error}")

    threads = [threading.Thread(target=one, args=(s,)) for s in lengths]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failures, "\n".join(failures)


def test_controllers_that_were_away_are_read_again_and_open():
    run_all([20, 50])


def test_controllers_that_were_away_for_minutes_are_read_again_and_open():
    if os.environ.get("LABTIME_LONG") != "1":
        raise tap.Skip("LABTIME_LONG is not set")
    run_all([120, 600])


if __name__ == "__main__":
    tap.main(sys.modules[__name__])
