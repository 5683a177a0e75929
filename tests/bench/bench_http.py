"""
Our HTTP side against evhttp as it comes: TLS keep-alive requests of 16 clients, interleaved, medians. Both answer the
same 130 bytes; ours also passes every request through its fence and the two queues.
"""
import re
import shutil
import subprocess
import sys
import tempfile

import tap
from bench import BENCH, dose, figure, median, spread

CLIENTS, SECONDS, ROUNDS, TARGET = 16, dose(1, 2), dose(3, 5), 1


def run(server, directory):
    """requests a second, server CPU a request in microseconds, p99 in milliseconds"""
    child = subprocess.Popen([f"{BENCH}/{server}", directory], stdout=subprocess.PIPE, text=True)
    try:
        port = child.stdout.readline().split()[1]
        load = subprocess.run([f"{BENCH}/loadgen", "--tls", f"127.0.0.1:{port}", "--get", "/v1/echo", "--clients",
                               str(CLIENTS), "--seconds", str(SECONDS)], capture_output=True, text=True, check=True).stdout
    finally:
        child.terminate()
        used = child.stdout.read().split()
        child.wait()
    figures = {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)(?:\s|$)", load)}
    return figures["rps"], int(used[1]) / int(used[3]), figures["p99_us"] / 1000


def test_http():
    directory = tempfile.mkdtemp(prefix="labtime-bench-")
    ours, theirs = [], []
    try:
        for _ in range(ROUNDS):
            ours.append(run("http_ours", directory))
            theirs.append(run("http_evhttp", directory))
    finally:
        shutil.rmtree(directory)
    ratios = [a[0] / b[0] for a, b in zip(ours, theirs)]
    cpu = [a[1] / b[1] for a, b in zip(ours, theirs)]
    middle = lambda rows: [median(column) for column in zip(*rows)]
    (rps, us, p99), (their_rps, their_us, their_p99) = middle(ours), middle(theirs)
    figure("http over TLS", f"{rps:.0f}/s, {us:.1f} us CPU, p99 {p99:.2f} ms; evhttp {their_rps:.0f}/s, {their_us:.1f} us, "
           f"{their_p99:.2f} ms; ratio {median(ratios):.2f} ({spread(ratios)}) (target >= {TARGET}), CPU {median(cpu):.2f}",
           median(ratios) >= TARGET)


if __name__ == "__main__":
    tap.main(sys.modules[__name__])
