#include <algorithm>
#include <string>
#include <utility>

#include "actors/domain/limits.hpp"
#include "actors/store/columns.hpp"
#include "actors/store/sqlite_store.hpp"

namespace innkeeper::store {
namespace {

using domain::Result;
using sqlite::ResetGuard;
using sqlite::Statement;

// When the allocations of so many rooms of other regions have been stepped over, looking up the
// next one is cheaper. Generated ids begin with their region, so such runs are long.
constexpr int skips_max = 16;

constexpr std::string_view room_columns =
    "room_id, deployment_key, state, created_at, destroyed_at, config FROM rooms ";
constexpr std::string_view allocation_columns =
    "room_id, allocation_id, process_id, scheduled_at, unscheduled_at, placed, ended FROM "
    "allocations ";

std::string select(std::string_view columns, std::string_view rest) {
  return std::string("SELECT ").append(columns).append(rest);
}

std::optional<domain::Timestamp> time_or_null(const Statement& row, int column) {
  if (row.is_null(column)) return std::nullopt;
  return decode_time(row.integer(column));
}

// The decoders return false for values that are never written.
bool decode_key(std::int64_t value, domain::DeploymentKey& key) {
  if (value < 0 || value > std::int64_t{UINT32_MAX}) return false;
  key = static_cast<domain::DeploymentKey>(value);
  return true;
}

bool decode_room(const Statement& row, domain::RoomRecord& room) {
  room.id = domain::RoomId(std::string(row.text(0)));
  room.created_at = decode_time(row.integer(3));
  room.destroyed_at = time_or_null(row, 4);
  if (!row.is_null(5)) room.config = std::string(row.text(5));
  return decode_key(row.integer(1), room.deployment) && decode_enum(row.integer(2), room.state);
}

bool decode_allocation(const Statement& row, domain::Allocation& allocation) {
  allocation.scheduled_at = decode_time(row.integer(3));
  allocation.unscheduled_at = time_or_null(row, 4);
  return decode_uuid(row.blob(1), allocation.id.hi, allocation.id.lo) &&
         decode_uuid(row.blob(2), allocation.process.hi, allocation.process.lo) &&
         decode_enum(row.integer(5), allocation.placed) &&
         decode_enum(row.integer(6), allocation.ended);
}

// Keeps the newest ones; twice the limit at most while a long history is read.
void keep_newest(std::vector<domain::Allocation>& allocations, std::size_t bound) {
  if (allocations.size() <= bound) return;
  const auto excess = allocations.size() - domain::limits::allocations_per_room;
  allocations.erase(allocations.begin(), allocations.begin() + static_cast<std::ptrdiff_t>(excess));
}

bool decode_process(const Statement& row, domain::ProcessRecord& process) {
  auto ports = decode_ports(row.text(7));
  if (!ports) return false;
  process.ports = *std::move(ports);
  process.host = domain::HostName(std::string(row.text(2)));
  process.exit_summary = std::string(row.text(8));
  if (!row.is_null(9)) process.initial_room = domain::RoomId(std::string(row.text(9)));
  process.created_at = decode_time(row.integer(10));
  process.scheduled_at = time_or_null(row, 11);
  process.booted_at = time_or_null(row, 12);
  process.started_at = time_or_null(row, 13);
  process.stopping_at = time_or_null(row, 14);
  process.terminated_at = time_or_null(row, 15);
  const std::int64_t attempt = row.integer(6);
  if (attempt < 0 || attempt > UINT8_MAX) return false;
  process.attempt = static_cast<std::uint8_t>(attempt);
  return decode_uuid(row.blob(0), process.id.hi, process.id.lo) &&
         decode_key(row.integer(1), process.deployment) &&
         decode_enum(row.integer(3), process.status) &&
         decode_enum(row.integer(4), process.exit_reason) &&
         decode_enum(row.integer(5), process.stop_reason);
}

bool decode_idempotency(const Statement& row, IdempotencyRecord& record) {
  record.created_at = decode_time(row.integer(0));
  record.app = domain::AppId(std::string(row.text(1)));
  record.key = std::string(row.text(2));
  record.request_digest = std::string(row.text(3));
  record.answer.room = domain::RoomId(std::string(row.text(4)));
  record.answer.active = row.integer(5) != 0;
  if (!row.is_null(6)) {
    domain::ProcessId process;
    if (!decode_uuid(row.blob(6), process.hi, process.lo)) return false;
    record.answer.process = process;
  }
  if (!row.is_null(7)) {
    auto exposed = decode_ports(row.text(7));
    if (!exposed || exposed->size() != 1) return false;
    record.answer.exposed_port = std::move(exposed->front());
  }
  auto additional = decode_ports(row.text(8));
  if (!additional) return false;
  record.answer.additional_ports = *std::move(additional);
  return true;
}

// The allocations in the order of room ids, for a caller that asks for rooms in the same order.
class AllocationCursor {
 public:
  explicit AllocationCursor(Statement statement) : statement_(std::move(statement)) {
    statement_.bind(1, std::string_view{});
    advance();
  }
  // The row that stands next belongs to `room`. Sets it so that no row of an earlier room is left
  // before.
  bool seek(const std::string& room) {
    int skipped = 0;
    while (code_ == SQLITE_ROW) {
      const int order = statement_.text(0).compare(room);
      if (order >= 0) return order == 0;
      if (++skipped == skips_max) {
        statement_.reset();
        statement_.bind(1, room);
      }
      advance();
    }
    return false;
  }
  void advance() { code_ = statement_.step(); }
  [[nodiscard]] const Statement& row() const { return statement_; }
  // SQLITE_ROW, SQLITE_DONE or an error.
  [[nodiscard]] int code() const { return code_; }

 private:
  Statement statement_;
  int code_ = SQLITE_DONE;
};

}  // namespace

Result<RegionSnapshot> SqliteStore::load_region(const domain::RegionName& region) {
  if (failure_) return *failure_;
  RegionSnapshot snapshot;
  if (auto done = load_rooms(region, snapshot); !done) return std::move(done).error();
  if (auto done = load_processes(region, snapshot); !done) return std::move(done).error();
  if (auto done = load_idempotency(region, snapshot); !done) return std::move(done).error();
  return snapshot;
}

Result<void> SqliteStore::load_rooms(const domain::RegionName& region, RegionSnapshot& snapshot) {
  constexpr std::string_view doing = "reading rooms";
  auto rooms = session_->writer.prepare(select(room_columns, "WHERE region = ?1 ORDER BY room_id"));
  if (!rooms) return fail(std::move(rooms).error());
  auto statement = session_->writer.prepare(
      select(allocation_columns, "WHERE room_id >= ?1 ORDER BY room_id, seq"));
  if (!statement) return fail(std::move(statement).error());
  rooms->bind(1, region.str());
  AllocationCursor allocations(std::move(statement).value());

  int code = rooms->step();
  for (; code == SQLITE_ROW; code = rooms->step()) {
    auto room = std::make_shared<domain::RoomRecord>();
    bool sound = decode_room(*rooms, *room);
    while (sound && allocations.seek(room->id.str())) {
      sound = decode_allocation(allocations.row(), room->allocations.emplace_back());
      keep_newest(room->allocations, 2 * domain::limits::allocations_per_room);
      allocations.advance();
    }
    if (!sound) return damaged("room " + room->id.str() + " cannot be read");
    keep_newest(room->allocations, domain::limits::allocations_per_room);
    snapshot.rooms.push_back(std::move(room));
  }
  if (code != SQLITE_DONE) return fail(code, doing);
  if (allocations.code() != SQLITE_ROW && allocations.code() != SQLITE_DONE) {
    return fail(allocations.code(), doing);
  }
  return {};
}

Result<void> SqliteStore::load_processes(const domain::RegionName& region,
                                         RegionSnapshot& snapshot) {
  auto rows = session_->writer.prepare(
      "SELECT process_id, deployment_key, host, status, exit_reason, stop_reason, attempt, ports, "
      "exit_summary, initial_room, created_at, scheduled_at, booted_at, started_at, stopping_at, "
      "terminated_at FROM processes WHERE region = ?1 ORDER BY process_id");
  if (!rows) return fail(std::move(rows).error());
  rows->bind(1, region.str());
  int code = rows->step();
  for (; code == SQLITE_ROW; code = rows->step()) {
    if (!decode_process(*rows, snapshot.processes.emplace_back())) {
      return damaged("a process of region " + region.str() + " cannot be read");
    }
  }
  if (code != SQLITE_DONE) return fail(code, "reading processes");
  return {};
}

Result<void> SqliteStore::load_idempotency(const domain::RegionName& region,
                                           RegionSnapshot& snapshot) {
  auto rows = session_->writer.prepare(
      "SELECT created_at, app_id, idempotency_key, request_digest, room_id, active, process_id, "
      "exposed_port, additional_ports FROM idempotency WHERE region = ?1 "
      "ORDER BY created_at, app_id, idempotency_key");
  if (!rows) return fail(std::move(rows).error());
  rows->bind(1, region.str());
  int code = rows->step();
  for (; code == SQLITE_ROW; code = rows->step()) {
    IdempotencyRecord& record = snapshot.idempotency.emplace_back();
    record.region = region;
    if (!decode_idempotency(*rows, record)) {
      return damaged("an idempotency key of region " + region.str() + " cannot be read");
    }
  }
  if (code != SQLITE_DONE) return fail(code, "reading idempotency keys");
  return {};
}

Result<std::shared_ptr<const domain::RoomRecord>> SqliteStore::load_room(const domain::RoomId& id) {
  if (failure_) return *failure_;
  auto rooms = session_->writer.prepare(select(room_columns, "WHERE room_id = ?1"));
  if (!rooms) return fail(std::move(rooms).error());
  rooms->bind(1, id.str());
  int code = rooms->step();
  if (code == SQLITE_DONE) return std::shared_ptr<const domain::RoomRecord>();
  if (code != SQLITE_ROW) return fail(code, "reading a room");
  auto room = std::make_shared<domain::RoomRecord>();
  if (!decode_room(*rooms, *room)) return damaged("room " + id.str() + " cannot be read");

  auto allocations = session_->writer.prepare(
      select(allocation_columns, "WHERE room_id = ?1 ORDER BY seq DESC LIMIT ?2"));
  if (!allocations) return fail(std::move(allocations).error());
  allocations->bind(1, id.str());
  allocations->bind(2, std::int64_t{domain::limits::allocations_per_room});
  for (code = allocations->step(); code == SQLITE_ROW; code = allocations->step()) {
    if (!decode_allocation(*allocations, room->allocations.emplace_back())) {
      return damaged("room " + id.str() + " cannot be read");
    }
  }
  if (code != SQLITE_DONE) return fail(code, "reading a room");
  std::reverse(room->allocations.begin(), room->allocations.end());
  return std::shared_ptr<const domain::RoomRecord>(std::move(room));
}

Result<domain::CatalogSnapshot> SqliteStore::load_catalog() {
  if (failure_) return *failure_;
  domain::CatalogSnapshot snapshot;
  auto apps = session_->writer.prepare(
      "SELECT app_id, name, org_id, secret, created_by, created_at FROM apps");
  if (!apps) return fail(std::move(apps).error());
  int code = apps->step();
  for (; code == SQLITE_ROW; code = apps->step()) {
    domain::App app{.id = domain::AppId(std::string(apps->text(0))),
                    .name = std::string(apps->text(1)),
                    .org_id = std::string(apps->text(2)),
                    .secret = std::string(apps->text(3)),
                    .created_by = std::string(apps->text(4)),
                    .created_at = decode_time(apps->integer(5))};
    const domain::AppId id = app.id;
    snapshot.apps.emplace(id, domain::CatalogSnapshot::AppEntry{std::move(app), {}});
  }
  if (code != SQLITE_DONE) return fail(code, "reading apps");

  auto rows = session_->writer.prepare(
      "SELECT deployment_key, app_id, deployment_id, created_at, created_by, spec FROM deployments "
      "ORDER BY deployment_key");
  if (!rows) return fail(std::move(rows).error());
  for (code = rows->step(); code == SQLITE_ROW; code = rows->step()) {
    auto deployment = std::make_shared<domain::Deployment>();
    deployment->app = domain::AppId(std::string(rows->text(1)));
    deployment->id = domain::DeploymentId(std::string(rows->text(2)));
    deployment->created_at = decode_time(rows->integer(3));
    deployment->created_by = std::string(rows->text(4));
    auto spec = decode_spec(rows->text(5));
    const auto entry = snapshot.apps.find(deployment->app);
    if (!spec || !decode_key(rows->integer(0), deployment->key) || entry == snapshot.apps.end()) {
      return damaged("deployment " + deployment->id.str() + " cannot be read");
    }
    deployment->spec = *std::move(spec);
    entry->second.deployments.push_back(deployment);
    snapshot.by_key.emplace(static_cast<std::uint32_t>(deployment->key), std::move(deployment));
  }
  if (code != SQLITE_DONE) return fail(code, "reading deployments");
  // An entry promises at least one deployment.
  std::erase_if(snapshot.apps, [](const auto& entry) { return entry.second.deployments.empty(); });
  return snapshot;
}

}  // namespace innkeeper::store
