#!/usr/bin/env python3
"""The benchmarks of the real binary, with wrk beside it on the same machine: `./dev bench`.

Speeds are given as ratios to `GET /healthz` of the same server in the same run, taken in turns, so that a
busy machine slows both sides. Prints a table, then one JSON object. Python 3 standard library and wrk.
"""

import argparse
import http.client
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

APP = "app-af469a92-5b45-4565-b3c4-b79878de67d2"
REGION = "Seattle"
SLOTS = 10_000  # rooms on one process

CREATE = """
wrk.method = "POST"
wrk.path = "/rooms/v2/%s/create"
wrk.headers["Authorization"] = "Bearer %s"
wrk.body = '{"region":"%s"}'
"""
# Reads ids from a file, and asks for one after the other in an order that jumps.
READ = """
local ids = {}
for line in io.lines("%s") do ids[#ids + 1] = line end
local i = 0
request = function()
  i = (i + 7919) %% #ids
  return wrk.format("GET", "/rooms/v2/%s/connectioninfo/" .. ids[i + 1])
end
"""


class Node:
    """One node on a data directory that outlives it."""

    def __init__(self, binary, directory, processes):
        self.binary, self.directory = binary, directory
        self.processes = processes
        self.process = None
        self.token = None
        (directory / "innkeeper.toml").write_text(f"""
[node]
name = "bench"
data_dir = "data"
[gateway]
listen = "127.0.0.1:0"
[[region]]
name = "{REGION}"
[host]
region = "{REGION}"
ports = "24000-25999"
cpus = 1000.0
memory_mb = 1000000
[[app]]
id = "{APP}"
name = "bench"
[app.deployment]
command = ["{binary.parent}/innkeeper-echo", "{{port}}"]
transport = "tcp"
container_port = 7000
rooms_per_process = {SLOTS}
requested_cpu = 0.25
requested_memory_mb = 16
idle_timeout_enabled = false
[timeouts]
stop_grace = "2s"
""")

    def start(self):
        """Seconds until /readyz answers 200."""
        log = open(self.directory / "log", "ab")
        begin = time.monotonic()
        start_at = log.tell()
        self.process = subprocess.Popen(
            [self.binary, "serve", "--config", self.directory / "innkeeper.toml"], stderr=log)
        while True:
            with open(self.directory / "log", "rb") as f:
                f.seek(start_at)
                found = re.search(rb"url=http://([\d.]+):(\d+)", f.read())
            if found:
                self.host, self.port = found[1].decode(), int(found[2])
                if self.get("/readyz")[0] == 200:
                    break
            if self.process.poll() is not None:
                sys.exit(f"the node ended: {(self.directory / 'log').read_text()[-2000:]}")
            time.sleep(0.002)
        took = time.monotonic() - begin
        self.token = (self.directory / "data/admin.token").read_text().strip()
        return took

    def request(self, method, path, body=None):
        connection = http.client.HTTPConnection(self.host, self.port, timeout=60)
        connection.request(method, path, body, {"Authorization": f"Bearer {self.token}"})
        response = connection.getresponse()
        data = response.read()
        connection.close()
        return response.status, data

    def get(self, path):
        return self.request("GET", path)

    def warm(self):
        """Starts the processes that rooms will be placed on."""
        for _ in range(self.processes):
            status, data = self.request("POST", f"/processes/v3/apps/{APP}/processes/regions/{REGION}")
            assert status == 201, data
        while json.loads(self.get(f"/processes/v3/apps/{APP}/processes/count?status=running")[1])[
                "count"] < self.processes:
            time.sleep(0.05)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop_all(self):
        """Ends the node and every server process that it has started."""
        if self.process and self.process.poll() is None:
            self.kill()
        for folder in (self.directory / "data/processes").glob("*"):
            for entry in Path("/proc").glob("[0-9]*"):
                try:
                    if str(folder).encode() in (entry / "cmdline").read_bytes():
                        os.kill(int(entry.name), signal.SIGTERM)
                except OSError:
                    pass

    def memory(self):
        """Bytes that are the node's own: anonymous resident memory."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"RssAnon:\s+(\d+)", text)[1]) * 1024

    def metrics(self):
        out = {}
        for line in self.get("/metrics")[1].decode().splitlines():
            if not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                out[name] = float(value)
        return out

    def wrk(self, seconds, script=None, path="/", connections=64):
        """Requests per second, milliseconds at the 50th and 99th percentile, and answers that were no success."""
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency"]
        if script:
            file = self.directory / "wrk.lua"
            file.write_text(script)
            command += ["-s", str(file)]
        out = subprocess.run(command + [f"http://{self.host}:{self.port}{path}"], check=True,
                             capture_output=True, text=True).stdout
        def ms(percentile):
            value, unit = re.search(rf"{percentile}%\s+([\d.]+)(us|ms|s)", out).groups()
            return float(value) * {"us": 0.001, "ms": 1, "s": 1000}[unit]
        bad = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
        return {"rate": float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1]), "p50": ms(50),
                "p99": ms(99), "bad": int(bad[1]) if bad else 0}

    def create_load(self, seconds):
        return self.wrk(seconds, CREATE % (APP, self.token, REGION))

    def fill(self, rooms):
        """Creates exactly that many rooms over pipelined connections; returns their ids."""
        ids, threads, lock = [], 8, threading.Lock()
        def work(n):
            mine = []
            connection = http.client.HTTPConnection(self.host, self.port, timeout=60)
            sock = None
            body = json.dumps({"region": REGION})
            head = (f"POST /rooms/v2/{APP}/create HTTP/1.1\r\nHost: b\r\nAuthorization: Bearer {self.token}\r\n"
                    f"Content-Length: {len(body)}\r\n\r\n{body}").encode()
            connection.connect()
            sock = connection.sock
            file = sock.makefile("rb")
            while n > 0:
                batch = min(n, 32)
                sock.sendall(head * batch)
                for _ in range(batch):
                    status = file.readline()
                    assert b" 201 " in status, status
                    length = 0
                    while (line := file.readline()) != b"\r\n":
                        if line.lower().startswith(b"content-length:"):
                            length = int(line.split(b":")[1])
                    mine.append(json.loads(file.read(length))["roomId"])
                n -= batch
            with lock:
                ids.extend(mine)
        each = [threading.Thread(target=work, args=(rooms // threads + (i < rooms % threads),))
                for i in range(threads)]
        for t in each:
            t.start()
        for t in each:
            t.join()
        assert len(ids) == rooms, (len(ids), rooms)
        return ids

    def post_all(self, paths):
        """POSTs to each path over pipelined connections."""
        threads = 8
        def work(mine):
            connection = http.client.HTTPConnection(self.host, self.port, timeout=60)
            connection.connect()
            file = connection.sock.makefile("rb")
            for start in range(0, len(mine), 32):
                batch = mine[start:start + 32]
                connection.sock.sendall(b"".join(
                    f"POST {p} HTTP/1.1\r\nHost: b\r\nAuthorization: Bearer {self.token}\r\nContent-Length: 0\r\n\r\n"
                    .encode() for p in batch))
                for _ in batch:
                    status = file.readline()
                    assert b" 204 " in status, status
                    while file.readline() != b"\r\n":
                        pass
        each = [threading.Thread(target=work, args=(paths[i::threads],)) for i in range(threads)]
        for t in each:
            t.start()
        for t in each:
            t.join()


class Bench:
    def __init__(self, binary, seconds, rounds):
        self.binary, self.seconds, self.rounds = binary, seconds, rounds
        self.rows, self.extra = [], {}

    def row(self, name, value, limit, better, unit=""):
        met = value >= limit if better == "more" else value <= limit
        self.rows.append({"figure": name, "value": value, "limit": limit, "better": better, "unit": unit,
                          "met": met})
        sign = "≥" if better == "more" else "≤"
        print(f"{'ok  ' if met else 'MISS'} {name:58} {value:10.3f} {unit:3} ({sign} {limit:g})", flush=True)

    def node(self, processes):
        directory = Path(tempfile.mkdtemp(prefix="innkeeper-bench-", dir=os.environ.get("INNKEEPER_BENCH_DIR")))
        return Node(self.binary, directory, processes)

    def done(self, node):
        node.stop_all()
        shutil.rmtree(node.directory, ignore_errors=True)

    def speed(self):
        node = self.node(processes=120)
        node.start()
        node.warm()
        ids = node.directory / "ids"
        ids.write_text("\n".join(node.fill(1000)) + "\n")
        read = READ % (ids, APP)
        node.wrk(1, path="/healthz")
        creates, reads, p99, healthz = [], [], [], []
        stages_before = node.metrics()
        for _ in range(self.rounds):
            floor = node.wrk(self.seconds, path="/healthz")
            create = node.create_load(self.seconds)
            look = node.wrk(self.seconds, read)
            assert not create["bad"] and not look["bad"], (create, look)
            healthz.append(floor["rate"])
            creates.append(create["rate"] / floor["rate"])
            reads.append(look["rate"] / floor["rate"])
            p99.append(create["p99"])
            print(f"     healthz {floor['rate']:9.0f}/s   create {create['rate']:8.0f}/s p50 {create['p50']:.2f} "
                  f"p99 {create['p99']:.2f} ms   connection info {look['rate']:9.0f}/s", flush=True)
        self.row("durable create, 64 connections / healthz", statistics.median(creates), 0.20, "more")
        self.row("connection info of an active room / healthz", statistics.median(reads), 0.55, "more")
        self.row("p99 of durable create, 64 connections", statistics.median(p99), 10, "less", "ms")
        self.stages(stages_before, node.metrics())
        self.extra["healthz_per_second"] = healthz
        self.done(node)

    def stages(self, before, after):
        print("     where the time of a request goes (mean microseconds of work):")
        stages = {}
        for name, value in after.items():
            found = re.match(r'(innkeeper_\w*stage\w*)_sum\{.*stage="(\w+)"', name)
            if not found:
                continue
            count_name = name.replace("_sum{", "_count{")
            count = after[count_name] - before.get(count_name, 0)
            if count > 0:
                stages[found[2]] = (value - before.get(name, 0)) / count * 1e6
        for stage, micros in sorted(stages.items()):
            print(f"       {stage:10} {micros:8.2f}")
        self.extra["stage_microseconds"] = stages
        for what in ("store_commit_seconds", "store_batch_size"):
            for name in after:
                if name.startswith(f"innkeeper_{what}") and "_sum" in name:
                    n = after[name.replace("_sum", "_count")] - before.get(name.replace("_sum", "_count"), 0)
                    if n:
                        mean = (after[name] - before.get(name, 0)) / n
                        print(f"       mean {what}: {mean:.6g} over {n:.0f} commits")
                        self.extra[what] = mean

    def growth(self):
        ratios = []
        for _ in range(max(1, self.rounds - 1)):
            node = self.node(processes=60)
            node.start()
            node.warm()
            node.fill(100)
            small = [node.create_load(1)["rate"]]
            node.fill(max(0, 100_000 - int(small[0])))
            large = [node.create_load(1)["rate"]]
            ratios.append(large[0] / small[0])
            self.done(node)
        self.row("create at 100,000 rooms / at 100", statistics.median(ratios), 0.9, "more")

    def memory(self, rooms=100_000):
        node = self.node(processes=rooms // SLOTS + 1)
        node.start()
        node.warm()
        node.fill(2000)
        time.sleep(1)
        base = node.memory()
        ids = node.fill(rooms)
        time.sleep(4)
        self.row("memory of an idle active room", (node.memory() - base) / rooms / 1000, 2.5, "less", "KB")
        node.kill()
        self.row("restart after kill -9 with 100,000 rooms to /readyz", node.start(), 2, "less", "s")
        self.row("  memory of an active room after that restart", (node.memory() - base) / rooms / 1000, 2.5,
                 "less", "KB")
        node.post_all([f"/rooms/v2/{APP}/suspend/{id}" for id in ids])
        time.sleep(4)
        self.row("memory of a suspended room", (node.memory() - base) / rooms / 1000, 0.6, "less", "KB")
        node.kill()
        node.start()
        self.row("  memory of a suspended room after a restart", (node.memory() - base) / rooms / 1000, 0.6,
                 "less", "KB")
        self.done(node)

    def million(self, rooms=1_000_000):
        node = self.node(processes=rooms // SLOTS + 1)
        node.start()
        node.warm()
        begin = time.monotonic()
        ids = node.fill(rooms)
        took = time.monotonic() - begin
        print(f"     one million rooms created in {took:.0f} s; node at {node.memory() / 1e9:.2f} GB", flush=True)
        file = node.directory / "ids"
        file.write_text("\n".join(ids[:: rooms // 10_000]) + "\n")
        look = node.wrk(self.seconds, READ % (file, APP))
        create = node.create_load(1)
        print(f"     at one million: connection info {look['rate']:.0f}/s, create {create['rate']:.0f}/s", flush=True)
        node.kill()
        restart = node.start()
        sample = ids[:: rooms // 1000]
        found = sum(node.get(f"/rooms/v2/{APP}/connectioninfo/{id}")[0] == 200 for id in sample)
        print(f"     restart with one million rooms: {restart:.2f} s", flush=True)
        self.extra["million"] = {"restart_seconds": restart, "create_seconds": took}
        self.row("one million rooms: share found after kill -9", found / len(sample), 1, "more")
        self.done(node)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", default="build/release/innkeeper", type=Path)
    parser.add_argument("--seconds", default=3, type=int, help="of each load")
    parser.add_argument("--rounds", default=3, type=int)
    parser.add_argument("--only", default="speed,growth,memory,million")
    options = parser.parse_args()
    bench = Bench(options.binary.resolve(), options.seconds, options.rounds)
    for part in options.only.split(","):
        getattr(bench, part)()
    print(json.dumps({"rows": bench.rows, **bench.extra}))


if __name__ == "__main__":
    main()
