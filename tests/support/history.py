"""
history.py - clients of a real labtimed that may die at any moment, and the history of what they asked and were told.

A Caller is one thread's way to the daemon. It asks until it is answered: under the same key, over TLS or the Unix
socket, on a new connection after one that broke. Now and then it gives a request up at once, so that an answer is lost
although the daemon lives. A History keeps each operation with its invocation, completion and answer. Sim is one
connection to the simulator's control socket.
"""
import datetime
import http.client
import json
import socket
import threading
import time

from lab import UnixConnection

PATIENCE = 120          # seconds until "not answered" is a failure
LOSE = 0.06             # of the requests are given up right after they were sent
TRY_AGAIN = (401, 429, 503)  # 401: while ours is down, its old port may belong to another test's daemon


def instant(text):
    """Seconds since 1970."""
    return int(datetime.datetime.fromisoformat(text).timestamp()) if text else None


def text(at):
    return datetime.datetime.fromtimestamp(at, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class Op:
    """One operation of one client, with all the attempts that it took."""

    def __init__(self, client, kind, method, path, body=None, key=None, match=None, user=None, booking=None):
        self.client, self.kind, self.method, self.path, self.body = client, kind, method, path, body
        self.key, self.match, self.user, self.booking = key, match, user, booking
        self.invoked = self.sent = self.completed = None
        self.attempts, self.lost, self.ways = 0, 0, ""
        self.status, self.json, self.replayed = None, None, False

    @property
    def done(self):
        return self.status in (200, 201)

    @property
    def uncertain(self):
        """An attempt that got no answer may have taken effect, or may still: a PATCH has no key that would tell."""
        return self.method == "PATCH" and self.lost > 0 and not self.done

    def __str__(self):
        said = "-" if self.status is None else str(self.status)
        if self.json:
            said += " " + str(self.json.get("code") or {k: self.json.get(k) for k in ("id", "state", "from", "to", "version")})
        end = f"{self.completed:.3f}" if self.completed else "..."
        return (f"{self.invoked:.3f}-{end} {self.client} {self.user} {self.kind} {self.booking or ''} {self.ways} "
                f"{self.key or ''} {'If-Match ' + str(self.match) if self.match else ''} {self.body or ''} -> {said}")


class History:
    def __init__(self):
        self.ops, self.marks, self.start = [], [], time.monotonic()
        self.changed = threading.Condition()
        self.completed = 0

    def now(self):
        return time.monotonic() - self.start

    def begin(self, op):
        op.invoked = self.now()
        with self.changed:
            self.ops.append(op)

    def end(self, op):
        with self.changed:
            op.completed = self.now()
            self.completed += 1
            self.changed.notify_all()

    def mark(self, what, booking=None):
        """What happened besides; booking None: to all."""
        self.marks.append((self.now(), booking, what))

    def wait_completed(self, n, seconds):
        """Until so many operations were answered, or the time is over."""
        with self.changed:
            self.changed.wait_for(lambda: self.completed >= n, seconds)

    def tell(self, booking, last=30):
        """The last operations on a booking (None: on all), and what happened meanwhile, as lines."""
        ops = [o for o in self.ops if booking is None or o.booking == booking]
        lines = [(o.invoked, str(o)) for o in ops]
        first = min((o.invoked for o in ops), default=0)
        end = max((o.completed or self.now() for o in ops), default=self.now())
        lines += [(at, f"{at:.3f} {what}") for at, b, what in self.marks if first <= at <= end and b in (None, booking)]
        return [line for _, line in sorted(lines)[-last:]]


class Caller:
    """Asks until it is answered. tls: the way it prefers; one request in five goes the other way."""

    def __init__(self, lab, history, name, rng, tls):
        self.lab, self.history, self.name, self.rng, self.tls = lab, history, name, rng, tls
        self.connections, self.n = {}, 0

    def key(self):
        self.n += 1
        return f"{self.name}-{self.n}"

    def ask(self, user, kind, method, path, body=None, match=None, booking=None, key=None):
        if method == "POST":
            key = key or self.key()
        op = Op(self.name, kind, method, path, body, key, match, user, booking)
        self.history.begin(op)
        deadline = time.monotonic() + PATIENCE
        while not self.attempt(op):
            if time.monotonic() > deadline:
                raise AssertionError(f"not answered for {PATIENCE} s: {op}")
        if kind == "create" and op.done:
            op.booking = op.json["id"]
        self.history.end(op)
        return op

    def attempt(self, op):
        tls = self.tls if self.rng.random() < 0.8 else not self.tls
        try:
            c = self.connection(tls)
        except OSError:
            time.sleep(0.01)  # nobody listens: the pause before the next try, and nothing was asked
            return False
        op.attempts += 1
        op.ways += "T" if tls else "U"
        op.sent = self.history.now()
        try:
            answer = self.send(op, c, self.rng.random() < LOSE)
        except (OSError, ValueError, http.client.HTTPException):
            answer = None
        if answer is None:
            op.lost += 1
            self.drop(tls)
            return False
        if answer.status in TRY_AGAIN:
            op.lost += answer.status == 503  # a commit in doubt is told as 503
            time.sleep(0.01)
            return False
        op.status, op.json = answer.status, answer.json
        op.replayed = answer.headers.get("Idempotency-Replayed") == "true"
        return True

    def send(self, op, c, lose):
        if not lose:
            return self.lab.request(op.method, op.path, op.body, token=op.user, key=op.key, match=op.match,
                                    connection=c)
        headers = {"Authorization": "Bearer " + self.lab.tokens[op.user], "Content-Type": "application/json"}
        if op.key:
            headers["Idempotency-Key"] = op.key
        if op.match is not None:
            headers["If-Match"] = f'"{op.match}"'
        c.request(op.method, op.path, body=None if op.body is None else json.dumps(op.body).encode(), headers=headers)
        return None

    def connection(self, tls):
        if tls not in self.connections:
            c = self.lab.connection(True) if tls else UnixConnection(self.lab.path("labtimed.sock"))
            c.connect()
            self.connections[tls] = c
        return self.connections[tls]

    def drop(self, tls):
        c = self.connections.pop(tls, None)
        if c:
            c.close()

    def close(self):
        for tls in list(self.connections):
            self.drop(tls)


class Sim:
    """One connection to the simulator's control socket; a wait is answered when it is over."""

    def __init__(self, lab):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(90)
        self.socket.connect(lab.path("sim.sock"))
        self.lines = self.socket.makefile("r", encoding="utf-8")

    def ask(self, *command):
        self.socket.sendall((" ".join(str(c) for c in command) + "\n").encode())
        return json.loads(self.lines.readline())

    def must(self, *command):
        answer = self.ask(*command)
        assert answer["ok"], (command, answer)
        return answer

    def close(self):
        self.lines.close()
        self.socket.close()
