// The official TypeScript SDK against a real node. Run by sdk_test.py, which starts the node and sets:
//   SDK_DIR        where the SDK is installed
//   URL, TOKEN     the node and its admin token
//   APP, GATED_APP app ids; servers of the gated app bind their port once the file GATE exists
//   GATE
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import net from "node:net";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";

const require = createRequire(`${process.env.SDK_DIR}/package.json`);
const { HathoraCloud } = require("@hathora/cloud-sdk-typescript");
const { ApiError } = require("@hathora/cloud-sdk-typescript/models/errors");

const { URL: serverURL, TOKEN, APP: appId, GATED_APP, GATE } = process.env;
const region = "Seattle";
const NOBODY = "00000000-0000-7000-8000-000000000000";

const sdk = new HathoraCloud({ serverURL, hathoraDevToken: TOKEN, appId });
const stranger = new HathoraCloud({ serverURL, hathoraDevToken: "wrong", appId });
const anonymous = new HathoraCloud({ serverURL, appId });

// Fails unless the call is refused with that status, as the SDK's typed error, with a message.
async function refused(promise, status, part = "") {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof ApiError, `expected an ApiError, got ${error.constructor.name}: ${error.message}`);
    assert.equal(error.statusCode, status);
    assert.equal(typeof error.message, "string");
    assert.ok(error.message.toLowerCase().includes(part.toLowerCase()), error.message);
    return true;
  });
}

async function until(probe, what) {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const value = await probe();
    if (value) return value;
    assert.ok(Date.now() < deadline, `waited in vain for ${what}`);
    await pause(50);
  }
}

const active = (roomId, app = appId) =>
  until(async () => {
    const info = await anonymous.roomsV2.getConnectionInfo(roomId, app);
    return info.status === "active" && info;
  }, `room ${roomId} to be active`);

// Sends a line to a room's server and gives back the line that it answers.
function talk({ host, port }, line) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, host, () => socket.end(`${line}\n`));
    let answer = "";
    socket.setEncoding("utf8").on("data", (data) => (answer += data));
    socket.on("end", () => resolve(answer.trimEnd())).on("error", reject);
  });
}

test("the nine room operations", async (t) => {
  let roomId;
  let processId;

  await t.test("createRoom", async () => {
    const room = await sdk.roomsV2.createRoom({ region, roomConfig: '{"mode":"ctf"}', clientIPs: ["192.0.2.1"] });
    ({ roomId, processId } = room);
    assert.match(roomId, /^[A-Za-z0-9_-]{1,100}$/);
    assert.ok(processId);
    assert.ok(["starting", "active"].includes(room.status));
    assert.deepEqual(room.additionalExposedPorts, []);
  });
  await t.test("getConnectionInfo leads to the room's server", async () => {
    const info = await active(roomId);
    assert.equal(info.roomId, roomId);
    assert.equal(info.exposedPort.transportType, "tcp");
    assert.equal(info.exposedPort.name, "default");
    assert.equal(await talk(info.exposedPort, "hello"), "hello");
    // Public: with a wrong token, too.
    assert.equal((await stranger.roomsV2.getConnectionInfo(roomId)).status, "active");
  });
  await t.test("getRoomInfo", async () => {
    const room = await sdk.roomsV2.getRoomInfo(roomId);
    assert.equal(room.status, "active");
    assert.equal(room.appId, appId);
    assert.equal(room.roomConfig, '{"mode":"ctf"}');
    assert.equal(room.currentAllocation.processId, processId);
    assert.equal(room.currentAllocation.unscheduledAt, null);
    assert.ok(room.currentAllocation.scheduledAt instanceof Date);
    assert.deepEqual(room.allocations, [room.currentAllocation]);
  });
  await t.test("updateRoomConfig", async () => {
    await sdk.roomsV2.updateRoomConfig(roomId, { roomConfig: "second" });
    assert.equal((await sdk.roomsV2.getRoomInfo(roomId)).roomConfig, "second");
  });
  await t.test("getActiveRoomsForProcess", async () => {
    const rooms = await sdk.roomsV2.getActiveRoomsForProcess(processId);
    assert.deepEqual(rooms.map((room) => room.roomId), [roomId]);
    assert.equal(rooms[0].status, "active");
  });
  await t.test("suspendRoom", async () => {
    await sdk.roomsV2.suspendRoomV2Deprecated(roomId);
    await sdk.roomsV2.suspendRoomV2Deprecated(roomId);
    const room = await sdk.roomsV2.getRoomInfo(roomId);
    assert.equal(room.status, "suspended");
    assert.equal(room.currentAllocation, null);
    assert.ok(room.allocations[0].unscheduledAt instanceof Date);
  });
  await t.test("getInactiveRoomsForProcess", async () => {
    assert.deepEqual(await sdk.roomsV2.getActiveRoomsForProcess(processId), []);
    const rooms = await sdk.roomsV2.getInactiveRoomsForProcess(processId);
    assert.deepEqual(rooms.map((room) => [room.roomId, room.status]), [[roomId, "suspended"]]);
  });
  await t.test("resumeRoom, polled as sample code does", async () => {
    const resumed = await until(async () => {
      const room = await sdk.roomsV2.resumeRoom(roomId);
      return room.exposedPort && room.processId && room;
    }, "the resumed room to be active");
    assert.equal(resumed.status, "active");
    assert.equal(await talk(resumed.exposedPort, "again"), "again");
    const { allocations } = await sdk.roomsV2.getRoomInfo(roomId);
    assert.equal(allocations.length, 2);
    assert.notEqual(allocations[0].roomAllocationId, allocations[1].roomAllocationId);
  });
  await t.test("getConnectionInfo of a suspended room schedules it again", async () => {
    await sdk.roomsV2.suspendRoomV2Deprecated(roomId);
    await active(roomId);
    assert.equal((await sdk.roomsV2.getRoomInfo(roomId)).allocations.length, 3);
  });
  await t.test("destroyRoom", async () => {
    await sdk.roomsV2.destroyRoom(roomId);
    const room = await sdk.roomsV2.getRoomInfo(roomId);
    assert.equal(room.status, "destroyed");
    assert.equal(room.roomConfig, null);
    assert.equal(room.currentAllocation, null);
    await refused(sdk.roomsV2.destroyRoom(roomId), 404);
    await refused(sdk.roomsV2.resumeRoom(roomId), 404);
    await refused(sdk.roomsV2.suspendRoomV2Deprecated(roomId), 404);
    await refused(sdk.roomsV2.getConnectionInfo(roomId), 404);
    await refused(sdk.roomsV2.updateRoomConfig(roomId, { roomConfig: "x" }), 404);
    await refused(sdk.roomsV2.createRoom({ region }, undefined, roomId), 400);
  });
});

test("a room whose process starts is 'starting' and becomes active", async () => {
  const room = await sdk.roomsV2.createRoom({ region }, GATED_APP);
  assert.equal(room.status, "starting");
  assert.equal(room.exposedPort, undefined);
  assert.ok(room.processId);
  const info = await anonymous.roomsV2.getConnectionInfo(room.roomId, GATED_APP);
  assert.deepEqual([info.status, info.exposedPort, info.additionalExposedPorts], ["starting", undefined, []]);
  assert.equal((await sdk.roomsV2.getRoomInfo(room.roomId, GATED_APP)).status, "scheduling");
  const process = await sdk.processesV3.getProcess(room.processId, GATED_APP);
  assert.deepEqual([process.status, process.exposedPort, process.startedAt], ["starting", null, null]);
  writeFileSync(GATE, "");
  await active(room.roomId, GATED_APP);
  await sdk.roomsV2.destroyRoom(room.roomId, GATED_APP);
});

test("a chosen room id", async () => {
  const room = await sdk.roomsV2.createRoom({ region }, undefined, "chosen-by_Client-1");
  assert.equal(room.roomId, "chosen-by_Client-1");
  await refused(sdk.roomsV2.createRoom({ region }, undefined, "chosen-by_Client-1"), 400);
  await refused(sdk.roomsV2.createRoom({ region }, undefined, "not allowed!"), 422, "roomId");
  await refused(sdk.roomsV2.createRoom({ region }, undefined, "x".repeat(101)), 422, "roomId");
  await sdk.roomsV2.destroyRoom(room.roomId);
});

test("a pinned deployment", async () => {
  const { deploymentId } = await sdk.deploymentsV3.getLatestDeployment();
  const room = await sdk.roomsV2.createRoom({ region, deploymentId });
  assert.equal((await sdk.processesV3.getProcess(room.processId)).deploymentId, deploymentId);
  await refused(sdk.roomsV2.createRoom({ region, deploymentId: "dep-unknown" }), 404);
  await sdk.roomsV2.destroyRoom(room.roomId);
});

test("errors of rooms are typed", async () => {
  await refused(sdk.roomsV2.createRoom({ region: "Atlantis" }), 422, "region");
  await refused(sdk.roomsV2.createRoom({ region, roomConfig: "x".repeat(10_001) }), 422, "roomConfig");
  await refused(sdk.roomsV2.createRoom({ region }, "app-unknown"), 404);
  await refused(sdk.roomsV2.getRoomInfo("unknown"), 404);
  await refused(sdk.roomsV2.getRoomInfo("a/b?c"), 404);
  await refused(sdk.roomsV2.getRoomInfo("unknown", "app-unknown"), 404);
  await refused(sdk.roomsV2.getConnectionInfo("unknown"), 404);
  await refused(sdk.roomsV2.destroyRoom("unknown"), 404);
  await refused(sdk.roomsV2.suspendRoomV2Deprecated("unknown"), 404);
  await refused(sdk.roomsV2.resumeRoom("unknown"), 404);
  await refused(sdk.roomsV2.updateRoomConfig("unknown", { roomConfig: "x" }), 404);
  await refused(sdk.roomsV2.getActiveRoomsForProcess(NOBODY), 404);
  await refused(sdk.roomsV2.getInactiveRoomsForProcess("not-a-process"), 404);
  const room = await sdk.roomsV2.createRoom({ region });
  for (const nobody of [stranger, anonymous]) {
    await refused(nobody.roomsV2.createRoom({ region }), 401);
    await refused(nobody.roomsV2.getRoomInfo(room.roomId), 401);
    await refused(nobody.roomsV2.destroyRoom(room.roomId), 401);
    await refused(nobody.roomsV2.suspendRoomV2Deprecated(room.roomId), 401);
    await refused(nobody.roomsV2.resumeRoom(room.roomId), 401);
    await refused(nobody.roomsV2.updateRoomConfig(room.roomId, { roomConfig: "x" }), 401);
    await refused(nobody.roomsV2.getActiveRoomsForProcess(room.processId), 401);
    await refused(nobody.roomsV2.getInactiveRoomsForProcess(room.processId), 401);
  }
  await sdk.roomsV2.destroyRoom(room.roomId);
});

test("the process operations", async () => {
  const created = await sdk.processesV3.createProcess(region);
  assert.equal(created.region, region);
  assert.ok(created.createdAt instanceof Date);
  const { processId } = created;
  const running = await until(async () => {
    const process = await sdk.processesV3.getProcess(processId);
    return process.status === "running" && process;
  }, "the process to run");
  assert.ok(running.exposedPort.port > 0);
  assert.equal(running.exposedPort.name, "default");
  assert.equal(running.roomsAllocated, 0);
  assert.ok(running.startedAt >= running.bootedAt && running.bootedAt >= running.scheduledAt);

  const latest = await sdk.processesV3.getLatestProcesses(undefined, ["running", "starting"], [region]);
  assert.equal(latest[0].processId, processId);
  const { count } = await sdk.processesV3.getProcessesCountExperimental(undefined, ["running"]);
  assert.ok(Number.isInteger(count) && count >= 1);
  assert.deepEqual(await sdk.processesV3.getLatestProcesses(undefined, undefined, undefined, 1.5), []);

  const metrics = await sdk.processesV3.getProcessMetrics({ processId, metrics: ["cpu", "memory"] });
  assert.equal(typeof metrics, "object");

  const room = await sdk.roomsV2.createRoom({ region });
  await sdk.processesV3.stopProcess(room.processId);
  const stopped = await until(async () => {
    const process = await sdk.processesV3.getProcess(room.processId);
    return process.status === "stopped" && process;
  }, "the process to be stopped");
  assert.ok(stopped.terminatedAt instanceof Date);
  assert.ok(stopped.summaryExitReason);
  assert.equal((await sdk.roomsV2.getRoomInfo(room.roomId)).status, "destroyed");
  await sdk.processesV3.stopProcess(room.processId);

  await refused(sdk.processesV3.getProcess(NOBODY), 404);
  await refused(sdk.processesV3.stopProcess(NOBODY), 404);
  await refused(sdk.processesV3.getProcessMetrics({ processId: NOBODY }), 404);
  await refused(sdk.processesV3.createProcess("Atlantis"), 422, "region");
  await refused(sdk.processesV3.getLatestProcesses(undefined, ["dancing"]), 422, "status");
  await refused(sdk.processesV3.getProcessesCountExperimental(undefined, undefined, ["Atlantis"]), 422, "region");
  await refused(sdk.processesV3.getLatestProcesses("app-unknown"), 404);
  await refused(stranger.processesV3.getProcess(processId), 401);
  await refused(stranger.processesV3.createProcess(region), 401);
  await refused(stranger.processesV3.stopProcess(processId), 401);
  await refused(stranger.processesV3.getLatestProcesses(), 401);
  await refused(stranger.processesV3.getProcessMetrics({ processId }), 401);
  await sdk.processesV3.stopProcess(processId);
});

test("deprecated room operations", async () => {
  const roomId = await sdk.roomsV1.createRoomDeprecated({ region, roomConfig: "v1" });
  assert.equal(typeof roomId, "string");
  const info = await until(async () => {
    const info = await anonymous.roomsV1.getConnectionInfoDeprecated(roomId, appId);
    assert.ok(["starting", "active"].includes(info.status));
    return info.status === "active" && info;
  }, "the room to be active");
  assert.equal(await talk(info, "over v1"), "over v1");
  const room = await sdk.roomsV1.getRoomInfoDeprecated(roomId);
  assert.equal(room.roomConfig, "v1");
  const { processId } = room.currentAllocation;
  const ids = (rooms) => rooms.map((one) => one.roomId);
  assert.ok(ids(await sdk.roomsV1.getActiveRoomsForProcessDeprecated(processId)).includes(roomId));
  await sdk.roomsV1.suspendRoomDeprecated(roomId);
  assert.ok(ids(await sdk.roomsV1.getInactiveRoomsForProcessDeprecated(processId)).includes(roomId));
  await sdk.roomsV1.destroyRoomDeprecated(roomId);
  await refused(sdk.roomsV1.destroyRoomDeprecated(roomId), 404);
  await refused(sdk.roomsV1.getConnectionInfoDeprecated(roomId), 404);
});

test("deprecated process operations", async () => {
  const created = await sdk.processesV2.createProcessV2Deprecated(region);
  const { processId } = created;
  assert.ok(Number.isInteger(created.deploymentId));
  await until(
    async () => (await sdk.processesV2.getProcessInfoV2Deprecated(processId)).status === "running",
    "the process to run");
  const latest = await sdk.processesV2.getLatestProcessesV2Deprecated(undefined, ["running"], [region]);
  assert.ok(latest.some((process) => process.processId === processId));
  assert.ok((await sdk.processesV2.getProcessesCountExperimentalV2Deprecated()).count >= 1);
  await sdk.processesV2.stopProcessV2Deprecated(processId);
  await refused(sdk.processesV2.getProcessInfoV2Deprecated(NOBODY), 404);
});

test("applications and deployments can be read", async () => {
  const { applications } = await sdk.appsV2.getApps();
  const listed = applications.find((one) => one.appId === appId);
  assert.equal(listed.appName, "echo");
  assert.equal(listed.deployment.appId, appId);
  const application = await sdk.appsV2.getApp();
  assert.ok(application.appSecret);
  assert.equal(application.deletedAt, null);

  const latest = await sdk.deploymentsV3.getLatestDeployment();
  assert.equal(latest.roomsPerProcess, 4);
  assert.equal(latest.defaultContainerPort.transportType, "tcp");
  assert.equal(latest.idleTimeoutEnabled, false);
  assert.deepEqual(await sdk.deploymentsV3.getDeployment(latest.deploymentId), latest);
  const { deployments } = await sdk.deploymentsV3.getDeployments();
  assert.equal(deployments[0].deploymentId, latest.deploymentId);

  await refused(sdk.appsV2.getApp("app-unknown"), 404);
  await refused(sdk.deploymentsV3.getDeployment("dep-unknown"), 404);
  await refused(sdk.deploymentsV3.getLatestDeployment("app-unknown"), 404);
  await refused(stranger.appsV2.getApps(), 401);
  await refused(stranger.deploymentsV3.getLatestDeployment(), 401);
});

test("a base URL with a trailing slash works", async () => {
  const other = new HathoraCloud({ serverURL: `${serverURL}/`, hathoraDevToken: `Bearer ${TOKEN}`, appId });
  assert.ok((await other.appsV2.getApps()).applications.length >= 1);
});
