"""A quota as a counter with a limit: it is taken by what is created and given back by what is destroyed.

| call | answer | when | then |
|---|---|---|---|
| acquire | 201 | below the limit | one more |
| acquire | 402 | at the limit | as it was |
| release | 204 | something is held | one less |
| count | 200 | as many as it says | as it was |

So a create that is refused below the limit is a violation, like one that is let through at it.
"""

from .history import Operation


class QuotaModel:
    """States are numbers: how much is held."""

    def __init__(self, limit):
        self.limit = limit

    def initial(self):
        return 0

    def internal(self, _state):
        return ()

    def pure(self, op):
        return op.kind == "count" or op.status >= 400

    def step(self, state, op):
        if op.kind == "count":
            return (state,) if op.result["used"] == state else ()
        if op.kind == "acquire" and op.status == 402:
            return (state,) if state >= self.limit else ()
        if op.status >= 400:
            return (state,)
        return self.effects(state, op)

    def effects(self, state, op):
        if op.kind == "acquire":
            return (state + 1,) if state < self.limit else ()
        if op.kind == "release":
            return (state - 1,) if state > 0 else ()
        return ()

    def describe(self, state):
        return f"{state} of {self.limit} held"


def of_rooms(operations, quota):
    """The history of a quota of rooms: each create takes one, each destroy that found its room gives one back.

    A room that ends without a client (`process_end`) may give one back.
    """
    kinds = {"create": "acquire", "destroy": "release", "process_end": "release"}
    return [Operation(op.client, kinds[op.kind], quota, {}, op.start, op.end, op.status)
            for op in operations
            if op.kind in kinds and not (op.known and op.status not in (201, 204, 402))]
