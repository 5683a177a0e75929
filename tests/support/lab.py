"""
lab.py - a whole lab for a test: the real labtime-sim, the real labtimed and the real labtime over real sockets, in a
temporary directory. Programs are found in $LABTIME_BUILD (meson sets it).
"""
import http.client
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess
import tempfile
import uuid

from tap import wait_for

BUILD = os.environ["LABTIME_BUILD"]
SOURCE = os.environ["LABTIME_SOURCE"]
LABTIMED = os.path.join(BUILD, "daemon", "labtimed")
LABTIME = os.path.join(BUILD, "client", "labtime")
SIM = os.path.join(BUILD, "drivers", "sim", "labtime-sim")

SITE = """
site   = {{ name = "Test Lab"; timezone = "{zone}"; currency = "USD"; rate = "100.00"; }};
listen = {{ unix = "{dir}/labtimed.sock"; tls = "127.0.0.1:0"; }};
tls    = {{ certificate = "{dir}/cert.pem"; key = "{dir}/key.pem"; }};
store  = {{ path = "{dir}/labtime.db"; }};
instruments = "instruments.d";
"""

INSTRUMENT = """
instrument = {{
  id = "{id}"; title = "{title}"; kind = "{kind}"; location = "B1"; rate = "100.00";
  controller = {{ address = "{address}"; unit = {unit}; profile = "{profile}"; poll = "{poll}"; }};
  {interlock}
  policy     = {{ {policy} }};
  {price}
}};
"""

INTERLOCK = 'interlock  = { mode = "enable"; gates = "start"; fail = "locked"; };'
FAST = 'grid = "1m"; min = "1m"; max = "48h"; horizon = "30d"; no_show = "30m";'


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout=30):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.raw = response.read()
        text = self.headers.get("Content-Type", "")
        self.json = json.loads(self.raw) if "json" in text and self.raw else None

    def __repr__(self):
        return f"<{self.status} {self.raw[:600]!r}>"


class Lab:
    def __init__(self, instruments=None, zone="Asia/Shanghai", wrapper=(), env=None, extra_sim=()):
        self.dir = tempfile.mkdtemp(prefix="labtime-test.")
        self.zone = zone
        self.wrapper = list(wrapper)
        self.env = dict(os.environ, XDG_CONFIG_HOME=os.path.join(self.dir, "config"), **(env or {}))
        for name in [n for n in self.env if n.startswith("LABTIME_")]:
            del self.env[name]
        self.env["LABTIME_ENDPOINT"] = "unix:" + self.path("labtimed.sock")
        self.instruments = instruments if instruments is not None else [
            {"id": "krios-1", "kind": "microscope"}, {"id": "novaseq-1", "kind": "sequencer"}]
        self.extra_sim = list(extra_sim)
        self.sim = self.daemon = None
        self.tls_port = 0
        self.tokens = {}

    def path(self, name):
        return os.path.join(self.dir, name)

    # programs -------------------------------------------------------------------------------------------

    def start_sim(self):
        if all(i.get("external") for i in self.instruments):
            return
        args = [SIM, "--control", self.path("sim.sock")]
        for i in self.instruments:
            if not i.get("external"):
                args += ["--instrument", f"{i['id']}={i.get('sim', i['kind'])}@127.0.0.1:{i.get('port', 0)}{i.get('options', '')}"]
        self.sim = subprocess.Popen(args + self.extra_sim, stdout=open(self.path("sim.out"), "wb"),
                                    stderr=open(self.path("sim.err"), "wb"))
        wait_for("the simulator", lambda: self._sim_ready())

    def _sim_ready(self):
        if self.sim.poll() is not None:
            raise AssertionError("labtime-sim ended: " + self.text("sim.err") + self.text("sim.out"))
        return os.path.exists(self.path("sim.sock")) and self._sim_ports()

    def _sim_ports(self):
        state = self.ctl("state")
        wanted = [i for i in self.instruments if not i.get("external")]
        for i in wanted:
            if not i.get("port"):
                address = next((s["address"] for s in state if s["instrument"] == i["id"]), None)
                if not address:
                    return False
                i["port"] = int(address.rsplit(":", 1)[1])
        return True

    def ctl(self, *command):
        """Sends one control command to the simulator; returns its JSON lines."""
        out = subprocess.run([SIM, "ctl", self.path("sim.sock"), *command], capture_output=True, text=True, timeout=20)
        if out.returncode != 0:
            raise AssertionError(f"labtime-sim ctl {command}: {out.stderr}{out.stdout}")
        return [json.loads(line) for line in out.stdout.splitlines() if line.startswith("{")]

    def write_config(self):
        os.makedirs(self.path("instruments.d"), exist_ok=True)
        self.write("labtimed.conf", SITE.format(zone=self.zone, dir=self.dir))
        for i in self.instruments:
            self.write(f"instruments.d/{i['id']}.conf", INSTRUMENT.format(
                id=i["id"], title=i.get("title", i["id"]), kind=i["kind"], poll=i.get("poll", "100ms"), unit=i.get("unit", 1),
                address=i.get("address") or f"127.0.0.1:{i['port']}", profile=i.get("profile", "generic-plc"),
                interlock=i.get("interlock", INTERLOCK), policy=i.get("policy", FAST), price=i.get("price", "")))

    def command(self):
        return [LABTIMED, "--config", self.path("labtimed.conf"), "--profiles", os.path.join(SOURCE, "etc", "profiles")]

    def start_daemon(self):
        for name in ("cert.pem", "key.pem"):
            if os.path.exists(os.path.join(SOURCE, "tests", "support", name)) and not os.path.exists(self.path(name)):
                shutil.copy(os.path.join(SOURCE, "tests", "support", name), self.path(name))
        log = open(self.path("labtimed.log"), "ab")
        mark = log.tell()
        self.daemon = subprocess.Popen(
            self.wrapper + self.command(), stdout=log, stderr=log, env=self.env)
        wait_for("labtimed", lambda: self._daemon_ready(mark), seconds=60)

    def _daemon_ready(self, mark):
        text = self.text("labtimed.log")[mark:]
        if self.daemon.poll() is not None:
            raise AssertionError("labtimed ended: " + text[-3000:])
        port = re.search(r'msg="serving".*tls_port="(\d+)"', text)
        if not port:
            return False
        self.tls_port = int(port.group(1))
        try:
            return self.request("GET", "/readyz").status == 200
        except OSError:
            return False

    def start(self):
        self.start_sim()
        self.write_config()
        self.start_daemon()
        return self

    def stop_daemon(self, signo=signal.SIGTERM, timeout=30):
        self.daemon.send_signal(signo)
        return self.daemon.wait(timeout)

    def stop(self):
        for process in (self.daemon, self.sim):
            if process and process.poll() is None:
                process.terminate()
                try:
                    process.wait(15)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        problem = [l for l in self.text("labtimed.log").splitlines() if "ERROR: AddressSanitizer" in l
                   or "runtime error" in l]
        shutil.rmtree(self.dir, ignore_errors=True)
        if problem:
            raise AssertionError("sanitizer: " + "; ".join(problem[:3]))

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, kind, error, trace):
        if kind:
            for name in ("labtimed.log", "sim.err"):
                for line in self.text(name).splitlines()[-25:]:
                    print("# " + name + ": " + line)
        try:
            self.stop()
        except AssertionError:
            if not kind:
                raise

    # the API --------------------------------------------------------------------------------------------

    def connection(self, tls=False):
        if not tls:
            return UnixConnection(self.path("labtimed.sock"))
        context = ssl.create_default_context(cafile=self.path("cert.pem"))
        context.check_hostname = False
        return http.client.HTTPSConnection("127.0.0.1", self.tls_port, context=context, timeout=30)

    def request(self, method, path, body=None, token=None, key=None, match=None, tls=False, headers=None,
                connection=None):
        c = connection or self.connection(tls)
        h = dict(headers or {})
        if token:
            h["Authorization"] = "Bearer " + self.tokens.get(token, token)
        if method == "POST" and key is not False:
            h["Idempotency-Key"] = key or str(uuid.uuid4())
        if match is not None:
            h["If-Match"] = f'"{match}"'
        data = None
        if body is not None:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            h.setdefault("Content-Type", "application/json")
        c.request(method, path, body=data, headers=h)
        answer = Answer(c.getresponse())
        if not connection:
            c.close()
        return answer

    def must(self, status, method, path, body=None, **kw):
        answer = self.request(method, path, body, **kw)
        assert answer.status == status, f"{method} {path}: wanted {status}, got {answer!r}"
        return answer.json

    def people(self, *users):
        """users: (id, org, role). Makes orgs, users and tokens; self.tokens[id] is the secret."""
        for user, org, role in users:
            if self.request("GET", f"/v1/orgs/{org}").status == 404:
                self.must(201, "POST", "/v1/orgs", {"id": org, "name": org.title(), "host": org == "host"})
            self.must(201, "POST", "/v1/users", {"id": user, "org": org, "name": user.title(), "role": role})
            self.tokens[user] = self.must(201, "POST", "/v1/tokens", {"user": user})["secret"]
        return self

    # the command line -----------------------------------------------------------------------------------

    def cli(self, *args, token=None, check=True, stdin=None, env=None, tty=False):
        e = dict(self.env, **(env or {}))
        if token:
            path = self.path(f"token-{token}")
            if not os.path.exists(path):
                with open(path, "w", opener=lambda p, f: os.open(p, f, 0o600)) as f:
                    f.write(self.tokens[token] + "\n")
            e["LABTIME_TOKEN_FILE"] = path
        r = subprocess.run([LABTIME, *args], env=e, input=stdin, capture_output=True, text=True, timeout=120)
        if check and r.returncode != 0:
            raise AssertionError(f"labtime {' '.join(args)}: exit {r.returncode}\n{r.stdout}{r.stderr}")
        return r

    # files ----------------------------------------------------------------------------------------------

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as f:
            f.write(text)

    def text(self, name):
        try:
            with open(self.path(name), encoding="utf-8", errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def store(self):
        return sqlite3.connect(self.path("labtime.db"))
