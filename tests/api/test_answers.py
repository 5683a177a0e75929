"""Every answer, as every role, is what the document says: the status's schema, or the problem's."""
import json
import re
import subprocess
import sys

dump = subprocess.run([sys.argv[1]], check=True, capture_output=True, text=True).stdout.splitlines()
document = json.loads(subprocess.run([sys.argv[2]], check=True, capture_output=True, text=True).stdout.splitlines()[-1])
TYPES = {'string': str, 'integer': int, 'boolean': bool, 'object': dict, 'array': list, 'null': type(None)}
INSTANT = re.compile(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?(Z|[+-]\d\d:\d\d)')


def resolve(node):
    while '$ref' in node:
        target = document
        for part in node['$ref'][2:].split('/'):
            target = target[part]
        node = target
    return node


def has_type(value, name):
    return isinstance(value, TYPES[name]) and not (name == 'integer' and isinstance(value, bool))


def wrong(value, schema, where):
    """The first complaint, or None: the keywords that the document uses, no more."""
    schema = resolve(schema)
    for several in ('anyOf', 'oneOf'):
        if several in schema and all(wrong(value, s, where) for s in schema[several]):
            return f'{where}: {json.dumps(value)[:80]} fits none of {several}'
    for part in schema.get('allOf', []):
        if complaint := wrong(value, part, where):
            return complaint
    names = schema.get('type')
    names = [names] if isinstance(names, str) else names
    if names and not any(has_type(value, n) for n in names):
        return f'{where}: {json.dumps(value)[:80]} is not {names}'
    if 'enum' in schema and value not in schema['enum']:
        return f'{where}: {value!r} is not in the enum'
    if isinstance(value, str):
        if 'pattern' in schema and not re.search(schema['pattern'], value):
            return f'{where}: {value!r} does not match'
        if schema.get('format') == 'date-time' and not INSTANT.fullmatch(value):
            return f'{where}: {value!r} is no instant'
    if isinstance(value, list):
        for i, item in enumerate(value):
            if complaint := wrong(item, schema.get('items', {}), f'{where}[{i}]'):
                return complaint
    if isinstance(value, dict):
        properties = schema.get('properties', {})
        for name in schema.get('required', []):
            if name not in value:
                return f'{where}.{name} is missing'
        for name, item in value.items():
            if name in properties:
                if complaint := wrong(item, properties[name], f'{where}.{name}'):
                    return complaint
            elif schema.get('additionalProperties') is False:
                return f'{where}.{name} is not in the document'
    return None


def schema_of(operation, status):
    responses = operation['responses']
    response = resolve(responses.get(str(status)) or responses['default'])
    content = response.get('content', {})
    for kind in ('application/json', 'application/problem+json'):
        if kind in content:
            return content[kind]['schema']
    return None


good, complaints, accepted = 0, set(), set()
for line in dump:
    answer = json.loads(line)
    where = f"{answer['method']} {answer['path']} {answer['status']}"
    operation = document['paths'].get(answer['path'], {}).get(answer['method'])
    if operation is None or answer['body'] is None:
        continue
    if answer['status'] < 300 and str(answer['status']) not in operation['responses']:
        complaints.add(f'{where}: the status is not in the document')
        continue
    schema = schema_of(operation, answer['status'])
    complaint = wrong(answer['body'], schema, 'body') if schema else f'{where}: no schema'
    if complaint:
        complaints.add(f'{where}: {complaint}')
    else:
        good += 1
    if answer['status'] < 300:
        accepted.add((answer['method'], answer['path']))

print('1..2')
print('not ok' if complaints else 'ok', '1 -', good, 'answers are as the document says')
for complaint in sorted(complaints):
    print('#', complaint)
print('ok' if len(accepted) >= 30 else 'not ok', '2 -', len(accepted), 'operations answered 2xx')
sys.exit(1 if complaints or len(accepted) < 30 else 0)
