-- A file of schema version 1 as it was written, with the records of full_records.hpp. Never edited.
PRAGMA application_id=1231973995;
PRAGMA user_version=1;
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE store_info (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  created_at INTEGER NOT NULL,
  opened INTEGER NOT NULL
) STRICT;
INSERT INTO store_info VALUES(1,1795203135000,1);
CREATE TABLE apps (
  app_id TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  org_id TEXT NOT NULL,
  secret TEXT NOT NULL,
  created_by TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO apps VALUES('app-af469a92-5b45-4565-b3c4-b79878de67d2','écho "quoted"','org-1','s3cret/+=','admin@example.org',1700000000001);
CREATE TABLE deployments (
  deployment_key INTEGER PRIMARY KEY AUTOINCREMENT,
  app_id TEXT NOT NULL,
  deployment_id TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  spec TEXT NOT NULL,
  UNIQUE (app_id, deployment_id)
) STRICT;
INSERT INTO deployments VALUES(1,'app-af469a92-5b45-4565-b3c4-b79878de67d2','dep-6d4c6a71-2d75-4b42-94e1-f312f57f33c5',1700000000002,'somebody','{"command":["/usr/games/server","--port={port}","","two words","\"\\\n\t"],"defaultPort":{"name":"default","port":8303,"transport":"udp"},"additionalPorts":[{"name":"query","port":27016,"transport":"tls"},{"name":"rcon","port":65535,"transport":"tcp"}],"roomsPerProcess":10000,"requestedCpuMillis":1750,"requestedMemoryMb":4000000000,"idleTimeoutEnabled":false,"env":{"EMPTY":"","MODE":"dm","UNICODE":"żółw 🐢"},"buildTag":"build-1.2","deploymentTag":"canary"}');
CREATE TABLE rooms (
  room_id TEXT NOT NULL PRIMARY KEY,
  region TEXT NOT NULL,
  app_id TEXT NOT NULL,
  deployment_key INTEGER NOT NULL,
  state INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  destroyed_at INTEGER,
  config TEXT
) STRICT, WITHOUT ROWID;
INSERT INTO rooms VALUES('Chosen_room-1','Seattle','app-af469a92-5b45-4565-b3c4-b79878de67d2',4294967295,1,1700000000009,1700000000010,CAST(X'7b2261223a225c7530303030227d0061667465' AS TEXT));
CREATE TABLE allocations (
  room_id TEXT NOT NULL,
  seq INTEGER NOT NULL,
  allocation_id BLOB NOT NULL,
  process_id BLOB NOT NULL,
  scheduled_at INTEGER NOT NULL,
  unscheduled_at INTEGER,
  placed INTEGER NOT NULL,
  ended INTEGER NOT NULL,
  PRIMARY KEY (room_id, seq)
) STRICT, WITHOUT ROWID;
INSERT INTO allocations VALUES('Chosen_room-1',0,X'0190a1b2c3d470008000000000000000',X'0190a1b2c3d47fff9000000000000000',1750000000000,1700000001000,0,0);
INSERT INTO allocations VALUES('Chosen_room-1',1,X'0190a1b2c3d470018000000000000001',X'0190a1b2c3d47fff9000000000000000',1750000000001,1700000001001,1,1);
INSERT INTO allocations VALUES('Chosen_room-1',2,X'0190a1b2c3d470028000000000000002',X'0190a1b2c3d47fff9000000000000000',1750000000002,1700000001002,2,2);
INSERT INTO allocations VALUES('Chosen_room-1',3,X'0190a1b2c3d470038000000000000003',X'0190a1b2c3d47fff9000000000000000',1750000000003,1700000001003,3,3);
INSERT INTO allocations VALUES('Chosen_room-1',4,X'0190a1b2c3d470048000000000000004',X'0190a1b2c3d47fff9000000000000001',1750000000004,1700000001004,0,4);
INSERT INTO allocations VALUES('Chosen_room-1',5,X'0190a1b2c3d470058000000000000005',X'0190a1b2c3d47fff9000000000000001',1750000000005,1700000001005,1,5);
INSERT INTO allocations VALUES('Chosen_room-1',6,X'0190a1b2c3d470068000000000000006',X'0190a1b2c3d47fff9000000000000001',1750000000006,1700000001006,2,6);
INSERT INTO allocations VALUES('Chosen_room-1',7,X'0190a1b2c3d470078000000000000007',X'0190a1b2c3d47fff9000000000000001',1750000000007,1700000001007,3,7);
INSERT INTO allocations VALUES('Chosen_room-1',8,X'0190a1b2c3d470088000000000000008',X'0190a1b2c3d47fff9000000000000002',1750000000008,1700000001008,0,8);
INSERT INTO allocations VALUES('Chosen_room-1',9,X'0190a1b2c3d470098000000000000009',X'0190a1b2c3d47fff9000000000000002',1750000000009,1700000001009,1,9);
CREATE TABLE processes (
  process_id BLOB NOT NULL PRIMARY KEY,
  region TEXT NOT NULL,
  app_id TEXT NOT NULL,
  deployment_key INTEGER NOT NULL,
  host TEXT NOT NULL,
  status INTEGER NOT NULL,
  exit_reason INTEGER NOT NULL,
  stop_reason INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  ports TEXT NOT NULL,
  exit_summary TEXT NOT NULL,
  initial_room TEXT,
  created_at INTEGER NOT NULL,
  scheduled_at INTEGER,
  booted_at INTEGER,
  started_at INTEGER,
  stopping_at INTEGER,
  terminated_at INTEGER
) STRICT, WITHOUT ROWID;
INSERT INTO processes VALUES(X'ffeeddccbbaa99887766554433221100','Seattle','app-af469a92-5b45-4565-b3c4-b79878de67d2',4294967295,'node-7',5,9,3,255,'[{"name":"default","host":"2001:db8::1","port":65535,"transport":"tls"},{"name":"query","host":"play.example.org","port":1,"transport":"udp"}]','killed by signal 11 ("Segmentation fault")','sea00000000070123456789abc',1700000000003,1700000000004,1700000000005,1700000000006,1700000000007,1700000000008);
CREATE TABLE idempotency (
  region TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  app_id TEXT NOT NULL,
  idempotency_key TEXT NOT NULL,
  request_digest TEXT NOT NULL,
  room_id TEXT NOT NULL,
  active INTEGER NOT NULL,
  process_id BLOB,
  exposed_port TEXT,
  additional_ports TEXT NOT NULL,
  PRIMARY KEY (region, created_at, app_id, idempotency_key)
) STRICT, WITHOUT ROWID;
INSERT INTO idempotency VALUES('Seattle',1700000000011,'app-af469a92-5b45-4565-b3c4-b79878de67d2','anything a client sends: "✓"','9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08','sea00000000080123456789abc',1,X'ffeeddccbbaa99887766554433221100','[{"name":"default","host":"2001:db8::1","port":65535,"transport":"tls"}]','[{"name":"query","host":"play.example.org","port":1,"transport":"udp"},{"name":"default","host":"2001:db8::1","port":65535,"transport":"tls"}]');
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('deployments',1);
CREATE VIEW rooms_readable AS SELECT
  room_id, region, app_id, deployment_key,
  CASE state WHEN 0 THEN 'allocated' WHEN 1 THEN 'suspended' WHEN 2 THEN 'destroyed' END AS state,
  strftime('%Y-%m-%dT%H:%M:%fZ', created_at / 1000.0, 'unixepoch') AS created_at,
  strftime('%Y-%m-%dT%H:%M:%fZ', destroyed_at / 1000.0, 'unixepoch') AS destroyed_at,
  config
FROM rooms;
CREATE VIEW allocations_readable AS SELECT
  room_id, seq,
  lower(substr(hex(allocation_id), 1, 8) || '-' || substr(hex(allocation_id), 9, 4) || '-' ||
        substr(hex(allocation_id), 13, 4) || '-' || substr(hex(allocation_id), 17, 4) || '-' ||
        substr(hex(allocation_id), 21)) AS allocation_id,
  lower(substr(hex(process_id), 1, 8) || '-' || substr(hex(process_id), 9, 4) || '-' ||
        substr(hex(process_id), 13, 4) || '-' || substr(hex(process_id), 17, 4) || '-' ||
        substr(hex(process_id), 21)) AS process_id,
  strftime('%Y-%m-%dT%H:%M:%fZ', scheduled_at / 1000.0, 'unixepoch') AS scheduled_at,
  strftime('%Y-%m-%dT%H:%M:%fZ', unscheduled_at / 1000.0, 'unixepoch') AS unscheduled_at,
  CASE placed WHEN 0 THEN 'running_process' WHEN 1 THEN 'starting_process' WHEN 2 THEN 'new_process'
    WHEN 3 THEN 'reserved_process' END AS placed,
  CASE ended WHEN 0 THEN 'none' WHEN 1 THEN 'destroyed' WHEN 2 THEN 'suspended'
    WHEN 3 THEN 'moved_to_free_slot' WHEN 4 THEN 'process_stopped' WHEN 5 THEN 'process_idle'
    WHEN 6 THEN 'process_crashed' WHEN 7 THEN 'process_start_failed' WHEN 8 THEN 'host_lost'
    WHEN 9 THEN 'no_capacity' END AS ended
FROM allocations;
CREATE VIEW processes_readable AS SELECT
  lower(substr(hex(process_id), 1, 8) || '-' || substr(hex(process_id), 9, 4) || '-' ||
        substr(hex(process_id), 13, 4) || '-' || substr(hex(process_id), 17, 4) || '-' ||
        substr(hex(process_id), 21)) AS process_id,
  region, app_id, deployment_key, host,
  CASE status WHEN 0 THEN 'starting' WHEN 1 THEN 'running' WHEN 2 THEN 'draining'
    WHEN 3 THEN 'stopping' WHEN 4 THEN 'stopped' WHEN 5 THEN 'failed' END AS status,
  CASE exit_reason WHEN 0 THEN 'none' WHEN 1 THEN 'exited' WHEN 2 THEN 'ordered' WHEN 3 THEN 'idle'
    WHEN 4 THEN 'crashed' WHEN 5 THEN 'start_timeout' WHEN 6 THEN 'start_failed'
    WHEN 7 THEN 'host_lost' WHEN 8 THEN 'unneeded' WHEN 9 THEN 'no_capacity' END AS exit_reason,
  attempt, ports, exit_summary, initial_room,
  strftime('%Y-%m-%dT%H:%M:%fZ', created_at / 1000.0, 'unixepoch') AS created_at,
  strftime('%Y-%m-%dT%H:%M:%fZ', started_at / 1000.0, 'unixepoch') AS started_at,
  strftime('%Y-%m-%dT%H:%M:%fZ', terminated_at / 1000.0, 'unixepoch') AS terminated_at
FROM processes;
COMMIT;
