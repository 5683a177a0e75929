#!/usr/bin/env python3
"""The real client against a small scripted server on a real Unix socket (and on TLS): exit codes, retries with the
same key, exports that are whole or absent, credentials, prompts. Prints TAP. Usage: client_test.py LABTIME"""
import base64, hashlib, json, os, pty, signal, socket, ssl, subprocess, sys, tempfile, threading, time, zlib

LABTIME = os.path.abspath(sys.argv[1])
WORK = tempfile.mkdtemp(prefix="labtime-cli-")
SITE = {"name": "Lab", "timezone": "Asia/Shanghai", "currency": "USD", "exponent": 2,
        "now": "2026-11-23T17:27:30+08:00", "version": "0"}
BOOKING = {"id": "B-1042", "instrument": "krios-1", "org": "acme", "user": "chen", "state": "confirmed",
           "from": "2026-12-01T09:00:00+08:00", "to": "2026-12-01T13:00:00+08:00", "quote": {"amount": "400.00",
           "currency": "USD"}, "fee": {"amount": "0.00", "currency": "USD"}, "session": None, "sessions": [], "charges": [], "version": 3}
DROP = object()  # the connection ends without an answer


def reply(status, doc, headers=()):
    body = doc if isinstance(doc, bytes) else b"" if doc is None else json.dumps(doc).encode()
    kind = "application/problem+json" if status >= 400 else "application/json"
    head = [f"HTTP/1.1 {status} X", f"Content-Type: {kind}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


class Server:
    """routes: {(method, path without query): answer, or list of answers of which the last repeats}"""

    def __init__(self, listener, tls=None):
        self.listener, self.tls, self.routes, self.seen, self.lock = listener, tls, {}, [], threading.Lock()
        listener.listen(16)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                conn, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(conn,), daemon=True).start()

    def serve(self, conn):
        try:
            if self.tls:
                conn = self.tls.wrap_socket(conn, server_side=True)
            f = conn.makefile("rb")
            while True:
                line = f.readline()
                if not line:
                    return
                method, target, _ = line.decode().split(" ", 2)
                headers = {}
                while (h := f.readline().decode().strip()):
                    k, v = h.split(":", 1)
                    headers[k.lower()] = v.strip()
                body = f.read(int(headers.get("content-length", 0)))
                with self.lock:
                    self.seen.append((method, target, headers, body))
                    answer = self.routes.get((method, target.split("?")[0]),
                                             reply(404, {"code": "not-found", "detail": "not there"}))
                    if isinstance(answer, list):
                        answer = answer.pop(0) if len(answer) > 1 else answer[0]
                if callable(answer):
                    answer = answer(conn, target)
                if answer is DROP:
                    return
                if answer is not None:
                    conn.sendall(answer)
        except OSError:
            pass
        finally:
            conn.close()

    def script(self, routes):
        with self.lock:
            self.routes = {("GET", "/v1/site"): reply(200, SITE), **routes}
            self.seen = []


def unix_server(name):
    path = os.path.join(WORK, name)
    s = socket.socket(socket.AF_UNIX)
    s.bind(path)
    return Server(s), path


SERVER, SOCKET = unix_server("sock")


def env(**more):
    e = {"PATH": os.environ["PATH"], "HOME": WORK, "XDG_CONFIG_HOME": os.path.join(WORK, "config"), "LC_ALL": "C.UTF-8",
         "LABTIME_ENDPOINT": "unix:" + SOCKET, "TERM": "dumb"}
    for k in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TZDIR"):
        if k in os.environ:
            e[k] = os.environ[k]
    e.update(more)
    return {k: v for k, v in e.items() if v is not None}


def run(*args, stdin=None, **more):
    p = subprocess.run([LABTIME, *args], env=env(**more), input=stdin, stdin=None if stdin else subprocess.DEVNULL,
                       capture_output=True, text=True, timeout=60)
    return p.returncode, p.stdout, p.stderr


def expect(what, got, want):
    assert got == want, f"{what}: got {got!r}, want {want!r}"


def last_line(text):
    return text.strip().splitlines()[-1]


def token(user="user", public="ab12cd34"):
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    head = f"lt_{user}_{public}_" + base64.urlsafe_b64encode(bytes(range(32))).decode().rstrip("=")
    crc, tail = zlib.crc32(head.encode()), ""
    for _ in range(6):
        tail, crc = digits[crc % 62] + tail, crc // 62
    return head + tail


def secret(name, text, mode=0o600):
    path = os.path.join(WORK, name)
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, mode)
    return path


def test_ls_is_one_request():
    item = {"id": "krios-1", "title": "冷冻电镜一号", "kind": "microscope", "status": "free",
            "rate": {"amount": "100.00", "currency": "USD"}, "next_free": "2026-11-23T18:00:00+08:00"}
    SERVER.script({("GET", "/v1/instruments"): reply(200, {"items": [item], "next_cursor": None})})
    rc, out, err = run("ls")
    expect("rc", (rc, err), (0, ""))
    expect("requests", len(SERVER.seen), 1)
    assert out.startswith("krios-1\t冷冻电镜一号\tmicroscope\tfree\t") and "2026-11-23T18:00:00+08:00\t100.00\tUSD" in out, out
    expect("ids", run("ls", "-q")[1], "krios-1\n")
    expect("json", json.loads(run("ls", "--json")[1])["items"][0]["title"], "冷冻电镜一号")
    expect("kind", run("ls", "microscope", "-q")[1], "krios-1\n")
    rc, out, err = run("ls", "laser")
    expect("unknown", (rc, last_line(err)), (3, "[not-found]"))


def test_pages_are_followed():
    def page(conn, target):
        more = "cursor=" not in target
        return reply(200, {"items": [{"id": "a" if more else "b", "status": "free"}], "next_cursor": "next+1"
                           if more else None})
    SERVER.script({("GET", "/v1/instruments"): page})
    expect("both pages", run("ls", "-q")[1], "a\nb\n")
    assert "cursor=next%2b1" in SERVER.seen[1][1], SERVER.seen[1][1]


def test_exit_codes():
    rows = [(400, "bad-json", {}, 2), (401, "no-token", {}, 4), (403, "forbidden", {}, 4), (404, "not-found", {}, 3),
            (409, "slot-taken", {}, 5), (412, "version", {}, 5), (422, "refused",
           {"violations": [{"rule": "R04", "code": "length", "class": "staff", "detail": "too long"}]}, 6),
           (422, "max-price", {"field": "max_price"}, 6), (422, "bad-request", {"field": "from"}, 2),
           (422, "key-reused", {}, 1), (500, "failed", {}, 1),
            (503, "busy", {}, 7), (429, "slow-down", {}, 7)]
    for status, code, more, want in rows:
        SERVER.script({("GET", "/v1/bookings/B-1"): reply(status, {"code": code, "detail": "the detail", **more})})
        rc, out, err = run("show", "B-1", LABTIME_RETRY="0")
        expect(f"{status} {code}", (rc, out, last_line(err)), (want, "", f"[{code}]"))
        assert "the detail" in err, err


def test_unreachable():
    rc, out, err = run("ls", LABTIME_ENDPOINT="unix:" + WORK + "/nobody", LABTIME_RETRY="0")
    expect("rc", (rc, last_line(err)), (7, "[unreachable]"))


def test_same_key_until_answered():
    SERVER.script({("POST", "/v1/bookings"): [DROP, reply(503, {"code": "busy", "detail": "busy"}, ["Retry-After: 0"]),
                                              reply(201, BOOKING)]})
    rc, out, err = run("book", "krios-1", "2026-12-01T09:00/PT4H", "-y", "--project", "p1", "--max-price", "400")
    expect("rc", (rc, out), (0, "B-1042\n"))
    posts = [r for r in SERVER.seen if r[0] == "POST"]
    expect("tries", len(posts), 3)
    expect("keys", len({p[2]["idempotency-key"] for p in posts}), 1)
    expect("bodies", len({p[3] for p in posts}), 1)
    body = json.loads(posts[0][3])
    expect("body", body, {"instrument": "krios-1", "from": "2026-12-01T09:00:00+08:00",
                          "to": "2026-12-01T13:00:00+08:00", "project": "p1", "max_price": {"amount": "400.00",
                          "currency": "USD"}})
    assert "Tue 2026-12-01 09:00-13:00 (4h) Asia/Shanghai +08:00" in err, err
    run("book", "krios-1", "2026-12-01T09:00/PT4H", "-y")
    assert SERVER.seen[-1][2]["idempotency-key"] != posts[0][2]["idempotency-key"], "a new command is a new key"


def test_patch_is_never_repeated_blindly():
    SERVER.script({("GET", "/v1/bookings/B-1042"): reply(200, BOOKING, ['ETag: "3"']),
                   ("PATCH", "/v1/bookings/B-1042"): DROP})
    rc, out, err = run("extend", "B-1042", "30m")
    patches = [r for r in SERVER.seen if r[0] == "PATCH"]
    expect("rc", (rc, len(patches)), (7, 1))
    expect("If-Match", patches[0][2]["if-match"], '"3"')
    expect("body", json.loads(patches[0][3]), {"to": "2026-12-01T13:30:00+08:00"})
    assert "may have been done" in err, err


def test_move_keeps_the_length():
    SERVER.script({("GET", "/v1/bookings/B-1042"): reply(200, BOOKING, ['ETag: "3"']),
                   ("PATCH", "/v1/bookings/B-1042"): reply(200, BOOKING)})
    rc, out, err = run("move", "B-1042", "2026-12-02", "14:00")
    expect("rc", rc, 0)
    expect("body", json.loads(SERVER.seen[-1][3]),
           {"from": "2026-12-02T14:00:00+08:00", "to": "2026-12-02T18:00:00+08:00"})


def test_move_asks_only_for_money():
    costs = {**BOOKING, "fee": {"amount": "50.00", "currency": "USD"}}
    dearer = {**BOOKING, "fee": {"amount": "80.00", "currency": "USD"}}
    when = ("2026-12-02", "14:00")
    SERVER.script({("GET", "/v1/bookings/B-1042"): reply(200, BOOKING), ("PATCH", "/v1/bookings/B-1042"): reply(200, costs)})
    rc, out, err = run("move", "B-1042", *when)
    expect("refused", (rc, SERVER.seen[-1][0], "dry_run=true" in SERVER.seen[-1][1]), (2, "PATCH", True))
    assert "Moving B-1042 now costs USD 50.00" in err and "--yes" in err, err
    expect("accepted", (run("move", "B-1042", *when, "--yes")[0], "dry_run" in SERVER.seen[-1][1]), (0, False))
    SERVER.script({("GET", "/v1/bookings/B-1042"): reply(200, costs), ("PATCH", "/v1/bookings/B-1042"): reply(200, costs)})
    expect("nothing more", run("move", "B-1042", *when)[0], 0)
    SERVER.script({("GET", "/v1/bookings/B-1042"): reply(200, costs), ("PATCH", "/v1/bookings/B-1042"): reply(200, dearer)})
    assert "from 50.00 to USD 80.00" in run("move", "B-1042", *when)[2]


def test_a_dry_run_says_what_it_costs_and_that_nothing_was_written():
    costs = {**BOOKING, "state": "cancelled", "fee": {"amount": "50.00", "currency": "USD"}}
    SERVER.script({("GET", "/v1/bookings/B-1042"): reply(200, BOOKING), ("PATCH", "/v1/bookings/B-1042"): reply(200, costs),
                   ("POST", "/v1/bookings/B-1042/cancel"): reply(200, costs)})
    for words in (("move", "B-1042", "2026-12-02", "14:00"), ("cancel", "B-1042")):
        rc, out, err = run(*words, "--dry-run")
        expect(words[0], (rc, "dry_run=true" in SERVER.seen[-1][1]), (0, True))
        assert "This would be accepted; fee USD 50.00; nothing was written." in err, err
    assert "fee USD 50.00" in on_terminal(None, "move", "B-1042", "2026-12-02", "14:00", "--yes")[1]
    SERVER.script({("POST", "/v1/bookings/B-1042/cancel"): reply(200, BOOKING)})
    assert "accepted; no fee; nothing was written." in run("cancel", "B-1042", "--dry-run")[2]


def test_taken_slot_offers_others():
    SERVER.script({("POST", "/v1/bookings"): reply(409, {"code": "slot-taken", "detail": "krios-1 is taken then",
        "conflicts": [{"from": "2026-12-01T11:00:00+08:00", "to": "2026-12-01T13:00:00+08:00"}],
        "suggestions": [{"instrument": "krios-2", "from": "2026-12-01T09:00:00+08:00",
                         "to": "2026-12-01T13:30:00+08:00"}]})})
    rc, out, err = run("book", "krios-1", "2026-12-01T09:00/PT4H", "-y")
    expect("rc", (rc, out, last_line(err)), (5, "", "[slot-taken]"))
    assert "labtime book krios-2 2026-12-01T09:00+08:00/PT4H30M" in err, err


def test_usage_and_times():
    SERVER.script({})
    rc, out, err = run("book", "krios-1", "monday", "9am", "2h", "foo", "-y")
    expect("rc", (rc, last_line(err)), (2, "[time-syntax]"))
    lines = err.splitlines()
    expect("caret", lines[lines.index("  monday 9am 2h foo") + 1], "  " + " " * 14 + "^")
    expect("no prompt without a terminal", run("book", "krios-1", "tomorrow 9am for 1h")[0], 2)
    expect("unknown", run("boook")[0], 2)
    expect("bad id", run("start", "1042")[0], 2)
    expect("bad retry", run("ls", LABTIME_RETRY="x")[0], 2)
    expect("bad endpoint", run("ls", LABTIME_ENDPOINT="http://x")[0], 2)
    expect("no such context", run("ls", "--context", "nowhere", LABTIME_ENDPOINT=None)[0], 2)
    expect("two modes", run("ls", "--json", "--csv")[0], 2)


def test_wait():
    SERVER.script({("GET", "/v1/bookings/B-1042"): [reply(200, BOOKING), reply(200, {**BOOKING, "state": "active"})]})
    expect("start", run("wait", "B-1042", "--for", "start", "-q")[:2], (0, "B-1042\n"))
    SERVER.script({("GET", "/v1/bookings/B-1042"): reply(200, BOOKING)})
    rc, out, err = run("wait", "B-1042", "--for", "end", "--timeout", "1s")
    expect("timeout", (rc, last_line(err)), (8, "[wait-timeout]"))
    SERVER.script({("GET", "/v1/bookings/B-1042"): reply(200, {**BOOKING, "state": "cancelled"})})
    expect("never", run("wait", "B-1042", "--for", "start")[0], 1)


def test_watch():
    def page(first, n, more):
        return reply(200, {"items": [{"id": i, "at": "2026-11-23T17:00:00+08:00", "kind": "booking.end_soon", "instrument": "krios-1",
                                      "org": "acme", "user": "chen", "booking": "B-%d" % i, "session": None, "charge": None,
                                      "detail": "it ends \x1b[2J soon"} for i in range(first, first + n)],
                           "next_cursor": "x" if more else None})
    SERVER.script({("GET", "/v1/events"): [page(1, 2, True), page(3, 1, True), reply(401, {"code": "unauthorized"})]})
    rc, out, err = run("watch")
    expect("lines", [line.split("\t")[5] for line in out.splitlines()], ["B-1", "B-2", "B-3"])
    expect("asked", [target.split("?")[1] for _, target, *_ in SERVER.seen], ["last=10", "after=2", "after=3"])
    expect("ends when it may not", rc, 4)
    SERVER.script({("GET", "/v1/events"): page(1, 3, False)})
    expect("one booking", [line.split("\t")[5] for line in run("watch", "B-2", "--once")[1].splitlines()], ["B-2"])
    rc, seen = on_terminal(None, "watch", "--once")
    expect("on a terminal", (rc, seen.count("krios-1  B-"), seen.count("\x1b[2J")), (0, 3, 0))
    expect("endless", run("watch", "--json")[0], 2)
    expect("number", run("watch", "-n", "201")[0], 2)


def test_cancel_asks_only_for_money():
    fee = {**BOOKING, "fee": {"amount": "50.00", "currency": "USD"}}
    SERVER.script({("POST", "/v1/bookings/B-1042/cancel"): reply(200, fee), ("GET", "/v1/bookings/B-1042"): reply(200, BOOKING)})
    rc, out, err = run("cancel", "B-1042")
    expect("refused", (rc, len(SERVER.seen), "dry_run=true" in SERVER.seen[0][1]), (2, 2, True))
    assert "now costs USD 50.00" in err and "--yes" in err, err
    expect("accepted", run("cancel", "B-1042", "--yes")[0], 0)
    SERVER.script({("POST", "/v1/bookings/B-1042/cancel"): reply(200, BOOKING)})
    expect("free", run("cancel", "B-1042")[0], 0)


def test_cancel_says_what_hangs_on_the_booked_start():
    """The instrument is down now: whether there is a fee is decided at the booked start."""
    later = {**BOOKING, "state": "cancelled", "fee_later": {"amount": "50.00", "currency": "USD"}}
    SERVER.script({("POST", "/v1/bookings/B-1042/cancel"): reply(200, later), ("GET", "/v1/bookings/B-1042"): reply(200, BOOKING)})
    said = "accepted; fee USD 50.00 if the instrument can be used at the booked start, none if it cannot; nothing was written."
    assert said in run("cancel", "B-1042", "--dry-run")[2]
    rc, out, err = run("cancel", "B-1042")
    expect("refused", rc, 2)
    assert "costs USD 50.00 if the instrument can be used at the booked start" in err and "--yes" in err, err
    expect("accepted", run("cancel", "B-1042", "--yes")[0], 0)


def test_stop_says_what_it_waits_for():
    """Active after a check-out: a run is on, or nobody could read the meter."""
    active = {**BOOKING, "state": "active", "session": "S-7"}
    for state, said in (("running", "it still runs"), ("unknown", "could not be read"), ("open", "could not be read")):
        SERVER.script({("POST", "/v1/bookings/B-1042/checkout"): reply(200, active),
                       ("GET", "/v1/sessions/S-7"): reply(200, {"id": "S-7", "state": state})})
        told = on_terminal(None, "stop", "B-1042")[1]
        assert said in told, (state, told)


def test_move_now_says_what_was_booked():
    """The daemon's grid says where "now" begins: the answer is told, not what was typed."""
    moved = {**BOOKING, "from": "2026-12-01T10:15:00+08:00", "to": "2026-12-01T14:15:00+08:00"}
    SERVER.script({("GET", "/v1/bookings/B-1042"): reply(200, BOOKING), ("PATCH", "/v1/bookings/B-1042"): reply(200, moved)})
    err = run("move", "B-1042", "now", "--yes")[2]
    assert "10:15" in err and err.count("2026-") == 1, err


def on_terminal(answer, *args):
    pid, fd = pty.fork()
    if pid == 0:
        os.execve(LABTIME, [LABTIME, *args], env())
    seen, deadline = b"", time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            got = os.read(fd, 4096)
        except OSError:
            break
        if not got:
            break
        seen += got
        if b"[y/N]" in seen and answer:
            os.write(fd, answer)
            answer = None
    _, status = os.waitpid(pid, 0)
    os.close(fd)
    return os.waitstatus_to_exitcode(status), seen.decode()


def test_a_quote_shows_what_its_price_is_made_of():
    """Time x rate x factor is the amount: in a terminal of 80 columns WHEN makes room, not the factor."""
    line = {"component": "walk_up", "from": "2026-12-01T21:00:00+08:00", "to": "2026-12-02T07:00:00+08:00", "seconds": 36000,
            "rate": {"amount": "12500.00", "currency": "USD"}, "factor": "1.250",
            "amount": {"amount": "156250.00", "currency": "USD"}}
    quote = {"instrument": "krios-1", "from": BOOKING["from"], "to": BOOKING["to"], "duration_seconds": 14400,
             "price": line["amount"], "lines": [line], "acceptable": True, "violations": [], "conflicts": [],
             "suggestions": []}
    SERVER.script({("POST", "/v1/quotes"): reply(200, quote), ("POST", "/v1/bookings"): reply(201, BOOKING)})
    rc, text = on_terminal(b"n\n", "book", "krios-1", "2026-12-01T09:00/PT4H")
    expect("refused at the prompt", rc, 1)
    head, row = (next(row for row in text.splitlines() if word in row) for word in ("COMPONENT", "walk_up"))
    assert "RATE/H" in head and "FACTOR" in head and "AMOUNT" in head and len(head) <= 80, text
    assert "12500.00" in row and "1.250" in row and "156250.00" in row, text


def test_confirmation_on_a_terminal():
    quote = {"instrument": "krios-1", "from": BOOKING["from"], "to": BOOKING["to"], "duration_seconds": 14400,
             "price": BOOKING["quote"], "lines": [{"component": "use", "seconds": 14400,
                                                   "rate": {"amount": "100.00",
                                                            "currency": "USD"}, "amount": BOOKING["quote"]}],
             "acceptable": True, "violations": [], "conflicts": [], "suggestions": []}
    for answer, want, posts in ((b"n\n", 1, 0), (b"y\n", 0, 1), (b"\x03", 130, 0)):
        SERVER.script({("POST", "/v1/quotes"): reply(200, quote), ("POST", "/v1/bookings"): reply(201, BOOKING)})
        rc, text = on_terminal(answer, "book", "krios-1", "2026-12-01T09:00/PT4H")
        expect(f"answer {answer!r}", (rc, sum(r[1] == "/v1/bookings" for r in SERVER.seen)), (want, posts))
        assert "USD 400.00" in text and "Asia/Shanghai +08:00" in text, text
    bad = {**quote, "acceptable": False,
           "violations": [{"rule": "R03", "code": "grid", "class": "STAFF", "detail": "off the grid"}]}
    SERVER.script({("POST", "/v1/quotes"): reply(200, bad)})
    rc, text = on_terminal(None, "book", "krios-1", "2026-12-01T09:00/PT4H")
    expect("refused quote", rc, 6)
    expect("quote", run("quote", "krios-1", "2026-12-01T09:00/PT4H")[0], 6)


CSV = b"charge,amount\r\n" + b"".join(b"C-%d,1.00\r\n" % i for i in range(5000))


def export_routes(data, sha=None, rows=5000):
    m = {"id": "X-1", "state": "done", "rows": rows, "sums": {"USD": "5000.00"}, "sha256": sha
         or hashlib.sha256(CSV).hexdigest()}
    return {("POST", "/v1/exports"): reply(201, m), ("GET", "/v1/exports/X-1/data"): data,
            ("GET", "/v1/exports/X-1"): reply(200, m)}


def chunked(conn, target):
    conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nTransfer-Encoding: chunked\r\n\r\n")
    for i in range(0, len(CSV), 7000):
        part = CSV[i:i + 7000]
        conn.sendall(b"%x\r\n%s\r\n" % (len(part), part))
    return b"0\r\n\r\n"


def broken(conn, target):
    conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(CSV) + CSV[:9000])
    return DROP


def test_export_whole_or_absent():
    folder = os.path.join(WORK, "out")
    os.mkdir(folder)
    file = os.path.join(folder, "nov.csv")
    command = ("export", "2026-10", "--format", "csv", "-o", file)
    for what, data, sha, rows in (("altered", reply(200, CSV), "0" * 64, 5000), ("broken off", broken, None, 5000),
                                  ("rows", reply(200, CSV), None, 6000)):
        SERVER.script(export_routes(data, sha, rows))
        rc, out, err = run(*command)
        expect(what, (rc, os.listdir(folder)), (9, []))
    SERVER.script(export_routes(chunked))
    rc, out, err = run(*command)
    expect("whole", (rc, os.listdir(folder), open(file, "rb").read() == CSV), (0, ["nov.csv"], True))
    expect("body", json.loads(next(r for r in SERVER.seen if r[0] == "POST")[3]),
           {"period": "2026-10", "format": "csv"})
    expect("not over a file", run(*command)[0], 1)
    expect("unless told", run(*command, "--force")[0], 0)
    expect("stdout", run("export", "2026-10")[1].encode().replace(b"\n", b"\r\n"), CSV)
    SERVER.script(export_routes(reply(503, {"code": "busy", "detail": "busy"})))
    expect("refused", run("export", "2026-10", "-o", file + "2", LABTIME_RETRY="0")[0], 7)
    expect("format", run("export", "2026-10", "--format", "xlsx")[0], 2)


def test_interrupted_export_leaves_nothing():
    folder, begun = os.path.join(WORK, "cut"), threading.Event()
    os.mkdir(folder)

    def stalled(conn, target):
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(CSV) + CSV[:9000])
        begun.set()
        conn.recv(1)
        return DROP
    SERVER.script(export_routes(stalled))
    p = subprocess.Popen([LABTIME, "export", "2026-10", "-o", folder + "/x.csv"], env=env(), stderr=subprocess.PIPE,
                         stdout=subprocess.DEVNULL)
    assert begun.wait(30)
    p.send_signal(signal.SIGINT)
    p.communicate(timeout=30)
    expect("interrupted", (p.returncode, os.listdir(folder)), (130, []))


def test_credentials():
    SERVER.script({("GET", "/v1/instruments"): reply(200, {"items": [], "next_cursor": None})})
    expect("token file", run("ls", LABTIME_TOKEN_FILE=secret("tok", token() + "\n"))[0], 0)
    expect("bearer", SERVER.seen[0][2]["authorization"], "Bearer " + token())
    for name, text, mode in (("open", token(), 0o644), ("damaged", token()[:-1] + "!", 0o600),
                             ("two", token() + "\nx\n", 0o600)):
        SERVER.script({})
        rc, out, err = run("ls", LABTIME_TOKEN_FILE=secret(name, text, mode))
        expect(name, (rc, len(SERVER.seen)), (4, 0))
        assert token()[20:60] not in err, "a secret was printed"
    rc, out, err = run("ls", LABTIME_TOKEN_FILE=WORK + "/nofile")
    expect("absent", rc, 4)


def test_login_and_contexts():
    config = os.path.join(WORK, "c2")
    me = {"actor": "user:chen", "user": "chen", "org": "acme", "role": "member", "token": "ab12cd34",
          "expires_at": None}
    SERVER.script({("GET", "/v1/whoami"): reply(401, {"code": "bad-token", "detail": "unknown"})})
    where = ("login", "unix:" + SOCKET, "--name", "lab", "--token-file", secret("login", token()))
    expect("refused", run(*where, XDG_CONFIG_HOME=config, LABTIME_ENDPOINT=None)[0], 4)
    assert not os.path.exists(config + "/labtime/credentials"), "nothing that does not work is saved"
    SERVER.script({("GET", "/v1/whoami"): reply(200, me),
                   ("GET", "/v1/instruments"): reply(200, {"items": [], "next_cursor": None})})
    expect("login", run(*where, XDG_CONFIG_HOME=config, LABTIME_ENDPOINT=None)[0], 0)
    expect("mode", os.stat(config + "/labtime/credentials").st_mode & 0o777, 0o600)
    expect("context", run("context", "ls", XDG_CONFIG_HOME=config)[1], f"lab\tyes\tunix:{SOCKET}\t\n")
    run("ls", XDG_CONFIG_HOME=config, LABTIME_ENDPOINT=None)
    expect("bearer", SERVER.seen[-1][2]["authorization"], "Bearer " + token())
    os.chmod(config + "/labtime/credentials", 0o640)
    rc, out, err = run("ls", XDG_CONFIG_HOME=config, LABTIME_ENDPOINT=None)
    expect("open credentials", (rc, last_line(err)), (4, "[credentials-open]"))
    os.chmod(config + "/labtime/credentials", 0o600)
    expect("logout", run("logout", XDG_CONFIG_HOME=config, LABTIME_ENDPOINT=None)[0], 0)
    assert token() not in open(config + "/labtime/credentials").read()
    with open(config + "/labtime/config", "a") as f:
        f.write("colour = red\n")
    rc, out, err = run("ls", XDG_CONFIG_HOME=config)
    assert rc == 1 and "config:" in err and "colour" in err, err


def certificate(name):
    base = os.path.join(WORK, name)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-keyout", base + ".key", "-out", base + ".crt", "-days", "2", "-subj", "/CN=" + name], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(base + ".crt", base + ".key")
    der = ssl.PEM_cert_to_DER_cert(open(base + ".crt").read())
    return context, hashlib.sha256(der).hexdigest()


def test_pinned_certificate():
    first, print1 = certificate("one")
    second, _ = certificate("two")
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    server = Server(s, first)
    url, config = f"https://127.0.0.1:{s.getsockname()[1]}", os.path.join(WORK, "c3")
    server.script({("GET", "/v1/whoami"): reply(200, {"user": "chen"}),
                   ("GET", "/v1/instruments"): reply(200, {"items": [], "next_cursor": None})})
    args = ("login", url, "--name", "tls", "--token-file", secret("pin", token()))
    more = {"XDG_CONFIG_HOME": config, "LABTIME_ENDPOINT": None, "LABTIME_RETRY": "0"}
    rc, out, err = run("ls", **{**more, "LABTIME_ENDPOINT": url})
    expect("not trusted", (rc, last_line(err)), (4, "[untrusted-certificate]"))
    expect("nobody to confirm", run(*args, **more)[0], 4)
    expect("another fingerprint", run(*args, "--fingerprint", "00" * 32, **more)[0], 4)
    assert all("authorization" not in r[2] for r in server.seen), "the token went to a server that was not trusted"
    expect("login", run(*args, "--fingerprint", print1, **more)[0], 0)
    expect("ls", run("ls", **more)[0], 0)
    expect("bearer", server.seen[-1][2]["authorization"], "Bearer " + token())
    server.tls, n = second, len(server.seen)
    rc, out, err = run("ls", **more)
    expect("changed certificate", (rc, last_line(err), len(server.seen)), (4, "[untrusted-certificate]", n))


def test_completion():
    for shell in ("bash", "zsh", "fish"):
        rc, out, err = run("completion", shell)
        assert rc == 0 and "__complete" in out
    SERVER.script({("GET", "/v1/instruments"): reply(200,
                                                     {"items": [{"id": "krios-1", "title": "K", "kind": "microscope"}],
                                                      "next_cursor": None})})
    expect("commands", run("__complete", "--", "boo")[1].split("\t")[0], "book")
    expect("instruments", run("__complete", "--", "book", "kr")[1], "krios-1\tK\n")
    expect("kinds", run("__complete", "--", "book", "@")[1].split("\t")[0], "@microscope")
    expect("options", run("__complete", "--", "book", "k", "--max")[1].split("\t")[0], "--max-price")
    expect("values", run("__complete", "--", "wait", "B-1", "--for", "ch")[1].split("\t")[0], "charged")


def test_pages_and_scripts_match_the_program():
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    for shell, file in (("bash", "labtime.bash"), ("zsh", "_labtime"), ("fish", "labtime.fish")):
        expect(file, open(os.path.join(root, "etc", "completions", file)).read(), run("completion", shell)[1])
    page = open(os.path.join(root, "docs", "man", "labtime.1")).read().replace("\\-", "-").replace("\\(aq", "'").lower()
    for line in run("help")[1].splitlines():
        if line.startswith("  ") and line[2] != " " and not line.startswith("  labtime"):
            synopsis = line[2:].split("  ")[0]
            assert ".it nm labtime " + synopsis.lower() + "\n" in page, f"labtime.1 lacks: {synopsis}"


def test_help_for_every_command():
    overview = run("help")[1].splitlines()
    names = [line.split()[0] for line in overview if line.startswith("  ") and line[2] != " "
             and not line.startswith("  labtime")]
    assert len(names) > 40
    pages = {name: run("help", name) for name in set(names)}
    pages.update({(name, sub): run("help", name, sub) for name in set(names) for sub in ("ls", "add", "set", "show", "rm")})
    for name in set(names):
        expect(name, pages[name][0], 0)
    assert "next fri" in run("help", "time")[1]
    for name, page in [*pages.items(), ("time", run("help", "time"))]:
        for line in page[1].splitlines():
            assert len(line) <= 80, f"help {name} is wider than a terminal: {line}"
    for line in overview:
        assert len(line) <= 80, line


def main():
    tests = [(n[5:], f) for n, f in globals().items() if n.startswith("test_")]
    failed = 0
    print(f"1..{len(tests)}")
    for i, (name, f) in enumerate(tests, 1):
        try:
            f()
            print(f"ok {i} - {name}", flush=True)
        except Exception as e:  # a broken test is a failed one
            failed += 1
            print(f"not ok {i} - {name}\n# {type(e).__name__}: {str(e)[:2000]}".replace("\n", "\n# ", 0), flush=True)
    subprocess.run(["rm", "-rf", WORK])
    return failed > 0


sys.exit(main())
