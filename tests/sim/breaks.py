#!/usr/bin/env python3
"""Breaks one thing of the daemon at a time and looks whether the simulated world says so.

    breaks.py [--seeds N] [--days D] [--jobs N] [--all] [--work DIR] [WORD...]
    breaks.py --texts        only look whether each break still finds the text that it changes

A copy of the tree is built once, and again for each break; WORD chooses breaks by their kind or by their words. A break
is found by the first seed that ends with a violation, or, with --all, all seeds are played and counted; a seed that
ends so without the break as well does not count. One TAP line a break: one that no seed finds is a failure, and so is
one whose text is not in the tree any more.
"""

import argparse
import concurrent.futures
import os
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SCHEDULE = "drivers/modbus/schedule"

# Kind, what is broken, then file, text, and what stands there instead.
BREAKS = [
    ("deadlines", "a controller that fails waits for up to a minute", SCHEDULE + ".h",
     "SCHEDULE_BACKOFF_MOST_MS 2500", "SCHEDULE_BACKOFF_MOST_MS 60000"),
    ("deadlines", "a check-in does not end a backoff", SCHEDULE + ".c",
     "return earlier(later(next, g->line), at->forced);", "return later(next, g->line);"),
    ("gateway", "silent units get a fortieth of their line, not a third", SCHEDULE + ".h",
     "SCHEDULE_CHEAP_SHARE 3", "SCHEDULE_CHEAP_SHARE 40"),
    ("since", "waits count from the booked start, whenever the booking was made", "daemon/core/booking.c",
     "return at > b->booked_from ? at : b->booked_from;", "return b->booked_from;"),
    ("use", "use is counted seconds alone", "daemon/core/use.c",
     "return s->first_run_at != 0 || s->on_ms > 0 || s->measured_ms > 0;", "return s->measured_ms > 0;"),
    ("use", "outages, faults and shut relays count as usable", "daemon/store/usable.c",
     "AND kind <> 'clock' ", "AND kind = 'clock' "),
    ("use", "a wait is over when its time has passed, usable or not", "daemon/core/use.c",
     "enough = f->usable_ms >= f->wait_ms;", "enough = f->at - f->from >= f->wait_ms;"),
    ("use", "a block of the staff counts as usable", "daemon/store/usable.c",
     "AND state <> 'removed' AND", "AND state = 'nothing' AND"),
    ("level", "no level is found again that a counter left", "daemon/core/meter_level.c",
     "if (is_no_level(m, def, s))\n\t\treturn -1;\n\tfor",
     "if (is_no_level(m, def, s) || m->n_left >= 0)\n\t\treturn -1;\n\tfor"),
    ("level", "only the newest level is found again", "daemon/core/meter_level.c",
     "for (int k = m->n_left - 1; k >= 0; k--) {\n\t\tint64_t ms = may_be_back",
     "for (int k = m->n_left - 1; k >= 0 && k >= m->n_left - 1; k--) {\n\t\tint64_t ms = may_be_back"),
    ("level", "levels are not stored", "daemon/core/meter_blob.c",
     "if (!w.ok || w.left != 0 || m.ext_ms < 0)", "m.n_left = 0;\n\tif (!w.ok || w.left != 0 || m.ext_ms < 0)"),
    ("prices", "price lists hold by their number, not by when they take effect", "daemon/store/terms.c",
     "ORDER BY effective_at DESC, version DESC LIMIT 1\", \"ttti\"", "ORDER BY version DESC LIMIT 1\", \"ttti\""),
    ("clock", "what a jump of the wall clock took counts as usable", "daemon/app/clock_lost.c",
     "rc = q->session ? lost_to_session(a, q, ret) : lost_to_booking(a, q->booking, q->in, ret);",
     "rc = 0;\n\tif (!q)\n\t\trc = q->session ? lost_to_session(a, q, ret) : lost_to_booking(a, q->booking, q->in, ret);"),
    ("clock", "idle is counted by the labels of the wall clock", "daemon/app/clock_lost.c",
     "? clock_passed_ms(&p, at) : 0;", "? a->now.wall_ms - at : 0;"),
    ("whose", "a run behind the interlock is its booking's", "daemon/app/metering_open.c",
     "\t*ret = behind_lock(a, r, from);\n\tif (*ret", "\t*ret = false;\n\tif (*ret"),
    ("whose", "who checks in during a bypassed run takes all of it", "daemon/app/metering_take.c",
     "*ret = s->bypassed || s->disowned", "*ret = s->disowned"),
    ("whose", "the usage report leaves out what is nobody's", "daemon/store/usage_scan.c",
     "if (db_int(s, 5) == 0)\n", "if (db_int(s, 5) == 0 && b.class != USAGE_UNATTRIBUTED)\n"),
]


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def write(path, text):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def texts():
    """What each break changes must be there once."""
    lines = []
    for kind, what, file, old, _ in BREAKS:
        n = read(os.path.join(ROOT, file)).count(old)
        lines.append((n == 1, f"{kind}: {what}", f"{file} has the text {n} times: {old!r}"))
    return lines


def run(command, cwd):
    return subprocess.run(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)


WORLD = "build/tests/sim/sim_world"
WHOLE = WORLD + ".whole"  # without a break


def build(tree):
    r = run(["ninja", "-C", "build", "tests/sim/sim_world"], tree)
    return None if r.returncode == 0 else "\n".join(r.stdout.splitlines()[-8:])


def copy(tree):
    shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns("build*", ".git", "__pycache__", "node_modules"))
    r = run(["meson", "setup", "build", "-Dbuildtype=debugoptimized", "-Doptimization=2"], tree)
    wrong = "\n".join(r.stdout.splitlines()[-8:]) if r.returncode else build(tree)
    if wrong:
        sys.exit(wrong)
    shutil.copy2(os.path.join(tree, WORLD), os.path.join(tree, WHOLE))


def play(tree, seed, days, program=WORLD):
    """What the world says of this seed, or None."""
    r = run([program, "--first", str(seed), "--seeds", "1", "--days", str(days), "--jobs", "1", "--once"], tree)
    if r.returncode == 0 or (program == WORLD and play(tree, seed, days, WHOLE)):
        return None
    said = [line[2:] for line in r.stdout.splitlines() if line.startswith("# seed")]
    return said[0] if said else f"seed {seed}: it ended with {r.returncode}"


def look(tree, o):
    """(seeds that found it, seeds that were played, what the first said)"""
    found, played, first = 0, 0, None
    with concurrent.futures.ThreadPoolExecutor(o.jobs) as pool:
        for begin in range(o.first, o.first + o.seeds, o.jobs):
            seeds = range(begin, min(begin + o.jobs, o.first + o.seeds))
            for said in pool.map(lambda seed: play(tree, seed, o.days), seeds):
                played += 1
                found += said is not None
                first = first or said
            if first and not o.all:
                break
    return found, played, first


def broken(tree, entry, o):
    kind, what, file, old, new = entry
    path = os.path.join(tree, file)
    whole = read(path)
    write(path, whole.replace(old, new))
    try:
        wrong = build(tree)
        if wrong:
            return False, f"{kind}: {what}", wrong
        found, played, first = look(tree, o)
        return found > 0, f"{kind}: {what}: {found} of {played}", first
    finally:
        write(path, whole)


def report(n, line):
    ok, what, said = line
    print(f"{'ok' if ok else 'not ok'} {n} - {what}")
    if said:
        print("# " + said.replace("\n", "\n# "))
    sys.stdout.flush()
    return ok


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--texts", action="store_true")
    p.add_argument("--all", action="store_true")
    p.add_argument("--first", type=int, default=1)
    p.add_argument("--seeds", type=int, default=16)
    p.add_argument("--days", type=int, default=3)
    p.add_argument("--jobs", type=int, default=1)
    p.add_argument("--work")
    p.add_argument("words", nargs="*")
    o = p.parse_args()
    here = texts()
    if o.texts or not all(ok for ok, _, _ in here):
        print(f"1..{len(here)}")
        shown = [report(n, (ok, what, None if ok else why)) for n, (ok, what, why) in enumerate(here, 1)]
        return 0 if all(shown) else 1
    chosen = [b for b in BREAKS if not o.words or any(word == b[0] or word in b[1] for word in o.words)]
    work = o.work or tempfile.mkdtemp(prefix="labtime-breaks-")
    tree = os.path.join(work, "tree")
    try:
        if not os.path.exists(tree):
            copy(tree)
        print(f"1..{len(chosen)}")
        return 0 if all([report(n, broken(tree, b, o)) for n, b in enumerate(chosen, 1)]) else 1
    finally:
        if not o.work:
            shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
