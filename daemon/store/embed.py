"""Turns store/sqlite/NNN.sql into a C array of migrations, in order and without holes."""
import os
import re
import sys

out, files = sys.argv[1], sorted(sys.argv[2:])
lines = ['/* Made at build by store/embed.py. */', '#include "store/migration.h"', '']
rows = []
for expected, path in enumerate(files, 1):
    match = re.fullmatch(r'(\d{3})\.sql', os.path.basename(path))
    if not match or int(match.group(1)) != expected:
        sys.exit(f'{path}: migrations are named 001.sql, 002.sql, ... without holes')
    data = open(path, 'rb').read()
    if b'\0' in data:
        sys.exit(f'{path}: holds a NUL byte')
    numbers = [str(b) for b in data] + ['0']
    lines.append(f'static const char sql_{expected}[] = {{')
    for i in range(0, len(numbers), 32):
        lines.append('\t' + ','.join(numbers[i:i + 32]) + ',')
    lines.append('};')
    rows.append(f'\t{{ {expected}, sql_{expected} }},')
lines += ['', 'const struct migration db_migrations[] = {', *rows, '\t{ 0, NULL },', '};', '']
open(out, 'w').write('\n'.join(lines))
