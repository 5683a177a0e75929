"""Turns store/sqlite/NNN.sql into C arrays: the migrations, in order and without holes, and the whole schema that they
end in, by which a new store is made in one step."""
import os
import re
import sqlite3
import sys


def c_string(name, data):
    numbers = [str(b) for b in data] + ['0']
    rows = ['\t' + ','.join(numbers[i:i + 32]) + ',' for i in range(0, len(numbers), 32)]
    return [f'static const char {name}[] = {{', *rows, '};']


def whole(migrations):
    """What an empty store is after all of them: its tables, indices, triggers and rows, as SQL."""
    store = sqlite3.connect(':memory:', isolation_level=None)
    for sql in migrations:
        store.executescript(sql)
    return '\n'.join(line for line in store.iterdump() if line not in ('BEGIN TRANSACTION;', 'COMMIT;'))


out, files = sys.argv[1], sorted(sys.argv[2:])
lines = ['/* Made at build by store/embed.py. */', '#include "store/migration.h"', '']
rows, texts = [], []
for expected, path in enumerate(files, 1):
    match = re.fullmatch(r'(\d{3})\.sql', os.path.basename(path))
    if not match or int(match.group(1)) != expected:
        sys.exit(f'{path}: migrations are named 001.sql, 002.sql, ... without holes')
    data = open(path, 'rb').read()
    if b'\0' in data:
        sys.exit(f'{path}: holds a NUL byte')
    lines += c_string(f'sql_{expected}', data)
    rows.append(f'\t{{ {expected}, sql_{expected} }},')
    texts.append(data.decode())
lines += c_string('sql_whole', whole(texts).encode())
lines += ['', 'const struct migration db_migrations[] = {', *rows, '\t{ 0, NULL },', '};',
          f'const struct migration db_schema = {{ {len(files)}, sql_whole }};', '']
open(out, 'w').write('\n'.join(lines))
