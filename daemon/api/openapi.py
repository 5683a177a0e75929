"""Merges the OpenAPI fragments into one document and writes it as a C array.

usage: openapi.py OUT.c VERSION FRAGMENT.json...
Objects merge; a member that two fragments both define is an error. Every $ref must resolve.
"""
import json
import sys


def no_twins(pairs):
    seen = {}
    for key, value in pairs:
        if key in seen:
            sys.exit(f'openapi: member {key} twice in one object')
        seen[key] = value
    return seen


def merge(into, part, where):
    for key, value in part.items():
        if key not in into:
            into[key] = value
        elif isinstance(into[key], dict) and isinstance(value, dict):
            merge(into[key], value, f'{where}/{key}')
        else:
            sys.exit(f'openapi: {where}/{key} is defined twice')


def references(node):
    if isinstance(node, dict):
        for key, value in node.items():
            if key == '$ref':
                yield value
            else:
                yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def resolve(document, ref):
    node = document
    if not ref.startswith('#/'):
        sys.exit(f'openapi: {ref} leaves the document')
    for part in ref[2:].split('/'):
        part = part.replace('~1', '/').replace('~0', '~')
        if not isinstance(node, dict) or part not in node:
            sys.exit(f'openapi: {ref} does not resolve')
        node = node[part]


def main():
    out, version, *files = sys.argv[1:]
    document = {}
    for path in files:
        with open(path, encoding='utf-8') as f:
            merge(document, json.load(f, object_pairs_hook=no_twins), '')
    document['info']['version'] = version
    for ref in set(references(document)):
        resolve(document, ref)
    data = json.dumps(document, ensure_ascii=True, separators=(',', ':')).encode()
    lines = ['/* Made at build by api/openapi.py. */', '#include "api/openapi.h"', '', 'const char openapi_json[] = {']
    numbers = [str(b) for b in data] + ['0']
    lines += ['\t' + ','.join(numbers[i:i + 32]) + ',' for i in range(0, len(numbers), 32)]
    lines += ['};', f'const size_t openapi_json_size = {len(data)};', '']
    with open(out, 'w', encoding='ascii') as f:
        f.write('\n'.join(lines))


main()
