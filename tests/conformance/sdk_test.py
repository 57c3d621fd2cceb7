#!/usr/bin/env python3
"""Installs the official Hathora SDK (pinned, for tests only) and runs sdk.test.mjs against a real node.

The SDK lies in INNKEEPER_SDK_DIR, by default below build/: a second run installs nothing.
"""

import fcntl
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "system"))

import harness  # noqa: E402  pylint: disable=wrong-import-position
from harness import NodeTest, app, game_command  # noqa: E402  pylint: disable=wrong-import-position

SDK = "@hathora/cloud-sdk-typescript"


def installed_sdk():
    """The folder with the pinned SDK in it; installs it when it is not there yet."""
    folder = Path(os.environ.get("INNKEEPER_SDK_DIR", harness.ROOT / "build/sdk"))
    folder.mkdir(parents=True, exist_ok=True)
    wanted = json.loads((HERE / "package.json").read_text())["dependencies"][SDK]
    with open(folder / ".lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        manifest = folder / "node_modules" / SDK / "package.json"
        if manifest.exists() and json.loads(manifest.read_text())["version"] == wanted:
            return folder
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(HERE / name, folder / name)
        done = subprocess.run(
            ["npm", "ci", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund",
             "--cache", str(folder / "cache")],
            cwd=folder, capture_output=True, text=True, timeout=300, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"npm ci failed:\n{done.stdout}{done.stderr}")
    return folder


class Conformance(NodeTest):
    def test_the_lock_names_no_registry(self):
        lock = (HERE / "package-lock.json").read_text()
        self.assertNotIn("resolved", lock)
        self.assertNotIn("registry", lock)
        self.assertIn('"integrity"', lock)

    def test_the_official_sdk_works_unmodified(self):
        sdk = installed_sdk()
        node = self.node(start=False)
        gate = node.folder / "gate"
        node.apps = [app(), app("gated", command=game_command("--wait-for", str(gate)))]
        node.start()
        environment = dict(os.environ, SDK_DIR=str(sdk), URL=node.url, TOKEN=node.client.token,
                           APP=node.client.app, GATED_APP=harness.app_id("gated"), GATE=str(gate))
        done = subprocess.run(["node", "--test", str(HERE / "sdk.test.mjs")], env=environment, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)


if __name__ == "__main__":
    harness.main()
