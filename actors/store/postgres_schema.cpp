#include "actors/store/postgres_schema.hpp"

#include <array>
#include <string>
#include <utility>
#include <vector>

namespace innkeeper::store::postgres {
namespace {

using domain::Result;
using std::chrono::milliseconds;

// The same tables as SQLite's, with what the server asks for:
// - Ids compare by bytes (COLLATE "C"), as they do in memory.
// - Text that clients choose freely is BYTEA, because TEXT takes neither NUL nor broken UTF-8.
// - Allocations are known by their id and numbered by a sequence, so that a change needs no
// question
//   about what is stored before. The numbers have gaps; only their order counts.
// - rooms and allocations have no further index: a create appends to the end of two. Pages leave
// space,
//   so that the end of an allocation is written beside it.
//
// A commit ends with expect_lease(): it locks the row against a takeover (which changes a key
// column of it) and not against a renewal, until the commit is done.
constexpr const char* version_1 = R"sql(
CREATE TABLE store_info (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  product TEXT NOT NULL,
  version BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  last_deployment BIGINT NOT NULL
);
INSERT INTO store_info VALUES
  (1, 'innkeeper', 0, (extract(epoch FROM clock_timestamp()) * 1000)::BIGINT, 0);

CREATE TABLE apps (
  app_id TEXT COLLATE "C" PRIMARY KEY,
  name TEXT NOT NULL,
  org_id TEXT NOT NULL,
  secret TEXT NOT NULL,
  created_by TEXT NOT NULL,
  created_at BIGINT NOT NULL
);

CREATE TABLE deployments (
  deployment_key BIGINT PRIMARY KEY,
  app_id TEXT COLLATE "C" NOT NULL,
  deployment_id TEXT COLLATE "C" NOT NULL,
  created_at BIGINT NOT NULL,
  created_by TEXT NOT NULL,
  spec TEXT NOT NULL,
  UNIQUE (app_id, deployment_id)
);

CREATE TABLE rooms (
  room_id TEXT COLLATE "C" PRIMARY KEY,
  region TEXT COLLATE "C" NOT NULL,
  app_id TEXT COLLATE "C" NOT NULL,
  deployment_key BIGINT NOT NULL,
  state BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  destroyed_at BIGINT,
  config BYTEA
) WITH (fillfactor = 90);

CREATE TABLE allocations (
  room_id TEXT COLLATE "C" NOT NULL,
  seq BIGINT GENERATED ALWAYS AS IDENTITY,
  allocation_id UUID NOT NULL,
  process_id UUID NOT NULL,
  scheduled_at BIGINT NOT NULL,
  unscheduled_at BIGINT,
  placed BIGINT NOT NULL,
  ended BIGINT NOT NULL,
  PRIMARY KEY (room_id, allocation_id)
) WITH (fillfactor = 90);

CREATE TABLE processes (
  process_id UUID PRIMARY KEY,
  region TEXT COLLATE "C" NOT NULL,
  app_id TEXT COLLATE "C" NOT NULL,
  deployment_key BIGINT NOT NULL,
  host TEXT COLLATE "C" NOT NULL,
  status BIGINT NOT NULL,
  exit_reason BIGINT NOT NULL,
  stop_reason BIGINT NOT NULL,
  attempt BIGINT NOT NULL,
  ports TEXT NOT NULL,
  exit_summary BYTEA NOT NULL,
  initial_room TEXT COLLATE "C",
  created_at BIGINT NOT NULL,
  scheduled_at BIGINT,
  booted_at BIGINT,
  started_at BIGINT,
  stopping_at BIGINT,
  terminated_at BIGINT
) WITH (fillfactor = 70);

CREATE TABLE idempotency (
  region TEXT COLLATE "C" NOT NULL,
  created_at BIGINT NOT NULL,
  app_id TEXT COLLATE "C" NOT NULL,
  idempotency_key BYTEA NOT NULL,
  request_digest TEXT NOT NULL,
  room_id TEXT COLLATE "C" NOT NULL,
  active BIGINT NOT NULL,
  process_id UUID,
  exposed_port TEXT,
  additional_ports TEXT NOT NULL,
  PRIMARY KEY (region, created_at, app_id, idempotency_key)
);

CREATE TABLE leases (
  region TEXT COLLATE "C" PRIMARY KEY,
  node TEXT NOT NULL,
  incarnation BIGINT NOT NULL,
  epoch BIGINT NOT NULL,
  expires_at TIMESTAMPTZ NOT NULL,
  UNIQUE (region, epoch)
) WITH (fillfactor = 50);

CREATE FUNCTION expect_lease(wanted_region TEXT, wanted_epoch BIGINT, wanted_node TEXT,
                             wanted_incarnation BIGINT) RETURNS VOID LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1 FROM innkeeper.leases WHERE region = wanted_region AND epoch = wanted_epoch
    AND node = wanted_node AND incarnation = wanted_incarnation FOR KEY SHARE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'region % is led by another node', wanted_region USING ERRCODE = 'IK001';
  END IF;
END $$;

CREATE FUNCTION expect_count(counted BIGINT, wanted BIGINT) RETURNS VOID LANGUAGE plpgsql AS $$
BEGIN
  IF counted <> wanted THEN
    RAISE EXCEPTION '% rows instead of %', counted, wanted USING ERRCODE = 'IK002';
  END IF;
END $$;

CREATE FUNCTION moment(milliseconds BIGINT) RETURNS TEXT LANGUAGE sql STABLE AS $$
  SELECT to_char(to_timestamp(milliseconds / 1000.0) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
$$;

CREATE VIEW rooms_readable AS SELECT
  room_id, region, app_id, deployment_key,
  CASE state WHEN 0 THEN 'allocated' WHEN 1 THEN 'suspended' WHEN 2 THEN 'destroyed' END AS state,
  innkeeper.moment(created_at) AS created_at, innkeeper.moment(destroyed_at) AS destroyed_at,
  encode(config, 'escape') AS config
FROM rooms;

CREATE VIEW allocations_readable AS SELECT
  room_id, seq, allocation_id, process_id,
  innkeeper.moment(scheduled_at) AS scheduled_at, innkeeper.moment(unscheduled_at) AS unscheduled_at,
  CASE placed WHEN 0 THEN 'running_process' WHEN 1 THEN 'starting_process' WHEN 2 THEN 'new_process'
    WHEN 3 THEN 'reserved_process' END AS placed,
  CASE ended WHEN 0 THEN 'none' WHEN 1 THEN 'destroyed' WHEN 2 THEN 'suspended'
    WHEN 3 THEN 'moved_to_free_slot' WHEN 4 THEN 'process_stopped' WHEN 5 THEN 'process_idle'
    WHEN 6 THEN 'process_crashed' WHEN 7 THEN 'process_start_failed' WHEN 8 THEN 'host_lost'
    WHEN 9 THEN 'no_capacity' END AS ended
FROM allocations;

CREATE VIEW processes_readable AS SELECT
  process_id, region, app_id, deployment_key, host,
  CASE status WHEN 0 THEN 'starting' WHEN 1 THEN 'running' WHEN 2 THEN 'draining'
    WHEN 3 THEN 'stopping' WHEN 4 THEN 'stopped' WHEN 5 THEN 'failed' END AS status,
  CASE exit_reason WHEN 0 THEN 'none' WHEN 1 THEN 'exited' WHEN 2 THEN 'ordered' WHEN 3 THEN 'idle'
    WHEN 4 THEN 'crashed' WHEN 5 THEN 'start_timeout' WHEN 6 THEN 'start_failed'
    WHEN 7 THEN 'host_lost' WHEN 8 THEN 'unneeded' WHEN 9 THEN 'no_capacity' END AS exit_reason,
  attempt, ports, encode(exit_summary, 'escape') AS exit_summary, initial_room,
  innkeeper.moment(created_at) AS created_at, innkeeper.moment(started_at) AS started_at,
  innkeeper.moment(terminated_at) AS terminated_at
FROM processes;
)sql";

constexpr std::array<Migration, 1> steps_of_this_binary{{{1, version_1}}};

// Only one node at a time looks at the schema and changes it. The number is arbitrary and fixed.
constexpr const char* lock_schema = "SELECT pg_advisory_xact_lock(5281960471316103175)";

struct Found {
  bool ours = false;
  bool empty = true;  // there is nothing in a schema of our name
  std::int64_t version = 0;
};

Result<Found> look(Connection& connection, milliseconds timeout) {
  constexpr std::string_view doing = "reading its schema version";
  const std::vector<Call> objects{
      Call::text("SELECT (to_regclass('innkeeper.store_info') IS NOT NULL)::int::bigint, "
                 "count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
                 "WHERE n.nspname = 'innkeeper'")};
  auto there = connection.must_run(objects, timeout, doing);
  if (!there) return std::move(there).error();
  Found found;
  found.empty = there->front().integer(0, 1) == 0;
  if (there->front().integer(0, 0) == 0) return found;
  const std::vector<Call> info{
      Call::text("SELECT version::bigint FROM innkeeper.store_info WHERE product = 'innkeeper'")};
  auto answers = connection.run(info, timeout, doing);
  if (!answers) return std::move(answers).error();
  // A table of that name without these columns is somebody else's.
  found.ours = !answers->refusal && answers->rows.front().count() == 1;
  if (found.ours) found.version = answers->rows.front().integer(0, 0);
  return found;
}

domain::Error refuse(const Connection& connection, const std::string& what) {
  return {.code = domain::ErrorCode::unavailable,
          .message = "store " + connection.place() + ": " + what,
          .field = {},
          .retry_after_s = 0};
}

Result<void> check_server(Connection& connection, milliseconds timeout) {
  const std::vector<Call> calls{
      Call::text("SELECT pg_encoding_to_char(encoding)::text FROM pg_database "
                 "WHERE datname = current_database()")};
  auto rows = connection.must_run(calls, timeout, "looking at the server");
  if (!rows) return std::move(rows).error();
  const auto problem = server_problem(connection.server_version(), rows->front().bytes(0, 0));
  if (!problem.empty()) return refuse(connection, problem);
  return {};
}

Result<void> check_owner(const Connection& connection, const Found& found,
                         std::span<const Migration> steps) {
  if (!found.ours && !found.empty) {
    return refuse(connection, "its schema \"innkeeper\" is not one of Innkeeper");
  }
  const int newest = steps.empty() ? 0 : steps.back().to;
  if (found.version > newest) {
    return refuse(connection, "its schema has version " + std::to_string(found.version) +
                                  ", and this program knows versions up to " +
                                  std::to_string(newest) + "; start a newer one");
  }
  return {};
}

}  // namespace

std::span<const Migration> migrations() noexcept { return steps_of_this_binary; }

std::string server_problem(int version, std::string_view encoding) {
  if (version < oldest_server) {
    return "the server is PostgreSQL " + std::to_string(version / 10'000) + ", and at least " +
           std::to_string(oldest_server / 10'000) + " is needed";
  }
  if (encoding != "UTF8") {
    return "the database has the encoding " + std::string(encoding) +
           "; it must be made with ENCODING 'UTF8'";
  }
  return {};
}

Result<void> migrate(Connection& connection, std::span<const Migration> steps,
                     milliseconds timeout) {
  if (auto sound = check_server(connection, timeout); !sound) return sound;
  auto before = look(connection, timeout);
  if (!before) return std::move(before).error();
  if (auto ours = check_owner(connection, *before, steps); !ours) return ours;
  if (before->ours && (steps.empty() || before->version == steps.back().to)) return {};

  const std::vector<Call> begin{Call::text("BEGIN"), Call::text(lock_schema)};
  if (auto begun = connection.must_run(begin, timeout, "waiting for its schema"); !begun) {
    return std::move(begun).error();
  }
  // Another node may have been faster.
  auto found = look(connection, timeout);
  if (!found) return std::move(found).error();
  if (auto ours = check_owner(connection, *found, steps); !ours) return ours;
  std::string script = "CREATE SCHEMA IF NOT EXISTS innkeeper; SET LOCAL search_path = innkeeper;";
  for (const Migration& step : steps) {
    if (step.to <= found->version) continue;
    script.append(step.sql).append(";UPDATE innkeeper.store_info SET version = ");
    script.append(std::to_string(step.to)).append(";");
  }
  script += "COMMIT";
  return connection.run_script(script.c_str(), timeout, "bringing its schema up to date");
}

}  // namespace innkeeper::store::postgres
