#!/usr/bin/env python3
"""`innkeeper certs`: judged by the real openssl, in real handshakes between two ends."""

import os
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import threading
import time
import unittest
from pathlib import Path

import harness
from harness import wait_until

# A certificate that only openssl itself makes: for the wrong use, or for a time that is over.
EXTENSIONS = "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n" \
             "subjectAltName=URI:innkeeper:node:{name},DNS:localhost,IP:127.0.0.1\n"


def run(*arguments):
    return subprocess.run([str(one) for one in arguments], capture_output=True, text=True, timeout=harness.PATIENCE,
                          stdin=subprocess.DEVNULL, check=False)


def openssl(*arguments):
    done = run("openssl", *arguments)
    if done.returncode != 0:
        raise AssertionError(f"openssl {arguments}: {done.stderr}")
    return done.stdout


class Certificates(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="innkeeper-certs-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.ca = self.folder / "ca"
        self.innkeeper("init", "--dir", self.ca)

    def innkeeper(self, *arguments, code=0):
        done = run(harness.binary(), "certs", *arguments)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        if code != 0:
            self.assertEqual(len(done.stderr.strip().splitlines()), 1, done.stderr)
        return done.stdout if code == 0 else done.stderr

    def issue(self, name, *arguments, ca=None):
        self.innkeeper("issue", "--dir", ca or self.ca, "--node", name, "--address", "localhost",
                       "--address", "127.0.0.1", *arguments)
        return (ca or self.ca) / f"{name}.crt"

    def sign(self, name, *extra, uses="serverAuth,clientAuth", days=1):
        """A certificate of this CA that `certs issue` would not make."""
        key, request, certificate = (self.folder / f"{name}.{end}" for end in ("key", "csr", "crt"))
        openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", key, "-out", request, "-subj", f"/CN={name}")
        extensions = self.folder / f"{name}.ext"
        extensions.write_text(EXTENSIONS.format(name=name) + f"extendedKeyUsage={uses}\n")
        openssl("x509", "-req", "-in", request, "-CA", self.ca / "ca.crt", "-CAkey", self.ca / "ca.key",
                "-set_serial", "77", "-days", str(days), "-extfile", extensions, "-out", certificate, *extra)
        return certificate

    # What is made.

    def test_openssl_reads_what_was_issued_and_trusts_it_for_both_ends(self):
        certificate = self.issue("node-1")
        text = openssl("x509", "-in", certificate, "-noout", "-text")
        for part in ("CN = node-1", "URI:innkeeper:node:node-1", "DNS:localhost", "IP Address:127.0.0.1", "CA:FALSE",
                     "TLS Web Server Authentication, TLS Web Client Authentication", "prime256v1"):
            self.assertIn(part, text)
        for purpose in ("sslserver", "sslclient"):
            openssl("verify", "-x509_strict", "-CAfile", self.ca / "ca.crt", "-purpose", purpose, certificate)
        openssl("verify", "-CAfile", self.ca / "ca.crt", "-verify_ip", "127.0.0.1", certificate)
        openssl("pkey", "-in", self.ca / "node-1.key", "-check", "-noout")
        text = openssl("x509", "-in", self.ca / "ca.crt", "-noout", "-text")
        for part in ("CA:TRUE, pathlen:0", "Certificate Sign"):
            self.assertIn(part, text)
        self.assertNotIn("Digital Signature", text)
        for key in ("ca.key", "node-1.key"):
            self.assertEqual(stat.S_IMODE(os.stat(self.ca / key).st_mode), 0o600)

    def test_nothing_below_a_node_is_trusted(self):
        node = self.issue("node-1")
        key, request, certificate = (self.folder / f"below.{end}" for end in ("key", "csr", "crt"))
        openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", key, "-out", request, "-subj", "/CN=below")
        openssl("x509", "-req", "-in", request, "-CA", node, "-CAkey", self.ca / "node-1.key",
                "-set_serial", "5", "-days", "1", "-out", certificate)
        done = run("openssl", "verify", "-CAfile", self.ca / "ca.crt", "-untrusted", node, certificate)
        self.assertNotEqual(done.returncode, 0, done.stdout)

    def test_nothing_is_overwritten(self):
        certificate = self.issue("node-1")
        before = {path: path.read_bytes() for path in self.ca.iterdir()}
        self.assertIn("exists already", self.innkeeper("init", "--dir", self.ca, code=1))
        self.assertIn("--renew", self.innkeeper("issue", "--dir", self.ca, "--node", "node-1", code=1))
        self.assertEqual({path: path.read_bytes() for path in self.ca.iterdir()}, before)
        self.innkeeper("issue", "--dir", self.ca, "--node", "node-1", "--renew")
        self.assertNotEqual(certificate.read_bytes(), before[certificate])
        self.assertEqual((self.ca / "node-1.key").read_bytes(), before[self.ca / "node-1.key"])
        self.assertIn("DNS:localhost", openssl("x509", "-in", certificate, "-noout", "-text"))

    def test_whoever_reads_during_renewals_always_finds_a_pair(self):
        certificate = self.issue("node-1")
        stop, problems = threading.Event(), []

        def read():
            while not stop.is_set():
                shown = run("openssl", "x509", "-in", certificate, "-noout", "-pubkey")
                key = run("openssl", "pkey", "-in", self.ca / "node-1.key", "-pubout")
                if shown.returncode or key.returncode or shown.stdout != key.stdout:
                    problems.append((shown, key))

        reader = threading.Thread(target=read)
        reader.start()
        for _ in range(10):
            self.innkeeper("issue", "--dir", self.ca, "--node", "node-1", "--renew")
        stop.set()
        reader.join()
        self.assertEqual(problems, [])

    def test_mistakes_are_one_line_and_exit_1(self):
        for arguments, part in (
                (("issue", "--dir", self.folder / "none", "--node", "a"), "innkeeper certs init"),
                (("issue", "--dir", self.ca, "--node", "a/b"), "--node: must be"),
                (("issue", "--dir", self.ca, "--node", "a", "--address", "x:1"), "--address: must be"),
                (("issue", "--dir", self.ca, "--node", "a", "--days", "99999"), "--days: must be"),
                (("init", "--dir", "/proc/nothing"), "cannot make the directory /proc/nothing"),
                (("show", self.folder / "none"), "holds no certificate")):
            with self.subTest(arguments=arguments):
                self.assertIn(part, self.innkeeper(*arguments, code=1))
        for arguments in ((), ("init",), ("issue", "--dir", self.ca), ("show",), ("steal",)):
            with self.subTest(arguments=arguments):
                done = run(harness.binary(), "certs", *arguments)
                self.assertEqual(done.returncode, 1, done)

    # What is shown.

    def test_show_says_what_it_is_for_whom_and_until_when(self):
        certificate = self.issue("node-1")
        shown = self.innkeeper("show", certificate)
        for part in ("for       node node-1", "at        localhost, 127.0.0.1", " days left", "server and client",
                     f"signed by the one in {self.ca}/ca.crt"):
            self.assertIn(part, shown)
        digest = openssl("x509", "-in", certificate, "-noout", "-fingerprint", "-sha256").split("=")[1].strip()
        self.assertIn(digest, shown)
        self.assertIn("for       CA Innkeeper cluster CA", self.innkeeper("show", self.ca / "ca.crt"))
        alone = self.folder / "alone"
        alone.mkdir()
        shutil.copy(certificate, alone)
        self.assertIn("is not there", self.innkeeper("show", alone / "node-1.crt"))
        self.innkeeper("init", "--dir", self.folder / "other")
        shutil.copy(self.folder / "other/ca.crt", alone)
        self.assertIn("is not signed by the CA", self.innkeeper("show", alone / "node-1.crt", code=1))

    def test_show_tells_an_expired_one_and_one_for_another_use(self):
        shutil.copy(self.ca / "ca.crt", self.folder)
        expired = self.sign("late", days=0)
        wait_until(lambda: run(harness.binary(), "certs", "show", expired).returncode == 1, "it to expire")
        self.assertIn("has expired on", self.innkeeper("show", expired, code=1))
        server_only = self.sign("half", uses="serverAuth")
        self.assertIn("may not be used as a client", self.innkeeper("show", server_only, code=1))

    # Two ends that ask each other for a certificate, as the links between nodes do.

    def handshake(self, server, client, server_ca=None, client_ca=None):
        """True when both ends took each other's certificate."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        log = self.folder / "server.log"
        with open(log, "wb") as output:
            listening = subprocess.Popen(
                ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", server, "-key", server.with_suffix(".key"),
                 "-CAfile", server_ca or self.ca / "ca.crt", "-Verify", "3", "-verify_return_error", "-naccept", "1",
                 "-quiet"],
                stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT)
        try:
            wait_until(lambda: self.listens(port), "s_server to listen")
            with subprocess.Popen(
                    ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-cert", client, "-key",
                     client.with_suffix(".key"), "-CAfile", client_ca or self.ca / "ca.crt", "-verify_return_error",
                     "-verify_ip", "127.0.0.1", "-quiet", "-no_ign_eof"],
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as dialling:
                # With TLS 1.3 the client learns of a refusal only after its handshake: bytes that arrive are proof.
                try:
                    dialling.stdin.write(b"hello\n")
                    dialling.stdin.flush()
                    deadline = time.monotonic() + harness.PATIENCE
                    while time.monotonic() < deadline:
                        if b"hello\n" in log.read_bytes():
                            return True
                        if dialling.poll() is not None or listening.poll() is not None:
                            return b"hello\n" in log.read_bytes()
                        time.sleep(0.02)
                except BrokenPipeError:
                    return False
                finally:
                    dialling.kill()
            self.fail("neither taken nor refused")
        finally:
            listening.send_signal(signal.SIGKILL)
            listening.stdin.close()
            listening.wait()

    @staticmethod
    def listens(port):
        return f":{port:04X} 00000000:0000 0A" in Path("/proc/net/tcp").read_text()

    def test_two_nodes_of_the_cluster_take_each_other(self):
        self.assertTrue(self.handshake(self.issue("node-1"), self.issue("node-2")))

    def test_a_node_of_another_ca_is_refused_by_both_ends(self):
        other = self.folder / "other"
        self.innkeeper("init", "--dir", other)
        ours, theirs = self.issue("node-1"), self.issue("node-2", ca=other)
        self.assertFalse(self.handshake(ours, theirs, client_ca=self.ca / "ca.crt"))
        self.assertFalse(self.handshake(theirs, ours, server_ca=self.ca / "ca.crt"))

    def test_an_expired_one_is_refused_by_both_ends(self):
        ours, late = self.issue("node-1"), self.sign("late", days=0)
        time.sleep(1.1)
        self.assertFalse(self.handshake(ours, late))
        self.assertFalse(self.handshake(late, ours))

    def test_one_for_another_use_is_refused(self):
        ours = self.issue("node-1")
        self.assertFalse(self.handshake(ours, self.sign("server-only", uses="serverAuth")))
        self.assertFalse(self.handshake(self.sign("client-only", uses="clientAuth"), ours))

    def test_the_ca_itself_is_no_node(self):
        ours = self.issue("node-1")
        self.assertFalse(self.handshake(ours, self.ca / "ca.crt"))


if __name__ == "__main__":
    harness.main()
