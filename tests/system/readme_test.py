#!/usr/bin/env python3
"""Runs the commands of the README. A block is runnable when the line before it is `<!-- runnable -->`.

In such a block, lines that begin with `$ ` are commands, run one after the other by one bash in the root
of the checkout; the lines after a command are its standard output. Output is compared after numbers, ids, times
and ports have been made equal; a line `…` stands for any number of lines. A block that says
`<!-- runnable: node -->` gets a node of its own that serves on $URL with the token in $TOKEN.
"""

import os
import re
import subprocess
import unittest
from pathlib import Path

import harness

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"<!-- runnable(?:: *(\w+))? -->\n```console\n(.*?)```", re.DOTALL)
END = "--- end of command ---"


def commands(block):
    """The (command, [expected line]) of a block."""
    found = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        elif line.startswith("> ") and found and not found[-1][1]:
            found[-1] = (found[-1][0] + "\n" + line[2:], [])
        elif found:
            found[-1][1].append(line)
    return found


def normal(line):
    """The line with everything that differs from run to run made equal."""
    line = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID", line)
    line = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "TIME", line)
    line = re.sub(r"\b[0-9a-v]{26}\b", "ROOM", line)
    line = re.sub(r"/tmp/tmp\.\w+", "TMP", line)
    return re.sub(r"\d+", "N", line).rstrip()


def matches(expected, actual):
    """True when the lines agree; `…` stands for any number of them."""
    if not expected:
        return not actual
    if expected[0].strip() == "…":
        return any(matches(expected[1:], actual[skip:]) for skip in range(len(actual) + 1))
    return bool(actual) and expected[0] == actual[0] and matches(expected[1:], actual[1:])


class Readme(unittest.TestCase):
    def run_block(self, block, environment):
        script = "".join(f"{command}\necho; echo '{END}'\n" for command, _ in commands(block))
        done = subprocess.run(["bash", "-e", "-o", "pipefail", "-c", script], cwd=ROOT,
                              capture_output=True, text=True, timeout=1500, env=environment,
                              stdin=subprocess.DEVNULL, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        outputs = done.stdout.split("\n" + END + "\n")
        for (command, expected), output in zip(commands(block), outputs):
            actual = [normal(line) for line in output.splitlines() if line.strip()]
            wanted = [normal(line) for line in expected if line.strip()]
            with self.subTest(command=command):
                self.assertTrue(matches(wanted, actual), f"expected:\n{chr(10).join(wanted)}\n\ngot:\n{output}")

    def test_runnable_blocks_do_what_they_say(self):
        blocks = BLOCK.findall((ROOT / "README.md").read_text())
        self.assertTrue(blocks, "the README has no runnable block")
        node = None
        for kind, block in blocks:
            environment = dict(os.environ)
            if kind == "node":
                if node is None:
                    node = harness.Node()
                    self.addCleanup(node.destroy)
                    node.start()
                environment.update(URL=node.url, TOKEN=node.client.token, APP=node.client.app)
            self.run_block(block, environment)
        if node is not None:
            node.finish()


class Comparison(unittest.TestCase):
    def test_output_is_compared_line_by_line(self):
        self.assertTrue(matches(["a", "b"], ["a", "b"]))
        self.assertFalse(matches(["a", "b"], ["a"]))
        self.assertFalse(matches(["a"], ["a", "b"]))
        self.assertTrue(matches(["a", "…"], ["a", "b", "c"]))
        self.assertTrue(matches(["…", "c"], ["a", "b", "c"]))
        self.assertFalse(matches(["…", "d"], ["a", "b", "c"]))
        self.assertEqual(normal("room 0123456789abcdefghijklmnop on port 20001"), "room ROOM on port N")


if __name__ == "__main__":
    harness.main()
