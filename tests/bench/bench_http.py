#!/usr/bin/env python3
"""Our HTTP side against evhttp: TLS keep-alive requests, interleaved, medians. bench_http.py BUILD/tests/bench [rounds]

Both answer the same 130 bytes; ours also passes every request through the two queues. Prints requests a second and
server CPU a request, and the ratios ours / evhttp (CPU: lower is better).
"""
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

CLIENTS, SECONDS = 16, 2


def run(bench, server, directory):
    child = subprocess.Popen([f"{bench}/{server}", directory], stdout=subprocess.PIPE, text=True)
    try:
        port = child.stdout.readline().split()[1]
        load = subprocess.run([f"{bench}/loadgen", "--tls", f"127.0.0.1:{port}", "--get", "/v1/echo", "--clients",
                               str(CLIENTS), "--seconds", str(SECONDS)], capture_output=True, text=True, check=True).stdout
    finally:
        child.terminate()
        used = child.stdout.read().split()
        child.wait()
    figures = {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)(?:\s|$)", load)}
    return figures["rps"], int(used[1]) / int(used[3]), figures["p99_us"]


def main():
    bench, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 5
    directory = tempfile.mkdtemp(prefix="labtime-bench-")
    results = {"http_ours": [], "http_evhttp": []}
    try:
        for _ in range(rounds):
            for server, samples in results.items():
                samples.append(run(bench, server, directory))
    finally:
        shutil.rmtree(directory)
    medians = {}
    for server, samples in results.items():
        rps, cpu, p99 = (statistics.median(column) for column in zip(*samples))
        medians[server] = (rps, cpu)
        print(f"{server:12} {rps:8.0f} requests/s  {cpu:6.1f} us CPU/request  p99 {p99 / 1000:.2f} ms")
    ours, theirs = medians["http_ours"], medians["http_evhttp"]
    print(f"ratio        {ours[0] / theirs[0]:8.2f}             {ours[1] / theirs[1]:6.2f}")


main()
