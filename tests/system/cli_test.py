#!/usr/bin/env python3
"""The command line: what it prints, and its exit codes."""

import os
import re
import signal
import socket
import subprocess
from pathlib import Path

import harness
from harness import NodeTest

REFERENCES = ("options", "metrics", "routes", "errors", "log-events")


def run(*arguments, timeout=harness.PATIENCE):
    return subprocess.run([harness.binary(), *map(str, arguments)], capture_output=True, text=True,
                          timeout=timeout, stdin=subprocess.DEVNULL, check=False)


class Check(NodeTest):
    def check(self, node, *arguments):
        node.write_config()
        return run("check", "--config", node.config_file, *arguments)

    def test_a_good_configuration_exits_0(self):
        node = self.node(start=False)
        done = self.check(node)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertFalse(node.data_dir.exists(), "check must not make anything")

    def test_every_problem_is_printed_at_once(self):
        node = self.node(start=False, settings={
            "gateway": {"listen": "nowhere", "lisetn": "127.0.0.1:1"},
            "host": {"ports": "30000-20000", "cpus": -1.0},
            "timeouts": {"start": "soon"},
            "policy": {"placement": "random", "on_process_failure": "panic"},
        })
        node.apps[0]["deployment"]["rooms_per_process"] = 0
        node.apps[0]["deployment"]["transport"] = "sctp"
        node.apps[0]["id"] = ""
        done = self.check(node)
        self.assertEqual(done.returncode, 1, done)
        said = done.stdout + done.stderr
        for option in ("gateway.listen", "gateway.lisetn", "host.ports", "host.cpus", "timeouts.start",
                       "policy.placement", "policy.on_process_failure", "rooms_per_process", "transport"):
            self.assertIn(option, said)
        for value in ("nowhere", "30000-20000", "soon", "random", "panic", "sctp"):
            self.assertIn(value, said)
        for allowed in ("packed", "spread", "reschedule", "udp"):
            self.assertIn(allowed, said)
        # serve refuses the same, with the same list.
        node.launch()
        self.assertEqual(node.wait_exit(), 1)
        for option in ("gateway.lisetn", "timeouts.start", "transport"):
            self.assertIn(option, node.tail())

    def test_text_that_is_no_toml_names_the_line(self):
        node = self.node(start=False)
        node.config_file.write_text("[node]\nname = \n")
        done = run("check", "--config", node.config_file)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout + done.stderr, r"\b2\b")

    def test_a_file_that_is_not_there_is_named(self):
        done = run("check", "--config", "/nonexistent/innkeeper.toml")
        self.assertEqual(done.returncode, 1)
        self.assertIn("/nonexistent/innkeeper.toml", done.stdout + done.stderr)

    def test_an_absolute_command_that_is_not_there_is_refused(self):
        node = self.node([harness.app(command=["/nonexistent/server", "{port}"])], start=False)
        done = self.check(node)
        self.assertEqual(done.returncode, 1)
        self.assertIn("/nonexistent/server", done.stdout + done.stderr)

    def test_set_overrides_one_option(self):
        node = self.node(start=False)
        self.assertEqual(self.check(node, "--set", "policy.placement=spread").returncode, 0)
        for wrong in ("policy.placement=sideways", "policy.plaecment=spread", "policy.placement"):
            done = self.check(node, "--set", wrong)
            self.assertEqual(done.returncode, 1, wrong)
            self.assertIn(wrong.split("=")[0], done.stdout + done.stderr)


    def test_a_set_without_a_value_does_not_hide_the_others(self):
        node = self.node(start=False, settings={"timeouts": {"start": "soon"}})
        done = self.check(node, "--set", "policy.placement", "--set", "=1", "--set", "log.level=loud",
                          "--set", "log.level=quiet", "--set", "gateway.lisetn=1")
        self.assertEqual(done.returncode, 1)
        for said in ("--set policy.placement: allowed: --set KEY=VALUE", "--set =1: allowed", 'log.level = "loud"',
                     'log.level = "quiet"', "gateway.lisetn", "timeouts.start", ": 6 problems"):
            self.assertIn(said, done.stderr)

    def test_certificates_that_cannot_be_served_are_refused_by_name(self):
        node = self.node(start=False)
        node.write_config()
        for name in ("good", "other"):
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                            "-subj", "/CN=localhost", "-days", "2", "-keyout", node.folder / f"{name}.key",
                            "-out", node.folder / f"{name}.crt"],
                           check=True, capture_output=True, timeout=harness.PATIENCE)
        (node.folder / "text").write_text("hello\n")
        for section in ("gateway.tls", "host.tls"):
            for cert, key, said in (
                    ("good.crt", "good.key", None),
                    ("good.crt", "other.key", f"{section}.key_file = .*is not the key of the certificate"),
                    ("text", "good.key", f"{section}.cert_file = .*holds no certificate in PEM"),
                    ("good.crt", "text", f"{section}.key_file = .*holds no private key in PEM"),
                    ("nothing", "good.key", f"{section}.cert_file = .*there is no such file")):
                with self.subTest(section=section, cert=cert, key=key):
                    done = run("check", "--config", node.config_file, "--set", f"{section}.cert_file={cert}",
                               "--set", f"{section}.key_file={key}")
                    self.assertEqual(done.returncode, 0 if said is None else 1, done)
                    if said is not None:
                        self.assertRegex(done.stderr, said)
        # serve does not start on what check refuses.
        done = run("serve", "--config", node.config_file, "--set", "gateway.tls.cert_file=good.crt",
                   "--set", "gateway.tls.key_file=other.key")
        self.assertEqual(done.returncode, 1)
        self.assertIn("gateway.tls.key_file", done.stderr)


class Usage(NodeTest):
    def test_bad_usage_exits_1(self):
        for arguments in ((), ("dance",), ("serve",), ("describe", "everything"), ("serve", "--no-such-option"),
                          ("check",)):
            with self.subTest(arguments=arguments):
                done = run(*arguments)
                self.assertEqual(done.returncode, 1, done)
                self.assertTrue(done.stdout + done.stderr)

    def test_help_exits_0_and_names_the_commands(self):
        done = run("--help")
        self.assertEqual(done.returncode, 0)
        for word in ("serve", "check", "describe", "version"):
            self.assertIn(word, done.stdout)

    def test_version_names_version_commit_schema_and_protocol(self):
        done = run("version")
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stdout, r"\d+\.\d+\.\d+")
        for word in ("commit", "schema", "protocol"):
            self.assertIn(word, done.stdout.lower())


class Describe(NodeTest):
    def test_the_committed_reference_is_what_the_binary_says(self):
        for subject in REFERENCES:
            with self.subTest(subject=subject):
                done = run("describe", subject)
                self.assertEqual(done.returncode, 0, done.stderr)
                committed = harness.ROOT / "docs/reference" / f"{subject}.md"
                self.assertTrue(committed.exists(), f"{committed} is missing: run ./dev docs")
                self.assertEqual(committed.read_text(), done.stdout,
                                 f"docs/reference/{subject}.md is stale: run ./dev docs")

    def test_references_are_the_same_on_every_machine(self):
        for subject in REFERENCES:
            said = run("describe", subject).stdout
            self.assertTrue(said.startswith("#"), subject)
            self.assertNotIn(str(harness.ROOT), said)


class Errors(NodeTest):
    """Every error that the real gateway gives is in the reference, and reads well."""

    def exchange(self, node, data):
        with socket.create_connection(("127.0.0.1", node.client.port), timeout=harness.PATIENCE) as peer:
            peer.sendall(data)
            peer.shutdown(socket.SHUT_WR)
            answer = b""
            while piece := peer.recv(65_536):
                answer += piece
        return int(answer.split(b" ", 2)[1]), answer

    def test_what_the_listener_refuses_is_in_the_reference(self):
        node = self.node()
        reference = run("describe", "errors").stdout
        for status, data in (
                (400, b"GET / HTTP/1.1\r\n\r\n"),
                (413, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n"),
                (414, b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"),
                (417, b"POST / HTTP/1.1\r\nHost: x\r\nExpect: money\r\nContent-Length: 1\r\n\r\n"),
                (431, b"GET / HTTP/1.1\r\nHost: x\r\n" + b"a: b\r\n" * 101 + b"\r\n"),
                (501, b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n"),
                (505, b"GET / HTTP/2.0\r\nHost: x\r\n\r\n")):
            with self.subTest(status=status):
                given, answer = self.exchange(node, data)
                self.assertEqual(given, status, answer)
                self.assertIn(f"| {status} | | listener |", reference)
        self.assertIn('route="refused",method="-",code="505"', node.client.get("/metrics").body.decode())

    def test_the_server_as_a_whole_has_options(self):
        node = self.node()
        status, answer = self.exchange(node, b"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        self.assertEqual(status, 204, answer)
        self.assertIn(b"\r\nAllow: GET, HEAD, POST, OPTIONS\r\n", answer)

    def test_messages_begin_with_the_field_and_name_it_once(self):
        node = self.node()
        room, _ = node.create_active()
        api = node.client
        create = f"/rooms/v2/{api.app}/create"
        region = {"region": harness.REGION}
        wait = 'wait: must be "10s", "500ms" or a whole number of seconds such as "10"; at most 60s'
        for answer, status, message in (
                (api.post(create, b""), 422, "body: must be a JSON object, and is empty"),
                (api.post(create, {}), 422, "region: is required"),
                (api.post(create, {"region": "Atlantis"}), 422, f"region: must be one of {harness.REGION}"),
                (api.create_process("Atlantis"), 422, f"region: must be one of {harness.REGION}"),
                (api.post(create + "?roomId=a%20b", region), 422, "roomId: must match [A-Za-z0-9_-]{1,100}"),
                (api.post(create + f"?roomId={room}", region), 400, f'roomId: "{room}" is already taken'),
                (api.post(create, {**region, "deploymentId": "x"}), 404, "deploymentId: names no deployment of this app"),
                (api.get(f"/rooms/v2/{api.app}/connectioninfo/{room}?wait=soon"), 422, wait),
                (api.info("unknown"), 404, "room not found")):
            with self.subTest(message=message):
                self.assertEqual((answer.status, answer.json["message"]), (status, message))


class Serve(NodeTest):
    def test_set_wins_over_the_file(self):
        node = self.node(start=False, settings={"gateway": {"listen": "127.0.0.1:1"}})
        node.start("--set", "gateway.listen=127.0.0.1:0", "--set", "policy.placement=spread")
        self.assertNotEqual(node.client.port, 1)

    def test_log_lines_have_time_level_and_event(self):
        node = self.node()
        node.create_active()
        lines = node.log().splitlines()
        self.assertTrue(any(" node.ready " in line for line in lines))
        for line in lines:
            self.assertRegex(line, re.compile(r"^\S*\d\d:\d\d:\d\d\S* +(debug|info|warning|error) +[a-z_]+(\.[a-z_]+)+( |$)", re.I))

    def test_standard_input_and_output_are_not_needed(self):
        node = self.node(start=False)
        node.launch(preexec=lambda: [os.close(fd) for fd in (0, 1)])
        node.wait_ready()
        node.create_active()

    def test_a_hangup_or_broken_pipe_does_not_end_it(self):
        node = self.node()
        node.child.send_signal(signal.SIGPIPE)
        self.assertEqual(node.client.get("/healthz").status, 200)

    def test_its_working_directory_is_not_used(self):
        node = self.node(start=False)
        before = set(Path.cwd().iterdir())
        node.start()
        node.create_active()
        self.assertEqual(set(Path.cwd().iterdir()), before)


if __name__ == "__main__":
    harness.main()
