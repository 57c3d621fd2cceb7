"""Drives the real binary: starts nodes on temporary data directories, talks HTTP to them, kills them,
and makes sure that nothing is left behind. Python 3 standard library only.

Environment: INNKEEPER_BINARY names the executable to test (its shim lies next to it).
"""

import atexit
import fcntl
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.parse
import uuid
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
GAME_SERVER = HERE / "game_server.py"
REGION = "Seattle"
# How long anything may take before a test gives up: generous, as sanitizers and a busy machine are slow.
PATIENCE = float(os.environ.get("INNKEEPER_TEST_PATIENCE", "30"))


def binary():
    """The executable under test; the test is an error without one, never skipped."""
    path = os.environ.get("INNKEEPER_BINARY") or str(ROOT / "build/dev/innkeeper")
    if not os.access(path, os.X_OK):
        raise RuntimeError(f"no executable at {path}; set INNKEEPER_BINARY")
    return path


def wait_until(condition, what, timeout=PATIENCE, interval=0.02):
    """Returns the first true value of `condition()`; fails with `what` after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout:g} s in vain for {what}; last: {value!r}")
        time.sleep(interval)


# --- ports -----------------------------------------------------------------------------------------


class PortRange:
    """A range of ports that no other test of this machine uses at the same time; held by a file lock."""

    WIDTH = 250
    FIRST, LAST = 21_000, 31_999  # below the kernel's ephemeral ports

    def __init__(self):
        folder = Path(tempfile.gettempdir()) / "innkeeper-test-ports"
        folder.mkdir(mode=0o777, exist_ok=True)
        for first in range(self.FIRST, self.LAST - self.WIDTH, self.WIDTH):
            handle = open(folder / str(first), "w", encoding="ascii")
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                handle.close()
                continue
            self.handle, self.first, self.last = handle, first, first + self.WIDTH - 1
            return
        raise RuntimeError("every range of test ports is in use")

    def close(self):
        self.handle.close()


# --- configuration ---------------------------------------------------------------------------------


def toml_value(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, str):
        return json.dumps(value)
    if isinstance(value, list):
        return "[" + ", ".join(toml_value(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(k)} = {toml_value(v)}" for k, v in value.items()) + " }"
    raise TypeError(value)


def toml_table(name, table):
    lines = [f"[{name}]"]
    lines += [f"{key} = {toml_value(value)}" for key, value in table.items()]
    return "\n".join(lines) + "\n"


def app_id(name):
    """The same id for the same name, of the shape that the contract shows."""
    return f"app-{uuid.uuid5(uuid.NAMESPACE_DNS, name)}"


def game_command(*options):
    """The command of a test server that listens on {port}; see game_server.py for its options."""
    return [os.path.realpath(sys.executable), "-IB", str(GAME_SERVER), "--port", "{port}", *options]


def app(name="echo", **deployment):
    """An [[app]] of the configuration, as (id, text)."""
    spec = {
        "command": game_command(),
        "transport": "tcp",
        "container_port": 7777,
        "rooms_per_process": 4,
        "requested_cpu": 0.1,
        "requested_memory_mb": 256,
        "idle_timeout_enabled": False,
        "env": {},
    }
    spec.update(deployment)
    return {"id": app_id(name), "name": name, "deployment": spec}


# --- HTTP ------------------------------------------------------------------------------------------


class Answer:
    """Status, headers and body of one response."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.body[:300]!r}>"


class Client:
    """Keep-alive HTTP, one connection for each thread. Methods named after operations return Answers."""

    def __init__(self, host, port, token, app_id, timeout=PATIENCE + 60):
        self.host, self.port, self.token, self.app, self.timeout = host, port, token, app_id, timeout
        self._local = threading.local()

    def for_app(self, app_id):
        """The same connections, on behalf of another app."""
        other = Client(self.host, self.port, self.token, app_id, self.timeout)
        other._local = self._local
        return other

    def _connection(self):
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = http.client.HTTPConnection(self.host, self.port, timeout=self.timeout)
            connection.connect()
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._local.connection = connection
        return connection

    def close(self):
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
            self._local.connection = None

    def request(self, method, path, body=None, headers=None, token=True):
        """Sends once; OSError and http.client.HTTPException mean that no answer came."""
        sent = {"Accept": "application/json"}
        if token:
            sent["Authorization"] = f"Bearer {self.token if token is True else token}"
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        if body is not None:
            sent["Content-Type"] = "application/json"
        elif method == "POST":
            sent["Content-Length"] = "0"
        sent.update(headers or {})
        fresh = getattr(self._local, "connection", None) is None
        try:
            return self._exchange(method, path, body, sent)
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            self.close()
            # A GET may be repeated when the node has closed an idle connection in the meantime.
            if fresh or method != "GET":
                raise
            return self._exchange(method, path, body, sent)
        except Exception:
            self.close()
            raise

    def _exchange(self, method, path, body, headers):
        connection = self._connection()
        connection.request(method, path, body=body, headers=headers)
        response = connection.getresponse()
        answer = Answer(response.status, response.headers, response.read())
        if response.will_close:
            self.close()
        return answer

    def get(self, path, **options):
        return self.request("GET", path, **options)

    def post(self, path, body=None, **options):
        return self.request("POST", path, body, **options)

    # Rooms.
    def create(self, region=REGION, room=None, key=None, **body):
        query = "?roomId=" + urllib.parse.quote(room, safe="") if room is not None else ""
        headers = {"Idempotency-Key": key} if key else None
        return self.post(f"/rooms/v2/{self.app}/create{query}", {"region": region, **body}, headers=headers)

    def info(self, room):
        return self.get(f"/rooms/v2/{self.app}/info/{room}")

    def connection(self, room, wait=None):
        query = f"?wait={wait}" if wait else ""
        return self.get(f"/rooms/v2/{self.app}/connectioninfo/{room}{query}", token=False)

    def destroy(self, room):
        return self.post(f"/rooms/v2/{self.app}/destroy/{room}")

    def suspend(self, room):
        return self.post(f"/rooms/v2/{self.app}/suspend/{room}")

    def resume(self, room):
        return self.post(f"/rooms/v2/{self.app}/resume/{room}")

    def update(self, room, config):
        return self.post(f"/rooms/v2/{self.app}/update/{room}", {"roomConfig": config})

    def active(self, process):
        return self.get(f"/rooms/v2/{self.app}/list/{process}/active")

    def inactive(self, process):
        return self.get(f"/rooms/v2/{self.app}/list/{process}/inactive")

    def explain(self, room):
        return self.get(f"/v1/rooms/{room}/explain")

    # Processes.
    def process(self, process):
        return self.get(f"/processes/v3/apps/{self.app}/processes/{process}")

    def processes(self, query=""):
        return self.get(f"/processes/v3/apps/{self.app}/processes/latest{query}")

    def process_count(self, query=""):
        return self.get(f"/processes/v3/apps/{self.app}/processes/count{query}")

    def create_process(self, region=REGION):
        return self.post(f"/processes/v3/apps/{self.app}/processes/regions/{region}")

    def stop_process(self, process):
        return self.post(f"/processes/v3/apps/{self.app}/processes/{process}/stop")


# --- the node --------------------------------------------------------------------------------------


class Node:
    """One data directory and, most of the time, one running innkeeper on it."""

    def __init__(self, apps=None, settings=None, data_dir=None, hosts=True, regions=(REGION,)):
        """`settings` are tables of the configuration that are merged over the defaults here."""
        self.mark = f"innkeeper-test-{uuid.uuid4().hex}"
        self.folder = Path(tempfile.mkdtemp(prefix=self.mark + "-"))
        self.data_dir = Path(data_dir) if data_dir else self.folder / "data"
        self.ports = PortRange()
        self.apps = apps if apps is not None else [app()]
        self.regions = regions
        self.child = None
        self.url = None
        self.client = None
        self.starts = 0
        self.settings = {
            "node": {"name": "node-1", "data_dir": str(self.data_dir)},
            "gateway": {"listen": "127.0.0.1:0"},
            "auth": {"admin_token_file": str(self.folder / "admin.token")},
            "host": {
                "region": REGION,
                "public_address": "127.0.0.1",
                "ports": f"{self.ports.first}-{self.ports.last}",
                "cpus": 8.0,
                "memory_mb": 65_536,
            },
            "timeouts": {"start": "20s", "stop_grace": "2s", "idle": "5m", "scheduling": "30s"},
            "policy": {},
            "store": {"url": "sqlite:innkeeper.db"},
        }
        for table, values in (settings or {}).items():
            self.settings.setdefault(table, {}).update(values)
        atexit.register(self.destroy)

    # Files.
    @property
    def config_file(self):
        return self.folder / "innkeeper.toml"

    @property
    def database(self):
        return self.data_dir / "innkeeper.db"

    def log_file(self, start=None):
        return self.folder / f"stderr-{start or self.starts}.log"

    def log(self):
        """Everything that any run has written to standard error."""
        return "".join(
            self.log_file(n).read_text(errors="replace")
            for n in range(1, self.starts + 1) if self.log_file(n).exists())

    def write_config(self):
        text = ""
        for name, table in self.settings.items():
            if name != "gateway.limits":
                text += toml_table(name, table) + "\n"
        if "gateway.limits" in self.settings:
            text += toml_table("gateway.limits", self.settings["gateway.limits"]) + "\n"
        for region in self.regions:
            text += f'[[region]]\nname = "{region}"\n\n'
        for entry in self.apps:
            deployment = dict(entry["deployment"])
            # Whoever looks for what was left behind finds the servers of this node by it.
            deployment["env"] = {**deployment.get("env", {}), "SYSTEM_TEST_MARK": self.mark}
            text += "[[app]]\n" + "".join(
                f"{key} = {toml_value(value)}\n" for key, value in entry.items() if key != "deployment")
            text += toml_table("app.deployment", deployment) + "\n"
        self.config_file.write_text(text)

    # Life.
    def launch(self, *arguments, preexec=None):
        """Starts the binary without waiting for it."""
        assert self.child is None, "the node runs already"
        self.write_config()
        self.starts += 1
        environment = dict(os.environ)
        environment["SYSTEM_TEST_MARK"] = self.mark
        environment.setdefault("ASAN_OPTIONS", "detect_leaks=1:abort_on_error=0:exitcode=86")
        environment.setdefault("UBSAN_OPTIONS", "print_stacktrace=1:halt_on_error=1:exitcode=86")
        # The log goes to a file, so that no full pipe can ever stall the node.
        with open(self.log_file(), "wb") as stderr:
            self.child = subprocess.Popen(
                [binary(), "serve", "--config", str(self.config_file), *arguments],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr,
                env=environment, start_new_session=True, preexec_fn=preexec)
        return self

    def start(self, *arguments, preexec=None, timeout=PATIENCE):
        """Starts the binary and waits until it serves."""
        self.launch(*arguments, preexec=preexec)
        self.wait_ready(timeout)
        return self

    def wait_ready(self, timeout=PATIENCE):
        def ready_url():
            if self.child.poll() is not None:
                code, self.child = self.child.returncode, None
                raise AssertionError(f"the node ended with {code} before it was ready:\n{self.tail()}")
            found = re.search(r"\bnode\.ready\b.*?\burl=\"?http://([^:\s]+):(\d+)",
                              self.log_file().read_text(errors="replace"))
            return found and (found.group(1), int(found.group(2)))

        host, port = wait_until(ready_url, "node.ready in the log", timeout)
        self.url = f"http://{host}:{port}"
        token = Path(self.settings["auth"]["admin_token_file"]).read_text().strip()
        self.client = Client(host, port, token, self.apps[0]["id"] if self.apps else "app-none")

        def readyz():
            try:
                return self.client.get("/readyz").status == 200
            except OSError:
                return False

        wait_until(readyz, "/readyz to answer 200", timeout)

    @property
    def address(self):
        return (self.client.host, self.client.port)

    @property
    def pid(self):
        return self.child.pid

    def tail(self, lines=40):
        if not self.log_file().exists():
            return ""
        return "\n".join(self.log_file().read_text(errors="replace").splitlines()[-lines:])

    def kill(self):
        """kill -9, as a crash would."""
        if self.client:
            self.client.close()
        self.child.kill()
        self.child.wait()
        self.child = None
        self.check_log()

    def stop(self, timeout=PATIENCE):
        """SIGTERM; the node must end in order with exit code 0."""
        if self.client:
            self.client.close()
        self.child.terminate()
        try:
            code = self.child.wait(timeout)
        except subprocess.TimeoutExpired:
            self.child.send_signal(signal.SIGABRT)
            self.child.wait()
            self.child = None
            raise AssertionError(f"the node did not stop within {timeout} s:\n{self.tail()}") from None
        self.child = None
        self.check_log()
        assert code == 0, f"the node stopped with {code}:\n{self.tail()}"

    def wait_exit(self, timeout=PATIENCE):
        """The exit code of a node that ends by itself."""
        code = self.child.wait(timeout)
        self.child = None
        self.check_log()
        return code

    def check_log(self):
        """No sanitizer may have reported anything."""
        text = self.log_file().read_text(errors="replace")
        for sign in ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:",
                     "ThreadSanitizer", "terminate called"):
            if sign in text:
                where = text.index(sign)
                raise AssertionError(f"{sign} in the node's log:\n{text[max(0, where - 500):where + 6000]}")

    # What it runs.
    def pids(self):
        """All live processes that this node started: {pid: command line}, the node itself not counted."""
        return {pid: line for pid, line in marked_processes(self.mark).items()
                if self.child is None or pid != self.child.pid}

    def server_pids(self):
        """The pids of the game servers: children that carry a process id of ours."""
        found = {}
        for pid in self.pids():
            environment = read_environment(pid)
            process = environment.get("HATHORA_PROCESS_ID")
            if process and not is_shim(pid):
                found.setdefault(process, []).append(pid)
        return {process: min(pids) for process, pids in found.items()}

    def stop_all_processes(self):
        """Orders every server of every app to stop and waits for it."""
        for entry in self.apps:
            client = self.client.for_app(entry["id"])
            for status in ("starting", "running", "draining"):
                while True:
                    answer = client.processes(f"?status={status}")
                    if answer.status == 429:  # a test of limits has used up what this token may do
                        time.sleep(0.1)
                        continue
                    found = answer.json
                    for process in found:
                        client.stop_process(process["processId"])
                    if len(found) < 10:
                        break

    def finish(self):
        """The orderly end of a test: all servers stopped, node stopped with 0, nothing left behind."""
        if self.child is not None:
            if self.client is not None:
                self.stop_all_processes()
            wait_until(lambda: not self.pids(), "every server process and shim to be gone")
            self.stop()
        left = self.pids()
        assert not left, f"left behind: {left}"
        self.destroy()

    def destroy(self):
        """Removes everything, by force. Also called when the test program ends."""
        atexit.unregister(self.destroy)
        if self.child is not None:
            self.child.kill()
            self.child.wait()
            self.child = None
        # Shims first: they would note the death of their servers in files that are about to go.
        for _ in range(50):
            pids = self.pids()
            if not pids:
                break
            for pid in sorted(pids, key=lambda pid: not is_shim(pid)):
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            time.sleep(0.02)
        self.ports.close()
        if os.environ.get("INNKEEPER_TEST_KEEP"):
            print(f"kept: {self.folder}", file=sys.stderr)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    # Shorthands.
    def create_active(self, client=None, **options):
        """A new room that is active; returns (room id, connection info)."""
        client = client or self.client
        created = client.create(**options)
        assert created.status == 201, created
        room = created.json["roomId"]
        return room, self.wait_active(room, client)

    def wait_active(self, room, client=None):
        info = (client or self.client).connection(room, wait="30s")
        assert info.status == 200 and info.json["status"] == "active", info
        return info.json


def read_environment(pid):
    try:
        raw = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return {}
    pairs = (item.split(b"=", 1) for item in raw.split(b"\0") if b"=" in item)
    return {key.decode(errors="replace"): value.decode(errors="replace") for key, value in pairs}


def is_shim(pid):
    try:
        return "shim" in os.path.basename(os.readlink(f"/proc/{pid}/exe").replace(" (deleted)", ""))
    except OSError:
        return False


def is_alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def marked_processes(mark):
    """Live processes with the mark in their environment or command line, this program not counted."""
    found = {}
    wanted = mark.encode()
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) == os.getpid():
            continue
        pid = int(entry)
        try:
            line = Path(f"/proc/{pid}/cmdline").read_bytes()
            marked = wanted in line or wanted in Path(f"/proc/{pid}/environ").read_bytes()
        except OSError:
            continue
        if marked and line and is_alive(pid):
            found[pid] = line.replace(b"\0", b" ").decode(errors="replace").strip()
    return found


def rss_mb(pid):
    """Resident memory of a process in MB."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", text).group(1)) / 1024


def is_sanitized():
    """True when the binary under test was built with the address sanitizer."""
    return b"__asan_init" in Path(binary()).read_bytes()


# --- talking to the test server --------------------------------------------------------------------


def talk(port_info, line, timeout=PATIENCE):
    """Sends one line to a server of game_server.py and returns its answer. See there for commands."""
    address = (port_info["host"], port_info["port"])
    data = line.encode() + b"\n"
    if port_info["transportType"] == "udp":
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.settimeout(timeout)
            udp.sendto(data, address)
            return udp.recv(65_536).decode().rstrip("\n")
    with socket.create_connection(address, timeout=timeout) as tcp:
        tcp.sendall(data)
        tcp.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: tcp.recv(65_536), b"")).decode().rstrip("\n")


class NodeTest(unittest.TestCase):
    """A test case with nodes that are ended in order, or by force when the test has failed."""

    def node(self, apps=None, settings=None, start=True, **options):
        node = Node(apps, settings, **options)
        result = self._outcome.result
        problems = len(result.errors) + len(result.failures)

        def clean_up():
            failed = len(result.errors) + len(result.failures) > problems
            if failed and os.environ.get("INNKEEPER_TEST_LOG", "1") == "1":
                print(f"--- log of the node of {self.id()}\n{node.tail(60)}\n---", file=sys.stderr)
            try:
                if not failed:
                    node.finish()
            finally:
                node.destroy()

        self.addCleanup(clean_up)
        return node.start() if start else node

    def assert_status(self, answer, status):
        """The status, and for errors the one error shape."""
        self.assertEqual(answer.status, status, answer)
        if status >= 400:
            self.assertEqual(answer.headers.get_content_type(), "application/json", answer)
            self.assertIsInstance(answer.json.get("message"), str, answer)
            self.assertTrue(answer.json["message"], answer)
        if status == 204:
            self.assertEqual(answer.body, b"")
        return answer


def main():
    # Threads of tests end without closing their connections; that is no finding.
    unittest.main(verbosity=2, warnings="ignore", failfast=bool(os.environ.get("INNKEEPER_TEST_FAILFAST")))
