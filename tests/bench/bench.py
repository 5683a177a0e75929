"""
bench.py - what the benches share: a lab with many controllers and raised limits, numbers out of /metrics, and lines of
TAP that print a figure beside its target. A missed target is printed as MISS and never fails: only what is broken does.
"""
import os
import re
import statistics
import subprocess

from lab import SIM, Lab
from tap import wait_for

BENCH = os.path.join(os.environ["LABTIME_BUILD"], "tests", "bench")
LONG = os.environ.get("LABTIME_LONG") == "1"
LIMITS = "limits = { connections = 4096; in_flight = 4096; token_rate = 1000000; peer_rate = 1000000; };\n"
SIM_MOST = 500   # instruments a simulator process


def dose(short, full):
    return full if LONG else short


def verdict(good):
    return "PASS" if good else "MISS"


def figure(name, text, good):
    """One line of the table that ./check --long prints."""
    print(f"# BENCH {verdict(good)} {name}: {text}", flush=True)


def median(values):
    return statistics.median(values)


def spread(values):
    return f"{min(values):.2f}..{max(values):.2f}"


class Farm:
    """Simulated controllers in as many processes as it takes; addresses in order."""

    def __init__(self, n):
        self.processes, self.addresses = [], []
        for first in range(0, n, SIM_MOST):
            count = min(SIM_MOST, n - first)
            args = [SIM]
            for i in range(first, first + count):
                args += ["--instrument", f"dev-{i:04}=microscope@127.0.0.1:0,unlocked"]
            process = subprocess.Popen(args, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            self.processes.append(process)
            for _ in range(count):
                self.addresses.append(re.search(r'"address":"([^"]+)"', process.stdout.readline()).group(1))

    def stop(self):
        for process in self.processes:
            process.terminate()
            process.stdout.read()
            process.wait()


class BenchLab(Lab):
    """A lab whose limits do not limit; options: further arguments of labtimed."""

    def __init__(self, instruments, options=(), **more):
        super().__init__(instruments, **more)
        self.options = list(options)

    def write_config(self):
        super().write_config()
        with open(self.path("labtimed.conf"), "a", encoding="utf-8") as f:
            f.write(LIMITS)

    def command(self):
        return super().command() + self.options

    def metrics(self):
        text = self.request("GET", "/metrics").raw.decode()
        return {m.group(1): float(m.group(2)) for m in re.finditer(r"^([a-z_]+(?:\{[^}]*\})?) ([0-9.]+)$", text, re.M)}


def nowhere(n):
    """n addresses that refuse."""
    return [f"127.9.0.{i + 1}:9" for i in range(n)]


def instruments(addresses, **more):
    return [dict({"id": f"dev-{i:04}", "kind": "microscope", "external": True, "interlock": "", "poll": "1s",
                  "address": a},
                 **more) for i, a in enumerate(addresses)]


def late_p99_ms(before, after):
    """Upper bound of the bucket that holds the 99th percentile of the polls between two readings of /metrics."""
    bounds = sorted((float("inf") if b == "+Inf" else float(b), k) for k in after
                    for b in re.findall(r'^labtime_poll_lateness_seconds_bucket\{le="([^"]+)"\}$', k))
    total = after["labtime_poll_lateness_seconds_count"] - before["labtime_poll_lateness_seconds_count"]
    for bound, key in bounds:
        if total and after[key] - before[key] >= 0.99 * total:
            return bound * 1000
    return 0.0


def wait_up(lab, n, seconds=60):
    wait_for(f"{n} controllers", lambda: lab.metrics()["labtime_controllers_up"] >= n, seconds, 0.1)
