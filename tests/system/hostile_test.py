#!/usr/bin/env python3
"""What strangers send to an open port: none of it may crash, leak or stall the node."""

import os
import random
import re
import resource
import socket
import struct
import time
from concurrent.futures import ThreadPoolExecutor

import harness
from harness import NodeTest, rss_mb, wait_until


def connect(node, timeout=harness.PATIENCE):
    return socket.create_connection(node.address, timeout=timeout)


def read_all(peer):
    """Everything until the other side closes; what came before a reset counts."""
    parts = []
    try:
        while part := peer.recv(65_536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def responses(raw):
    """The (status, body) of each response in the bytes of a connection."""
    found = []
    while raw:
        head, separator, rest = raw.partition(b"\r\n\r\n")
        assert separator, f"half a response: {raw[:200]!r}"
        status = int(head.split(b" ", 2)[1])
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        size = int(length.group(1)) if length else 0
        found.append((status, rest[:size]))
        raw = rest[size:]
    return found


class Hostile(NodeTest):
    def setUp(self):
        self.subject = self.node(settings={"gateway.limits": {
            "header_timeout": "2s", "body_timeout": "2s", "idle_timeout": "60s", "connections": 4000}})
        self.room, _ = self.subject.create_active()
        self.memory = rss_mb(self.subject.pid)
        # Runs before the node's own clean-up: whatever was done, it answers at once afterwards.
        self.addCleanup(self.assert_well)

    def assert_well(self):
        if self.subject.client is None or self.subject.child is None:
            return
        begin = time.monotonic()
        self.assertEqual(self.subject.client.info(self.room).json["status"], "active")
        self.assertEqual(self.subject.client.create().status, 201)
        # Long for a busy machine, and short against the minute after which a stalled node gives up.
        self.assertLess(time.monotonic() - begin, 20)
        grown = rss_mb(self.subject.pid) - self.memory
        # The sanitizer's quarantine alone may hold 256 MB.
        self.assertLess(grown, 400 if harness.is_sanitized() else 100, "memory has grown (MB)")

    def raw(self, data, close_write=False):
        """Sends bytes on a fresh connection; returns the responses after the node has closed."""
        with connect(self.subject) as peer:
            try:
                peer.sendall(data)
                if close_write:
                    peer.shutdown(socket.SHUT_WR)
            except (BrokenPipeError, ConnectionResetError):
                pass
            return responses(read_all(peer))

    def post(self, body, path=None, extra=""):
        path = path or f"/rooms/v2/{self.subject.client.app}/create"
        head = (f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self.subject.client.token}\r\n"
                f"Content-Length: {len(body)}\r\nConnection: close\r\n{extra}\r\n")
        return self.raw(head.encode() + body)

    def assert_error(self, found, *statuses):
        self.assertTrue(found, "no answer at all")
        status, body = found[-1]
        self.assertIn(status, statuses, body)
        self.assertRegex(body, rb'^\{"message": ?"')

    def test_json_that_is_deep_or_long_or_odd(self):
        depth = 100_000
        for body in (b"[" * depth, b"[" * depth + b"]" * depth, b'{"region":' * 20_000,
                     b'{"region":"Seattle","x":' + b"[" * depth + b"]" * depth + b"}",
                     b'{"region":"Seattle","roomConfig":"\\ud800"}', b'{"region":"Seattle","roomConfig":"\xc0\x80"}',
                     b'{"region":"Seattle"}garbage', b"\xef\xbb\xbf{", b"nul", b"1e999999", b'"\\u0000"', b"\0" * 100,
                     b'{"region":' + b"9" * 100_000 + b"}", b'{"' + b"k" * 200_000 + b'":1}'):
            with self.subTest(body=body[:40]):
                self.assert_error(self.post(body), 422, 413)

    def test_too_much_of_everything(self):
        limit = 262_144
        self.assert_error(self.post(b" " * (limit + 1)), 413)
        self.assert_error(self.raw(b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999\r\n\r\n"), 413, 400)
        self.assert_error(self.raw(b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"), 431, 414, 400)
        self.assert_error(self.raw(b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 100_000 + b"\r\n\r\n"), 431, 400)
        self.assert_error(self.raw(b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 10_000 + b"\r\n"), 431, 400)
        query = "&".join(f"status=running{i}" for i in range(500))
        self.assert_status(self.subject.client.processes("?" + query), 422)
        # A chunked body is bounded too, and its chunks do not have to fit.
        chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
        self.assert_error(self.raw(
            b"POST /rooms/v2/a/create HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk * 6), 413)

    def test_what_is_not_http(self):
        for data in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + os.urandom(200), b"GET\r\n\r\n", b"\r\n" * 50 + b"?\r\n\r\n",
                     b"GET / HTTP/9.9\r\n\r\n", b"GET / HTTP/1.1\r\nno colon\r\n\r\n", b"GET / HTTP/1.1\r\n: empty\r\n\r\n",
                     b"G\0T / HTTP/1.1\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET  / HTTP/1.1\r\n\r\n"):
            with self.subTest(data=data[:30]):
                self.assert_error(self.raw(data), 400, 404, 405, 505, 431)
        noise = random.Random(7)
        for _ in range(200):
            self.raw(noise.randbytes(noise.randrange(1, 2000)), close_write=True)

    def test_smuggling(self):
        create = f"/rooms/v2/{self.subject.client.app}/create"
        hidden = f"GET /rooms/v2/{self.subject.client.app}/connectioninfo/{self.room} HTTP/1.1\r\nHost: x\r\n\r\n"
        for headers, body in (
                ("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n" + hidden),
                ("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", "0\r\n\r\n" + hidden),
                ("Content-Length: 0\r\nContent-Length: 100\r\n", hidden),
                ("Content-Length: +5\r\n", "hello" + hidden),
                ("Content-Length: 0x5\r\n", "hello" + hidden),
                ("Content-Length: -1\r\n", hidden),
                ("Content-Length: 5, 5\r\n", "hello" + hidden),
                ("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n" + hidden),
                ("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n" + hidden),
                ("Transfer-Encoding : chunked\r\n", "0\r\n\r\n" + hidden),
                ("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "0\r\n\r\n" + hidden),
                ("Transfer-Encoding: chunked\r\n", "-1\r\n\r\n" + hidden),
                ("Transfer-Encoding: chunked\r\n", "ffffffffffffffffff\r\n\r\n" + hidden),
                ("X: a\r\n Content-Length: 5\r\n", "hello" + hidden)):
            with self.subTest(headers=headers):
                found = self.raw((f"POST {create} HTTP/1.1\r\nHost: x\r\n{headers}\r\n{body}").encode(), close_write=True)
                self.assertTrue(found, "no answer at all")
                self.assertTrue(400 <= found[0][0] < 500 or found[0][0] == 501, found)
                self.assertNotIn(200, [status for status, _ in found], "the hidden request was served")

    def test_pipelined_requests_are_answered_in_order(self):
        app = self.subject.client.app
        paths = [f"/rooms/v2/{app}/connectioninfo/{self.room}", "/healthz", f"/rooms/v2/{app}/connectioninfo/none"] * 20
        data = "".join(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n" for path in paths[:-1])
        data += f"GET {paths[-1]} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        found = self.raw(data.encode())
        self.assertEqual([status for status, _ in found], [200, 200, 404] * 20)
        # A slow one in front does not let later ones overtake it.
        data = (f"GET /rooms/v2/{app}/connectioninfo/none?wait=1s HTTP/1.1\r\nHost: x\r\n\r\n"
                "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        self.assertEqual([status for status, _ in self.raw(data.encode())], [404, 200])

    def test_slow_senders_are_cut_off(self):
        begin = time.monotonic()
        slow = [connect(self.subject) for _ in range(50)]
        for number, peer in enumerate(slow):
            peer.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: " if number % 2 else
                         b"POST /rooms/v2/a/create HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        open_ones = set(slow)
        while open_ones and time.monotonic() - begin < 15:
            for peer in list(open_ones):
                try:
                    peer.send(b"a")
                    peer.settimeout(0.01)
                    if not peer.recv(4096):
                        open_ones.discard(peer)
                except TimeoutError:
                    pass
                except OSError:
                    open_ones.discard(peer)
            time.sleep(0.05)
        for peer in slow:
            peer.close()
        self.assertEqual(len(open_ones), 0, "one byte at a time must not keep a connection")

    def test_slow_readers_do_not_fill_the_memory(self):
        request = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"
        peers = []
        for _ in range(50):
            peer = socket.socket()
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            peer.connect(self.subject.address)
            peer.settimeout(0.05)
            try:
                peer.sendall(request * 2000)
            except OSError:
                pass  # the node does not read on while we do not
            peers.append(peer)
        time.sleep(1)
        self.assert_well()
        for peer in peers:
            peer.close()

    def test_half_closed_and_reset_connections(self):
        request = f"GET /rooms/v2/{self.subject.client.app}/connectioninfo/{self.room} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
        # Who closes his sending side still gets his answer.
        self.assertEqual([status for status, _ in self.raw(request, close_write=True)], [200])
        for data in (b"", request[:20], request, request * 50):
            for _ in range(20):
                peer = connect(self.subject)
                # A reset instead of an orderly end.
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                peer.sendall(data)
                peer.close()
        # Clients that go away while they wait leave nothing behind.
        suspended = self.subject.client.create().json["roomId"]
        for _ in range(200):
            peer = connect(self.subject)
            peer.sendall(request.replace(self.room.encode(), suspended.encode()).replace(b" HTTP", b"?wait=30s HTTP", 1))
            peer.close()

    def test_two_thousand_idle_connections(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, 4096), hard), hard))
        idle = [connect(self.subject) for _ in range(2000)]
        self.assert_well()
        # They are idle, not dead.
        for peer in idle[::100]:
            peer.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertIn(b" 200 ", peer.recv(4096).split(b"\r\n")[0])
        for peer in idle:
            peer.close()

    def test_connections_leave_descriptors_for_server_processes(self):
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        node = self.node([harness.app(rooms_per_process=1)], start=False)
        # What a login allows without being asked: less than the node may have.
        node.start(preexec=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (128, hard)))
        idle = [connect(node) for _ in range(300)]
        for peer in idle[::50]:
            peer.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertIn(b" 200 ", peer.recv(4096).split(b"\r\n")[0])
        node.create_active()
        for peer in idle:
            peer.close()

    def test_more_connections_than_allowed(self):
        node = self.node(settings={"gateway.limits": {"connections": 20, "idle_timeout": "2s"}})
        many = [connect(node) for _ in range(60)]
        time.sleep(0.3)
        for peer in many:
            peer.close()
        wait_until(lambda: node.client.get("/healthz").status == 200, "the node to accept again")

    def test_more_requests_than_allowed_for_a_token(self):
        node = self.node(settings={"gateway.limits": {"requests_per_second_per_token": 20}})
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: node.client.get("/apps/v2/apps"), range(200)))
        limited = [answer for answer in answers if answer.status == 429]
        self.assertTrue(limited)
        for answer in limited:
            self.assert_status(answer, 429)
            self.assertGreaterEqual(int(answer.headers["Retry-After"]), 1)
        wait_until(lambda: node.client.get("/apps/v2/apps").status == 200, "the rate to recover", interval=1.0)

    def test_hostile_values_in_paths_and_headers_reach_no_log_unquoted(self):
        api = self.subject.client
        for path in ("/rooms/v2/%0d%0a2026 error node.fake/info/x", "/rooms/v2/a/info/%00", "/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd",
                     "/rooms/v2/" + "%41" * 3000 + "/info/x", "//rooms/v2/a/info/b"):
            answer = self.raw(f"GET {path.replace(' ', '%20')} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {api.token}\r\nConnection: close\r\n\r\n".encode())
            self.assertTrue(answer and 400 <= answer[0][0] < 500, answer)
        self.assertNotIn("\nnode.fake", self.subject.log())
        self.assertFalse([line for line in self.subject.log().splitlines() if re.match(r"^2026 error", line)])


if __name__ == "__main__":
    harness.main()
