"""
`labtime ls` on the Unix socket against curl on the same route; interleaved, medians of the wall time a call.
"""
import os
import subprocess
import sys
import time

import tap
from bench import BenchLab, dose, figure, instruments, median, nowhere
from lab import LABTIME

CALLS, INSTRUMENTS, TARGET = dose(20, 100), 10, 3


def timed(command, env):
    began = time.perf_counter()
    done = subprocess.run(command, env=env, capture_output=True, check=True)
    return (time.perf_counter() - began) * 1000, done.stdout


def test_ls():
    with BenchLab(instruments(nowhere(INSTRUMENTS))) as lab:
        curl = ["curl", "-s", "--fail", "--unix-socket", lab.path("labtimed.sock"), "http://localhost/v1/instruments"]
        a, b = [], []
        for _ in range(CALLS):
            ms, text = timed([LABTIME, "ls"], lab.env)
            a.append(ms)
            assert all(i["id"].encode() in text for i in lab.instruments), text
            ms, text = timed(curl, lab.env)
            b.append(ms)
            assert b"dev-0009" in text, text
        ratios = [x / y for x, y in zip(a, b)]
        figure("labtime ls", f"{median(a):.1f} ms, curl --unix-socket {median(b):.1f} ms, ratio {median(ratios):.2f} "
               f"(target <= {TARGET}); {INSTRUMENTS} instruments, {CALLS} calls each", median(ratios) <= TARGET)


if __name__ == "__main__":
    tap.main(sys.modules[__name__])
