#!/usr/bin/env python3
"""The linearizability checker finds what is planted and passes what is right. Needs no node."""

import itertools
import random
import tempfile
import threading
import time
import unittest
from pathlib import Path

from linearizability.checker import Undecided, check, check_key
from linearizability.history import Operation, Recorder, load
from linearizability.quota_model import QuotaModel, of_rooms
from linearizability.room_model import RoomModel

SEEDS = range(400)


class Script:
    """A history written down line by line; times are given, or one operation follows the other."""

    def __init__(self, key="room"):
        self.key, self.operations, self.now = key, [], 0

    def add(self, kind, status=None, at=None, said=None, **args):
        """`at` is (start, end); no status: no answer; `said` is what the answer told."""
        start, end = at or (self.now + 1, self.now + 2)
        self.now = max(self.now, start, end or 0)
        if status is None:
            self.operations.append(Operation(0, kind, self.key, args, start))
        else:
            self.operations.append(Operation(0, kind, self.key, args, start, end, status, said or {}))
        return self

    def create(self, status=201, at=None, config="a", process="p1", key=None):
        said = {"status": "starting", "process": process} if status == 201 else {}
        return self.add("create", status, at, said, config=config, key=key)

    def get(self, status="active", config="a", process="p1", allocations=1, at=None):
        if status in ("suspended", "destroyed"):
            process = None
        if status == "destroyed":
            config = None
        return self.add("get", 200, at, {"status": status, "config": config, "process": process,
                                         "allocations": allocations})

    def resume(self, status="starting", process="p1", at=None):
        return self.add("resume", 200, at, {"status": status, "process": process})


class Case(unittest.TestCase):
    def good(self, script, model=None):
        found = check(model or RoomModel(), script.operations)
        self.assertEqual(found, [], "\n".join(map(str, found)))

    def bad(self, script, model=None):
        found = check(model or RoomModel(), script.operations)
        self.assertEqual(len(found), 1)
        return found[0]


class GoodHistories(Case):
    def test_a_room_from_create_to_destroy(self):
        self.good(Script().create().get("scheduling").get().add("suspend", 204).get("suspended").resume()
                  .get("active", allocations=2).add("update", 204, config="b").get(config="b", allocations=2)
                  .add("destroy", 204).get("destroyed").add("destroy", 404).add("suspend", 404)
                  .add("update", 404, config="c").add("connect", 404).create(400).get("destroyed"))

    def test_what_overlaps_may_take_effect_in_either_order(self):
        for shown in ("a", "b"):
            self.good(Script().create().add("update", 204, (10, 20), config="b").get(config=shown, at=(11, 19)))
        self.good(Script().create(at=(1, 10)).add("get", 404, (2, 3)).get("scheduling", at=(4, 5)))
        self.good(Script().create(at=(1, 10)).create(400, at=(2, 9)))

    def test_what_got_no_answer_may_have_happened_later_or_never(self):
        start = Script().create().add("update", None, (10, None), config="b")
        start.now = 20
        self.good(start.get(config="a").get(config="a").get(config="b").get(config="b"))
        self.good(Script().create().add("destroy", None, (10, None)).get("active", at=(20, 21)))
        self.good(Script().create().add("destroy", None, (10, None)).get("destroyed", at=(20, 21)))
        self.good(Script().add("create", None, (1, None), config="a").add("get", 404, (5, 6)).get(at=(7, 8)))
        self.good(Script().add("create", None, (1, None), config="a").create(400))
        many = Script().create()
        for number in range(60):
            many.add("update", None, (many.now + 1, None), config=f"c{number}")
        self.good(many.get(config="c7", at=(500, 501)).get(config="c59", at=(502, 503)).get(config="c3", at=(504, 505)))

    def test_a_room_that_waits_may_move_before_it_runs(self):
        self.good(Script().create().get("scheduling").get("active", process="p2", allocations=2))

    def test_connection_info_resumes_where_it_may(self):
        self.good(_connected(Script().create().add("suspend", 204)))
        self.bad(_connected(Script().create().add("suspend", 204)), RoomModel(connection_info_resumes=False))
        self.good(Script().create().add("suspend", 204).add("connect", 400), RoomModel(connection_info_resumes=False))

    def test_the_same_key_gets_the_same_answer_again(self):
        self.good(Script().create(key="k").create(key="k").add("destroy", 204).create(key="k").get("destroyed"))
        self.bad(Script().create(key="k").create(key="other"))

    def test_ends_of_processes_are_the_tests_to_allow(self):
        ended = Script().create().get().get("suspended")
        self.bad(ended)
        self.good(ended, RoomModel(process_end=("suspended",)))
        self.good(Script().create().get().add("process_end", None, (10, None), outcome="destroyed")
                  .get(at=(11, 12)).get("destroyed", at=(13, 14)))
        again = Script().create().get().get("scheduling")
        self.bad(again)
        self.good(again, RoomModel(process_lost=True))

    def test_refusals_that_say_nothing_fit_always(self):
        self.good(Script().add("suspend", 429).create().add("destroy", 429).create(402).add("update", 422, config="b").get())


def _connected(script):
    return script.add("connect", 200, None, {"status": "starting", "process": None}).get("active", allocations=2)


class PlantedViolations(Case):
    def test_a_stale_read_after_an_acknowledged_write(self):
        script = Script().create().get().add("update", 204, config="b").get(config="b").get().add("update", 204, config="c")
        violation = self.bad(script)
        self.assertEqual([op.kind for op in violation.core], ["update", "get"])
        said = str(violation)
        for part in ("room: no order", "update(config='b') -> 204", "status='active' config='a'",
                     "active on p1, config 'b', 1 allocation(s)"):
            self.assertIn(part, said)
        self.assertNotIn("'c'", said)

    def test_a_stale_read_that_only_the_number_of_allocations_gives_away(self):
        self.bad(Script().create().get().add("suspend", 204).resume("active").get(allocations=1))

    def test_a_lost_acknowledged_create(self):
        violation = self.bad(Script().create().add("get", 404))
        self.assertEqual([op.kind for op in violation.core], ["create", "get"])
        self.bad(Script().create().get().add("suspend", 404))

    def test_a_room_that_is_back_after_its_destroy(self):
        for after in (Script().create().add("destroy", 204).get(), Script().create().add("destroy", 204).resume(),
                      Script().create().add("destroy", 204).add("suspend", 204),
                      Script().create().get("destroyed").get()):
            self.bad(after)

    def test_two_creates_of_one_id_both_acknowledged(self):
        violation = self.bad(Script().create(at=(1, 10)).create(at=(2, 9), process="p2"))
        self.assertEqual([op.kind for op in violation.core], ["create", "create"])
        self.bad(Script().create().create())

    def test_one_destroy_acknowledged_twice(self):
        self.bad(Script().create().add("destroy", 204, (10, 20)).add("destroy", 204, (11, 19)))

    def test_a_taken_id_that_was_never_taken(self):
        self.bad(Script().create(400))

    def test_a_refusal_that_had_an_effect(self):
        self.bad(Script().create().add("update", 429, config="b").get(config="b"))

    def test_a_lost_suspend(self):
        self.bad(Script().create().get().add("suspend", 204).get("active"))

    def test_a_second_process_for_one_allocation(self):
        self.bad(Script().create().get("active").get("active", process="p2"))

    def test_something_without_an_answer_that_happened_twice(self):
        script = Script().create().get().add("suspend", None, (10, None))
        script.now = 20
        script.get("suspended").resume("active").get("active", allocations=2).get("suspended", allocations=2)
        self.bad(script)

    def test_only_the_room_that_broke_is_named(self):
        fine, broken = Script("fine").create().get(), Script("broken").create().add("get", 404)
        found = check(RoomModel(), fine.operations + broken.operations)
        self.assertEqual([violation.key for violation in found], ["broken"])

    def test_a_core_is_small_in_a_long_history(self):
        script = Script().create().get()
        for number in range(100):
            script.add("update", 204, config=f"c{number}").get(config=f"c{number}")
        script.get(config="c98")
        for number in range(100):
            script.add("update", 204, config=f"d{number}")
        violation = self.bad(script)
        self.assertLessEqual(len(violation.core), 3, violation)


class Quotas(Case):
    def script(self, *operations):
        return [Operation(0, kind, "quota", {}, start, end if status else float("inf"), status)
                for kind, status, start, end in operations]

    def test_a_quota_that_holds(self):
        fine = self.script(("acquire", 201, 1, 2), ("acquire", 201, 3, 4), ("acquire", 402, 5, 6), ("release", 204, 7, 8),
                           ("acquire", 201, 9, 10), ("acquire", 402, 11, 20), ("release", 204, 12, 19))
        self.assertEqual(check(QuotaModel(2), fine), [])

    def test_a_quota_exceeded_by_one(self):
        over = self.script(*[("acquire", 201, 10 * n, 10 * n + 15) for n in range(1, 5)])
        violation = check(QuotaModel(3), over)[0]
        self.assertEqual(len(violation.core), 4)
        self.assertIn("3 of 3 held", str(violation))
        self.assertEqual(check(QuotaModel(4), over), [])

    def test_a_refusal_below_the_limit(self):
        self.assertEqual(len(check(QuotaModel(2), self.script(("acquire", 201, 1, 2), ("acquire", 402, 3, 4)))), 1)
        # One without an answer may hold the second.
        self.assertEqual(check(QuotaModel(2), self.script(
            ("acquire", 201, 1, 2), ("acquire", None, 2, 0), ("acquire", 402, 3, 4))), [])

    def test_the_history_of_rooms_gives_that_of_their_quota(self):
        rooms = [op for number in range(3) for op in Script(f"r{number}").create().get().operations]
        self.assertEqual(check(QuotaModel(3), of_rooms(rooms, "app")), [])
        self.assertEqual(len(check(QuotaModel(2), of_rooms(rooms, "app"))), 1)
        rooms += Script("r1").add("destroy", 204, (10, 11)).operations
        self.assertEqual(check(QuotaModel(3), of_rooms(rooms, "app")), [])

    def test_sixteen_clients_on_one_quota(self):
        chance, clock, held, operations = random.Random(5), 0, 0, []
        for _ in range(3_000):
            clock += 1
            kind = "acquire" if chance.random() < 0.5 or held == 0 else "release"
            status = 204 if kind == "release" else 201 if held < 20 else 402
            held += {201: 1, 204: -1, 402: 0}[status]
            operations.append(Operation(0, kind, "q", {}, 100 * clock - chance.randrange(800),
                                        100 * clock + chance.randrange(800), status))
        begin = time.process_time()
        self.assertEqual(check(QuotaModel(20), operations), [])
        self.assertLess(time.process_time() - begin, 30)


class AgainstEveryOrder(unittest.TestCase):
    """The checker agrees with trying every order of small random histories."""

    def explained(self, model, operations):
        """The same question, answered by brute force."""
        known = [op for op in operations if op.known]
        unknown = [op for op in operations if not op.known]
        for size in range(len(unknown) + 1):
            for some in itertools.combinations(unknown, size):
                for order in itertools.permutations(known + list(some)):
                    if self.in_time(order) and self.possible(model, order):
                        return True
        return False

    @staticmethod
    def in_time(order):
        return all(order[j].end >= order[i].start for i in range(len(order)) for j in range(i + 1, len(order)))

    @staticmethod
    def possible(model, order):
        states = {model.initial()}
        for op in order:
            grown = set(states)
            while True:
                more = {other for state in grown for other in model.internal(state)} - grown
                if not more:
                    break
                grown |= more
            states = {after for state in grown for after in (model.step(state, op) if op.known else model.effects(state, op))}
            if not states:
                return False
        return True

    def operation(self, chance):
        start = chance.randrange(12)
        end = start + chance.randrange(1, 8)
        kind = chance.choice(("create", "get", "get", "get", "suspend", "resume", "destroy", "update", "connect"))
        config = chance.choice("ab")
        args = {"config": config} if kind in ("create", "update") else {}
        if kind != "get" and chance.random() < 0.2:
            return Operation(0, kind, "room", args, start)
        good = {"create": 201, "get": 200, "resume": 200, "connect": 200}.get(kind, 204)
        bad = 400 if kind == "create" else 404
        status = good if chance.random() < 0.8 else bad
        result = {}
        if status == 200 and kind == "get":
            shown = chance.choice(("scheduling", "active", "active", "suspended", "destroyed"))
            live = shown in ("scheduling", "active")
            result = {"status": shown, "config": None if shown == "destroyed" else config,
                      "process": chance.choice(("p", "q")) if live else None, "allocations": chance.choice((1, 1, 2))}
        elif status in (200, 201):
            result = {"status": chance.choice(("starting", "active")), "process": chance.choice(("p", "p", "q"))}
        return Operation(0, kind, "room", args, start, end, status, result)

    def test_random_histories(self):
        verdicts = {True: 0, False: 0}
        for seed in SEEDS:
            chance = random.Random(seed)
            # A create first: without it hardly any history is explained.
            first = Operation(0, "create", "room", {"config": "a"}, 0, 2, 201, {"status": "starting", "process": "p"})
            operations = [first] + [self.operation(chance) for _ in range(chance.randrange(2, 5))]
            model = RoomModel(process_end=("suspended",) if seed % 5 == 0 else (), process_lost=seed % 7 == 0)
            expected = self.explained(model, operations)
            found = check_key(model, operations, explain=False)
            self.assertEqual(found is None, expected, f"seed {seed}:\n" + "\n".join(map(str, operations)))
            verdicts[expected] += 1
        self.assertGreater(min(verdicts.values()), 30, verdicts)

    def test_a_core_is_refuted_by_itself(self):
        refuted = 0
        for seed in SEEDS:
            chance = random.Random(f"core {seed}")
            operations = [self.operation(chance) for _ in range(8)]
            violation = check_key(RoomModel(), operations)
            if violation is None:
                continue
            refuted += 1
            core = {id(op) for op in violation.core}
            weaker = [op if id(op) in core or op.kind == "get" else op.forget() for op in violation.operations
                      if op.kind != "get" or id(op) in core]
            self.assertIsNotNone(check_key(RoomModel(), weaker, explain=False), f"seed {seed}")
        self.assertGreater(refuted, 50)


class Limits(Case):
    def test_a_search_that_is_given_up_is_never_a_pass(self):
        script = Script().create()
        for number in range(12):
            script.add("update", 204, (10, 100 + number), config=f"c{number}")
        with self.assertRaises(Undecided):
            check(RoomModel(), script.get(config="c3").operations, limit=50)

    def test_100_000_operations_over_1_000_rooms(self):
        operations = simulated(random.Random(1), rooms=1_000, operations=100_000, clients=16)
        begin = time.process_time()
        self.assertEqual(check(RoomModel(), operations), [])
        seconds = time.process_time() - begin
        print(f"{len(operations)} operations in {seconds:.1f} s of CPU time", flush=True)
        self.assertLess(seconds, 30)

    def test_a_single_wrong_answer_among_many_is_found(self):
        for seed in range(20):
            chance = random.Random(seed)
            operations = simulated(chance, rooms=20, operations=1_000, clients=8)
            reads = [i for i, op in enumerate(operations) if op.kind == "get" and op.status == 200 and op.result["config"]]
            at = chance.choice(reads)
            told = operations[at]
            operations[at] = Operation(told.client, "get", told.key, {}, told.start, told.end, 200,
                                       {**told.result, "config": "never written"})
            found = check(RoomModel(), operations)
            self.assertEqual([violation.key for violation in found], [told.key], f"seed {seed}")
            self.assertEqual([op.result["config"] for op in found[0].core], ["never written"])


def simulated(chance, rooms, operations, clients):
    """What a correct service would have answered: each operation takes effect at a moment between call and answer."""
    states, history = {}, []
    clock = [0] * clients
    # Clients work in turns of their own clocks, so that calls overlap; effects are in the order of `moment`.
    planned = []
    for _ in range(operations):
        client = chance.randrange(clients)
        start = clock[client] + chance.randrange(1, 50)
        end = start + chance.randrange(2, 200)
        clock[client] = end
        planned.append((chance.randrange(start, end), start, end, client, f"r{chance.randrange(rooms)}"))
    for number, (_, start, end, client, room) in enumerate(sorted(planned)):
        state = states.setdefault(room, {"life": "absent", "config": None, "n": 0})
        history.append(_answered(chance, state, number, start, end, client, room))
    return history


def _answered(chance, state, number, start, end, client, room):
    live = state["life"] in ("active", "suspended")
    kind = "create" if state["life"] == "absent" else chance.choice(
        ("get",) * 10 + ("suspend", "suspend", "resume", "resume", "update", "update", "update")
        + (("destroy",) if chance.random() < 0.2 else ()))
    args = {"config": f"c{number}"} if kind in ("create", "update") else {}
    lost = kind != "get" and chance.random() < 0.02
    happened = not lost or chance.random() < 0.5
    status, result = 404, {}
    if kind == "create":
        status, result = 201, {"status": "active", "process": "p"}
        if happened:
            state.update(life="active", config=args["config"], n=1)
    elif kind == "get":
        status = 200
        result = {"status": state["life"], "config": state["config"], "allocations": state["n"],
                  "process": "p" if state["life"] == "active" else None}
    elif live:
        status = 200 if kind == "resume" else 204
        if kind == "resume":
            result = {"status": "active", "process": "p"}
        if happened:
            if kind == "resume" and state["life"] == "suspended":
                state.update(life="active", n=state["n"] + 1)
            elif kind == "suspend":
                state["life"] = "suspended"
            elif kind == "update":
                state["config"] = args["config"]
            elif kind == "destroy":
                state.update(life="destroyed", config=None)
    if lost:
        return Operation(client, kind, room, args, start)
    return Operation(client, kind, room, args, start, end, status, result)


class Recording(unittest.TestCase):
    class Answer:
        def __init__(self, status):
            self.status = status

    def test_threads_record_and_a_file_is_read_back(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "history.jsonl"
            recorder = Recorder(path, seed=7, schedule=["kill at 1.5 s"])

            def work(client):
                for number in range(50):
                    recorder.call(client, "update", f"r{number}", {"config": "a"}, lambda: self.Answer(204))

            threads = [threading.Thread(target=work, args=(client,)) for client in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            recorder.event("kill", node="node-1")
            recorder.close()
            header, operations = load(path)
        self.assertEqual(header, {"seed": 7, "schedule": ["kill at 1.5 s"]})
        self.assertEqual(operations, recorder.operations)
        self.assertEqual(len(operations), 400)

    def test_what_got_no_answer_is_unknown_and_what_never_left_is_nothing(self):
        recorder = Recorder()

        def fail(error):
            raise error

        for error in (ConnectionResetError(), TimeoutError()):
            with self.assertRaises(OSError):
                recorder.call(1, "destroy", "r", {}, lambda error=error: fail(error))
        with self.assertRaises(ConnectionRefusedError):
            recorder.call(1, "destroy", "r", {}, lambda: fail(ConnectionRefusedError()))
        recorder.call(1, "destroy", "r", {}, lambda: self.Answer(500))
        recorder.call(1, "destroy", "r", {}, lambda: self.Answer(429))
        self.assertEqual([op.status for op in recorder.operations], [None, None, None, 429])


if __name__ == "__main__":
    unittest.main(verbosity=2)
