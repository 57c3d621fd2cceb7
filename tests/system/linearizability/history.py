"""Operations of clients, with the times between which each took effect; recorded, written and read."""

import http.client
import json
import math
import threading
import time
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Operation:
    """One call of one client. Times are nanoseconds of the one monotonic clock of the recording machine.

    `status` is None when nobody knows what became of it: then it may take effect at any time after
    `start`, or never. `end` is infinity then, unless it is known to be over by then.
    """

    client: int
    kind: str
    key: str  # the room, or the quota
    args: dict = field(default_factory=dict)
    start: int = 0
    end: float = math.inf
    status: int | None = None
    result: dict = field(default_factory=dict)

    @property
    def known(self):
        return self.status is not None

    def forget(self):
        """The same call with an unknown outcome: it took effect in its time or never, and claims less than this one."""
        return Operation(self.client, self.kind, self.key, self.args, self.start, self.end)

    def to_json(self):
        row = {"client": self.client, "kind": self.kind, "key": self.key, "args": self.args, "start": self.start}
        if self.known:
            row.update(end=self.end, status=self.status, result=self.result)
        return row

    @classmethod
    def from_json(cls, row):
        return cls(row["client"], row["kind"], row["key"], row["args"], row["start"], row.get("end", math.inf),
                   row.get("status"), row.get("result", {}))

    def __str__(self):
        args = ", ".join(f"{name}={value!r}" for name, value in self.args.items() if value is not None)
        shown = f"client {self.client}: {self.kind}({args})"
        if not self.known:
            return f"{shown} -> no answer"
        said = " ".join(f"{name}={value!r}" for name, value in self.result.items())
        return f"{shown} -> {self.status} {said}".rstrip()


# Nothing was changed and nothing is said about the room: no token, bad request, out of quota, overloaded.
# 429 is among them since the contract has it mean "refused, nothing half-done".
SILENT = (401, 402, 422, 429)
# The change may have been made, or may yet be: a deadline that passed, a commit whose answer was lost.
DOUBTFUL = (408, 500, 502, 503, 504)


class Recorder:
    """Collects operations of many threads and writes them as JSON lines, the first one being a header
    with what it takes to do it again."""

    def __init__(self, path=None, seed=None, schedule=None):
        self.seed, self.schedule = seed, schedule or []
        self.operations = []
        self._lock = threading.Lock()
        self._file = open(path, "w", encoding="utf-8") if path else None
        self._write({"seed": seed, "schedule": self.schedule})

    def _write(self, row):
        if self._file:
            self._file.write(json.dumps(row) + "\n")
            self._file.flush()

    def close(self):
        with self._lock:
            if self._file:
                self._file.close()
            self._file = None

    def event(self, name, **facts):
        """Something that no client did, such as a kill: for people who read the history."""
        with self._lock:
            self._write({"event": name, "at": time.monotonic_ns(), **facts})

    def add(self, operation):
        with self._lock:
            self.operations.append(operation)
            self._write(operation.to_json())

    def call(self, client, kind, key, args, send, read=None):
        """Sends with `send()` and records; returns the answer, or raises what `send` raised.

        `read(answer)` gives what the model is to know of a good answer.
        """
        start = time.monotonic_ns()
        unknown = Operation(client, kind, key, args, start)
        try:
            answer = send()
        except ConnectionRefusedError:
            raise  # it never left
        except (OSError, http.client.HTTPException):
            self.add(unknown)
            raise
        if answer.status in DOUBTFUL:
            self.add(unknown)
        else:
            result = read(answer) if read and answer.status < 300 else {}
            self.add(Operation(client, kind, key, args, start, time.monotonic_ns(), answer.status, result))
        return answer


class RecordingClient:
    """The room operations of harness.Client, each one recorded under the number of its client."""

    def __init__(self, api, recorder, number):
        self.api, self.recorder, self.number = api, recorder, number

    def _call(self, kind, room, args, send, read=None):
        return self.recorder.call(self.number, kind, room, args, send, read)

    def create(self, room, config=None, key=None):
        body = {} if config is None else {"roomConfig": config}
        return self._call("create", room, {"config": config, "key": key},
                          lambda: self.api.create(room=room, key=key, **body), _read_connection)

    def get(self, room):
        return self._call("get", room, {}, lambda: self.api.info(room), _read_room)

    def connect(self, room):
        return self._call("connect", room, {}, lambda: self.api.connection(room), _read_connection)

    def suspend(self, room):
        return self._call("suspend", room, {}, lambda: self.api.suspend(room))

    def resume(self, room):
        return self._call("resume", room, {}, lambda: self.api.resume(room), _read_connection)

    def destroy(self, room):
        return self._call("destroy", room, {}, lambda: self.api.destroy(room))

    def update(self, room, config):
        return self._call("update", room, {"config": config}, lambda: self.api.update(room, config))


def _read_connection(answer):
    view = answer.json
    return {"status": view["status"], "process": view.get("processId")}


def _read_room(answer):
    view = answer.json
    current = view["currentAllocation"]
    return {"status": view["status"], "config": view["roomConfig"], "process": current and current["processId"],
            "allocations": len(view["allocations"])}


def load(path):
    """The header and the operations of a file that a Recorder wrote."""
    with open(path, encoding="utf-8") as file:
        header = json.loads(file.readline())
        rows = [json.loads(line) for line in file]
    return header, [Operation.from_json(row) for row in rows if "kind" in row]
