#!/usr/bin/env python3
"""The gate of docs/architecture.md: rooms, arrows, owners of third-party headers, purity, calls, sizes, words.

    lint.py ROOT             check a tree; one TAP line a rule, each finding as a comment below it
    lint.py ROOT --selftest  plant each violation in a small tree of its own and see it found
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile

LINES_MAX = 700
COLUMNS_MAX = 120  # a tab counts as 4
SKIPPED_DIRS = {".git", "node_modules", "__pycache__", "subprojects"}
SKIPPED_FILES = {".git"}  # of a further work tree: it names the place of the first

# Room -> what it may include besides itself: a room, or one header of a room.
PLAIN = {"common", "include"}
ARROWS = {
    "common": set(),
    "include": set(),
    "core": PLAIN,
    "base": PLAIN,
    "msg": PLAIN,
    "net": PLAIN | {"msg", "base"},
    "drivers": PLAIN,
    "modbus": PLAIN | {"drivers", "msg", "base", "net/loop.h", "core/interlock.h"},
    "sim": PLAIN | {"base"},
    "store": PLAIN | {"core", "base"},
    "app": PLAIN | {"core", "store", "msg", "base"},
    "export": PLAIN | {"app/job.h", "app/act.h", "store", "core", "base"},
    "api": PLAIN | {"app", "export", "core", "msg", "base"},
    "conf": PLAIN | {"core", "base", "drivers/profile.h"},
    "client": PLAIN,
}
DAEMON_ROOMS = {"core", "base", "msg", "net", "store", "app", "export", "api", "conf"}

# Third-party header -> the places that own it.
OWNERS = [
    (r"sqlite3\.h", ["daemon/store/sqlite.c", "daemon/store/sqlite_backup.c", "tests/"]),
    (r"event2/", ["daemon/net/", "drivers/", "tests/"]),
    (r"openssl/(ssl|bio|x509|x509v3|pem|ec|err)\.h", ["daemon/net/", "drivers/", "tests/"]),
    (r"openssl/", ["daemon/base/", "daemon/net/", "drivers/", "client/sha256.c", "tests/"]),
    (r"modbus(/.*)?\.h", ["drivers/modbus/", "drivers/sim/", "tests/"]),
    (r"libconfig\.h", ["daemon/conf/", "tests/"]),
    (r"jansson\.h", ["daemon/api/", "daemon/export/", "client/", "tests/"]),
    (r"curl/", ["client/", "tests/"]),
    (r"utf8proc\.h", ["client/", "tests/"]),
    (r"cmocka\.h", ["tests/"]),
    (r"xlsxwriter\.h", ["daemon/export/"]),
]

PURE = ("common/", "daemon/core/")
PURE_HEADERS = {"assert.h", "limits.h", "stdarg.h", "stdbool.h", "stddef.h", "stdint.h", "stdlib.h", "string.h"}
PURE_SYMBOLS = re.compile(
    r"^(mem[a-z]+|str[a-z]+|qsort|bsearch|__assert_fail|__stack_chk_fail|_GLOBAL_OFFSET_TABLE_|__u?(div|mod|divmod)ti[34])$")
# Of the str* family these allocate, keep state or depend on the locale.
IMPURE_SYMBOLS = {"strdup", "strndup", "strtok", "strerror", "strcoll", "strxfrm", "strtod", "strtof", "strsignal",
                  "strftime"}

FORBIDDEN = ["strcpy", "strcat", "sprintf", "vsprintf", "gets", "atoi", "atof", "strtok", "localtime", "gmtime",
             "ctime", "asctime", "mktemp", "tmpnam", "alloca"]
# The client may wait between two questions, a load generator between two requests; a test waits for a condition.
SLEEPS = ["sleep", "usleep", "nanosleep", "clock_nanosleep"]
SLEEPERS = ("client/", "tests/bench/")
INTEGER_ONLY = ("common/", "daemon/core/", "daemon/store/", "daemon/app/", "daemon/export/", "daemon/conf/", "drivers/")
FLOATS = ("drivers/sim/",)  # the simulator also plays devices that send them

# Names of the place where this was written mean nothing to a reader. Written in two parts so as not to find themselves.
WORDS = [("/wo", "rk/"), ("/tmp/br", "ief"), ("shared/sp", "ec"), ("shared/res", "earch"), ("shared/vec", "tors"),
         ("shared/val", "idators"), ("TO", "DO:"), ("FIX", "ME"), ("BRIEF", r"\.md")]


def room_of(path):
    parts = path.split("/")
    if parts[0] == "daemon":
        return parts[1] if len(parts) > 2 and parts[1] in DAEMON_ROOMS else "main"
    if parts[0] == "drivers":
        return parts[1] if len(parts) > 2 else "drivers"
    return parts[0] if parts[0] in ("common", "include", "client", "tests") else "other"


class Tree:
    def __init__(self, root):
        self.root = root
        self.files = []
        for directory, dirs, names in os.walk(root):
            dirs[:] = sorted(d for d in dirs if d not in SKIPPED_DIRS and not d.startswith("build"))
            for name in sorted(names):
                full = os.path.join(directory, name)
                if name not in SKIPPED_FILES and os.path.isfile(full) and not os.path.islink(full):
                    self.files.append(os.path.relpath(full, root))
        self.text = {}
        for f in self.files:
            with open(os.path.join(root, f), "rb") as handle:
                self.text[f] = handle.read().decode("utf-8", "replace")
        self.code = {f: strip(self.text[f]) for f in self.files if f.endswith((".c", ".h"))}
        self.includes = {f: self.find_includes(f) for f in self.code}

    def find_includes(self, path):
        """(line, spelled, resolved path or None) of each include."""
        found = []
        tests = sorted({"tests"} | {os.path.dirname(f) for f in self.files
                                    if f.startswith("tests/")}) if path.startswith("tests/") else []
        for n, line in enumerate(self.text[path].split("\n"), 1):
            m = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
            if not m:
                continue
            resolved = None
            bases = [os.path.dirname(path)] if m.group(1) == '"' else []
            for base in bases + ["", "daemon", "include"] + tests:
                candidate = os.path.normpath(os.path.join(base, m.group(2)))
                if candidate in self.text:
                    resolved = candidate
                    break
            found.append((n, m.group(2), resolved))
        return found


def strip(text):
    """Code without comments and literals; lines stay where they are."""
    def blank(m):
        s = m.group(0)
        return "\n" * s.count("\n") if s.startswith("/") else s[0] + s[0]
    return re.sub(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text, flags=re.S)


def rule_arrows(t):
    """rooms include only what their arrows allow"""
    for path, includes in t.includes.items():
        room = room_of(path)
        if room in ("main", "tests", "other"):
            continue
        for line, spelled, resolved in includes:
            if resolved is None:
                continue
            target = room_of(resolved)
            header = re.sub(r"^(daemon|include)/", "", resolved)
            if target == room or target in ARROWS.get(room, set()) or header in ARROWS.get(room, set()):
                continue
            yield f"{path}:{line}: room {room} may not include {spelled} (room {target})"


def rule_known_rooms(t):
    """every source file lies in a room"""
    for path in t.code:
        if room_of(path) == "other" or (path.startswith("drivers/") and room_of(path) not in ARROWS):
            yield f"{path}: not in a room of docs/architecture.md"


def rule_quoted(t):
    """quoted includes exist in the tree"""
    for path in t.code:
        for line, spelled, resolved in t.includes[path]:
            quoted = re.search(r'include\s*"' + re.escape(spelled) + '"', t.text[path])
            if quoted and resolved is None:
                yield f"{path}:{line}: {spelled} is not in the tree"


def rule_owners(t):
    """third-party headers stay with their owner"""
    for path, includes in t.includes.items():
        for line, spelled, resolved in includes:
            if resolved is not None:
                continue
            for pattern, owners in OWNERS:
                if re.match(pattern, spelled):
                    if not any(path == o or (o.endswith("/") and path.startswith(o)) for o in owners):
                        yield f"{path}:{line}: {spelled} belongs to {', '.join(owners)}"
                    break


def rule_cycles(t):
    """no header includes itself, however far round"""
    state, stack = {}, []

    def visit(path):
        state[path] = 1
        stack.append(path)
        for _, _, resolved in t.includes.get(path, []):
            if resolved is None:
                continue
            if state.get(resolved) == 1:
                yield "cycle: " + " -> ".join(stack[stack.index(resolved):] + [resolved])
            elif resolved not in state:
                yield from visit(resolved)
        stack.pop()
        state[path] = 2

    for path in t.includes:
        if path not in state:
            yield from visit(path)


def rule_pure_headers(t):
    """common and core include no more than the pure part of libc"""
    for path, includes in t.includes.items():
        if path.startswith(PURE):
            for line, spelled, resolved in includes:
                if resolved is None and spelled not in PURE_HEADERS:
                    yield f"{path}:{line}: {spelled} is not for a pure room"


def rule_calls(t):
    """no unsafe call, and no sleep"""
    for path, code in t.code.items():
        names = FORBIDDEN + ([] if path.startswith(SLEEPERS) else SLEEPS) + ([]
            if path.startswith("tests/") else ["system"])
        pattern = re.compile(r"(?<![\w.>])(" + "|".join(names) + r")\s*\(")
        for n, line in enumerate(code.split("\n"), 1):
            m = pattern.search(line)
            if m:
                yield f"{path}:{n}: {m.group(1)}() is not used here"


def rule_integers(t):
    """no floating point where money and time are"""
    for path, code in t.code.items():
        if path.startswith(INTEGER_ONLY) and not path.startswith(FLOATS):
            for n, line in enumerate(code.split("\n"), 1):
                if re.search(r"\b(float|double)\b", line):
                    yield f"{path}:{n}: floating point"


def rule_sql(t):
    """SQL is in the store, and the api asks the app"""
    statement = re.compile(r'"\s*(SELECT|INSERT|UPDATE|DELETE|REPLACE|WITH)\s+[\w*]')
    for path in t.code:
        if not path.startswith("daemon/") or path.startswith("daemon/store/"):
            continue
        for n, line in enumerate(t.text[path].split("\n"), 1):
            if statement.search(line):
                yield f"{path}:{n}: SQL outside daemon/store"
        if path.startswith("daemon/api/"):
            for n, line in enumerate(t.code[path].split("\n"), 1):
                m = re.search(r"\b(store_\w+|db_\w+)\s*\(", line)
                if m:
                    yield f"{path}:{n}: {m.group(1)}() is not the api's to call"


# What PostgreSQL does not have, or means otherwise. It has IS for NULL only; between values it is IS DISTINCT FROM.
UNPORTABLE = [r"\bjson_\w+\s*\(", r"->>?\s*'", r"\bIS (?:NOT )?\?", r"\bINSERT OR\b", r"\b(?:rowid|IFNULL|GLOB)\b"]


def scalar(sql):
    """MIN and MAX of more than one argument: LEAST and GREATEST elsewhere."""
    for m in re.finditer(r"\b(?:MIN|MAX)\s*\(", sql, re.I):
        depth = 0
        for end in range(m.end() - 1, len(sql)):
            depth += (sql[end] == "(") - (sql[end] == ")")
            if depth == 0 or (depth == 1 and sql[end] == ","):
                break
        if depth:
            yield sql[m.start():end + 1]


def rule_portable_sql(t):
    """SQL is what PostgreSQL takes as well: no JSON functions, no MIN and MAX of two arguments"""
    for path in t.code:
        if not path.startswith("daemon/store/") or re.match(r"daemon/store/sqlite\w*\.c$", path):
            continue
        text = re.sub(r"/\*.*?\*/", "", t.text[path], flags=re.S)
        for literal in re.findall(r'"((?:\\.|[^"\\])*)"', re.sub(r'"\s*"', "", text)):
            odd = [m.group(0) for p in UNPORTABLE for m in re.finditer(p, literal)] + list(scalar(literal))
            for found in odd:
                yield f"{path}: {found}"


def rule_length(t):
    """no source file is longer than the cap"""
    for path in t.files:
        if path.endswith((".c", ".h", ".py", ".sh", ".sql")):
            n = t.text[path].count("\n")
            if n > LINES_MAX:
                yield f"{path}: {n} lines, at most {LINES_MAX}"


# What may be wider: a row of a table, and text in quotes (a message, SQL), which is easier to find in one piece.
ROW = re.compile(r'\s*(\[\w+\] = )?\{.*\},?(\s*/\*.*\*/)?$|\s*(\[\w+\] = )?\{ ["&A-Z].*[,"]$')
QUOTED = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'')


def rule_width(t):
    """no line is wider than the cap, but for rows of tables and text in quotes"""
    for path in t.files:
        if path.endswith((".c", ".h", ".py", ".build")):
            for n, line in enumerate(t.text[path].split("\n"), 1):
                width = len(QUOTED.sub('""', line).expandtabs(4))
                if width > COLUMNS_MAX and not ROW.match(line):
                    yield f"{path}:{n}: {width} columns, at most {COLUMNS_MAX}"


def rule_words(t):
    """nothing names the place where it was written"""
    patterns = [re.compile(a + b) for a, b in WORDS]
    for path in t.files:
        for n, line in enumerate(t.text[path].split("\n"), 1):
            for p in patterns:
                if p.search(line):
                    yield f"{path}:{n}: {line.strip()[:80]}"


def rule_documented(t):
    """every configuration key is in docs/configuration.md"""
    page = t.text.get("docs/configuration.md", "")
    for path in ("daemon/core/terms.c", "daemon/conf/conf.c", "daemon/conf/instrument.c"):
        for key in re.findall(r'\{ "([a-z_.]+)", (?:VALUE|OPTION)_', t.text.get(path, "")):
            if f"`{key}`" not in page:
                yield f"{path}: key {key} is not in docs/configuration.md"


# What opens a review item: a call that names its kind, or a row of the table of meter classes.
REVIEW_KINDS = [r'review_open(?:_with)?\(a, "(\w+)"', r'\{ METER_\w+, (?:true|false), "(\w+)"']
REVIEW_PLACES = [("docs/api.md", "`%s`"), ("docs/metering.md", "`%s`"), ("daemon/api/openapi/sessions.json", '"%s"'),
                 ("client/manage.c", "  %s  ")]
EVENT_KINDS = [r'event_row \w+ = \{ \.kind = "([\w.]+)"', r'\be\.kind = "([\w.]+)"',
               r'event_row e = \{ \.kind = [^",]*\? "([\w.]+)"', r'event_row e = \{ \.kind = [^,]*: "([\w.]+)"',
               r'\btell\(a, &?\w+, (?:\w+ \? )?"(\w+)"']
BOOKING_VERBS = [r'booking_(?:tell|note|log)\(a, &?\w+, "(\w+)"', r'booking_step\(a, &?\w+, [\w.]+, (?:\w+ \? )?"(\w+)"',
                 r'\bend_unused\(a, \w+, \w+, \w+, "(\w+)"']


def texts(t, folders):
    """Files of the folders, as they are."""
    for folder in folders:
        for base, _, names in os.walk(os.path.join(t.root, folder)):
            for name in sorted(n for n in names if n.endswith(".c")):
                with open(os.path.join(base, name), encoding="utf-8") as handle:
                    yield handle.read()


def named(t, patterns):
    return {kind for text in texts(t, ["daemon/app"]) for pattern in patterns for kind in re.findall(pattern, text)}


def rule_kinds(t):
    """every kind of review item, event and refusal with facts is in the documents, review items in the help as well"""
    def read(path):
        full = os.path.join(t.root, path)
        if not os.path.exists(full):
            return ""
        with open(full, encoding="utf-8") as handle:
            return handle.read()

    for path, form in REVIEW_PLACES:
        text = read(path)
        for kind in sorted(named(t, REVIEW_KINDS)):
            if form % kind not in text:
                yield f"{path} does not name the kind of review item {kind}"
    events = named(t, EVENT_KINDS) | {"booking." + verb for verb in named(t, BOOKING_VERBS)}
    text = read("docs/api.md")
    for kind in sorted(events):
        if f"`{kind}`" not in text:
            yield f"docs/api.md does not name the kind of event {kind}"
    table = re.search(r"refusals\[\] = \{(.*?)\n\};", read("daemon/api/words.c"), re.S)
    for code in re.findall(r'\{ "([\w-]+)",', table.group(1)) if table else []:
        if f"`{code}`" not in text:
            yield f"docs/api.md does not name the refusal {code}"


DECLARED = re.compile(r"^(?!static|typedef|struct \w+ \{)[a-z][\w ]*[ *]+(\w+)\([^;{]*\);", re.M)


def rule_used(t):
    """what a header of the daemon declares is used outside the file that has it"""
    users = {}
    for path, code in t.code.items():
        if path.endswith(".c"):
            for name in set(re.findall(r"\w+", code)):
                users.setdefault(name, set()).add(path)
    for path, code in t.code.items():
        if path.startswith("daemon/") and path.endswith(".h"):
            for name in DECLARED.findall(code):
                if len(users.get(name, ())) < 2:
                    yield f"{path}: nothing but its own file uses {name}(): delete it or make it static"


def rule_symbols(t):
    """objects of common and core need only the pure part of libc and hold no state"""
    sources = [f for f in t.code if f.startswith(PURE) and f.endswith(".c")]
    compiler = os.environ.get("CC", "cc").split()
    defined, needed = set(), {}
    with tempfile.TemporaryDirectory() as scratch:
        for i, path in enumerate(sources):
            obj = os.path.join(scratch, f"{i}.o")
            built = subprocess.run(
                compiler + ["-std=c11", "-D_GNU_SOURCE", "-O2", "-fno-pic", "-fno-pie", "-U_FORTIFY_SOURCE", "-w",
                            "-I.", "-Idaemon", "-Iinclude", "-c", path, "-o", obj], cwd=t.root, capture_output=True, text=True, check=False)
            if built.returncode:
                yield f"{path}: does not compile alone: {built.stderr.strip().splitlines()[:1]}"
                continue
            for line in subprocess.run(["nm", obj], capture_output=True, text=True, check=True).stdout.splitlines():
                kind, name = line.split()[-2:]
                if kind == "U":
                    needed.setdefault(name, path)
                elif kind in "bBdDC":
                    yield f"{path}: {name} is state that outlives a call"
                else:
                    defined.add(name)
    for name, path in sorted(needed.items()):
        if name not in defined and (name in IMPURE_SYMBOLS or not PURE_SYMBOLS.match(name)):
            yield f"{path}: needs {name}"


def rule_installed(t):
    """what is installed for drivers compiles alone, as C and as C++"""
    cxx = next((c for c in ("clang", "g++") if shutil.which(c)), "c++")
    for path in sorted(f for f in t.code if f.startswith("include/")):
        for command in (os.environ.get("CC", "cc").split() + ["-std=c11", "-x", "c"], [cxx, "-std=c++11", "-x", "c++"]):
            built = subprocess.run(command + ["-pedantic", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-Iinclude", "-include",
                                              path, "/dev/null"], cwd=t.root, capture_output=True, text=True, check=False)
            if built.returncode:
                yield f"{path}: {command[0]} {command[1]}: {built.stderr.strip().splitlines()[:1]}"


RULES = [rule_known_rooms, rule_arrows, rule_quoted, rule_owners, rule_cycles, rule_pure_headers, rule_calls,
         rule_integers, rule_sql, rule_portable_sql, rule_length, rule_width, rule_words, rule_documented, rule_kinds,
         rule_used, rule_symbols, rule_installed]

# Each plants one fault: rule, files.
PLANTS = [
    ("rule_known_rooms", {"lib/x.c": "int x;\n"}),
    ("rule_known_rooms", {"drivers/usb/x.c": "int x;\n"}),
    ("rule_arrows", {"daemon/core/a.c": '#include "store/db.h"\n', "daemon/store/db.h": ""}),
    ("rule_arrows", {"daemon/app/a.c": '#include "net/net.h"\n', "daemon/net/net.h": ""}),
    ("rule_arrows", {"daemon/net/a.c": '#include "store/db.h"\n', "daemon/store/db.h": ""}),
    ("rule_arrows", {"client/a.c": '#include "../daemon/core/t.h"\n', "daemon/core/t.h": ""}),
    ("rule_arrows", {"daemon/conf/a.c": '#include "drivers/map.h"\n', "drivers/map.h": ""}),
    ("rule_arrows", {"drivers/modbus/a.c": '#include "net/net.h"\n', "daemon/net/net.h": ""}),
    ("rule_arrows", {"drivers/a.c": '#include <base/base.h>\n', "daemon/base/base.h": ""}),
    ("rule_quoted", {"daemon/app/a.c": '#include "app/gone.h"\n'}),
    ("rule_owners", {"daemon/store/booking.c": "#include <sqlite3.h>\n"}),
    ("rule_owners", {"daemon/app/a.c": "#include <event2/event.h>\n"}),
    ("rule_owners", {"daemon/base/a.c": "# include <openssl/ssl.h>\n"}),
    ("rule_owners", {"daemon/net/a.c": "#include <modbus.h>\n"}),
    ("rule_owners", {"daemon/net/a.c": "#include <modbus/modbus.h>\n"}),
    ("rule_owners", {"daemon/app/a.c": "#include <libconfig.h>\n"}),
    ("rule_owners", {"daemon/net/a.c": "#include <jansson.h>\n"}),
    ("rule_owners", {"daemon/api/a.c": "#include <curl/curl.h>\n"}),
    ("rule_cycles", {"daemon/core/a.h": '#include "core/b.h"\n', "daemon/core/b.h": '#include "core/c.h"\n',
                     "daemon/core/c.h": '#include "core/a.h"\n'}),
    ("rule_pure_headers", {"daemon/core/a.c": "#include <stdio.h>\n"}),
    ("rule_pure_headers", {"common/a.c": "#include <time.h>\n"}),
    ("rule_calls", {"daemon/app/a.c": "void f(char *d, const char *s) { strcpy(d, s); }\n"}),
    ("rule_calls", {"tests/unit/a.c": "void f(void) { usleep(10); }\n"}),
    ("rule_calls", {"client/a.c": "int f(const char *s) { return atoi (s); }\n"}),
    ("rule_integers", {"daemon/core/a.c": "long f(long x) { return (long)((double)x * 1.5); }\n"}),
    ("rule_sql", {"daemon/app/a.c": 'void f(void) { db_run(0, "DELETE FROM booking", ""); }\n'}),
    ("rule_sql", {"daemon/api/a.c": "int f(void) { return store_booking_any(0); }\n"}),
    ("rule_portable_sql", {"daemon/store/a.c": 'x = "SELECT json_extract(record, ?2) FROM charge";\n'}),
    ("rule_portable_sql", {"daemon/store/a.c": 'x = "SELECT SUM(MIN(a, "\n\t"b)) FROM usage";\n'}),
    ("rule_portable_sql", {"daemon/store/a.c": 'x = "SELECT 1 FROM session WHERE booking IS NOT ?2";\n'}),
    ("rule_length", {"daemon/app/a.c": "\n" * (LINES_MAX + 1)}),
    ("rule_width", {"daemon/app/a.c": "\tint a" + " " * 115 + ";\n"}),
    ("rule_width", {"tests/a.py": "x = " + "1 + " * 40 + "1\n"}),
    ("rule_words", {"docs/a.md": "see " + "".join(WORDS[0]) + "main\n"}),
    ("rule_documented", {"daemon/core/terms.c": 'x = { "grid", VALUE_GRID };\n', "docs/configuration.md": "nothing\n"}),
    ("rule_kinds", {"daemon/app/a.c": 'int f(void) { return review_open(a, "odd", "", 0, "", ""); }\n', "docs/api.md": "`even`\n"}),
    ("rule_kinds", {"daemon/app/a.c": 'struct event_row e = { .kind = up ? "odd_up" : "odd_down" };\n', "docs/api.md": "`odd_up`\n"}),
    ("rule_kinds", {"daemon/api/words.c": 'struct words refusals[] = {\n\t{ "odd-one", "no" },\n};\n', "docs/api.md": "`odd`\n"}),
    ("rule_kinds", {"daemon/app/a.c": 'int f(void) { return booking_note(a, &b, "odd", ""); }\n', "docs/api.md": "`odd`\n"}),
    ("rule_used", {"daemon/app/a.h": "int idle(int n);\n", "daemon/app/a.c": "int idle(int n) { return n; }\n"}),
    ("rule_symbols", {"daemon/core/a.c": "#include <stdlib.h>\nvoid *f(void); void *f(void) { return malloc(9); }\n"}),
    ("rule_symbols", {"common/a.c": "#include <string.h>\nchar *f(void); char *f(void) { return strdup(\"x\"); }\n"}),
    ("rule_symbols", {"common/a.c": "int f(void); int f(void) { static int n; return ++n; }\n"}),
    ("rule_installed", {"include/labtime/a.h": "int size(size_t n);\n"}),
    ("rule_installed", {"include/labtime/a.h": "enum e { A }; static inline enum e f(void) { return 0; }\n"}),
    ("rule_symbols", {"common/a.c": "int g(void); int f(void); int f(void) { return g(); }\n"}),
]

# What must not be found: words in comments and texts, calls of the same name, arrows that exist.
CLEAN = {
    "common/a.h": "#include <stdint.h>\n",
    "common/a.c": '#include "common/a.h"\n#include <string.h>\n/* like sprintf(), with a double */\n'
                  "int a(const char *s); int a(const char *s) { return (int)strlen(s) + (strchr(s, '\"') != 0); }\n",
    "daemon/core/t.h": '#include "common/a.h"\n',
    "daemon/core/t.c": '#include "core/t.h"\nint a(const char *s); int t(void); int t(void) { return a("strcpy(double)"); }\n',
    "daemon/store/sqlite.c": "#include <sqlite3.h>\n",
    "daemon/app/x.c": '#include "core/t.h"\nstruct s { int (*sleep)(void); };\nint f(struct s *s) { return s->sleep(); }\n',
    "daemon/main.c": '#include "core/t.h"\n#include "store/d.h"\n',
    "daemon/store/d.h": "",
    "daemon/store/d.c": 'x = "SELECT COALESCE(MAX(a), 0) FROM charge WHERE b IS NOT NULL"; /* json_extract(x) */\n',
    "drivers/modbus/p.c": '#include "net/loop.h"\n#include <modbus.h>\n',
    "daemon/net/loop.h": "#include <event2/event.h>\n",
    "common/b.c": 'static const int rows[][60] = {\n\t{ ' + "1, " * 60 + '},\n};\nstatic const char *const b[] = { "' + "b" * 120 + '" };\n',
    "include/labtime/a.h": "#include <stdint.h>\nenum e { A };\nint f(enum e x);\n",
    "docs/a.md": "the shared lab; a user agent\n",
}


def plant(files):
    root = tempfile.mkdtemp(prefix="labtime-lint.")
    for name, text in files.items():
        full = os.path.join(root, name)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as handle:
            handle.write(text)
    return root


def report(results):
    print(f"1..{len(results)}")
    for i, (name, findings) in enumerate(results, 1):
        print(f"{'not ok' if findings else 'ok'} {i} - {name}")
        for finding in findings:
            print(f"#   {finding}")
    return 1 if any(findings for _, findings in results) else 0


def selftest():
    results = []
    for rule_name, files in PLANTS:
        root = plant(files)
        found = list(globals()[rule_name](Tree(root)))
        shutil.rmtree(root)
        results.append((f"{rule_name} sees {', '.join(files)}", [] if found else ["the planted fault was not found"]))
    root = plant(CLEAN)
    for rule in RULES:
        results.append((f"{rule.__name__} accepts a clean tree", list(rule(Tree(root)))))
    shutil.rmtree(root)
    return report(results)


def main():
    if "--selftest" in sys.argv:
        return selftest()
    tree = Tree(os.path.abspath(sys.argv[1]))
    return report([(rule.__doc__, list(rule(tree))) for rule in RULES])


if __name__ == "__main__":
    sys.exit(main())
