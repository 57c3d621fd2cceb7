#!/usr/bin/env python3
"""A room from create to destroy, on real server processes."""

import os
import re
import resource
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import harness
from harness import NodeTest, app, game_command, is_alive, talk, wait_until

TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
UUID = re.compile(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class RoomLife(NodeTest):
    def test_a_room_lives_from_create_to_destroy(self):
        node = self.node()
        api = node.client

        created = self.assert_status(api.create(roomConfig='{"map":"one"}'), 201).json
        room = created["roomId"]
        self.assertRegex(room, r"^[A-Za-z0-9_-]{1,100}$")
        self.assertRegex(created["processId"], UUID)
        self.assertIn(created["status"], ("starting", "active"))
        self.assertEqual("exposedPort" in created, created["status"] == "active")
        self.assertEqual(created["additionalExposedPorts"], [])

        info = node.wait_active(room)
        port = info["exposedPort"]
        self.assertEqual((port["host"], port["transportType"], port["name"]), ("127.0.0.1", "tcp", "default"))
        self.assertEqual(talk(port, "hello there"), "hello there")

        view = self.assert_status(api.info(room), 200).json
        self.assertEqual((view["appId"], view["roomId"], view["roomConfig"], view["status"]),
                         (api.app, room, '{"map":"one"}', "active"))
        first = view["currentAllocation"]
        self.assertEqual(first["processId"], created["processId"])
        self.assertRegex(first["scheduledAt"], TIME)
        self.assertIsNone(first["unscheduledAt"])
        self.assertEqual(view["allocations"], [first])

        process = created["processId"]
        active = self.assert_status(api.active(process), 200).json
        self.assertEqual([entry["roomId"] for entry in active], [room])
        self.assertNotIn("allocations", active[0])
        self.assertEqual(api.inactive(process).json, [])

        self.assert_status(api.update(room, '{"map":"two"}'), 204)
        self.assertEqual(api.info(room).json["roomConfig"], '{"map":"two"}')

        self.assert_status(api.suspend(room), 204)
        self.assert_status(api.suspend(room), 204)
        view = api.info(room).json
        self.assertEqual((view["status"], view["currentAllocation"]), ("suspended", None))
        self.assertEqual(view["roomConfig"], '{"map":"two"}')
        self.assertRegex(view["allocations"][0]["unscheduledAt"], TIME)
        self.assertEqual(api.active(process).json, [])
        self.assertEqual([entry["roomId"] for entry in api.inactive(process).json], [room])
        # Suspending a room does not stop the process.
        self.assertEqual(api.process(process).json["status"], "running")
        self.assertEqual(api.process(process).json["roomsAllocated"], 0)

        resumed = self.assert_status(api.resume(room), 200).json
        self.assertEqual((resumed["status"], resumed["processId"]), ("active", process))
        self.assertEqual(talk(resumed["exposedPort"], "again"), "again")
        self.assert_status(api.resume(room), 200)
        view = api.info(room).json
        self.assertEqual([entry["unscheduledAt"] is None for entry in view["allocations"]], [False, True])
        self.assertNotEqual(*[entry["roomAllocationId"] for entry in view["allocations"]])

        self.assert_status(api.destroy(room), 204)
        view = self.assert_status(api.info(room), 200).json
        self.assertEqual((view["status"], view["roomConfig"], view["currentAllocation"]), ("destroyed", None, None))
        self.assertEqual(len(view["allocations"]), 2)
        for answer in (api.connection(room), api.resume(room), api.suspend(room), api.destroy(room),
                       api.update(room, "x")):
            self.assert_status(answer, 404)
        self.assertEqual(api.active(process).json, [])
        self.assertEqual([entry["roomId"] for entry in api.inactive(process).json], [room])
        # The id stays taken.
        self.assert_status(api.create(room=room), 400)

    def test_connection_info_of_a_suspended_room_schedules_it_again(self):
        node = self.node()
        room, _ = node.create_active()
        self.assert_status(node.client.suspend(room), 204)
        self.assertEqual(node.wait_active(room)["status"], "active")
        self.assertEqual(len(node.client.info(room).json["allocations"]), 2)

    def test_connection_info_does_not_resume_where_the_operator_says_so(self):
        node = self.node(settings={"policy": {"connection_info_resumes": False}})
        room, _ = node.create_active()
        self.assert_status(node.client.suspend(room), 204)
        refused = self.assert_status(node.client.connection(room), 400)
        self.assertIn("suspended", refused.json["message"])
        self.assertEqual(node.client.info(room).json["status"], "suspended")
        self.assert_status(node.client.resume(room), 200)

    def test_rooms_are_packed_and_a_freed_slot_is_used_again(self):
        node = self.node()
        rooms = [node.create_active() for _ in range(5)]
        placed = [node.client.info(room).json["currentAllocation"]["processId"] for room, _ in rooms]
        self.assertEqual(len(set(placed[:4])), 1)
        self.assertNotEqual(placed[4], placed[0])
        self.assert_status(node.client.destroy(rooms[1][0]), 204)
        again, _ = node.create_active()
        self.assertEqual(node.client.info(again).json["currentAllocation"]["processId"], placed[0])

    def test_spread_takes_the_emptiest_process(self):
        node = self.node(settings={"policy": {"placement": "spread"}})
        processes = [node.client.create_process().json["processId"] for _ in range(2)]
        for process in processes:
            wait_until(lambda p=process: node.client.process(p).json["status"] == "running", "the process to run")
        placed = [node.client.create().json["processId"] for _ in range(4)]
        self.assertEqual(sorted(placed.count(process) for process in processes), [2, 2])

    def test_a_chosen_id_is_taken_once(self):
        node = self.node()
        chosen = "My_room-1" + "x" * 91
        self.assertEqual(self.assert_status(node.client.create(room=chosen), 201).json["roomId"], chosen)
        self.assert_status(node.client.create(room=chosen), 400)
        for bad in ("x" * 101, "with blank", "slash/inside", "ü"):
            refused = self.assert_status(node.client.create(room=bad), 422)
            self.assertIn("roomId", refused.json["message"])
        self.assert_status(node.client.create(room=""), 201)

    def test_a_config_has_at_most_10000_code_points(self):
        node = self.node()
        longest = "\U0001F3E8" * 10_000
        room = self.assert_status(node.client.create(roomConfig=longest), 201).json["roomId"]
        self.assertEqual(node.client.info(room).json["roomConfig"], longest)
        self.assertIn("roomConfig", self.assert_status(node.client.create(roomConfig=longest + "x"), 422).json["message"])
        self.assertIn("roomConfig", self.assert_status(node.client.update(room, longest + "x"), 422).json["message"])
        self.assertEqual(node.client.info(room).json["roomConfig"], longest)

    def test_udp_and_additional_ports_are_shown_and_answer(self):
        node = self.node([
            app("udp", transport="udp", command=game_command("--udp", "--extra-port", "{query_port}"),
                additional_container_ports=[{"name": "query", "port": 27016, "transport": "tcp"}])])
        _, info = node.create_active()
        self.assertEqual(info["exposedPort"]["transportType"], "udp")
        self.assertEqual(talk(info["exposedPort"], "over udp"), "over udp")
        extra, = info["additionalExposedPorts"]
        self.assertEqual((extra["name"], extra["transportType"]), ("query", "tcp"))
        self.assertEqual(talk(extra, "!env HATHORA_QUERY_PORT"), str(extra["port"]))

    def test_a_server_is_told_who_it_is(self):
        node = self.node([app(rooms_per_process=3, env={"MODE": "dm"}, build_tag="v1.2")])
        room, info = node.create_active(roomConfig="the config")
        port = info["exposedPort"]
        process = node.client.info(room).json["currentAllocation"]["processId"]
        deployment = node.client.get(f"/deployments/v3/apps/{node.client.app}/deployments/latest").json
        expected = {
            "HATHORA_APP_ID": node.client.app,
            "HATHORA_PROCESS_ID": process,
            "HATHORA_DEPLOYMENT_ID": deployment["deploymentId"],
            "HATHORA_BUILD_TAG": "v1.2",
            "HATHORA_REGION": harness.REGION,
            "HATHORA_ROOMS_PER_PROCESS": "3",
            "HATHORA_INITIAL_ROOM_ID": room,
            "HATHORA_INITIAL_ROOM_CONFIG": "the config",
            "HATHORA_HOSTNAME": "127.0.0.1",
            "HATHORA_DEFAULT_PORT": str(port["port"]),
            "PORT": str(port["port"]),
            "HATHORA_ALLOCATED_MEMORY_MB": "256",
            "MODE": "dm",
        }
        self.assertEqual({name: talk(port, f"!env {name}") for name in expected}, expected)
        self.assertEqual(float(talk(port, "!env HATHORA_ALLOCATED_CPU")), 0.1)
        self.assertTrue(talk(port, "!env HATHORA_APP_SECRET"))
        self.assertTrue(talk(port, "!cwd").startswith(str(node.data_dir)))
        # The node's own secrets are nobody else's business.
        self.assertNotIn(talk(port, "!env HATHORA_APP_SECRET"), node.log())
        self.assertNotIn(node.client.token, node.log())

    def test_a_server_is_bounded(self):
        """actors/runner/README.md, "Limits": memory is what was asked for, four times, and 1 GiB."""
        node = self.node()
        node.create_active()
        (pid,) = node.server_pids().values()
        rows = Path(f"/proc/{pid}/limits").read_text().splitlines()

        def limit(name):
            (row,) = [row for row in rows if row.startswith(name)]
            return row.removeprefix(name).split()[:2]

        bytes_allowed = str((256 * 4 + 1024) * 1024 * 1024)
        self.assertEqual(limit("Max data size"), [bytes_allowed, bytes_allowed])
        self.assertEqual(limit("Max core file size"), ["0", "0"])
        soft, hard = limit("Max open files")
        self.assertEqual(soft, hard)
        self.assertLessEqual(int(hard), 65_536)
        # Servers go before Innkeeper when memory runs out.
        self.assertGreater(int(Path(f"/proc/{pid}/oom_score_adj").read_text()), 0)


class Errors(NodeTest):
    def test_bad_input_gets_its_status_and_names_the_field(self):
        node = self.node()
        api = node.client
        room, _ = node.create_active()
        create = f"/rooms/v2/{api.app}/create"
        nobody = "00000000-0000-7000-8000-000000000000"
        table = [
            # (answer, status, part of the message)
            (api.post(create, {"region": "Atlantis"}), 422, "region"),
            (api.post(create, {"region": 7}), 422, "region"),
            (api.post(create, {}), 422, "region"),
            (api.post(create, b"{"), 422, ""),
            (api.post(create, b""), 422, ""),
            (api.post(create, b'{"region":"Seattle","region":"Seattle"}'), 422, "region"),
            (api.post(create, {"region": harness.REGION, "roomConfig": {}}), 422, "roomConfig"),
            (api.post(create, b"\xff\xfe"), 422, ""),
            (api.post(create + "?roomId=a&roomId=b", {"region": harness.REGION}), 422, "roomId"),
            (api.post(create, {"region": harness.REGION, "deploymentId": "dep-none"}), 404, ""),
            (api.post("/rooms/v2/app-none/create", {"region": harness.REGION}), 404, ""),
            (api.create_process("Atlantis"), 422, "region"),
            (api.info("unknown"), 404, ""),
            (api.info("x" * 101), 404, ""),
            (api.info("%zz"), 400, ""),
            (api.info(""), 404, ""),
            (api.connection("unknown"), 404, ""),
            (api.destroy("unknown"), 404, ""),
            (api.suspend("unknown"), 404, ""),
            (api.resume("unknown"), 404, ""),
            (api.update("unknown", "x"), 404, ""),
            (api.post(f"/rooms/v2/{api.app}/update/{room}", {}), 422, "roomConfig"),
            (api.active(nobody), 404, ""),
            (api.process(nobody), 404, ""),
            (api.process("not-a-uuid"), 404, ""),
            (api.stop_process(nobody), 404, ""),
            (api.processes("?status=dancing"), 422, "status"),
            (api.processes("?region=Atlantis"), 422, "region"),
            (api.get("/no/such/path"), 404, ""),
            (api.explain("unknown"), 404, ""),
        ]
        for index, (answer, status, part) in enumerate(table):
            with self.subTest(row=index, answer=answer):
                self.assert_status(answer, status)
                self.assertIn(part, answer.json["message"])
        self.assertEqual(api.info(room).json["status"], "active")

    def test_only_public_endpoints_do_without_a_token(self):
        node = self.node()
        api = node.client
        room, _ = node.create_active()
        for token in (False, "wrong", ""):
            for method, path in (("POST", f"/rooms/v2/{api.app}/create"),
                                 ("GET", f"/rooms/v2/{api.app}/info/{room}"),
                                 ("POST", f"/rooms/v2/{api.app}/destroy/{room}"),
                                 ("GET", f"/processes/v3/apps/{api.app}/processes/latest"),
                                 ("GET", "/apps/v2/apps"),
                                 ("GET", f"/v1/rooms/{room}/explain")):
                with self.subTest(token=token, path=path):
                    body = {"region": harness.REGION} if path.endswith("create") else None
                    self.assert_status(api.request(method, path, body, token=token), 401)
        public = f"/rooms/v2/{api.app}/connectioninfo/{room}"
        for token in (False, "wrong", True):
            self.assert_status(api.get(public, token=token), 200)
        for path in ("/healthz", "/readyz", "/metrics", "/openapi.json"):
            self.assertEqual(api.get(path, token=False).status, 200, path)

    def test_what_old_clients_send_is_accepted(self):
        node = self.node()
        api = node.client
        room, _ = node.create_active()
        self.assert_status(
            api.post(f"/rooms/v2/{api.app}/suspend/{room}",
                     headers={"Content-Type": "application/x-www-form-urlencoded", "Cookie": ""}), 204)
        self.assert_status(api.post(f"/rooms/v2/{api.app}/resume/{room}", b"{}"), 200)
        self.assert_status(
            api.post(f"/rooms/v2/{api.app}/create",
                     b'{"region":"Seattle","somethingNew":{"a":[1]},"clientIPs":["192.0.2.1"]}',
                     headers={"Content-Type": "text/plain"}), 201)
        self.assert_status(api.get(f"/rooms/v2/{api.app}/info/%{ord(room[0]):02x}{room[1:]}"), 200)


class Idempotency(NodeTest):
    def test_a_key_gives_the_first_answer_again_also_after_a_crash(self):
        node = self.node()
        first = self.assert_status(node.client.create(key="k-1", roomConfig="a"), 201)
        again = self.assert_status(node.client.create(key="k-1", roomConfig="a"), 201)
        self.assertEqual(again.json["roomId"], first.json["roomId"])
        self.assert_status(node.client.create(key="k-1", roomConfig="b"), 422)
        other = self.assert_status(node.client.create(key="k-2", roomConfig="a"), 201)
        self.assertNotEqual(other.json["roomId"], first.json["roomId"])
        node.kill()
        node.start()
        again = self.assert_status(node.client.create(key="k-1", roomConfig="a"), 201)
        self.assertEqual(again.json["roomId"], first.json["roomId"])
        self.assertEqual(again.json["processId"], first.json["processId"])
        self.assert_status(node.client.create(key="k-1", roomConfig="b"), 422)

    def test_the_same_key_at_the_same_time_makes_one_room(self):
        node = self.node()
        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda _: node.client.create(key="together"), range(32)))
        self.assertEqual({answer.status for answer in answers}, {201})
        self.assertEqual(len({answer.json["roomId"] for answer in answers}), 1)

    def test_what_was_answered_is_repeated_though_the_key_was_used_for_two_regions(self):
        regions = ("Seattle", "Dallas")
        node = self.node(regions=regions, settings={"timeouts": {"scheduling": "5s"}})
        with ThreadPoolExecutor(4) as pool:
            for number in range(10):
                key = f"everywhere-{number}"
                made = list(pool.map(lambda region: (region, node.client.create(region=region, key=key)), regions * 2))
                created = [(region, answer) for region, answer in made if answer.status == 201]
                self.assertTrue(created, made)
                for region, answer in created:
                    again = node.client.create(region=region, key=key)
                    self.assert_status(again, 201)
                    self.assertEqual(again.json["roomId"], answer.json["roomId"])


class Waiting(NodeTest):
    """What happens when nothing fits: the host has two cores, each process takes one."""

    def full_node(self, **settings):
        node = self.node([app("small", rooms_per_process=1, requested_cpu=1.0)],
                         {"host": {"cpus": 2.0}, **settings})
        return node, [node.create_active()[0] for _ in range(2)]

    def test_waiting_rooms_are_served_first_come_first_served(self):
        node, running = self.full_node()
        api = node.client
        waiting = []
        for _ in range(3):
            created = self.assert_status(api.create(), 201).json
            self.assertEqual(created["status"], "starting")
            self.assertTrue(created["processId"])
            waiting.append(created["roomId"])
            view = api.process(created["processId"]).json
            self.assertEqual((view["status"], view["scheduledAt"], view["exposedPort"]), ("starting", None, None))
            self.assertEqual(api.info(waiting[-1]).json["status"], "scheduling")
        self.assertEqual([api.explain(room).json["queuePosition"] for room in waiting], [1, 2, 3])

        for position, gone in enumerate(running):
            self.assert_status(api.destroy(gone), 204)
            node.wait_active(waiting[position])
            self.assertEqual(
                [api.info(room).json["status"] for room in waiting],
                ["active"] * (position + 1) + ["scheduling"] * (2 - position))
        moved = api.info(waiting[0]).json
        self.assertEqual(len(moved["allocations"]), 2)
        # The process that was reserved for it is not needed any more.
        reserved = api.process(moved["allocations"][0]["processId"])
        self.assertIn(reserved.json["status"], ("stopped", "failed"))
        self.assert_status(api.suspend(waiting[1]), 204)
        node.wait_active(waiting[2])

    def test_a_waiting_room_can_be_suspended_and_destroyed(self):
        node, running = self.full_node()
        first, second, third = (node.client.create().json["roomId"] for _ in range(3))
        self.assert_status(node.client.suspend(first), 204)
        self.assert_status(node.client.destroy(second), 204)
        self.assertEqual(node.client.explain(third).json["queuePosition"], 1)
        self.assert_status(node.client.destroy(running[0]), 204)
        node.wait_active(third)
        self.assertEqual(node.client.info(first).json["status"], "suspended")

    def test_a_stopped_process_makes_room_for_the_next(self):
        node, running = self.full_node()
        waiting = node.client.create().json["roomId"]
        process = node.client.info(running[0]).json["currentAllocation"]["processId"]
        self.assert_status(node.client.stop_process(process), 204)
        node.wait_active(waiting)

    def test_a_room_that_waits_too_long_is_destroyed_and_says_why(self):
        node, _ = self.full_node(timeouts={"scheduling": "1s"})
        room = self.assert_status(node.client.create(), 201).json["roomId"]
        wait_until(lambda: node.client.info(room).json["status"] == "destroyed", "the room to be given up")
        self.assert_status(node.client.connection(room), 404)
        explained = self.assert_status(node.client.explain(room), 200).json
        self.assertIn("capacity", explained["endedBecause"])

    def test_waiting_outlives_a_crash(self):
        node, running = self.full_node()
        waiting = [node.client.create().json["roomId"] for _ in range(2)]
        node.kill()
        node.start()
        self.assertEqual([node.client.explain(room).json["queuePosition"] for room in waiting], [1, 2])
        self.assert_status(node.client.destroy(running[0]), 204)
        node.wait_active(waiting[0])
        self.assertEqual(node.client.info(waiting[1]).json["status"], "scheduling")

    def test_thousands_of_clients_wait_for_one_room(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = 8192 if hard == resource.RLIM_INFINITY else min(8192, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
        node = self.node(start=False)
        gate = node.folder / "gate"
        node.apps = [app(command=game_command("--wait-for", str(gate)))]
        node.start()
        room = node.client.create().json["roomId"]
        request = (f"GET /rooms/v2/{node.client.app}/connectioninfo/{room}?wait=60s HTTP/1.1\r\n"
                   f"Host: test\r\nConnection: close\r\n\r\n").encode()
        waiters = [socket.create_connection(node.address, timeout=60) for _ in range(3000)]
        for waiter in waiters:
            waiter.sendall(request)
        # Others are served meanwhile, and a short wait ends by itself.
        begin = time.monotonic()
        short = node.client.connection(room, wait="300ms")
        self.assertEqual((short.status, short.json["status"]), (200, "starting"))
        self.assertGreaterEqual(time.monotonic() - begin, 0.25)
        # All wait by now, and waiting takes no work.
        open_ones = re.compile(r"^innkeeper_http_connections (\d+)", re.M)
        wait_until(lambda: int(open_ones.search(node.client.get("/metrics").body.decode())[1]) >= len(waiters),
                   "all to be connected")
        before = cpu_seconds(node.pid)
        time.sleep(2)
        self.assertLess(cpu_seconds(node.pid) - before, 0.5)
        gate.touch()
        begin = time.monotonic()
        for waiter in waiters:
            answer = b"".join(iter(lambda w=waiter: w.recv(65_536), b""))
            self.assertIn(b" 200 ", answer.split(b"\r\n", 1)[0])
            self.assertIn(b'"status":"active"', answer.replace(b" ", b"").replace(b"\r\n", b""))
            waiter.close()
        self.assertLess(time.monotonic() - begin, 40)

    def test_a_waiter_hears_that_the_room_was_destroyed(self):
        node = self.node([app(command=game_command("--start-delay", "15"))])
        room = node.client.create().json["roomId"]
        with ThreadPoolExecutor(1) as pool:
            waiter = pool.submit(node.client.connection, room, "30s")
            wait_until(lambda: node.client.info(room).status == 200, "the room to be known")
            self.assert_status(node.client.destroy(room), 204)
            self.assert_status(waiter.result(10), 404)


class Processes(NodeTest):
    def test_a_process_is_shown_in_both_versions(self):
        node = self.node()
        api = node.client
        created = self.assert_status(api.create_process(), 201).json
        process = created["processId"]
        wait_until(lambda: api.process(process).json["status"] == "running", "the process to run")
        v3 = api.process(process).json
        self.assertEqual(set(v3) - {"hosting"}, {
            "appId", "deploymentId", "processId", "region", "status", "roomsPerProcess", "roomsAllocated",
            "exposedPort", "additionalExposedPorts", "createdAt", "scheduledAt", "bootedAt", "startedAt",
            "stoppingAt", "terminatedAt"})
        self.assertEqual((v3["roomsPerProcess"], v3["roomsAllocated"], v3["exposedPort"]["name"]), (4, 0, "default"))
        self.assertIsInstance(v3["deploymentId"], str)
        for key in ("createdAt", "scheduledAt", "bootedAt", "startedAt"):
            self.assertRegex(v3[key], TIME)
        self.assertEqual((v3["stoppingAt"], v3["terminatedAt"]), (None, None))

        v2 = self.assert_status(api.get(f"/processes/v2/{api.app}/info/{process}"), 200).json
        self.assertIsInstance(v2.pop("deploymentId"), int)
        self.assertEqual(v2, {key: value for key, value in v3.items() if key in v2})
        self.assertNotIn("scheduledAt", v2)
        self.assertEqual([p["processId"] for p in api.get(f"/processes/v2/{api.app}/list/latest").json], [process])
        self.assertEqual(api.get(f"/processes/v2/{api.app}/count?status=running").json, {"count": 1})

        second = self.assert_status(api.post(f"/processes/v2/{api.app}/create/{harness.REGION}"), 201).json["processId"]
        self.assertEqual([p["processId"] for p in api.processes().json], [second, process])
        self.assertEqual(api.process_count().json, {"count": 2})
        before = int(time.time() * 1000) - 3_600_000
        self.assertEqual(api.processes(f"?before={before}").json, [])
        wait_until(lambda: api.process(second).json["status"] == "running", "the process to run")
        self.assert_status(api.post(f"/processes/v2/{api.app}/stop/{second}"), 204)
        wait_until(lambda: api.process(second).json["status"] == "stopped", "the process to be stopped")
        self.assert_status(api.stop_process(second), 204)
        ended = api.process(second).json
        self.assertRegex(ended["stoppingAt"], TIME)
        self.assertRegex(ended["terminatedAt"], TIME)
        self.assertTrue(ended["summaryExitReason"])
        self.assertIn(process, [p["processId"] for p in api.processes("?status=running&status=starting").json])
        self.assertNotIn(second, [p["processId"] for p in api.processes("?status=running").json])

    def test_metrics_of_a_process_come_from_the_kernel(self):
        node = self.node()
        room, _ = node.create_active()
        process = node.client.info(room).json["currentAllocation"]["processId"]
        path = f"/processes/v3/apps/{node.client.app}/processes/process/{process}/metrics"
        samples = wait_until(lambda: node.client.get(path).json.get("memory"), "a sample of memory")
        self.assertGreater(samples[-1]["value"], 1_000_000)
        self.assertLess(abs(samples[-1]["timestamp"] / (1000 if samples[-1]["timestamp"] > 1e11 else 1) - time.time()), 3600)
        only = self.assert_status(node.client.get(path + "?metrics=cpu&step=60"), 200).json
        self.assertNotIn("memory", only)
        self.assert_status(node.client.get(path + "?metrics=mood"), 422)

    def test_stopping_a_process_destroys_its_rooms(self):
        node = self.node()
        rooms = [node.create_active()[0] for _ in range(3)]
        process = node.client.info(rooms[0]).json["currentAllocation"]["processId"]
        pid = node.server_pids()[process]
        self.assert_status(node.client.stop_process(process), 204)
        wait_until(lambda: node.client.process(process).json["status"] == "stopped", "the process to be stopped")
        self.assertEqual({node.client.info(room).json["status"] for room in rooms}, {"destroyed"})
        self.assertFalse(is_alive(pid))
        self.assert_status(node.client.stop_process(process), 204)

    def test_a_server_that_ignores_sigterm_is_killed_after_the_grace(self):
        node = self.node([app(command=game_command("--ignore-term"))], {"timeouts": {"stop_grace": "1s"}})
        room, _ = node.create_active()
        process = node.client.info(room).json["currentAllocation"]["processId"]
        pid = node.server_pids()[process]
        begin = time.monotonic()
        node.client.stop_process(process)
        wait_until(lambda: node.client.process(process).json["status"] == "stopped", "the process to be stopped")
        self.assertGreater(time.monotonic() - begin, 0.9)
        self.assertFalse(is_alive(pid))

    def test_an_idle_process_is_stopped(self):
        node = self.node([app(idle_timeout_enabled=True)], {"timeouts": {"idle": "1s"}})
        room, _ = node.create_active()
        process = node.client.info(room).json["currentAllocation"]["processId"]
        begin = time.monotonic()
        while time.monotonic() - begin < 2.5:  # as long as it has a room it stays
            self.assertEqual(node.client.process(process).json["status"], "running")
            time.sleep(0.2)
        self.assert_status(node.client.suspend(room), 204)
        wait_until(lambda: node.client.process(process).json["status"] == "stopped", "the idle process to be stopped")
        self.assertIn("idle", node.client.process(process).json["summaryExitReason"].lower())
        # The suspended room goes on elsewhere.
        node.client.resume(room)
        node.wait_active(room)
        self.assertNotEqual(node.client.info(room).json["currentAllocation"]["processId"], process)

    def test_a_process_without_idle_timeout_stays(self):
        node = self.node(settings={"timeouts": {"idle": "500ms"}})
        process = node.client.create_process().json["processId"]
        wait_until(lambda: node.client.process(process).json["status"] == "running", "the process to run")
        time.sleep(2)
        self.assertEqual(node.client.process(process).json["status"], "running")


class ProcessEnds(NodeTest):
    def crash(self, policy, command="!signal 6"):
        node = self.node(settings={"policy": {"on_process_failure": policy}} if policy else None)
        rooms = [node.create_active() for _ in range(2)]
        process = node.client.info(rooms[0][0]).json["currentAllocation"]["processId"]
        try:
            talk(rooms[0][1]["exposedPort"], command, timeout=5)
        except OSError:
            pass
        wait_until(lambda: node.client.process(process).json["status"] in ("failed", "stopped"), "the end to be seen")
        return node, [room for room, _ in rooms], node.client.process(process).json

    def statuses(self, node, rooms):
        return {node.client.info(room).json["status"] for room in rooms}

    def test_exit_0_destroys_the_rooms(self):
        node, rooms, process = self.crash(None, "!exit 0")
        self.assertEqual(process["status"], "stopped")
        wait_until(lambda: self.statuses(node, rooms) == {"destroyed"}, "the rooms to be destroyed")

    def test_a_crash_suspends_the_rooms_by_default(self):
        node, rooms, process = self.crash(None)
        self.assertEqual(process["status"], "failed")
        self.assertRegex(process["summaryExitReason"], "(?i)signal 6|SIGABRT")
        wait_until(lambda: self.statuses(node, rooms) == {"suspended"}, "the rooms to be suspended")
        self.assert_status(node.client.resume(rooms[0]), 200)
        node.wait_active(rooms[0])

    def test_an_exit_code_is_a_crash_too(self):
        node, rooms, process = self.crash("suspend", "!exit 3")
        self.assertEqual(process["status"], "failed")
        self.assertIn("3", process["summaryExitReason"])
        wait_until(lambda: self.statuses(node, rooms) == {"suspended"}, "the rooms to be suspended")

    def test_a_crash_reschedules_where_the_policy_says_so(self):
        node, rooms, process = self.crash("reschedule")
        for room in rooms:
            node.wait_active(room)
            view = node.client.info(room).json
            self.assertNotEqual(view["currentAllocation"]["processId"], process["processId"])
            self.assertEqual(len(view["allocations"]), 2)

    def test_a_crash_destroys_where_the_policy_says_so(self):
        node, rooms, _ = self.crash("destroy")
        wait_until(lambda: self.statuses(node, rooms) == {"destroyed"}, "the rooms to be destroyed")

    def test_a_killed_server_is_noticed_at_once(self):
        node = self.node()
        room, _ = node.create_active()
        process, pid = next(iter(node.server_pids().items()))
        begin = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: node.client.process(process).json["status"] == "failed", "the end to be seen")
        self.assertLess(time.monotonic() - begin, 5)
        self.assertEqual(node.client.info(room).json["status"], "suspended")


class ProcessStarts(NodeTest):
    def starting_node(self, *options, settings=None):
        node = self.node(settings=settings, start=False)
        self.starts = node.folder / "starts"
        self.broken = node.folder / "broken"
        options = [option.format(broken=self.broken) for option in options]
        node.apps = [app(command=game_command("--count-starts", str(self.starts), *options))]
        return node

    def start_times(self):
        return [float(line.split()[1]) for line in self.starts.read_text().splitlines()]

    def given_up(self, node, room):
        wait_until(lambda: node.client.info(room).json["status"] == "destroyed", "the room to be given up")
        explained = node.client.explain(room).json
        self.assertIn("did not start", explained["endedBecause"])

    def test_a_server_that_fails_at_start_is_tried_three_times(self):
        node = self.starting_node("--exit-at-start", "3").start()
        room = self.assert_status(node.client.create(), 201).json["roomId"]
        self.given_up(node, room)
        times = self.start_times()
        self.assertEqual(len(times), 3)
        self.assertGreaterEqual(times[1] - times[0], 0.9)
        self.assertGreaterEqual(times[2] - times[1], 1.9)
        self.assertEqual({p["status"] for p in node.client.processes().json}, {"failed"})

    def test_a_server_that_binds_no_port_in_time_failed(self):
        node = self.starting_node("--start-delay", "60", settings={"timeouts": {"start": "700ms", "stop_grace": "1s"}})
        node.start()
        room = node.client.create().json["roomId"]
        self.given_up(node, room)
        self.assertEqual(len(self.start_times()), 3)

    def test_a_second_attempt_can_succeed(self):
        node = self.starting_node("--fail-while", "{broken}")
        self.broken.touch()
        node.start()
        room = node.client.create().json["roomId"]
        wait_until(self.starts.exists, "a first attempt")
        self.broken.unlink()
        node.wait_active(room)
        self.assertGreaterEqual(len(node.client.info(room).json["allocations"]), 2)

    def test_a_command_that_is_not_there_fails_with_that_reason(self):
        node = self.node([app(command=["no-such-program-anywhere", "{port}"])])
        room = node.client.create().json["roomId"]
        self.given_up(node, room)
        self.assertIn("no-such-program-anywhere", node.client.processes().json[0]["summaryExitReason"])


class Explain(NodeTest):
    def test_a_placed_room_says_why_it_is_where_it_is(self):
        node = self.node()
        room, _ = node.create_active()
        explained = self.assert_status(node.client.explain(room), 200).json
        self.assertEqual((explained["roomId"], explained["status"]), (room, "active"))
        self.assertTrue(explained["summary"])
        self.assertEqual(explained["currentAllocation"]["processId"],
                         node.client.info(room).json["currentAllocation"]["processId"])

    def test_a_waiting_room_says_what_it_waits_for(self):
        node = self.node([app("large", requested_cpu=1.0, rooms_per_process=1)], {"host": {"cpus": 1.0}})
        node.create_active()
        room = node.client.create().json["roomId"]
        explained = self.assert_status(node.client.explain(room), 200).json
        self.assertEqual((explained["status"], explained["queuePosition"]), ("scheduling", 1))
        self.assertRegex(explained["givesUpAt"], TIME)
        self.assertIn("cpu", str(explained["placement"]).lower())

    def test_a_destroyed_room_says_how_its_process_ended_and_has_no_placement(self):
        node = self.node([app(), app("mute", command=["/bin/sleep", "100"])],
                         {"policy": {"on_process_failure": "destroy", "start_attempts": 1}, "timeouts": {"start": "1s"}})
        mute = node.client.for_app(harness.app_id("mute"))
        stuck = mute.create().json["roomId"]
        crashed, info = node.create_active()
        try:
            talk(info["exposedPort"], "!exit 3")
        except OSError:
            pass
        for room, because in ((crashed, r"^The process crashed: exited with code 3\.$"),
                              (stuck, r"^The process did not start: did not bind port \d+ within 1 s\.$")):
            wait_until(lambda: node.client.explain(room).json["status"] == "destroyed", "the room to be destroyed")
            explained = node.client.explain(room).json
            self.assertRegex(explained["endedBecause"], because)
            for key in ("placement", "currentAllocation", "placedBecause", "process", "host", "queuePosition"):
                self.assertIsNone(explained[key], key)


class Catalog(NodeTest):
    def test_a_changed_deployment_is_a_new_one_and_rooms_keep_theirs(self):
        node = self.node()
        api = node.client
        room, _ = node.create_active()
        first = api.get(f"/deployments/v3/apps/{api.app}/deployments/latest").json
        node.stop()
        node.apps = [app(env={"MODE": "second"})]
        node.start()
        api = node.client
        second = api.get(f"/deployments/v3/apps/{api.app}/deployments/latest").json
        self.assertNotEqual(first["deploymentId"], second["deploymentId"])
        listed = api.get(f"/deployments/v3/apps/{api.app}/deployments").json["deployments"]
        self.assertEqual([d["deploymentId"] for d in listed], [second["deploymentId"], first["deploymentId"]])
        self.assertEqual(node.wait_active(room)["status"], "active")
        newer, info = node.create_active()
        self.assertEqual(talk(info["exposedPort"], "!env MODE"), "second")
        pinned = api.create(deploymentId=first["deploymentId"]).json
        self.assertEqual(pinned["processId"], api.info(room).json["currentAllocation"]["processId"])
        application = self.assert_status(api.get(f"/apps/v2/apps/{api.app}"), 200).json
        self.assertEqual(application["appName"], "echo")
        # Nothing changed: no new deployment.
        node.stop()
        node.start()
        self.assertEqual(node.client.get(f"/deployments/v3/apps/{api.app}/deployments/latest").json, second)

    def test_rooms_of_another_app_are_not_shown(self):
        node = self.node([app("one"), app("two")])
        room, _ = node.create_active()
        other = node.client.for_app(harness.app_id("two"))
        for answer in (other.info(room), other.connection(room), other.destroy(room), other.suspend(room)):
            self.assert_status(answer, 404)
        # Ids are unique over all apps.
        self.assert_status(other.create(room=room), 400)


if __name__ == "__main__":
    harness.main()
