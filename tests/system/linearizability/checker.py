"""Looks for one order of operations that explains every answer (Wing and Gong; Lowe's just-in-time variant).

Keys are independent, so each is checked alone. The events of a key are taken in the order of time. A
configuration is what may be true at that moment: the state of the model, which operations have taken
effect and wait for their answer, and how many of those without an answer have taken effect. An operation
has to take effect before its answer, and is made to only then, with all orders of the others before it.
No configuration left: no order explains the history.

Four facts keep the search small. They change no verdict.
- An operation that never changes anything takes effect as soon as the state allows it.
- Of operations that are alike in call and answer, the one whose answer comes first takes effect first.
- Those without an answer that are alike are told apart by number only.
- Of two configurations that differ in how many of those without an answer were used up, only the one with
  fewer is kept: it can do whatever the other can.

A model has
    initial()          the state before the first operation
    step(state, op)    the states after `op` took effect with the answer it got; none when it cannot have
    effects(state, op) the states after `op`, whose answer is unknown, changed something
    internal(state)    the states after something happened that no client asked for
    pure(op)           True when `op`, with its answer, never changes the state
"""

import math
import time
from collections import deque
from dataclasses import dataclass

CONFIGURATIONS_MAX = 200_000  # looked at for one answer; then the verdict is Undecided


class Undecided(Exception):
    """The search was given up: neither explained nor refuted."""


@dataclass
class Violation:
    """A key whose history no order explains."""

    key: str
    operations: list  # all of the key
    failed: object  # the operation whose answer fits nothing
    states: list  # what the model could be in just before that answer
    core: list  # operations whose answers contradict each other
    model: object

    def __str__(self):
        lines = [f"{self.key}: no order of operations explains these {len(self.core)} answers:"]
        first = min(op.start for op in self.core)
        for op in self.core:
            end = "" if op.end == math.inf else f"{(op.end - first) / 1e6:.3f}"
            lines.append(f"  {(op.start - first) / 1e6:10.3f} .. {end:>10} ms  {op}")
        lines.append(f"Before the answer to [{self.failed}], with all {len(self.operations)} operations known, it was:")
        lines += [f"  {self.model.describe(state)}" for state in self.states[:8]]
        if len(self.states) > 8:
            lines.append(f"  … or one of {len(self.states) - 8} more")
        return "\n".join(lines)


def signature(op):
    """Operations of one signature can stand for each other."""
    return (op.kind, op.status, *_flat(op.args), *_flat(op.result))


def _flat(table):
    return tuple(sorted((name, str(value)) for name, value in table.items()))


def dominates(fewer, more):
    """True when no operation was used more often in `fewer` than in `more`; both are {signature: count} items."""
    counts = dict(more)
    return all(count <= counts.get(name, 0) for name, count in fewer)


class Frontier:
    """Configurations (state, done, used), without those that another one of them dominates."""

    def __init__(self):
        self._used = {}  # (state, done) -> list of used

    def __bool__(self):
        return bool(self._used)

    def add(self, state, done, used):
        """False when it was known or is dominated."""
        known = self._used.setdefault((state, done), [])
        for other in known:
            if other == used or dominates(other, used):
                return False
        if known:
            known[:] = [other for other in known if not dominates(used, other)]
        known.append(used)
        return True

    def __iter__(self):
        for (state, done), several in self._used.items():
            for used in several:
                yield state, done, used

    def states(self):
        return sorted({state for state, _ in self._used}, key=repr)


class Search:
    """The search over the history of one key."""

    def __init__(self, model, operations, limit=CONFIGURATIONS_MAX):
        self.model, self.operations, self.limit = model, operations, limit
        self.pure = [model.pure(op) if op.known else False for op in operations]
        # One that is over at some moment is like no other: it is taken out of the search by itself.
        self.signatures = [signature(op) if op.known or op.end == math.inf else (op.kind, "over", index)
                           for index, op in enumerate(operations)]
        self.pending = {}  # index -> operation that was called and has an answer to come
        self.unknown = {}  # signature -> [how many were called, one of them]
        self.closures = {}
        start = Frontier()
        start.add(model.initial(), frozenset(), ())
        self.configurations = start

    def run(self):
        """None, or the index of the operation whose answer fits nothing."""
        for _, is_answer, index in self.events():
            if not is_answer:
                self.call(index)
            elif not self.operations[index].known:
                self.expire(index)
            elif not self.answer(index):
                return index
        return None

    def events(self):
        found = [(op.start, 0, index) for index, op in enumerate(self.operations)]
        # At the same moment calls come first: then the two may have overlapped.
        found += [(op.end, 1, index) for index, op in enumerate(self.operations) if op.end != math.inf]
        found.sort()
        return found

    def closure(self, state):
        """The state and whatever it can become by itself."""
        found = self.closures.get(state)
        if found is None:
            found = [state]
            for one in found:
                found += [other for other in self.model.internal(one) if other not in found]
            self.closures[state] = found
        return found

    def call(self, index):
        op = self.operations[index]
        if not op.known:
            self.unknown.setdefault(self.signatures[index], [0, op])[0] += 1
            return
        self.pending[index] = op
        if self.pure[index]:
            settled = Frontier()
            for state, done, used in self.configurations:
                settled.add(state, done | {index} if self.holds(state, op) else done, used)
            self.configurations = settled

    def holds(self, state, op):
        return state in self.model.step(state, op)

    def settle(self, state, done):
        """`done` with every pure operation that the state allows as it is."""
        more = [index for index, op in self.pending.items()
                if self.pure[index] and index not in done and self.holds(state, op)]
        return done.union(more) if more else done

    def answer(self, index):
        """False when the operation cannot have taken effect by now with this answer."""
        found = self.after(index)
        del self.pending[index]
        if found:
            self.configurations = found
        return bool(found)

    def expire(self, index):
        """An operation without an answer took effect by now, or never will."""
        found, name = self.after(index), self.signatures[index]
        for state, done, used in self.configurations:
            if not dict(used).get(name):
                found.add(state, done, used)
        del self.unknown[name]
        self.configurations = found

    def after(self, index):
        """The configurations after the operation took effect; that it did is not noted in them any more."""
        op, name = self.operations[index], self.signatures[index]
        effect = self.model.step if op.known else self.model.effects
        found, seen, queue = Frontier(), Frontier(), deque()
        for state, done, used in self.configurations:
            if index in done:
                found.add(state, done - {index}, used)
            elif not op.known and dict(used).get(name):
                found.add(state, done, tuple(one for one in used if one[0] != name))
            elif seen.add(state, done, used):
                queue.append((state, done, used))
        looked_at = 0
        while queue:
            looked_at += 1
            if looked_at > self.limit:
                raise Undecided(f"{op.key}: more than {self.limit} configurations before [{op}]")
            state, done, used = queue.popleft()
            for known in self.closure(state):
                for after in effect(known, op):
                    found.add(after, self.settle(after, done) - {index}, used)
            for configuration in self.others_first(state, done, used, index):
                if index in configuration[1]:  # pure, and settled by what the others did
                    found.add(configuration[0], configuration[1] - {index}, configuration[2])
                elif seen.add(*configuration):
                    queue.append(configuration)
        return found

    def others_first(self, state, done, used, index):
        """The configurations after one more operation, other than the one with the index, took effect."""
        states = self.closure(state)
        if self.pending:
            for other in self.candidates(done, index):
                for known in states:
                    for after in self.model.step(known, self.operations[other]):
                        yield after, self.settle(after, done | {other}), used
        if self.unknown:
            counts = dict(used)
            for name, (called, op) in self.unknown.items():
                if counts.get(name, 0) >= called or name == self.signatures[index]:
                    continue
                more = tuple(sorted({**counts, name: counts.get(name, 0) + 1}.items(), key=repr))
                for known in states:
                    for after in self.model.effects(known, op):
                        yield after, self.settle(after, done), more

    def candidates(self, done, index):
        """Of those alike that have not taken effect yet, the one whose answer comes first."""
        first = {}
        for other, op in self.pending.items():
            if other == index or other in done:
                continue
            name = self.signatures[other]
            if name == self.signatures[index]:
                continue  # the one with the index is the first of its kind
            if name not in first or op.end < self.operations[first[name]].end:
                first[name] = other
        return first.values()


def minimal_core(model, operations, failed, seconds=10.0):
    """Operations up to the failed one whose answers contradict each other, few of them.

    An answer is taken away at a time, which leaves an operation that may have happened in its time or not.
    What is left after that claims less than the history did, so if it is still refuted, the answer was
    not needed.
    """
    deadline = time.monotonic() + seconds

    def refuted(ops):
        try:
            index = Search(model, ops, limit=5_000).run()
        except Undecided:
            return False
        # What was called later is left out, and might explain answers that came later still.
        return index is not None and ops[index].end <= failed.end

    ops = [op for op in operations if op.start <= failed.end and (op.known or not _is_read(op))]
    # Reads go first: an acknowledged change says more about what went wrong than two reads that disagree.
    for may_weaken in (_is_read, lambda op: not _is_read(op)):
        size = max(1, len(ops) // 2)
        while time.monotonic() < deadline:
            position = 0
            while position < len(ops) and time.monotonic() < deadline:
                chunk = ops[position:position + size]
                weaker = [op.forget() if op.known and op is not failed and may_weaken(op) else op for op in chunk]
                weaker = [op for op in weaker if op.known or not _is_read(op)]
                if weaker != chunk and refuted(ops[:position] + weaker + ops[position + size:]):
                    ops[position:position + size] = weaker
                    position += len(weaker)
                else:
                    position += size
            if size == 1:
                break
            size = max(1, size // 2)
    return sorted((op for op in ops if op.known), key=lambda op: op.start)


def _is_read(op):
    return op.kind in ("get", "count")


def check_key(model, operations, limit=CONFIGURATIONS_MAX, explain=True):
    """None, or the Violation in the history of one key. Raises Undecided when the search is given up."""
    operations = sorted(operations, key=lambda op: op.start)
    search = Search(model, operations, limit)
    index = search.run()
    if index is None:
        return None
    failed = operations[index]
    core = minimal_core(model, operations, failed) if explain else [failed]
    return Violation(failed.key, operations, failed, search.configurations.states(), core, model)


def by_key(operations):
    """{key: its operations}."""
    found = {}
    for op in operations:
        found.setdefault(op.key, []).append(op)
    return found


def check(model, operations, limit=CONFIGURATIONS_MAX):
    """The violations of a history of many keys."""
    found = (check_key(model, ops, limit) for ops in by_key(operations).values())
    return [violation for violation in found if violation is not None]
