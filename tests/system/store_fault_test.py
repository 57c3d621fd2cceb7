#!/usr/bin/env python3
"""Full disks, damaged and read-only files, a second node: a clear error, and nothing acknowledged is lost."""

import os
import re
import resource
import shutil
import signal
import sqlite3
import stat
import subprocess
from pathlib import Path

import harness
from harness import NodeTest, app, wait_until


def limit_file_size(size):
    """Lets writes beyond the size fail with EFBIG, instead of ending the program by SIGXFSZ."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))


class CannotStart(NodeTest):
    """The node must end with 2 and say why."""

    def assert_refuses(self, node, *words, preexec=None):
        node.launch(preexec=preexec)
        self.assertEqual(node.wait_exit(), 2, node.tail())
        log = node.tail().lower()
        for word in words:
            self.assertIn(word, log)
        self.assertNotIn("node.ready", log)

    def used_node(self):
        """A stopped node with a room in its store."""
        node = self.node()
        room, _ = node.create_active()
        node.client.destroy(room)
        node.stop_all_processes()
        wait_until(lambda: not node.pids(), "every process to be gone")
        node.stop()
        return node

    def test_a_data_directory_that_another_node_holds(self):
        first = self.node()
        room, _ = first.create_active()
        second = self.node(data_dir=first.data_dir, start=False)
        self.assert_refuses(second, "data")
        # The first did not notice.
        self.assertEqual(first.client.info(room).json["status"], "active")
        self.assertEqual(len(first.server_pids()), 1)

    def test_a_port_that_is_taken(self):
        first = self.node()
        second = self.node(settings={"gateway": {"listen": f"{first.client.host}:{first.client.port}"}}, start=False)
        self.assert_refuses(second, str(first.client.port))

    def test_a_file_that_is_no_database(self):
        node = self.node(start=False)
        node.data_dir.mkdir(mode=0o700)
        node.database.write_bytes(b"This is not what you are looking for. " * 500)
        self.assert_refuses(node, "innkeeper.db")
        self.assertTrue(node.database.read_bytes().startswith(b"This is not"), "the file must be left as it is")

    def test_a_database_whose_pages_are_damaged(self):
        node = self.used_node()
        with sqlite3.connect(node.database) as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.close()
        size = node.database.stat().st_size
        with open(node.database, "r+b") as file:
            file.seek(100)  # the header stays, everything after it goes
            file.write(os.urandom(size - 100))
        self.assert_refuses(node, "innkeeper.db")

    def test_a_schema_that_is_newer(self):
        node = self.used_node()
        version = subprocess.run([harness.binary(), "version"], capture_output=True, text=True, check=True).stdout
        self.assertRegex(version, r"(?i)schema\D*\d+")
        with sqlite3.connect(node.database) as database:
            current = database.execute("PRAGMA user_version").fetchone()[0]
            self.assertGreater(current, 0, "the schema's version is kept in user_version")
            database.execute(f"PRAGMA user_version = {current + 1}")
        database.close()
        self.assert_refuses(node, "schema")

    def test_a_file_that_cannot_be_written(self):
        node = self.used_node()
        if os.geteuid() == 0:
            # Root may write any file, but not on a file system that is read-only.
            if subprocess.run(["mount", "--bind", node.data_dir, node.data_dir], check=False,
                              capture_output=True).returncode != 0:
                self.skipTest("needs the right to mount")
            self.addCleanup(subprocess.run, ["umount", "-l", node.data_dir], check=False, capture_output=True)
            subprocess.run(["mount", "-o", "remount,bind,ro", node.data_dir], check=True)
            self.assert_refuses(node, str(node.data_dir).lower())
            subprocess.run(["umount", node.data_dir], check=True)
        else:
            node.database.chmod(stat.S_IRUSR)
            self.assert_refuses(node, "innkeeper.db")
            node.database.chmod(stat.S_IRUSR | stat.S_IWUSR)
        node.start()

    def test_no_space_at_the_start(self):
        node = self.node(start=False)
        self.assert_refuses(node, "innkeeper.db", preexec=lambda: limit_file_size(8192))


class WritesFail(NodeTest):
    """Writing fails under a running node: a small file system that is full, or a limit on file sizes."""

    def test_failing_writes_are_refused_and_heal(self):
        node = self.node([app(rooms_per_process=10_000)], start=False)
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        node.start(preexec=lambda: limit_file_size(hard))
        room, _ = node.create_active(roomConfig="before")
        acknowledged = [f"early-{number}" for number in range(20)]
        for name in acknowledged:
            self.assert_status(node.client.create(room=name, roomConfig="x" * 2000), 201)
        # Less than one page: not even a log that starts over at its beginning takes a write, so nothing heals early.
        resource.prlimit(node.pid, resource.RLIMIT_FSIZE, (4096, hard))
        more, refused = self.create_until_refused(node)
        self.assertEqual(more, [], "a write that cannot have reached the disk was acknowledged")
        self.assert_reads_go_on(node, room)
        resource.prlimit(node.pid, resource.RLIMIT_FSIZE, (hard, hard))
        self.assert_heals(node, room, acknowledged, refused)

    def small_disk(self, node):
        """Puts the data directory on its own little file system; False when that is not allowed."""
        node.data_dir.mkdir(mode=0o700)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m,mode=0700", "tmpfs", node.data_dir],
                              check=False, capture_output=True)
        if done.returncode == 0:
            self.addCleanup(subprocess.run, ["umount", "-l", node.data_dir], check=False, capture_output=True)
        return done.returncode == 0

    def test_changes_are_refused_reads_go_on_and_freed_space_heals(self):
        node = self.node([app(rooms_per_process=10_000)], start=False)
        if not self.small_disk(node):
            self.skipTest("needs the right to mount")
        node.start()
        room, _ = node.create_active(roomConfig="before")
        filler = node.data_dir / "filler"
        with open(filler, "wb", buffering=0) as file:
            try:
                while file.write(b"\0" * 4096):
                    pass
            except OSError:
                pass

        acknowledged, refused = self.create_until_refused(node)
        self.assert_reads_go_on(node, room)
        filler.unlink()
        self.assert_heals(node, room, acknowledged, refused)
        # The little file system must not be busy when it is taken away.
        node.stop_all_processes()
        wait_until(lambda: not node.pids(), "every process to be gone")
        node.stop()

    def create_until_refused(self, node):
        acknowledged, refused = [], []
        for number in range(5000):
            name = f"full-{number}"
            answer = node.client.create(room=name, roomConfig="x" * 2000)
            if answer.status == 201:
                acknowledged.append(name)
                continue
            self.assert_status(answer, 500)
            refused.append(name)
            if len(refused) >= 5:
                return acknowledged, refused
        raise AssertionError("no write was ever refused")

    def assert_reads_go_on(self, node, room):
        self.assertEqual(node.client.get("/healthz").status, 200)
        self.assert_status(node.client.info(room), 200)
        self.assertEqual(node.client.connection(room).json["status"], "active")
        wait_until(lambda: node.client.get("/readyz").status == 503, "/readyz to say so")
        self.assertIn("store", node.client.get("/readyz").body.decode())
        for answer in (node.client.suspend(room), node.client.destroy(room), node.client.update(room, "lost")):
            self.assert_status(answer, 500)
        self.assertRegex(node.log(), r"(warning|error) +store\.")

    def assert_heals(self, node, room, acknowledged, refused):
        """Life goes on without a restart, and nothing of what was refused appears later."""
        wait_until(lambda: node.client.get("/readyz").status == 200, "the node to be ready again")
        later, _ = node.create_active(roomConfig="after")
        self.check(node, room, later, acknowledged, refused)
        node.kill()
        node.start()
        self.check(node, room, later, acknowledged, refused)

    def check(self, node, room, later, acknowledged, refused):
        self.assertEqual(node.client.info(room).json["roomConfig"], "before")
        self.assertEqual(node.client.info(later).json["roomConfig"], "after")
        for name in acknowledged:
            self.assert_status(node.client.info(name), 200)
        for name in refused:
            self.assert_status(node.client.info(name), 404)


class FilesGoAway(NodeTest):
    def test_a_store_that_is_moved_away_takes_no_changes_until_it_is_back(self):
        node = self.node()
        room, _ = node.create_active(roomConfig="kept")
        servers = node.server_pids()
        away = node.folder / "away.db"
        node.database.rename(away)

        self.assert_status(node.client.create(), 500)
        wait_until(lambda: node.client.get("/readyz").status == 503, "/readyz to say so")
        self.assertIn("deleted or replaced", node.log())
        self.assertEqual(node.client.info(room).json["status"], "active")
        self.assertFalse(node.database.exists(), "an empty store must not take its place")

        away.rename(node.database)
        wait_until(lambda: node.client.get("/readyz").status == 200, "the node to be ready again")
        self.assertEqual(node.client.info(room).json["roomConfig"], "kept")
        self.assertEqual(node.client.info(room).json["status"], "active")
        self.assertEqual(node.server_pids(), servers)
        self.assert_status(node.client.create(), 201)


class Files(NodeTest):
    def test_secrets_and_data_are_for_the_owner_only(self):
        node = self.node()
        node.create_active()
        self.assertEqual(stat.S_IMODE(node.data_dir.stat().st_mode), 0o700)
        token = Path(node.settings["auth"]["admin_token_file"])
        self.assertEqual(stat.S_IMODE(token.stat().st_mode), 0o600)
        self.assertRegex(token.read_text().strip(), re.compile(r"^\S{32,}$"))

    def test_a_backup_taken_while_it_runs_can_be_restored(self):
        node = self.node()
        room, _ = node.create_active(roomConfig="kept")
        node.client.suspend(room)
        copy = node.folder / "backup.db"
        source, target = sqlite3.connect(f"file:{node.database}?mode=ro", uri=True), sqlite3.connect(copy)
        source.backup(target)
        source.close()
        target.close()
        node.stop_all_processes()
        wait_until(lambda: not node.pids(), "every process to be gone")
        node.stop()

        restored = self.node(start=False)
        restored.data_dir.mkdir(mode=0o700)
        shutil.copy(copy, restored.database)
        restored.start()
        view = restored.client.info(room).json
        self.assertEqual((view["status"], view["roomConfig"]), ("suspended", "kept"))


if __name__ == "__main__":
    harness.main()
