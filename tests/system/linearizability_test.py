#!/usr/bin/env python3
"""Sixteen clients share a few rooms on a node that is killed again and again; one order must explain all answers.

INNKEEPER_KILLS (6) sets how often, INNKEEPER_SEED replays the choices of clients and the moments of the kills. The
history is kept where INNKEEPER_TEST_KEEP is set, or when it was refuted.
"""

import http.client
import os
import random
import shutil
import tempfile
import threading
import time
from pathlib import Path

import harness
from harness import NodeTest, app
from linearizability.checker import check
from linearizability.history import Operation, Recorder, RecordingClient
from linearizability.quota_model import QuotaModel, of_rooms
from linearizability.room_model import RoomModel

KILLS = int(os.environ.get("INNKEEPER_KILLS", "6"))
SEED = int(os.environ.get("INNKEEPER_SEED", random.SystemRandom().randrange(1 << 32)))
CLIENTS = 16
ROOMS = 12  # in use at a time; who is destroyed makes place for a new one

CHOICES = ("get",) * 8 + ("create", "create", "suspend", "suspend", "resume", "resume", "connect", "update", "update",
                          "destroy")
EXPECTED = {"get": (200, 404), "create": (201, 400), "connect": (200, 404), "resume": (200, 404)}


class Rooms:
    """The ids that clients choose from."""

    def __init__(self):
        self._lock, self._made, self._in_use = threading.Lock(), 0, []
        self.all = []
        for slot in range(ROOMS):
            self._in_use.append(None)
            self._renew(slot)

    def _renew(self, slot):
        self._made += 1
        self._in_use[slot] = f"room-{self._made}"
        self.all.append(self._in_use[slot])

    def choose(self, chance):
        with self._lock:
            return chance.choice(self._in_use)

    def retire(self, room):
        with self._lock:
            if room in self._in_use:
                self._renew(self._in_use.index(room))


class Worker(threading.Thread):
    """One client: random operations on random rooms until told to stop, over all lives of the node."""

    def __init__(self, number, node, rooms, recorder, stop, ready):
        super().__init__(daemon=True)
        self.number, self.node, self.rooms, self.recorder = number, node, rooms, recorder
        self.stopped, self.ready = stop, ready
        self.chance = random.Random(f"{SEED}/{number}")
        self.counter = 0
        self.failures = []

    def run(self):
        while not self.stopped.is_set() and not self.failures:
            self.ready.wait(1)
            client = self.node.client
            api = RecordingClient(client, self.recorder, self.number)
            try:
                while not self.stopped.is_set():
                    self.step(api)
            except (OSError, http.client.HTTPException):
                time.sleep(0.02)  # the node was killed
            except Exception as error:  # pylint: disable=broad-except
                self.failures.append(f"client {self.number}: {error!r}")
            finally:
                client.close()

    def step(self, api):
        room, kind = self.rooms.choose(self.chance), self.chance.choice(CHOICES)
        self.counter += 1
        if kind == "update":
            answer = api.update(room, f"{self.number}-{self.counter}")
        elif kind == "create":
            # One and the same request each time where there is a key, as a client that tries again sends it.
            key = f"key-{room}-{self.number % 4}" if self.chance.random() < 0.3 else None
            answer = api.create(room, config=key or f"{self.number}-{self.counter}", key=key)
        else:
            answer = getattr(api, kind)(room)
        if answer.status not in EXPECTED.get(kind, (204, 404)):
            raise AssertionError(f"{kind} of {room}: {answer}")
        if kind == "destroy" and answer.status == 204 and self.chance.random() < 0.7:
            self.rooms.retire(room)


class Linearizability(NodeTest):
    def test_sixteen_clients_and_kill_9(self):
        chance = random.Random(SEED)
        schedule = [round(chance.uniform(0.3, 1.5), 3) for _ in range(KILLS)]
        print(f"seed {SEED}, kill -9 after {schedule} s each", flush=True)
        folder = Path(tempfile.mkdtemp(prefix="innkeeper-history-"))
        recorder = Recorder(folder / "history.jsonl", seed=SEED, schedule=schedule)
        rooms = self.work(schedule, recorder)
        recorder.close()
        violations = check(RoomModel(), recorder.operations)
        if violations or os.environ.get("INNKEEPER_TEST_KEEP"):
            print(f"seed {SEED}, schedule {schedule}, history kept in {folder}", flush=True)
        else:
            shutil.rmtree(folder)
        self.assertEqual(violations, [], "\n".join(map(str, violations)))
        self.covers(recorder.operations, rooms)
        self.quota_holds(recorder.operations)
        self.a_lie_is_found(recorder.operations)

    def work(self, schedule, recorder):
        """Clients work while the node is killed by the schedule; at the end every room is read once more."""
        node = self.node([app(rooms_per_process=8)])
        rooms, stop, ready = Rooms(), threading.Event(), threading.Event()
        ready.set()
        workers = [Worker(number, node, rooms, recorder, stop, ready) for number in range(CLIENTS)]
        for worker in workers:
            worker.start()
        try:
            for seconds in schedule:
                time.sleep(seconds)
                recorder.event("kill")
                node.kill()
                ready.clear()
                node.start()
                recorder.event("started")
                ready.set()
            time.sleep(0.5)
        finally:
            stop.set()
            ready.set()
            for worker in workers:
                worker.join(harness.PATIENCE)
        self.assertEqual([failure for worker in workers for failure in worker.failures], [])
        self.assertFalse(any(worker.is_alive() for worker in workers), "a client hangs")
        last = RecordingClient(node.client, recorder, CLIENTS)
        for room in rooms.all:
            last.get(room)
        return rooms

    def covers(self, operations, rooms):
        """The history is worth something: every kind was acknowledged, and some have no answer."""
        acknowledged = {op.kind for op in operations if op.known and op.status < 300}
        self.assertEqual(acknowledged, set(CHOICES))
        unknown = sum(not op.known for op in operations)
        print(f"{len(operations)} operations on {len(rooms.all)} rooms, {unknown} without an answer", flush=True)
        self.assertGreater(len(operations), 50 * KILLS)
        self.assertGreater(unknown, 0)

    def quota_holds(self, operations):
        """Without a quota none is ever exceeded: the counter explains creates and destroys."""
        # The keys of creates are left out: a repeated one takes nothing.
        plain = [op for op in operations if op.key not in {other.key for other in operations if other.args.get("key")}]
        self.assertEqual(check(QuotaModel(len(operations)), of_rooms(plain, "rooms")), [])

    def a_lie_is_found(self, operations):
        """The same history is refuted when one answer in it is false."""
        chance = random.Random(SEED)
        reads = [i for i, op in enumerate(operations) if op.kind == "get" and op.status == 200 and op.result["config"]]
        at = chance.choice(reads)
        told = operations[at]
        lie = Operation(told.client, told.kind, told.key, told.args, told.start, told.end, 200,
                        {**told.result, "config": "never written"})
        found = check(RoomModel(), operations[:at] + [lie] + operations[at + 1:])
        self.assertEqual([violation.key for violation in found], [told.key])


if __name__ == "__main__":
    harness.main()
