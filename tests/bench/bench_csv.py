"""CSV export against `sqlite3 -csv` on the same rows: interleaved, medians; a ratio over 1 means ours is faster.

usage: bench_csv.py CSV_OURS [ROWS] [ROUNDS]
"""
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

COLUMNS = ('id, kind, corrects, session, booking, org, user, instrument, project, period, posted_at, service_from, service_to, '
           'used_s, idle_s, overrun_s, billed_s, estimated_s, amount_minor, currency, flags')


def timed(command, path):
    with open(path, 'wb') as out:
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=out)
        return time.perf_counter() - start


def main():
    ours = sys.argv[1]
    rows = int(sys.argv[2]) if len(sys.argv) > 2 else 1000000
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    if not shutil.which('sqlite3'):
        print('# sqlite3 is not installed: nothing to compare with')
        return 0
    with tempfile.TemporaryDirectory() as d:
        db, out = os.path.join(d, 'l.db'), os.path.join(d, 'o.csv')
        subprocess.run([ours, 'make', db, str(rows)], check=True)
        query = f"SELECT {COLUMNS} FROM charge WHERE period = '2026-12' AND seq > 0 ORDER BY seq"
        a, b = [], []
        for i in range(rounds):
            a.append(timed([ours, 'run', db], out))
            with open(out, 'rb') as f:
                lines = sum(block.count(b'\n') for block in iter(lambda: f.read(1 << 20), b''))
            if lines != rows + 1:
                sys.exit(f'bench_csv: {lines} lines, not {rows + 1}')
            b.append(timed(['sqlite3', '-csv', '-header', db, query], out))
        x, y = statistics.median(a), statistics.median(b)
        print(f'csv export: {rows / x / 1e6:.2f} M rows/s, sqlite3 -csv: {rows / y / 1e6:.2f} M rows/s, '
              f'ratio {y / x:.2f} (goal >= 1), rows {rows}, rounds {rounds}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
