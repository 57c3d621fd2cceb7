"""Limits and lack of capacity, against the real binary: what waits must neither shut others out nor be given
up too early."""

import re
import socket
import threading
import time

import harness
from harness import NodeTest, app, wait_until


class Waiting(NodeTest):
    def test_requests_that_wait_do_not_shut_others_out(self):
        node = self.node(
            [app(requested_cpu=8.0, command=["/bin/sleep", "100"])],
            settings={"gateway.limits": {"in_flight": 5}},
        )
        room = node.client.create().json["roomId"]
        answers = []
        threads = [
            threading.Thread(target=lambda: answers.append(node.client.for_app(node.client.app).connection(room, wait="4s")))
            for _ in range(40)
        ]
        for thread in threads:
            thread.start()
        began = time.monotonic()
        while time.monotonic() - began < 2:
            self.assertEqual(node.client.get("/healthz").status, 200)
            self.assertEqual(node.client.info(room).status, 200)
        for thread in threads:
            thread.join()
        self.assertEqual([a.status for a in answers], [200] * 40)
        self.assertEqual({a.json["status"] for a in answers}, {"starting"})


class Keys(NodeTest):
    def test_a_key_belongs_to_the_app_in_all_regions(self):
        node = self.node(regions=["Seattle", "London"])
        first = node.client.create(key="k-1")
        self.assertEqual(first.status, 201)
        other = node.client.create(key="k-1", region="London")
        self.assertEqual(other.status, 422)
        self.assertIn("Idempotency-Key", other.json["message"])
        self.assertEqual(node.client.create(key="k-1").json, first.json)


class Regions(NodeTest):
    def test_a_region_without_a_host_takes_rooms_and_says_that_they_wait(self):
        node = self.node(regions=["Seattle", "London"])
        self.assertEqual(re.findall(r"warning region\.no_host region=(\w+)", node.log()), ["London"])
        ready = node.client.get("/readyz")
        self.assertEqual((ready.status, ready.json["parts"]["region Seattle"]), (200, "ready"))
        self.assertIn("no host serves it", ready.json["parts"]["region London"])
        room = self.assert_status(node.client.create(region="London"), 201).json["roomId"]
        self.assertEqual(node.client.explain(room).json["queuePosition"], 1)

    def test_rooms_of_a_region_that_was_taken_out_are_missed(self):
        node = self.node(regions=["Seattle", "London"])
        lost = [node.client.create(region="London").json["roomId"] for _ in range(3)]
        node.client.destroy(lost[0])
        kept, _ = node.create_active()
        node.stop()
        self.assertNotIn("region.not_served", node.log())
        node.regions = ["Seattle"]
        node.start()
        self.assertEqual(re.findall(r"warning region\.not_served region=(\w+) rooms=(\d+)", node.log()),
                         [("London", "2")])
        self.assert_status(node.client.info(lost[1]), 404)
        self.assert_status(node.client.create(region="London"), 422)
        self.assertEqual(node.client.info(kept).json["status"], "active")
        # An app that was taken out lives on.
        node.stop()
        taken, node.apps, node.regions = node.apps, [app("other")], ["Seattle", "London"]
        node.start()
        client = node.client.for_app(taken[0]["id"])
        self.assertEqual(client.info(lost[1]).json["status"], "scheduling")
        node.create_active(client)
        node.apps = taken  # whose servers are stopped at the end


class Ports(NodeTest):
    def test_rooms_wait_for_a_port_that_another_program_has(self):
        with socket.socket() as taken:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            range_ = harness.PortRange()
            taken.bind(("127.0.0.1", range_.first))
            taken.listen()
            node = self.node(
                [app(rooms_per_process=1)],
                settings={"host": {"ports": f"{range_.first}-{range_.first + 1}"}},
            )
            rooms = [node.client.create().json["roomId"] for _ in range(3)]
            node.wait_active(rooms[0])
            time.sleep(5)  # longer than three attempts at a start take
            for room in rooms[1:]:
                self.assertEqual(node.client.info(room).json["status"], "scheduling")
        # The port is free now: the room that came first gets it.
        node.wait_active(rooms[1])
        self.assertEqual(node.client.info(rooms[2]).json["status"], "scheduling")
        self.assertEqual(node.client.destroy(rooms[0]).status, 204)
        node.wait_active(rooms[2])

    def test_a_room_that_nothing_can_carry_is_given_up_after_the_scheduling_timeout(self):
        node = self.node(
            [app(rooms_per_process=1)],
            settings={"host": {"cpus": 0.1}, "timeouts": {"scheduling": "1s"}},
        )
        node.create_active()
        room = node.client.create().json["roomId"]
        wait_until(lambda: node.client.info(room).json["status"] == "destroyed", "the room to be given up")
        self.assertIn("room.scheduling_failed", node.log())


if __name__ == "__main__":
    harness.main()
