"""The document and the route tables say the same: routes, keys, If-Match, dry runs, path parameters, problems."""
import json
import re
import subprocess
import sys

lines = subprocess.run([sys.argv[1]], check=True, capture_output=True, text=True).stdout.splitlines()
routes = [json.loads(line) for line in lines[:-1]]
document = json.loads(lines[-1])
results = []


def check(name, complaints):
    results.append(not complaints)
    print('ok' if not complaints else 'not ok', len(results), '-', name)
    for complaint in complaints:
        print('#', complaint)


def parameters(path, operation):
    for p in document['paths'][path].get('parameters', []) + operation.get('parameters', []):
        if '$ref' in p:
            p = document['components']['parameters'][p['$ref'].rsplit('/', 1)[1]]
        yield p['in'], p['name']


table = {(r['method'], r['path']): r for r in routes}
paths = {(m, p) for p, item in document['paths'].items() for m in item if m != 'parameters'}
check('every route is in the document', [f'{m} {p} is missing' for m, p in sorted(set(table) - paths)])
check('every operation is a route', [f'{m} {p} has no route' for m, p in sorted(paths - set(table))])

wrong = []
ids = []
for (method, path), route in sorted(table.items()):
    operation = document['paths'].get(path, {}).get(method)
    if operation is None:
        continue
    given = set(parameters(path, operation))
    ids.append(operation.get('operationId'))
    for flag, name in (('key', ('header', 'Idempotency-Key')), ('match', ('header', 'If-Match')),
                       ('dry', ('query', 'dry_run'))):
        if bool(route[flag]) != (name in given):
            wrong.append(f'{method} {path}: {name[1]} is {"not " if route[flag] else ""}in the document, the table differs')
    names = set(re.findall(r'\{(\w+)\}', path))
    if names != {n for where, n in given if where == 'path'}:
        wrong.append(f'{method} {path}: path parameters differ')
    if 'default' not in operation['responses']:
        wrong.append(f'{method} {path}: no problem answer')
    if bool(route['public']) != (operation.get('security') == []):
        wrong.append(f'{method} {path}: public differs')
check('flags and parameters agree', wrong)
check('operation ids are there and unique', [] if None not in ids and len(set(ids)) == len(ids) else [f'{ids}'])
check('it says what it is', [] if document['openapi'].startswith('3.1')
      and document['info']['version'] else ['no version'])
print(f'1..{len(results)}')
sys.exit(0 if all(results) else 1)
