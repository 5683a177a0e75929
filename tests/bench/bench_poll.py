"""
Loop-thread CPU a poll at many controllers, once a second each, against a bare libevent client without any check that
sends the same requests; interleaved, medians. Beside it the ledger thread's CPU a reading.

LABTIME_LONG=1: 1,000 controllers, 5 rounds; else a short dose.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

import tap
from bench import BENCH, BenchLab, Farm, dose, figure, instruments, late_p99_ms, median, spread, wait_up

CONTROLLERS = int(os.environ.get("LABTIME_CONTROLLERS", dose(200, 1000)))
ROUNDS, WARM, SECONDS = int(os.environ.get("LABTIME_BENCH_ROUNDS", dose(3, 5))), 3, dose(2, 6)
FRAMES = ["000100000006010300000010", "000100000006010100000001"]  # generic-plc: holding 0..15, coil 0
TARGET = 1.4


def bare(endpoints):
    out = subprocess.run([f"{BENCH}/poll_bare", endpoints, str(WARM), str(SECONDS), *FRAMES], capture_output=True,
                         text=True, check=True).stdout
    polls, cpu, errors = (int(v) for v in re.findall(r"=(\d+)", out))
    assert polls >= CONTROLLERS * SECONDS * 0.9 and errors == 0, out
    return cpu / polls


def ours(addresses):
    with BenchLab(instruments(addresses)) as lab:
        wait_up(lab, len(addresses))
        time.sleep(WARM)
        a = lab.metrics()
        time.sleep(SECONDS)
        b = lab.metrics()
        polls = b['labtime_polls_total{result="good"}'] - a['labtime_polls_total{result="good"}']
        assert polls >= CONTROLLERS * SECONDS * 0.9, f"only {polls} polls"
        loop, ledger = (b[f"labtime_{who}_cpu_microseconds_total"] - a[f"labtime_{who}_cpu_microseconds_total"]
                        for who in ("loop", "ledger"))
        return loop / polls, ledger / polls, late_p99_ms(a, b)


def test_cpu_a_poll():
    directory = tempfile.mkdtemp(prefix="labtime-bench.")
    farm = Farm(CONTROLLERS)
    try:
        endpoints = os.path.join(directory, "endpoints")
        with open(endpoints, "w", encoding="ascii") as f:
            f.writelines(a.replace(":", " ") + "\n" for a in farm.addresses)
        theirs, loops, ledgers, lates = [], [], [], []
        for _ in range(ROUNDS):
            theirs.append(bare(endpoints))
            loop, ledger, late = ours(farm.addresses)
            loops.append(loop)
            ledgers.append(ledger)
            lates.append(late)
    finally:
        farm.stop()
        shutil.rmtree(directory)
    ratios = [a / b for a, b in zip(loops, theirs)]
    figure("poll", f"loop {median(loops):.1f} us CPU/poll, bare libevent {median(theirs):.1f}, ratio {median(ratios):.2f} "
           f"({spread(ratios)}; target <= {TARGET}); ledger {median(ledgers):.1f} us/reading; late p99 <= {median(lates):g} ms; "
           f"{CONTROLLERS} controllers x 1 Hz, {len(FRAMES)} requests a poll, {ROUNDS} rounds", median(ratios) <= TARGET)


if __name__ == "__main__":
    tap.main(sys.modules[__name__])
