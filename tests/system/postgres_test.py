#!/usr/bin/env python3
"""One node whose store is a PostgreSQL server: its life, kills of the node, and failures of the server."""

import os
import signal
import subprocess
import threading
import time

import harness
import postgres
from harness import NodeTest, app, wait_until

# From the moment at which the server lets clients in again.
SERVICE_AGAIN_S = 2.0


class PostgresTest(NodeTest):
    def setUp(self):
        super().setUp()
        self.server = postgres.Server()
        self.addCleanup(self.server.destroy)

    def postgres_node(self, start=True, apps=None, **store):
        """A node with this server as its store."""
        return self.node(apps or [app(rooms_per_process=10_000)], start=start,
                         settings={"store": {"url": self.server.url, **store}})

    def check_store(self):
        """No invariant may be broken in what a node has left behind."""
        done = subprocess.run([os.environ["INNKEEPER_CHECK_STORE"], self.server.url], capture_output=True, text=True,
                              check=False)
        self.assertEqual((done.returncode, done.stdout), (0, ""), done.stderr)


class Life(PostgresTest):
    def test_rooms_live_and_survive_the_kill_of_the_node(self):
        node = self.postgres_node()
        active, before = node.create_active(roomConfig="żółw \u0001 🐢")
        suspended, _ = node.create_active(roomConfig="later")
        self.assert_status(node.client.suspend(suspended), 204)
        gone, _ = node.create_active()
        self.assert_status(node.client.destroy(gone), 204)
        self.assert_status(node.client.create(room="Chosen_1", key="once"), 201)
        taken = node.client.create(room="Chosen_1")
        self.assert_status(taken, 400)
        pids = node.server_pids()

        node.kill()
        self.check_store()
        node.start()
        self.assertEqual(node.server_pids(), pids, "the servers were adopted")
        info = node.wait_active(active)
        self.assertEqual(info["exposedPort"], before["exposedPort"])
        self.assertEqual(node.client.info(active).json["roomConfig"], "żółw \u0001 🐢")
        self.assertEqual(node.client.info(suspended).json["status"], "suspended")
        self.assertEqual(node.client.info(gone).json["status"], "destroyed")
        again = node.client.create(room="Chosen_1", key="once")
        self.assert_status(again, 201)
        self.assertEqual(again.json["roomId"], "Chosen_1")
        self.assert_status(node.client.resume(suspended), 200)
        node.wait_active(suspended)
        self.assertEqual(
            self.server.sql(f"SELECT state FROM innkeeper.rooms_readable WHERE room_id = '{gone}'"), "destroyed")

    def test_a_second_node_on_the_same_database_is_refused(self):
        first = self.postgres_node()
        second = self.postgres_node(start=False, answer_timeout="3s")
        second.launch()
        self.assertEqual(second.wait_exit(), 2, second.tail())
        self.assertIn("it is held by another node: innkeeper node-1", second.tail())
        first.create_active()

    def test_a_node_without_its_server_says_what_is_missing(self):
        self.server.stop()
        node = self.postgres_node(start=False)
        node.launch()
        self.assertEqual(node.wait_exit(), 2, node.tail())
        self.assertIn(f"127.0.0.1:{self.server.port}/innkeeper", node.tail())

    def test_a_newer_schema_is_refused(self):
        node = self.postgres_node()
        node.stop()
        self.server.sql("UPDATE innkeeper.store_info SET version = version + 1")
        node.launch()
        self.assertEqual(node.wait_exit(), 2, node.tail())
        self.assertIn("schema has version", node.tail())

    def test_check_refuses_a_password_in_the_url(self):
        node = self.postgres_node(start=False, url="postgresql://innkeeper:hunter2@127.0.0.1/innkeeper")
        node.write_config()
        done = subprocess.run([harness.binary(), "check", "--config", node.config_file], capture_output=True,
                              text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("store.password_file", done.stderr)
        self.assertNotIn("hunter2", done.stdout + done.stderr)


class Load:
    """Clients that create rooms with ids of their own, and note what they were told."""

    def __init__(self, node, threads=4):
        self.node = node
        self.acknowledged, self.refused, self.unknown, self.wrong = [], [], [], []
        self.moments = []  # of acknowledgements
        self.ending = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(number,)) for number in range(threads)]
        for thread in self.threads:
            thread.start()

    def run(self, number):
        count = 0
        while not self.ending.is_set():
            count += 1
            room = f"load-{number}-{count}"
            try:
                answer = self.node.client.create(room=room)
            except OSError as error:
                self.wrong.append(repr(error))
                return
            if answer.status == 201:
                self.moments.append(time.monotonic())
                self.acknowledged.append(room)
            elif answer.status == 429 and int(answer.headers.get("Retry-After", "0")) >= 1:
                self.refused.append(room)
                time.sleep(0.01)
            elif answer.status == 500:  # it was in the commit that was lost
                self.unknown.append(room)
            else:
                self.wrong.append(repr(answer))

    def end(self):
        self.ending.set()
        for thread in self.threads:
            thread.join()

    def first_after(self, moment):
        return next((one for one in list(self.moments) if one > moment), None)


class Failures(PostgresTest):
    def check_load(self, node, load):
        self.assertEqual(load.wrong, [])
        self.assertTrue(load.refused, "nothing was refused while the server was away")
        # One batch can have been on its way for each failure, and each client has one request in it.
        for name in load.acknowledged:
            self.assert_status(node.client.info(name), 200)
        for name in load.refused:
            self.assert_status(node.client.info(name), 404)
        for name in load.unknown:
            self.assertIn(node.client.info(name).status, (200, 404))

    def test_restarts_of_the_server_under_load(self):
        node = self.postgres_node()
        room, _ = node.create_active(roomConfig="before")
        load = Load(node)
        times = []
        for crash in (False, True, False):
            before = len(load.acknowledged)
            wait_until(lambda count=before: len(load.acknowledged) > count + 20, "rooms to be created")
            self.server.stop(crash=crash)
            refused = len(load.refused)
            wait_until(lambda count=refused: len(load.refused) > count + 4, "changes to be refused")
            self.assert_status(node.client.info(room), 200)
            back = self.server.start()
            first = wait_until(lambda moment=back: load.first_after(moment), "service again")
            times.append(first - back)
        load.end()
        print(f"service again after {', '.join(f'{one:.2f}' for one in times)} s; {len(load.acknowledged)} created, "
              f"{len(load.refused)} refused, {len(load.unknown)} unknown")
        self.assertLess(min(times), SERVICE_AGAIN_S, times)
        self.check_load(node, load)
        node.kill()
        self.check_store()
        node.start()
        self.check_load(node, load)
        self.assertEqual(node.client.info(room).json["roomConfig"], "before")

    def test_while_the_server_is_away_reads_go_on_and_changes_are_told_to_come_back(self):
        node = self.postgres_node()
        room, _ = node.create_active(roomConfig="before")
        self.server.stop()
        node.client.update(room, "lost")  # finds it out
        wait_until(lambda: node.client.get("/readyz").status == 503, "/readyz to say so")
        self.assertIn("store", node.client.get("/readyz").body.decode())
        for _ in range(3):
            for answer in (node.client.create(), node.client.suspend(room), node.client.destroy(room),
                           node.client.update(room, "lost")):
                self.assert_status(answer, 429)
                self.assertGreaterEqual(int(answer.headers["Retry-After"]), 1)
            self.assertEqual(node.client.info(room).json["roomConfig"], "before")
            self.assertEqual(node.client.connection(room).json["status"], "active")
            self.assertEqual(node.client.get("/healthz").status, 200)
            time.sleep(0.3)
        self.server.start()
        wait_until(lambda: node.client.get("/readyz").status == 200, "the node to be ready again")
        self.assert_status(node.client.update(room, "after"), 204)
        self.assertEqual(node.client.info(room).json["roomConfig"], "after")

    def test_a_server_that_hangs_is_given_up_and_had_again(self):
        node = self.postgres_node(answer_timeout="3s", connect_timeout="3s")
        room, _ = node.create_active(roomConfig="before")
        backend = self.server.backend()
        os.kill(backend, signal.SIGSTOP)
        self.addCleanup(lambda: os.path.exists(f"/proc/{backend}") and os.kill(backend, signal.SIGCONT))
        start = time.monotonic()
        self.assert_status(node.client.update(room, "perhaps"), 500)
        self.assertLess(time.monotonic() - start, harness.PATIENCE / 3)
        self.assert_status(node.client.update(room, "never"), 429)
        self.assertEqual(node.client.info(room).json["roomConfig"], "before")
        os.kill(backend, signal.SIGCONT)
        # /readyz may not have heard of the failure yet, so a change is what tells.
        wait_until(lambda: node.client.update(room, "after").status == 204, "the node to take changes again")
        self.assertEqual(node.client.info(room).json["roomConfig"], "after")


if __name__ == "__main__":
    harness.main()
