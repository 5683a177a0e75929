#!/usr/bin/env python3
"""gcc -fanalyzer over the pure rooms; a warning fails. One TAP line a file.

    analyze.py ROOT            common, daemon/core, drivers
    analyze.py ROOT DIR...     these instead (what needs no generated header)
"""
import concurrent.futures
import glob
import os
import shutil
import subprocess
import sys

PURE = ("common", "daemon/core", "drivers")
FLAGS = ["-std=c11", "-D_GNU_SOURCE", "-O0", "-fanalyzer", "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter",
         "-Wno-missing-field-initializers", "-I.", "-Idaemon", "-Iinclude", "-c", "-o", os.devnull]


def analyze(root, path):
    return path, subprocess.run(["gcc", *FLAGS, path], cwd=root, capture_output=True, text=True, check=False)


def main():
    root, rooms = os.path.abspath(sys.argv[1]), sys.argv[2:] or PURE
    if not shutil.which("gcc") or "Free Software" not in subprocess.run(["gcc", "--version"], capture_output=True,
                                                                       text=True, check=False).stdout:
        print("1..0 # SKIP there is no gcc here")
        return 0
    files = sorted(f for room in rooms for f in glob.glob(f"{room}/*.c", root_dir=root))
    print(f"1..{len(files)}", flush=True)
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(max(1, min(4, os.cpu_count() or 1))) as pool:
        for i, (path, r) in enumerate(pool.map(lambda f: analyze(root, f), files), 1):
            print(f"{'not ' if r.returncode else ''}ok {i} - {path}", flush=True)
            for line in r.stderr.splitlines() if r.returncode else ():
                print("# " + line, flush=True)
            failed += r.returncode != 0
    return 1 if failed or not files else 0


if __name__ == "__main__":
    sys.exit(main())
