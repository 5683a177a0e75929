#!/usr/bin/env python3
"""Builds and tests in several ways, counts single results, ends with "N passed, N failed[, N skipped]".

Meson runs the tests; its log gives each test's output. A test that speaks TAP counts a result a line, another counts
as one. A test that ends badly without a failed line (a crash, a timeout, a sanitizer's report) counts as one failure.
"""

import json
import os
import re
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SHOWN = 60  # lines of a failed test's output


class Totals:
    passed = failed = skipped = 0
    reasons = []  # one line a skipped result

    def add(self, passed, failed, skipped):
        self.passed += passed
        self.failed += failed
        self.skipped += skipped


TOTALS = Totals()


def say(text=""):
    print(text, flush=True)


def quiet(command, env):
    """Runs it; its output only when it fails."""
    r = subprocess.run(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                       errors="replace", check=False)
    if r.returncode:
        lines = r.stdout.splitlines()
        first = next((i for i, line in enumerate(lines) if line.startswith("FAILED:")), max(0, len(lines) - SHOWN))
        say("\n".join(line for line in lines[first:] if not re.match(r"\[\d+/\d+\] ", line))[:8000])
    return r.returncode == 0


def build(name, directory, compiler, options, wanted=None):
    """Configures and builds; wanted: only the targets whose names it matches."""
    env = dict(os.environ, CC=compiler)
    if os.environ.get("CI") == "true":
        options = options + ["-Dwerror=true"]
    configured = os.path.exists(os.path.join(ROOT, directory, "build.ninja"))
    setup = ["meson", "setup", directory] + options + (["--reconfigure"] if configured else [])
    began = time.monotonic()
    if quiet(setup, env) and quiet(["ninja", "-C", directory] + targets(directory, wanted), env):
        say(f"{name}: built in {time.monotonic() - began:.0f} s")
        return True
    say(f"{name}: the build failed")
    TOTALS.add(0, 1, 0)
    return False


def targets(directory, wanted):
    """Paths of the executables whose names match; none means all there are."""
    if not wanted:
        return []
    known = json.loads(subprocess.run(["meson", "introspect", directory, "--targets"], cwd=ROOT, capture_output=True,
                                      text=True, check=True).stdout)
    return [os.path.relpath(t["filename"][0], os.path.join(ROOT, directory)) for t in known
            if t["type"] == "executable" and re.fullmatch(wanted, t["name"])]


def tap(text, name):
    """(passed, failed, skipped) of the top-level lines; why something was skipped is kept."""
    passed = failed = skipped = 0
    for line in text.splitlines():
        m = re.match(r"(not )?ok\b(.*)", line)
        if not m:
            continue
        if re.search(r"#\s*(skip|todo)", m.group(2), re.I):
            skipped += 1
            TOTALS.reasons.append(f"{name}:{m.group(2)}")
        elif m.group(1):
            failed += 1
        else:
            passed += 1
    nothing = re.search(r"^1\.\.0\b(.*)", text, re.M)
    if nothing:
        skipped += 1
        TOTALS.reasons.append(f"{name}:{nothing.group(1)}")
    return passed, failed, skipped


def count(entry, protocol):
    good = entry["result"] in ("OK", "EXPECTEDFAIL")
    if protocol != "tap":
        return (0, 0, 1) if entry["result"] == "SKIP" else (int(good), int(not good), 0)
    passed, failed, skipped = tap(entry.get("stdout", ""), entry["name"])
    plan = re.search(r"^1\.\.(\d+)", entry.get("stdout", ""), re.M)
    if entry["result"] == "FAIL" and entry.get("returncode") == 0 and failed == 0 and plan:
        # cmocka writes "not ok ... # SKIP", which meson takes for a failure.
        good = passed + skipped == int(plan.group(1))
    if not good and entry["result"] != "SKIP" and failed == 0:
        failed = 1
    if good and passed + failed + skipped == 0:
        failed = 1  # a test that says nothing has shown nothing
    return passed, failed, skipped


def show(entry, protocol):
    say(f"--- {entry['name']}: {entry['result']}, exit status {entry.get('returncode')}, "
        f"{entry.get('duration', 0):.1f} s")
    lines = (entry.get("stdout", "") + entry.get("stderr", "")).splitlines()
    wanted = lines
    if protocol == "tap" and len(lines) > SHOWN:
        wanted = [line for line in lines if not re.match(r"ok\b", line)]
    for line in wanted[-SHOWN:]:
        say("    " + line)


def figures(entries):
    """The benches' lines beside their targets; they gate nothing."""
    for entry in entries:
        for line in entry.get("stdout", "").splitlines() if entry["name"].startswith("bench") else ():
            if line.startswith("# BENCH "):
                say("    " + line[len("# BENCH "):])


def run_tests(name, directory, arguments, extra_env=None):
    env = dict(os.environ, **(extra_env or {}))
    log = os.path.join(ROOT, directory, "meson-logs", "testlog.json")
    if os.path.exists(log):
        os.remove(log)
    tests = json.loads(subprocess.run(["meson", "introspect", directory, "--tests"], cwd=ROOT, capture_output=True,
                                      text=True, check=True).stdout)
    protocols = {t["name"]: t["protocol"] for t in tests}
    began = time.monotonic()
    r = subprocess.run(["meson", "test", "-C", directory, "--no-rebuild", "--quiet"] + arguments, cwd=ROOT, env=env,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
    passed = failed = skipped = 0
    entries = []
    if os.path.exists(log):
        with open(log, encoding="utf-8", errors="replace") as handle:
            entries = [json.loads(line) for line in handle]
    for entry in entries:
        entry["name"] = entry["name"].split(" / ")[-1]
        protocol = protocols.get(entry["name"], "exitcode")
        p, f, s = count(entry, protocol)
        passed, failed, skipped = passed + p, failed + f, skipped + s
        if f:
            show(entry, protocol)
    if not entries and "No suitable tests" not in r.stdout and "No tests defined" not in r.stdout:
        say(r.stdout[-2000:])
        failed += 1
    TOTALS.add(passed, failed, skipped)
    figures(entries)
    say(f"{name}: {passed} passed, {failed} failed{f', {skipped} skipped' if skipped else ''} "
        f"({time.monotonic() - began:.0f} s)")


def jobs():
    """One test more than there are cores: those of the real programs wait most of their time."""
    return ["--num-processes", str(min(4, os.cpu_count() or 1) + 1)]


def suites(*names):
    return [a for n in names for a in ("--suite", n)]


def without(*names):
    return [a for n in names for a in ("--no-suite", n)]


# What the sanitized programs are asked: they take several times as long, and doses belong to the other half.
SMALL = {"LABTIME_KILLS": "3", "LABTIME_ROUNDS": "50"}
# The full doses of ./check --long.
LONG = {"LABTIME_LONG": "1"}
FULL = dict(LONG, LABTIME_KILLS="100", LABTIME_ROUNDS="2000")
OPTIMISED = ["-Dbuildtype=debugoptimized", "-Doptimization=2"]
SANITIZED = ["-Dbuildtype=debugoptimized", "-Doptimization=1", "-Db_sanitize=address,undefined", "-Db_lundef=false"]
PATIENT = ["--num-processes", "1", "--timeout-multiplier", "20"]


def usual():
    if build("gcc -O2", "build/gcc", "gcc", OPTIMISED):
        run_tests("gcc -O2", "build/gcc", jobs() + ["--timeout-multiplier", "5"] + without("long", "bench", "small"))
    if build("clang -O1 with sanitizers", "build/sanitize", "clang", SANITIZED):
        run_tests("clang with sanitizers", "build/sanitize", jobs() + ["--timeout-multiplier", "5"] +
                  suites("unit", "property", "drivers", "api", "cli", "small", "fuzz", "sanitized"), SMALL)


def long_fuzz():
    """libFuzzer's own search, a minute a target; what it finds it leaves beside the build."""
    directory = "build/fuzz"
    if not build("clang with libFuzzer", directory, "clang", SANITIZED + ["-Dfuzzer=true"], "fuzz_.*"):
        return
    passed = failed = 0
    for program in targets(directory, "fuzz_.*"):
        name = os.path.basename(program)
        corpus = os.path.join(ROOT, directory, "corpus-" + name)
        os.makedirs(corpus, exist_ok=True)
        good = quiet([os.path.join(directory, program), "-max_total_time=60", "-timeout=10", "-rss_limit_mb=2048",
                      f"-artifact_prefix={directory}/{name}-", corpus], dict(os.environ))
        passed, failed = passed + good, failed + (not good)
    TOTALS.add(passed, failed, 0)
    say(f"libFuzzer: {passed} passed, {failed} failed")


def bare_root():
    """A fresh clone on a bare Debian 12."""
    began = time.monotonic()
    r = subprocess.run(["scripts/bare-root"], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
    for line in r.stdout.splitlines():
        say("    " + line)
    if r.returncode == 77:
        TOTALS.add(0, 0, 1)
        TOTALS.reasons.append("a bare Debian 12: " + (r.stdout.strip().splitlines() or ["no reason given"])[-1])
    else:
        TOTALS.add(int(r.returncode == 0), int(r.returncode != 0), 0)
    say(f"a bare Debian 12: exit status {r.returncode} ({time.monotonic() - began:.0f} s)")


def levels():
    for compiler, level in (("gcc", "0"), ("clang", "0"), ("clang", "2")):
        name, directory = f"{compiler} -O{level}", f"build/{compiler}-O{level}"
        if build(name, directory, compiler, ["-Dbuildtype=debug", f"-Doptimization={level}"]):
            run_tests(name, directory,
                      jobs() + ["--timeout-multiplier", "3"] + without("long", "bench", "lint", "small"))
    for compiler in ("gcc", "clang"):  # what packagers build; the optimiser sees what -O2 does not
        build(f"{compiler} -O3, no warnings", f"build/{compiler}-O3", compiler, ["-Dbuildtype=release", "-Dwerror=true"])


def doses():
    if build("gcc -O2", "build/gcc", "gcc", OPTIMISED):
        run_tests("full doses", "build/gcc", jobs() + ["--timeout-multiplier", "20"] + suites("long"), FULL)


def benches():
    if build("gcc -O2", "build/gcc", "gcc", OPTIMISED):
        run_tests("benches, one at a time", "build/gcc", PATIENT + suites("bench"), LONG)


def kills():
    if build("gcc -O2", "build/gcc", "gcc", OPTIMISED):
        run_tests("a hundred kills, longer lives", "build/gcc", PATIENT + ["kill", "history", "metering properties"], FULL)


# ./check --long is all of them in this order; ./check --part NAME one.
PARTS = {"usual": usual, "levels": levels, "doses": doses, "benches": benches, "kills": kills, "fuzz": long_fuzz,
         "bare": bare_root}


def main():
    words = sys.argv[1:]
    wanted = words[1:] if words[:1] == ["--part"] else PARTS if "--long" in words else ["usual"]
    unknown = [name for name in wanted if name not in PARTS]
    if unknown or not wanted:
        say(f"check: --part takes {', '.join(PARTS)}")
        return 2
    for name in wanted:
        PARTS[name]()
    if TOTALS.reasons:
        say("skipped:")
        for reason in dict.fromkeys(TOTALS.reasons):
            say("    " + reason)
    skipped = f", {TOTALS.skipped} skipped" if TOTALS.skipped else ""
    say(f"{TOTALS.passed} passed, {TOTALS.failed} failed{skipped}")
    return 1 if TOTALS.failed or not TOTALS.passed else 0


if __name__ == "__main__":
    sys.exit(main())
