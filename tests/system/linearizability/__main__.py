"""Judges a recorded history of rooms: python3 -m linearizability FILE [--process-lost]."""

import sys

from .checker import check
from .history import load
from .room_model import RoomModel


def main(arguments):
    files = [one for one in arguments if not one.startswith("--")]
    if len(files) != 1:
        print(__doc__, file=sys.stderr)
        return 1
    header, operations = load(files[0])
    violations = check(RoomModel(process_lost="--process-lost" in arguments), operations)
    for violation in violations:
        print(violation)
    print(f"{len(operations)} operations, seed {header['seed']}, schedule {header['schedule']}: "
          f"{len(violations)} violations")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
