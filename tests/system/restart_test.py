#!/usr/bin/env python3
"""Server processes outlive Innkeeper, and a restart finds everything again."""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import harness
from harness import NodeTest, app, game_command, is_alive, talk, wait_until


class Adoption(NodeTest):
    def state(self, node, rooms):
        """What must not change over a restart."""
        pids = node.server_pids()
        found = {}
        for room in rooms:
            view = node.client.info(room).json
            info = node.client.connection(room).json
            process = view["currentAllocation"]["processId"]
            found[room] = (view["status"], view["currentAllocation"], info["exposedPort"], pids[process])
        return found

    def restart(self, end):
        node = self.node([app(), app("udp", transport="udp", command=game_command("--udp"))])
        rooms = [node.create_active()[0] for _ in range(6)]
        udp = node.client.for_app(harness.app_id("udp"))
        other, _ = node.create_active(udp)
        before = self.state(node, rooms)
        process = node.client.info(rooms[0]).json["currentAllocation"]["processId"]
        shown = node.client.process(process).json
        end(node)
        self.assertEqual(len(node.server_pids()), 3, "servers must outlive the node")
        for port in (state[2] for state in before.values()):
            self.assertEqual(talk(port, "while away"), "while away")
        node.start()
        self.assertEqual(self.state(node, rooms), before)
        self.assertEqual(node.client.process(process).json, shown)
        for status, _, port, pid in before.values():
            self.assertEqual(status, "active")
            self.assertEqual(talk(port, "!pid"), str(pid))
        self.assertEqual(node.client.for_app(udp.app).info(other).json["status"], "active")
        # Life goes on: slots are counted right, the adopted can be stopped, and its end is seen.
        for room in rooms[4:]:
            self.assertEqual(node.client.destroy(room).status, 204)
        again, _ = node.create_active()
        self.assertIn(node.client.info(again).json["currentAllocation"]["processId"], node.server_pids())
        self.assertEqual(node.client.stop_process(process).status, 204)
        wait_until(lambda: node.client.process(process).json["status"] == "stopped", "the adopted to be stopped")
        self.assertFalse(is_alive(before[rooms[0]][3]))

    def test_after_kill_9(self):
        self.restart(lambda node: node.kill())

    def test_after_an_orderly_stop(self):
        self.restart(lambda node: node.stop())

    def test_an_adopted_server_that_crashes_is_seen(self):
        node = self.node()
        room, _ = node.create_active()
        process, pid = next(iter(node.server_pids().items()))
        node.kill()
        node.start()
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: node.client.process(process).json["status"] == "failed", "the end to be seen")
        self.assertEqual(node.client.info(room).json["status"], "suspended")

    def test_three_crashes_in_a_row_change_nothing(self):
        node = self.node()
        room, _ = node.create_active()
        before = self.state(node, [room])
        for _ in range(3):
            node.kill()
            node.start()
        self.assertEqual(self.state(node, [room]), before)


class Away(NodeTest):
    """What happens to servers while nobody looks."""

    def away(self, command, status, room_status):
        node = self.node()
        room, info = node.create_active()
        process, pid = next(iter(node.server_pids().items()))
        node.kill()
        try:
            talk(info["exposedPort"], command, timeout=5)
        except OSError:
            pass
        wait_until(lambda: not is_alive(pid), "the server to end")
        node.start()
        wait_until(lambda: node.client.process(process).json["status"] == status, f"the process to be {status}")
        wait_until(lambda: node.client.info(room).json["status"] == room_status, f"the room to be {room_status}")
        return node.client.process(process).json

    def test_a_server_that_crashed_while_away_failed_with_its_reason(self):
        process = self.away("!exit 7", "failed", "suspended")
        self.assertIn("7", process["summaryExitReason"])

    def test_a_server_that_ended_well_while_away_destroys_its_rooms(self):
        self.away("!exit 0", "stopped", "destroyed")

    def test_a_server_and_its_shim_that_are_gone_without_a_trace_failed(self):
        node = self.node()
        room, _ = node.create_active()
        process, pid = next(iter(node.server_pids().items()))
        node.kill()
        for victim in sorted(node.pids(), key=lambda one: not harness.is_shim(one)):
            os.kill(victim, signal.SIGKILL)
        wait_until(lambda: not node.pids(), "everything to be gone")
        node.start()
        wait_until(lambda: node.client.process(process).json["status"] == "failed", "the loss to be seen")
        self.assertEqual(node.client.info(room).json["status"], "suspended")

    def test_servers_that_no_record_knows_are_stopped_and_logged(self):
        node = self.node()
        room, _ = node.create_active()
        process, pid = next(iter(node.server_pids().items()))
        node.kill()
        # The store forgets everything: the server that still runs has no record any more.
        for suffix in ("", "-wal", "-shm"):
            (node.data_dir / f"innkeeper.db{suffix}").unlink(missing_ok=True)
        node.start()
        wait_until(lambda: not is_alive(pid), "the unknown server to be stopped")
        self.assertIn(process, node.log())
        self.assertEqual(node.client.info(room).status, 404)


class KilledWhileStarting(NodeTest):
    def test_an_acknowledged_room_becomes_active_after_the_restart(self):
        node = self.node(start=False)
        gate = node.folder / "gate"
        node.apps = [app(command=game_command("--wait-for", str(gate)))]
        node.start()
        rooms = [node.client.create().json["roomId"] for _ in range(6)]
        node.kill()
        node.start()
        for room in rooms:
            self.assertEqual(node.client.info(room).json["status"], "scheduling")
        gate.touch()
        for room in rooms:
            node.wait_active(room)

    def test_killed_in_the_moment_after_the_answer(self):
        node = self.node()
        for _ in range(5):
            room = node.client.create().json["roomId"]
            node.kill()
            node.start()
            node.wait_active(room)
            node.client.stop_process(node.client.info(room).json["currentAllocation"]["processId"])

    def test_start_attempts_are_not_begun_anew_by_each_restart(self):
        node = self.node(start=False)
        starts = node.folder / "starts"
        node.apps = [app(command=game_command("--count-starts", str(starts), "--exit-at-start", "3"))]
        node.start()
        room = node.client.create().json["roomId"]
        wait_until(starts.exists, "a first attempt")
        node.kill()
        node.start()
        wait_until(lambda: node.client.info(room).json["status"] == "destroyed", "the room to be given up")
        self.assertLessEqual(len(starts.read_text().splitlines()), 5)


class Orderly(NodeTest):
    def test_an_orderly_stop_answers_what_is_in_flight(self):
        node = self.node([app(command=game_command("--start-delay", "20"))])
        room = node.client.create().json["roomId"]
        with ThreadPoolExecutor(1) as pool:
            waiter = pool.submit(node.client.connection, room, "20s")
            time.sleep(0.5)
            begin = time.monotonic()
            node.stop()
            self.assertLess(time.monotonic() - begin, 15)
            answer = waiter.result(10)
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(answer.json["status"], "starting")
        node.start()

    def test_sigint_is_an_orderly_stop_too(self):
        node = self.node()
        node.child.send_signal(signal.SIGINT)
        self.assertEqual(node.wait_exit(), 0)
        node.start()

    def test_a_stop_in_the_middle_of_a_start_is_orderly(self):
        node = self.node(start=False)
        for delay in (0.0, 0.02, 0.1, 0.3):
            node.launch()
            time.sleep(delay)
            node.child.send_signal(signal.SIGTERM)
            # Before the handler stands, SIGTERM itself ends the process.
            self.assertIn(node.wait_exit(), (0, -signal.SIGTERM))
        node.start()


if __name__ == "__main__":
    harness.main()
