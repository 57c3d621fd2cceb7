#!/usr/bin/env python3
"""The layer check catches what is planted, and lets through what is right."""

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import layers

ROOT = Path(__file__).resolve().parents[2]

# (file, include line, part of the message)
PLANTED = [
    ("actors/domain/room.cpp", "#include <caf/actor.hpp>", "may not include caf"),
    ("actors/domain/room.cpp", "#include <fmt/format.h>", "may not include fmt"),
    ("actors/domain/room.cpp", "#include <unistd.h>", "may not include posix"),
    ("actors/domain/room.cpp", '#include "metrics/log.hpp"', "may not include metrics/log.hpp"),
    ("actors/domain/room.cpp", '#include "actors/store/store.hpp"', "may not include actors/store"),
    ("actors/store/sqlite.cpp", '#include "actors/wire/messages.hpp"', "may not include actors/wire"),
    ("actors/store/sqlite.cpp", "#include <caf/actor.hpp>", "may not include caf"),
    ("actors/runner/exec.cpp", "#include <caf/actor.hpp>", "may not include caf"),
    ("actors/runner/exec.cpp", '#include "metrics/log.hpp"', "may not include metrics"),
    ("actors/runner/shim/main.cpp", "#include <openssl/ssl.h>", "may not include openssl"),
    ("actors/runner/exec.cpp", "#include <boost/beast/core.hpp>", "may not include beast"),
    ("actors/store/sqlite.cpp", "#include <prometheus/counter.h>", "may not include prometheus"),
    ("actors/wire/messages.hpp", '#include "actors/store/store.hpp"', "may not include actors/store"),
    ("actors/host_actor.cpp", '#include "gateway/port/core.hpp"', "may not include gateway/port"),
    ("actors/host_actor.cpp", "#include <caf/all.hpp>", "is forbidden"),
    ("actors/host_actor.cpp", "#include <boost/beast/http.hpp>", "may not include beast"),
    ("actors/host_actor.cpp", "#include <sqlite3.h>", "may not include sqlite"),
    ("actors/node.cpp", "#include <libpq-fe.h>", "may not include postgres"),
    ("metrics/metrics.cpp", '#include "actors/domain/ids.hpp"', "may not include actors/domain"),
    ("config/loader.cpp", "#include <rapidjson/document.h>", "may not include rapidjson"),
    ("config/loader.cpp", '#include "actors/wire/messages.hpp"', "may not include actors/wire"),
    ("gateway/json/room_json.cpp", '#include "gateway/http/message.hpp"', "may not include gateway/http"),
    ("gateway/port/core.hpp", '#include "actors/interfaces.hpp"', "may not include actors/interfaces"),
    ("gateway/http/session.cpp", '#include "gateway/port/core.hpp"', "may not include gateway/port"),
    ("gateway/http/session.cpp", "#include <rapidjson/writer.h>", "may not include rapidjson"),
    ("gateway/routes/rooms.cpp", '#include "gateway/http/server.hpp"', "may not include gateway/http/server"),
    ("gateway/routes/rooms.cpp", "#include <boost/asio/io_context.hpp>", "may not include asio"),
    ("gateway/routes/rooms.cpp", "#include <rapidjson/document.h>", "may not include rapidjson"),
    ("gateway/routes/rooms.cpp", "#include <caf/actor.hpp>", "may not include caf"),
    ("gateway/routes/rooms.cpp", '#include "actors/interfaces.hpp"', "may not include actors/interfaces"),
    ("gateway/bridge/core_bridge.cpp", '#include "actors/region_scheduler.hpp"', "may not include"),
    ("gateway/bridge/core_bridge.cpp", "#include <boost/beast/core.hpp>", "may not include beast"),
    ("gateway/secrets.cpp", "#include <caf/actor.hpp>", "may not include caf"),
    ("gateway/secrets.cpp", '#include "gateway/http/server.hpp"', "may not include gateway/http/server"),
    ("actors/cluster/publish.cpp", '#include "actors/runner/files.hpp"', "may not include actors/runner"),
    ("actors/cluster/publish.cpp", "#include <boost/asio/io_context.hpp>", "may not include asio"),
    ("gateway/certs_command.cpp", "#include <openssl/x509.h>", "may not include openssl"),
    ("gateway/certs_command.cpp", '#include "actors/node.hpp"', "may not include actors/node.hpp"),
    ("gateway/extra/new.cpp", "#include <vector>", "belongs to no layer"),
    ("actors/domain/room.cpp", '#include "room.hpp"', "not written from the root"),
    ("actors/domain/room.cpp", '#include "../store/store.hpp"', "not written from the root"),
    ("actors/domain/room.cpp", "#include <nowhere/thing.hpp>", "in no known family"),
    ("actors/domain/room.cpp", "#include HEADER", "cannot tell what is included"),
    ("actors/domain/room.cpp", "  #  include <caf/actor.hpp>", "may not include caf"),
    ("actors/domain/room.cpp", "#include/* here */<caf/actor.hpp>", "may not include caf"),
]

ALLOWED = [
    ("actors/domain/room.cpp", "#include <vector>"),
    ("actors/domain/room.cpp", '#include "actors/domain/ids.hpp"'),
    ("actors/domain/room.cpp", "// #include <caf/actor.hpp>"),
    ("actors/domain/room.cpp", "/*\n#include <caf/actor.hpp>\n*/"),
    ("actors/store/sqlite.cpp", "#include <sqlite3.h>"),
    ("actors/store/postgres.hpp", "#include <libpq-fe.h>"),
    ("actors/runner/shim/main.cpp", '#include "actors/runner/files.hpp"'),
    ("actors/host_actor.cpp", "#include <caf/actor.hpp>"),
    ("actors/host_actor.cpp", '#include "actors/runner/runner.hpp"'),
    ("gateway/routes/rooms.cpp", '#include "gateway/http/message.hpp"'),
    ("gateway/json/room_json.cpp", "#include <rapidjson/document.h>"),
    ("gateway/http/session.cpp", "#include <boost/beast/http.hpp>"),
    ("gateway/bridge/core_bridge.cpp", "#include <boost/asio/io_context.hpp>"),
    ("gateway/bridge/core_bridge.cpp", '#include "actors/interfaces.hpp"'),
    ("actors/cluster/node_certificate.cpp", "#include <openssl/x509.h>"),
    ("actors/cluster/node_certificate.cpp", '#include "config/pem.hpp"'),
    ("gateway/certs_command.cpp", "#include <CLI/CLI.hpp>"),
    ("gateway/main.cpp", "#include <CLI/CLI.hpp>"),
    ("gateway/main.cpp", '#include "actors/node.hpp"'),
]


class LayersTest(unittest.TestCase):
    def check(self, file, text):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / file
            path.parent.mkdir(parents=True)
            path.write_text(text + "\n")
            return layers.check_tree(Path(folder))

    def test_planted_violations_are_caught(self):
        for file, include, message in PLANTED:
            with self.subTest(file=file, include=include):
                found = self.check(file, "#pragma once\n" + include)
                self.assertEqual(len(found), 1, found)
                self.assertIn(message, found[0])
                self.assertTrue(found[0].startswith(f"{file}:2: "), found[0])

    def test_what_is_right_passes(self):
        for file, include in ALLOWED:
            with self.subTest(file=file, include=include):
                self.assertEqual(self.check(file, include), [])

    def test_every_layer_of_the_table_is_planted_against(self):
        planted = {layers.longest_prefix(layers.LAYERS, file) for file, _, _ in PLANTED}
        # The composition root may include everything.
        self.assertEqual(set(layers.LAYERS) - planted, {"gateway/main.cpp", "gateway/serve."})

    def test_the_program_exits_1_and_names_the_line(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "metrics/metrics.cpp"
            path.parent.mkdir(parents=True)
            path.write_text("#include <caf/actor.hpp>\n")
            done = subprocess.run([sys.executable, layers.__file__, folder], capture_output=True,
                                  text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("metrics/metrics.cpp:1: ", done.stdout)

    def test_this_tree_keeps_to_the_table(self):
        self.assertEqual(layers.check_tree(ROOT), [])


if __name__ == "__main__":
    os.chdir(Path(__file__).parent)
    unittest.main()
