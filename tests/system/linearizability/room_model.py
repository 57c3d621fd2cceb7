"""What one room may do: contract/hathora.md and contract/decided.md as a state machine for the checker.

| call | answer | from | to |
|---|---|---|---|
| create | 201 | absent | allocated, first allocation |
| create | 201, the key of the create that made it | any but absent | as it was: the first answer again |
| create | 400 | any but absent | as it was: the id is taken |
| get | 200 | allocated, suspended, destroyed | as it was; says status, config, process, number of allocations |
| get | 404 | absent | as it was |
| connect | 200 | allocated | as it was |
| connect | 200 | suspended, with `connection_info_resumes` | allocated, one more allocation |
| connect | 400 | suspended, without it | as it was |
| suspend, resume, destroy, update | 404 | absent, destroyed | as it was |
| connect | 404 | absent, destroyed | as it was |
| suspend | 204 | allocated, suspended | suspended |
| resume | 200 | allocated | as it was |
| resume | 200 | suspended | allocated, one more allocation |
| destroy | 204 | allocated, suspended | destroyed, the config is dropped; for good |
| update | 204 | allocated, suspended | the same with the new config |

By itself an allocated room whose process does not run yet becomes active (`scheduling` to `active`), and
until then may move to another process, which is one more allocation. What else may happen without a
client is for the test to say, as only it knows what it broke:
- `process_end`: outcomes ("suspended", "destroyed") of a process that may end at any time;
- `process_lost=True`: an active room may be scheduling again, for example while its host is away;
- an operation of the kind `process_end` in the history, with an outcome in its arguments and no answer:
  the test ended this room's process itself, and that takes effect once, later, or not at all.

Answers that say nothing about the room (history.SILENT) fit every state. Tombstones that are purged are
not modelled: histories are shorter than `destroyed_retention`.
"""

from typing import NamedTuple, Optional

from .history import SILENT

ALLOCATIONS_MAX = 1000  # limits::allocations_per_room: no more are shown


class Room(NamedTuple):
    """State of one room. `process` is None while nobody has said which one it is."""

    life: str  # absent, allocated, suspended, destroyed
    running: bool = False  # its process has bound its port
    config: Optional[str] = None
    process: Optional[str] = None
    allocations: int = 0
    exact: bool = False  # no allocation can have been added unseen
    key: Optional[str] = None  # the idempotency key that it was created with


ABSENT = Room("absent")
LIVE = ("allocated", "suspended")


class RoomModel:
    """The rules of one room; see the table above."""

    def __init__(self, process_end=(), process_lost=False, connection_info_resumes=True):
        self.process_end, self.process_lost = tuple(process_end), process_lost
        self.connection_info_resumes = connection_info_resumes

    def initial(self):
        return ABSENT

    def pure(self, op):
        if op.kind == "get":
            return True
        return op.status >= 400

    def internal(self, state):
        found = []
        if state.life == "allocated":
            if not state.running:
                found.append(state._replace(running=True))
            elif self.process_lost:
                found.append(state._replace(running=False, exact=False))
            found += [_ended(state, outcome) for outcome in self.process_end]
        return found

    def step(self, state, op):
        if op.status in SILENT:
            return (state,)
        return getattr(self, "_" + op.kind)(state, op)

    def effects(self, state, op):
        if op.kind == "create":
            if state.life == "absent":
                return (Room("allocated", False, op.args.get("config"), None, 1, False, op.args.get("key")),)
        elif op.kind == "process_end":
            if state.life == "allocated":
                return (_ended(state, op.args["outcome"]),)
        elif op.kind == "suspend":
            if state.life == "allocated":
                return (_suspended(state),)
        elif op.kind == "resume" or (op.kind == "connect" and self.connection_info_resumes):
            if state.life == "suspended":
                return (_resumed(state, False, None),)
        elif op.kind == "destroy":
            if state.life in LIVE:
                return (_destroyed(state),)
        elif op.kind == "update":
            if state.life in LIVE and state.config != op.args["config"]:
                return (state._replace(config=op.args["config"]),)
        return ()

    def describe(self, state):
        if state.life == "absent":
            return "not created"
        if state.life == "allocated":
            where = f" on {state.process}" if state.process else ""
            life = ("active" if state.running else "scheduling") + where
        else:
            life = state.life
        number = f"{'' if state.exact else 'at least '}{state.allocations} allocation(s)"
        return f"{life}, config {state.config!r}, {number}"

    # One for each kind of operation.
    def _create(self, state, op):
        if op.status == 201:
            if state.life == "absent":
                return (Room("allocated", op.result["status"] == "active", op.args.get("config"),
                             op.result.get("process"), 1, False, op.args.get("key")),)
            key = op.args.get("key")
            return (state,) if key is not None and key == state.key else ()
        if op.status == 400:
            return (state,) if state.life != "absent" else ()
        return (state,) if op.status == 404 else ()  # 404: no such app

    def _get(self, state, op):
        if op.status == 404:
            return (state,) if state.life == "absent" else ()
        shown = op.result
        if op.status != 200 or state.life == "absent" or shown["status"] != _status(state):
            return ()
        if state.life == "destroyed":
            return (state,) if shown["config"] is None and shown.get("process") is None else ()
        if shown["config"] != state.config:
            return ()
        number, process = shown.get("allocations"), shown.get("process")
        known = min(state.allocations, ALLOCATIONS_MAX)
        if number is None:
            number = known
        if number < known or (state.exact and number != known):
            return ()
        if state.life == "suspended":
            return (state._replace(allocations=number, exact=True),) if process is None else ()
        if process is None or (number == known and state.process not in (None, process)):
            return ()
        after = state._replace(process=process, allocations=number, exact=state.exact or state.running)
        return (after,)

    def _connect(self, state, op):
        if op.status == 404:
            return _unless_live(state)
        if op.status == 400:
            return (state,) if state.life == "suspended" and not self.connection_info_resumes else ()
        if state.life == "suspended" and not self.connection_info_resumes:
            return ()
        return self._resume(state, op)

    def _suspend(self, state, op):
        if op.status == 404:
            return _unless_live(state)
        if op.status != 204 or state.life not in LIVE:
            return ()
        return (_suspended(state) if state.life == "allocated" else state,)

    def _resume(self, state, op):
        if op.status == 404:
            return _unless_live(state)
        if op.status != 200 or state.life not in LIVE:
            return ()
        running, process = op.result["status"] == "active", op.result.get("process")
        if state.life == "suspended":
            return (_resumed(state, running, process),)
        if running != state.running:
            return ()
        if process is None or process == state.process:
            return (state,)
        if state.process is None:
            return (state._replace(process=process),)
        # It has moved to another process while it waited.
        return () if state.exact else (state._replace(process=process, allocations=state.allocations + 1),)

    def _destroy(self, state, op):
        if op.status == 404:
            return _unless_live(state)
        return (_destroyed(state),) if op.status == 204 and state.life in LIVE else ()

    def _update(self, state, op):
        if op.status == 404:
            return _unless_live(state)
        if op.status != 204 or state.life not in LIVE:
            return ()
        return (state._replace(config=op.args["config"]),)


def _status(state):
    if state.life == "allocated":
        return "active" if state.running else "scheduling"
    return state.life


def _unless_live(state):
    return () if state.life in LIVE else (state,)


def _suspended(state):
    return Room("suspended", False, state.config, None, state.allocations, state.exact, state.key)


def _resumed(state, running, process):
    return Room("allocated", running, state.config, process, state.allocations + 1, False, state.key)


def _destroyed(state):
    return Room("destroyed", key=state.key)


def _ended(state, outcome):
    return _suspended(state) if outcome == "suspended" else _destroyed(state)
