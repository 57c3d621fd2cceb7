#!/usr/bin/env python3
"""Clients change rooms while the node is killed at random moments; a ledger tells what was acknowledged.

After each restart: what was acknowledged is found, in the acknowledged state or in a later one that was
attempted; no process has more rooms than slots; servers are adopted with the same pid.

INNKEEPER_CRASH_CYCLES (20) sets how often, INNKEEPER_SEED replays the clients' choices.
"""

import http.client
import os
import random
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import harness
from harness import NodeTest, app, wait_until

CYCLES = int(os.environ.get("INNKEEPER_CRASH_CYCLES", "20"))
SEED = int(os.environ.get("INNKEEPER_SEED", random.SystemRandom().randrange(1 << 32)))
CLIENTS = 6
SLOTS = 8
LIVE = ("scheduling", "active")


class Entry:
    """What one client knows of one of its rooms. Only that client writes it."""

    def __init__(self, room):
        self.room = room
        self.states = set()  # statuses that the room may be in
        self.configs = set()  # configs that the room may have
        self.acknowledged = False  # the create was
        self.allocations = 0  # acknowledged allocations: they can only grow

    def attempt(self, states=(), configs=()):
        self.states |= set(states)
        self.configs |= set(configs)

    def settle(self, states=None, configs=None):
        if states is not None:
            self.states = set(states)
        if configs is not None:
            self.configs = set(configs)


class ClientThread:
    """Works on its own rooms until the node goes away under it."""

    def __init__(self, number, seed):
        self.number = number
        self.random = random.Random(f"{seed}/{number}")
        self.entries = []
        self.counter = 0
        self.failures = []
        self.acknowledged = 0

    def run(self, api, stop):
        try:
            while not stop.is_set():
                self.step(api)
        except (OSError, http.client.HTTPException):
            pass  # the node was killed; what was under way stays merely attempted
        except Exception as error:  # pylint: disable=broad-except
            self.failures.append(f"client {self.number}: {error!r}")
        finally:
            api.close()

    def living(self):
        return [entry for entry in self.entries if entry.acknowledged and "destroyed" not in entry.states]

    def step(self, api):
        living = self.living()
        if len(living) < 3 or (len(living) < 12 and self.random.random() < 0.3):
            return self.create(api)
        entry = self.random.choice(living)
        return self.random.choice((self.suspend, self.resume, self.update, self.destroy, self.read))(api, entry)

    def expect(self, answer, *statuses):
        if answer.status not in statuses:
            raise AssertionError(f"expected {statuses}, got {answer}")
        self.acknowledged += 1

    def create(self, api):
        self.counter += 1
        entry = Entry(f"c{self.number}-{self.counter}")
        config = f"config-{self.counter}"
        entry.attempt(LIVE, [config])
        self.entries.append(entry)
        self.expect(api.create(room=entry.room, roomConfig=config), 201)
        entry.acknowledged = True
        entry.allocations = 1

    def suspend(self, api, entry):
        entry.attempt(["suspended"])
        self.expect(api.suspend(entry.room), 204)
        entry.settle(["suspended"])

    def resume(self, api, entry):
        was_suspended = entry.states == {"suspended"}
        entry.attempt(LIVE)
        self.expect(api.resume(entry.room), 200)
        entry.settle(LIVE)
        entry.allocations += was_suspended

    def update(self, api, entry):
        self.counter += 1
        config = f"config-{self.counter}"
        entry.attempt(configs=[config])
        self.expect(api.update(entry.room, config), 204)
        entry.settle(configs=[config])

    def destroy(self, api, entry):
        entry.attempt(["destroyed"], [None])
        self.expect(api.destroy(entry.room), 204)
        entry.settle(["destroyed"], [None])

    def read(self, api, entry):
        answer = api.info(entry.room)
        self.expect(answer, 200)
        self.compare(answer, entry)

    def compare(self, answer, entry):
        """Checks one room against the ledger, and takes over what turned out to be so."""
        if answer.status == 404 and not entry.acknowledged:
            self.entries.remove(entry)
            return
        if answer.status != 200:
            raise AssertionError(f"room {entry.room} was acknowledged and is lost: {answer}")
        view = answer.json
        if view["status"] not in entry.states:
            raise AssertionError(f"room {entry.room} is {view['status']}, may be {sorted(entry.states)}")
        if view["roomConfig"] not in entry.configs:
            raise AssertionError(f"room {entry.room} has {view['roomConfig']!r}, may have {entry.configs}")
        if len(view["allocations"]) < entry.allocations:
            raise AssertionError(f"room {entry.room} lost an allocation: {view['allocations']}")
        open_ones = [one for one in view["allocations"] if one["unscheduledAt"] is None]
        if len(open_ones) != (1 if view["status"] in LIVE else 0):
            raise AssertionError(f"room {entry.room} is {view['status']} with {open_ones}")
        entry.acknowledged = True
        entry.allocations = len(view["allocations"])
        entry.settle(LIVE if view["status"] in LIVE else [view["status"]], [view["roomConfig"]])


class CrashLoop(NodeTest):
    def test_what_was_acknowledged_survives_kill_9_at_any_moment(self):
        print(f"seed {SEED}, {CYCLES} cycles", flush=True)
        chance = random.Random(SEED)
        node = self.node([app(rooms_per_process=SLOTS)])
        clients = [ClientThread(number, SEED) for number in range(CLIENTS)]
        for cycle in range(CYCLES):
            self.work_and_kill(node, clients, chance.uniform(0.05, 1.2))
            pids = node.server_pids()
            with self.subTest(cycle=cycle, seed=SEED):
                self.check_store(node)
            node.start()
            with self.subTest(cycle=cycle, seed=SEED):
                self.check_processes(node, pids)
                self.check_rooms(node, clients)
        total = sum(client.acknowledged for client in clients)
        print(f"{total} acknowledged requests, {sum(len(c.entries) for c in clients)} rooms", flush=True)
        self.assertGreater(total, CYCLES * CLIENTS)

    def work_and_kill(self, node, clients, seconds):
        stop = threading.Event()
        threads = [
            threading.Thread(target=client.run, args=(node.client.for_app(node.client.app), stop))
            for client in clients
        ]
        for thread in threads:
            thread.start()
        time.sleep(seconds)
        node.kill()
        stop.set()
        for thread in threads:
            thread.join(60)
            self.assertFalse(thread.is_alive(), "a client hangs")
        for client in clients:
            self.assertEqual(client.failures, [])

    def check_rooms(self, node, clients):
        def check(client):
            api = node.client.for_app(node.client.app)
            for entry in list(client.entries):
                if entry.states == {"destroyed"} and entry.acknowledged and client.random.random() > 0.05:
                    continue  # final: a sample is enough
                client.compare(api.info(entry.room), entry)
            api.close()

        with ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(check, clients))

    def all_processes(self, node):
        """Every process that has not ended, page by page."""
        found, before = {}, ""
        while True:
            page = node.client.processes(
                f"?status=starting&status=running&status=draining&status=stopping{before}").json
            fresh = [one for one in page if one["processId"] not in found]
            found.update((one["processId"], one) for one in page)
            if len(page) < 10 or not fresh:
                return found
            before = f"&before={_milliseconds(page[-1]['createdAt'])}"

    def check_processes(self, node, pids_before):
        processes = self.all_processes(node)
        on_two = {}
        for process, view in processes.items():
            rooms = [entry["roomId"] for entry in node.client.active(process).json]
            self.assertLessEqual(len(rooms), SLOTS, f"process {process} has more rooms than slots")
            for room in rooms:
                self.assertNotIn(room, on_two, "a room is on two processes")
                on_two[room] = process
            self.assertLessEqual(view["roomsAllocated"], SLOTS)
        pids_now = node.server_pids()
        for process, pid in pids_before.items():
            if processes.get(process, {}).get("status") == "running":
                self.assertEqual(pids_now.get(process), pid, f"process {process} was not adopted")
        ports = [view["exposedPort"]["port"] for view in processes.values() if view["exposedPort"]]
        self.assertEqual(len(ports), len(set(ports)), "two processes share a port")
        # A server runs only as what the records know.
        wait_until(lambda: set(node.server_pids()) <= set(self.all_processes(node)), "unknown servers to be stopped")

    def check_store(self, node):
        """The invariant checker of the store, where it is built."""
        checker = os.environ.get("INNKEEPER_CHECK_STORE", "")
        if not os.access(checker, os.X_OK):
            return
        done = subprocess.run([checker, str(node.database)], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


def _milliseconds(moment):
    """Milliseconds since 1970 of an RFC 3339 moment in UTC."""
    return int(datetime.fromisoformat(moment.replace("Z", "+00:00")).timestamp() * 1000)


if __name__ == "__main__":
    harness.main()
