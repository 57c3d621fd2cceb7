#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "actors/domain/limits.hpp"
#include "actors/store/columns.hpp"
#include "actors/store/postgres_store.hpp"

// What is stored, as records.
namespace innkeeper::store {
namespace {

using domain::Result;
using postgres::Call;
using postgres::Rows;

// Rooms of one page of a load: large enough that round trips do not count, small beside what a
// region needs in memory anyway.
constexpr std::int64_t page_rooms = 5'000;

std::string text(const Rows& rows, int row, int column) {
  return std::string(rows.bytes(row, column));
}

std::optional<domain::Timestamp> time_or_null(const Rows& rows, int row, int column) {
  if (rows.is_null(row, column)) return std::nullopt;
  return decode_time(rows.integer(row, column));
}

// The decoders return false for values that are never written.
bool decode_key(std::int64_t value, domain::DeploymentKey& key) {
  if (value < 0 || value > std::int64_t{UINT32_MAX}) return false;
  key = static_cast<domain::DeploymentKey>(value);
  return true;
}

template <class Id>
bool decode_id(const Rows& rows, int row, int column, Id& id) {
  return decode_uuid(rows.bytes(row, column), id.hi, id.lo);
}

#define INNKEEPER_ROOM_COLUMNS \
  "r.room_id, r.deployment_key, r.state, r.created_at, r.destroyed_at, r.config"
#define INNKEEPER_ALLOCATION_COLUMNS \
  "a.room_id, a.allocation_id, a.process_id, a.scheduled_at, a.unscheduled_at, a.placed, a.ended"

bool decode_room(const Rows& rows, int row, domain::RoomRecord& room) {
  room.id = domain::RoomId(text(rows, row, 0));
  room.created_at = decode_time(rows.integer(row, 3));
  room.destroyed_at = time_or_null(rows, row, 4);
  if (!rows.is_null(row, 5)) room.config = text(rows, row, 5);
  return decode_key(rows.integer(row, 1), room.deployment) &&
         decode_enum(rows.integer(row, 2), room.state);
}

bool decode_allocation(const Rows& rows, int row, domain::Allocation& allocation) {
  allocation.scheduled_at = decode_time(rows.integer(row, 3));
  allocation.unscheduled_at = time_or_null(rows, row, 4);
  return decode_id(rows, row, 1, allocation.id) && decode_id(rows, row, 2, allocation.process) &&
         decode_enum(rows.integer(row, 5), allocation.placed) &&
         decode_enum(rows.integer(row, 6), allocation.ended);
}

void keep_newest(std::vector<domain::Allocation>& allocations) {
  constexpr std::size_t bound = domain::limits::allocations_per_room;
  if (allocations.size() <= bound) return;
  const auto excess = allocations.size() - bound;
  allocations.erase(allocations.begin(), allocations.begin() + static_cast<std::ptrdiff_t>(excess));
}

bool decode_process(const Rows& rows, int row, domain::ProcessRecord& process) {
  auto ports = decode_ports(rows.bytes(row, 7));
  if (!ports) return false;
  process.ports = *std::move(ports);
  process.host = domain::HostName(text(rows, row, 2));
  process.exit_summary = text(rows, row, 8);
  if (!rows.is_null(row, 9)) process.initial_room = domain::RoomId(text(rows, row, 9));
  process.created_at = decode_time(rows.integer(row, 10));
  process.scheduled_at = time_or_null(rows, row, 11);
  process.booted_at = time_or_null(rows, row, 12);
  process.started_at = time_or_null(rows, row, 13);
  process.stopping_at = time_or_null(rows, row, 14);
  process.terminated_at = time_or_null(rows, row, 15);
  const std::int64_t attempt = rows.integer(row, 6);
  if (attempt < 0 || attempt > UINT8_MAX) return false;
  process.attempt = static_cast<std::uint8_t>(attempt);
  return decode_id(rows, row, 0, process.id) &&
         decode_key(rows.integer(row, 1), process.deployment) &&
         decode_enum(rows.integer(row, 3), process.status) &&
         decode_enum(rows.integer(row, 4), process.exit_reason) &&
         decode_enum(rows.integer(row, 5), process.stop_reason);
}

bool decode_idempotency(const Rows& rows, int row, IdempotencyRecord& record) {
  record.created_at = decode_time(rows.integer(row, 0));
  record.app = domain::AppId(text(rows, row, 1));
  record.key = text(rows, row, 2);
  record.request_digest = text(rows, row, 3);
  record.answer.room = domain::RoomId(text(rows, row, 4));
  record.answer.active = rows.integer(row, 5) != 0;
  if (!rows.is_null(row, 6)) {
    domain::ProcessId process;
    if (!decode_id(rows, row, 6, process)) return false;
    record.answer.process = process;
  }
  if (!rows.is_null(row, 7)) {
    auto exposed = decode_ports(rows.bytes(row, 7));
    if (!exposed || exposed->size() != 1) return false;
    record.answer.exposed_port = std::move(exposed->front());
  }
  auto additional = decode_ports(rows.bytes(row, 8));
  if (!additional) return false;
  record.answer.additional_ports = *std::move(additional);
  return true;
}

}  // namespace

Result<std::vector<Rows>> PostgresStore::read(const Calls& calls, Milliseconds timeout,
                                              std::string_view doing) {
  auto rows = connection_.must_run(calls, timeout, doing);
  if (!rows) return fail(std::move(rows).error());
  return rows;
}

// One transaction, so that the pages belong together.
Result<RegionSnapshot> PostgresStore::load_region(const domain::RegionName& region) {
  if (failure_) return *failure_;
  // Decoding a page on a busy machine can take longer than a commit may pause.
  const std::string patience = std::to_string(options_.load_timeout.count());
  const std::string limit = "SET LOCAL statement_timeout = " + patience;
  const std::string pause = "SET LOCAL idle_in_transaction_session_timeout = " + patience;
  const Calls begin{Call::text("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"),
                    Call::text(limit.c_str()), Call::text(pause.c_str()),
                    Call::text("SET LOCAL enable_mergejoin = on")};
  if (auto begun = read(begin, options_.answer_timeout, "reading rooms"); !begun) {
    return std::move(begun).error();
  }
  RegionSnapshot snapshot;
  if (auto done = load_rooms(region, snapshot); !done) return std::move(done).error();
  if (auto done = load_rest(region, snapshot); !done) return std::move(done).error();
  return snapshot;
}

Result<void> PostgresStore::load_rooms(const domain::RegionName& region, RegionSnapshot& snapshot) {
  for (;;) {
    auto loaded = load_page(region, snapshot);
    if (!loaded) return std::move(loaded).error();
    if (*loaded < static_cast<std::size_t>(page_rooms)) return {};
  }
}

// The rooms that come after those that the snapshot holds. Returns how many there were.
Result<std::size_t> PostgresStore::load_page(const domain::RegionName& region,
                                             RegionSnapshot& snapshot) {
  const std::string after =
      snapshot.rooms.empty() ? std::string() : snapshot.rooms.back()->id.str();
  Calls calls{Call::text("SELECT " INNKEEPER_ROOM_COLUMNS
                         " FROM rooms r WHERE r.region = $1::text AND r.room_id > $2::text "
                         "ORDER BY r.room_id LIMIT $3::int8")};
  calls.back().bytes(region.str()).bytes(after).integer(page_rooms);
  auto rooms = read(calls, options_.load_timeout, "reading rooms");
  if (!rooms) return std::move(rooms).error();
  const Rows& rows = rooms->front();
  if (rows.count() == 0) return 0;

  Calls more{
      Call::text("SELECT " INNKEEPER_ALLOCATION_COLUMNS
                 " FROM allocations a JOIN rooms r ON r.room_id = a.room_id "
                 "WHERE r.region = $1::text AND a.room_id > $2::text AND a.room_id <= $3::text "
                 "AND r.room_id > $2::text AND r.room_id <= $3::text "
                 "ORDER BY a.room_id, a.seq")};
  more.back().bytes(region.str()).bytes(after).bytes(text(rows, rows.count() - 1, 0));
  auto stays = read(more, options_.load_timeout, "reading rooms");
  if (!stays) return std::move(stays).error();
  const Rows& allocations = stays->front();

  int next = 0;
  for (int row = 0; row < rows.count(); ++row) {
    auto room = std::make_shared<domain::RoomRecord>();
    bool sound = decode_room(rows, row, *room);
    for (; next < allocations.count() && allocations.bytes(next, 0) == room->id.str(); ++next) {
      sound = sound && decode_allocation(allocations, next, room->allocations.emplace_back());
    }
    if (!sound) return damaged("room " + room->id.str() + " cannot be read");
    keep_newest(room->allocations);
    snapshot.rooms.push_back(std::move(room));
  }
  return static_cast<std::size_t>(rows.count());
}

Result<void> PostgresStore::load_rest(const domain::RegionName& region, RegionSnapshot& snapshot) {
  Calls calls{
      Call::text(
          "SELECT process_id, deployment_key, host, status, exit_reason, stop_reason, attempt, "
          "ports, exit_summary, initial_room, created_at, scheduled_at, booted_at, started_at, "
          "stopping_at, terminated_at FROM processes WHERE region = $1::text "
          "ORDER BY process_id"),
      Call::text("SELECT created_at, app_id, idempotency_key, request_digest, room_id, active, "
                 "process_id, exposed_port, additional_ports FROM idempotency "
                 "WHERE region = $1::text ORDER BY created_at, app_id, idempotency_key"),
      Call::text("COMMIT")};
  calls[0].bytes(region.str());
  calls[1].bytes(region.str());
  auto answers = read(calls, options_.load_timeout, "reading processes");
  if (!answers) return std::move(answers).error();
  const Rows& processes = answers->at(0);
  for (int row = 0; row < processes.count(); ++row) {
    if (!decode_process(processes, row, snapshot.processes.emplace_back())) {
      return damaged("a process of region " + region.str() + " cannot be read");
    }
  }
  const Rows& keys = answers->at(1);
  for (int row = 0; row < keys.count(); ++row) {
    IdempotencyRecord& record = snapshot.idempotency.emplace_back();
    record.region = region;
    if (!decode_idempotency(keys, row, record)) {
      return damaged("an idempotency key of region " + region.str() + " cannot be read");
    }
  }
  return {};
}

Result<std::shared_ptr<const domain::RoomRecord>> PostgresStore::load_room(
    const domain::RoomId& id) {
  if (failure_) return *failure_;
  Calls calls{
      Call::text("SELECT " INNKEEPER_ROOM_COLUMNS " FROM rooms r WHERE r.room_id = $1::text"),
      Call::text("SELECT " INNKEEPER_ALLOCATION_COLUMNS
                 " FROM allocations a WHERE a.room_id = $1::text "
                 "ORDER BY a.seq DESC LIMIT $2::int8")};
  calls[0].bytes(id.str());
  calls[1].bytes(id.str()).integer(domain::limits::allocations_per_room);
  auto answers = read(calls, options_.load_timeout, "reading a room");
  if (!answers) return std::move(answers).error();
  const Rows& rooms = answers->at(0);
  if (rooms.count() == 0) return std::shared_ptr<const domain::RoomRecord>();
  auto room = std::make_shared<domain::RoomRecord>();
  bool sound = decode_room(rooms, 0, *room);
  const Rows& stays = answers->at(1);
  for (int row = stays.count(); row-- > 0;) {
    sound = sound && decode_allocation(stays, row, room->allocations.emplace_back());
  }
  if (!sound) return damaged("room " + id.str() + " cannot be read");
  return std::shared_ptr<const domain::RoomRecord>(std::move(room));
}

Result<domain::CatalogSnapshot> PostgresStore::load_catalog() {
  if (failure_) return *failure_;
  const Calls calls{
      Call::text("SELECT app_id, name, org_id, secret, created_by, created_at FROM apps"),
      Call::text("SELECT deployment_key, app_id, deployment_id, created_at, created_by, spec "
                 "FROM deployments ORDER BY deployment_key")};
  auto answers = read(calls, options_.load_timeout, "reading apps");
  if (!answers) return std::move(answers).error();
  domain::CatalogSnapshot snapshot;
  const Rows& apps = answers->at(0);
  for (int row = 0; row < apps.count(); ++row) {
    domain::App app{.id = domain::AppId(text(apps, row, 0)),
                    .name = text(apps, row, 1),
                    .org_id = text(apps, row, 2),
                    .secret = text(apps, row, 3),
                    .created_by = text(apps, row, 4),
                    .created_at = decode_time(apps.integer(row, 5))};
    const domain::AppId id = app.id;
    snapshot.apps.emplace(id, domain::CatalogSnapshot::AppEntry{std::move(app), {}});
  }
  const Rows& rows = answers->at(1);
  for (int row = 0; row < rows.count(); ++row) {
    auto deployment = std::make_shared<domain::Deployment>();
    deployment->app = domain::AppId(text(rows, row, 1));
    deployment->id = domain::DeploymentId(text(rows, row, 2));
    deployment->created_at = decode_time(rows.integer(row, 3));
    deployment->created_by = text(rows, row, 4);
    auto spec = decode_spec(rows.bytes(row, 5));
    const auto entry = snapshot.apps.find(deployment->app);
    if (!spec || !decode_key(rows.integer(row, 0), deployment->key) ||
        entry == snapshot.apps.end()) {
      return damaged("deployment " + deployment->id.str() + " cannot be read");
    }
    deployment->spec = *std::move(spec);
    entry->second.deployments.push_back(deployment);
    snapshot.by_key.emplace(static_cast<std::uint32_t>(deployment->key), std::move(deployment));
  }
  // An entry promises at least one deployment.
  std::erase_if(snapshot.apps, [](const auto& entry) { return entry.second.deployments.empty(); });
  return snapshot;
}

}  // namespace innkeeper::store
