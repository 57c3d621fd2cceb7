"""A PostgreSQL server for one test: in a directory of its own, on loopback, with fsync, gone at the end."""

import atexit
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import harness
from harness import wait_until


def programs():
    """Where the newest server that is installed keeps its programs."""
    found = [folder for folder in Path("/usr/lib/postgresql").glob("*/bin") if (folder / "postgres").exists()]
    if not found:
        raise RuntimeError("no PostgreSQL server is installed (./dev packages)")
    return max(found, key=lambda folder: int(folder.parent.name))


def unprivileged():
    """Options of subprocess that give up root, which the server refuses to run as."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    raise RuntimeError("there is no user to run PostgreSQL as")


class Server:
    """Started by the constructor; `url` is what a node is given."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="innkeeper-postgres-"))
        self.ports = harness.PortRange()
        self.port = self.ports.first
        self.child = None
        self.rights = unprivileged()
        if self.rights:
            os.chown(self.folder, self.rights["user"], self.rights["group"])
        atexit.register(self.destroy)
        with open(self.folder / "initdb.log", "wb") as log:
            subprocess.run(
                [programs() / "initdb", "-D", self.folder / "data", "-U", "innkeeper", "--auth=trust", "-E", "UTF8",
                 "--locale=C.UTF-8", "--no-sync"],
                check=True, stdout=log, stderr=log, cwd="/", **self.rights)
        self.start()
        self.sql("CREATE DATABASE innkeeper", database="postgres")

    @property
    def url(self):
        return f"postgresql://innkeeper@127.0.0.1:{self.port}/innkeeper"

    def launch(self):
        with open(self.folder / "server.log", "ab") as log:
            self.child = subprocess.Popen(
                [programs() / "postgres", "-D", self.folder / "data", "-p", str(self.port),
                 "-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={self.folder}",
                 "-c", "fsync=on", "-c", "shared_buffers=32MB"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", start_new_session=True, **self.rights)

    def start(self):
        """Returns the moment from which on it lets clients in."""
        self.launch()
        wait_until(self.answers, "PostgreSQL to answer", interval=0.01)
        return time.monotonic()

    def answers(self):
        if self.child.poll() is not None:
            raise AssertionError((self.folder / "server.log").read_text(errors="replace"))
        return subprocess.run([programs() / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)],
                              check=False).returncode == 0

    def stop(self, crash=False):
        self.child.send_signal(signal.SIGQUIT if crash else signal.SIGINT)
        self.child.wait(harness.PATIENCE)
        self.child = None

    def sql(self, statements, database="innkeeper"):
        """The rows as text, one a line, columns apart by |."""
        done = subprocess.run(
            [programs() / "psql", "-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-U", "innkeeper", "-h",
             "127.0.0.1", "-p", str(self.port), "-d", database, "-c", statements],
            check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def backend(self):
        """The process that serves the node's store."""
        return int(self.sql("SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'innkeeper %'"))

    def destroy(self):
        atexit.unregister(self.destroy)
        if self.child is not None:
            self.stop(crash=True)
        self.ports.close()
        shutil.rmtree(self.folder, ignore_errors=True)
