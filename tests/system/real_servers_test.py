#!/usr/bin/env python3
"""Dedicated game servers that nobody here wrote, from Debian, run as processes.

Each is asked in its own protocol, on the endpoint that connection info gives. A server that is not
installed is a failure: `./dev test` installs all of them.
"""

import os
import socket
import time

import harness
from harness import NodeTest, app, is_alive, wait_until

GAMES = "/usr/games"


def exchange(port, data, valid, what, timeout=harness.PATIENCE):
    """Sends a datagram until a valid answer comes back; returns it. UDP may lose either."""
    deadline = time.monotonic() + timeout
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(0.5)
        udp.connect((port["host"], port["port"]))
        while time.monotonic() < deadline:
            try:
                udp.send(data)
                answer = udp.recv(65_536)
            except (TimeoutError, ConnectionRefusedError):
                continue
            if valid(answer):
                return answer
    raise AssertionError(f"no valid answer of {what} on {port}")


def ask_teeworlds(port):
    """The info text of a Teeworlds 0.7 server: a token first, then the request that carries it."""
    mine = b"\x01\x02\x03\x04"
    # A control packet without a token of theirs; message 5 asks for one and is padded against amplification.
    request = b"\x04\x00\x00" + b"\xff\xff\xff\xff" + b"\x05" + mine + b"\0" * 508
    answer = exchange(port, request, lambda got: got[3:8] == mine + b"\x05", "Teeworlds (token)")
    theirs = answer[8:12]
    query = b"\x21" + theirs + mine + b"\xff\xff\xff\xffgie3" + b"\x07"
    answer = exchange(port, query, lambda got: b"inf3" in got, "Teeworlds (info)")
    return answer.split(b"inf3", 1)[1]


def ask_armagetron(port):
    """The port that an Armagetron Advanced server says it has: request 52 (small info) from client 17,
    answered by message 50, all in big-endian words: descriptor, id, length, then the port."""
    answer = exchange(port, b"\x00\x34\x00\x00\x00\x00\x00\x11",
                      lambda got: got[:2] == b"\x00\x32" and len(got) >= 10, "Armagetron")
    said = int.from_bytes(answer[6:8], "big")
    assert said == port["port"], f"the server on {port} says that its port is {said}"
    return said


def ask_minetest(port):
    """The peer id that a Minetest server gives to a new client, after an empty unreliable packet."""
    magic = b"\x4f\x45\x74\x03"
    answer = exchange(port, magic + b"\0\0\0\x01", lambda got: got[:4] == magic and len(got) >= 14, "Minetest")
    return answer[12:14]


def teeworlds():
    return app("teeworlds", transport="udp", container_port=8303, rooms_per_process=2,
               requested_memory_mb=128, env={"HOME": "."},
               command=[f"{GAMES}/teeworlds-server", "sv_port {port}", "sv_register 0", "sv_name Inn {port}"])


def armagetron():
    # The port is only to be had from a configuration file.
    script = ("mkdir -p user var && printf 'SERVER_PORT %s\\nSERVER_NAME Inn\\nTALK_TO_MASTER 0\\n' {port} "
              ">user/autoexec.cfg && exec " + GAMES + "/armagetronad-dedicated.real -d "
              "--datadir /usr/share/games/armagetronad --configdir /etc/armagetronad "
              '--userdatadir "$PWD/user" --userconfigdir "$PWD/user" --vardir "$PWD/var"')
    return app("armagetron", transport="udp", container_port=4534, rooms_per_process=2,
               requested_memory_mb=256, command=["/bin/sh", "-c", script])


def minetest():
    # Minetest wants no configuration file, but a world that names its game.
    script = ("mkdir -p world && printf 'server_announce = false\\n' >minetest.conf && "
              "exec " + GAMES + "/minetestserver --config minetest.conf --world world --gameid minetest "
              "--port {port} --logfile debug.txt")
    return app("minetest", transport="udp", container_port=30000, rooms_per_process=2,
               requested_memory_mb=1024, env={"HOME": "."}, command=["/bin/sh", "-c", script])


class RealServers(NodeTest):
    def live(self, entry, ask):
        """Takes two packed rooms on one server through their lives."""
        node = self.node([entry], {"timeouts": {"start": "60s", "stop_grace": "10s"}})
        api = node.client
        first, info = node.create_active(roomConfig="one")
        self.assertEqual(info["exposedPort"]["transportType"], "udp")
        said = ask(info["exposedPort"])
        self.assertTrue(said)

        second, info_of_second = node.create_active(roomConfig="two")
        self.assertEqual(info_of_second["exposedPort"], info["exposedPort"], "two rooms are packed on one server")
        third, info_of_third = node.create_active()
        self.assertNotEqual(info_of_third["exposedPort"]["port"], info["exposedPort"]["port"])
        ask(info_of_third["exposedPort"])

        process = api.info(first).json["currentAllocation"]["processId"]
        pid = node.server_pids()[process]
        self.assert_status(api.suspend(first), 204)
        ask(info["exposedPort"])  # the other room is still there
        resumed = self.assert_status(api.resume(first), 200).json
        self.assertEqual(resumed["exposedPort"]["port"], info["exposedPort"]["port"])

        node.kill()
        ask(info["exposedPort"])
        node.start()
        api = node.client
        self.assertEqual(node.server_pids()[process], pid)
        self.assertEqual({api.info(room).json["status"] for room in (first, second, third)}, {"active"})
        ask(node.wait_active(first)["exposedPort"])

        self.assert_status(api.destroy(second), 204)
        self.assert_status(api.stop_process(process), 204)
        wait_until(lambda: api.process(process).json["status"] == "stopped", "the server to be stopped")
        self.assertFalse(is_alive(pid))
        self.assertEqual(api.info(first).json["status"], "destroyed")
        ask(info_of_third["exposedPort"])
        return said

    def test_teeworlds(self):
        self.assertIn(b"Inn ", self.live(teeworlds(), ask_teeworlds))

    def test_armagetron_advanced(self):
        self.live(armagetron(), ask_armagetron)

    def test_minetest(self):
        self.live(minetest(), ask_minetest)

    def test_three_games_at_once_on_one_node(self):
        entries = [teeworlds(), armagetron(), minetest()]
        node = self.node(entries, {"timeouts": {"start": "60s", "stop_grace": "10s"}})
        rooms = []
        for entry in entries:
            api = node.client.for_app(entry["id"])
            rooms.append((api, api.create().json["roomId"]))
        for (api, room), ask in zip(rooms, (ask_teeworlds, ask_armagetron, ask_minetest)):
            ask(node.wait_active(room, api)["exposedPort"])

    def test_output_of_a_server_is_kept_in_files(self):
        node = self.node([teeworlds()])
        node.create_active()
        texts = [path.read_bytes() for path in node.data_dir.rglob("*")
                 if path.is_file() and path.suffix not in (".db",) and os.access(path, os.R_OK)]
        self.assertTrue(any(b"server name is" in text for text in texts))


if __name__ == "__main__":
    harness.main()
