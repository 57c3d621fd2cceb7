#include "actors/store/postgres_plan.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <string_view>
#include <utility>

#include "actors/store/columns.hpp"

namespace innkeeper::store::postgres {
namespace {

using domain::Error;
using domain::ErrorCode;
using domain::Timestamp;

// The number of rows is checked in the server, since the commit is on its way already.
constexpr std::array<Connection::Prepared, 10> statements{{
    {"insert_rooms",
     "INSERT INTO rooms (room_id, region, app_id, deployment_key, state, created_at, destroyed_at, "
     "config) SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::int8[], $5::int8[], "
     "$6::int8[], $7::int8[], $8::bytea[])"},
    {"update_rooms",
     "WITH changed AS (UPDATE rooms r SET deployment_key = u.deployment_key, state = u.state, "
     "created_at = u.created_at, destroyed_at = u.destroyed_at, config = u.config "
     "FROM unnest($1::text[], $2::int8[], $3::int8[], $4::int8[], $5::int8[], $6::bytea[]) "
     "AS u(room_id, deployment_key, state, created_at, destroyed_at, config) "
     "WHERE r.room_id = u.room_id RETURNING 1) "
     "SELECT expect_count((SELECT count(*) FROM changed), $7::int8)"},
    {"put_allocations",
     "INSERT INTO allocations (room_id, allocation_id, process_id, scheduled_at, unscheduled_at, "
     "placed, ended) SELECT * FROM unnest($1::text[], $2::uuid[], $3::uuid[], $4::int8[], "
     "$5::int8[], $6::int8[], $7::int8[]) ON CONFLICT (room_id, allocation_id) DO UPDATE SET "
     "process_id = excluded.process_id, scheduled_at = excluded.scheduled_at, "
     "unscheduled_at = excluded.unscheduled_at, placed = excluded.placed, ended = excluded.ended"},
    {"delete_rooms",
     "WITH gone AS (DELETE FROM rooms WHERE room_id = ANY($1::text[]) AND state = 2 "
     "RETURNING room_id) DELETE FROM allocations a USING gone g WHERE a.room_id = g.room_id"},
    {"put_processes",
     "INSERT INTO processes (process_id, region, app_id, deployment_key, host, status, "
     "exit_reason, "
     "stop_reason, attempt, ports, exit_summary, initial_room, created_at, scheduled_at, "
     "booted_at, "
     "started_at, stopping_at, terminated_at) SELECT * FROM unnest($1::uuid[], $2::text[], "
     "$3::text[], $4::int8[], $5::text[], $6::int8[], $7::int8[], $8::int8[], $9::int8[], "
     "$10::text[], $11::bytea[], $12::text[], $13::int8[], $14::int8[], $15::int8[], $16::int8[], "
     "$17::int8[], $18::int8[]) ON CONFLICT (process_id) DO UPDATE SET region = excluded.region, "
     "app_id = excluded.app_id, deployment_key = excluded.deployment_key, host = excluded.host, "
     "status = excluded.status, exit_reason = excluded.exit_reason, "
     "stop_reason = excluded.stop_reason, attempt = excluded.attempt, ports = excluded.ports, "
     "exit_summary = excluded.exit_summary, initial_room = excluded.initial_room, "
     "created_at = excluded.created_at, scheduled_at = excluded.scheduled_at, "
     "booted_at = excluded.booted_at, started_at = excluded.started_at, "
     "stopping_at = excluded.stopping_at, terminated_at = excluded.terminated_at"},
    {"delete_processes", "DELETE FROM processes WHERE process_id = ANY($1::uuid[])"},
    {"put_idempotency",
     "INSERT INTO idempotency (region, created_at, app_id, idempotency_key, request_digest, "
     "room_id, "
     "active, process_id, exposed_port, additional_ports) SELECT * FROM unnest($1::text[], "
     "$2::int8[], $3::text[], $4::bytea[], $5::text[], $6::text[], $7::int8[], $8::uuid[], "
     "$9::text[], $10::text[]) ON CONFLICT DO NOTHING"},
    {"delete_idempotency",
     "DELETE FROM idempotency WHERE region = $1::text AND created_at < $2::int8"},
    {"put_app",
     "INSERT INTO apps (app_id, name, org_id, secret, created_by, created_at) VALUES ($1::text, "
     "$2::text, $3::text, $4::text, $5::text, $6::int8) ON CONFLICT (app_id) DO UPDATE SET "
     "name = excluded.name, org_id = excluded.org_id, secret = excluded.secret, "
     "created_by = excluded.created_by, created_at = excluded.created_at"},
    // The row of store_info makes concurrent nodes number their deployments one after the other.
    {"insert_deployment",
     "WITH number AS (UPDATE store_info SET last_deployment = "
     "CASE WHEN $1::int8 IS NULL THEN last_deployment + 1 ELSE greatest(last_deployment, $1) END "
     "WHERE EXISTS (SELECT 1 FROM apps WHERE app_id = $2::text) RETURNING last_deployment), "
     "added AS (INSERT INTO deployments (deployment_key, app_id, deployment_id, created_at, "
     "created_by, spec) SELECT coalesce($1, last_deployment), $2, $3::text, $4::int8, $5::text, "
     "$6::text FROM number RETURNING 1) "
     "SELECT expect_count((SELECT count(*) FROM added), 1)"},
}};

std::optional<std::int64_t> time_column(const std::optional<Timestamp>& moment) {
  if (!moment) return std::nullopt;
  return encode_time(*moment);
}

// What is written of one room.
struct RoomRow {
  const InsertRoom* inserted = nullptr;  // null: the room exists already
  const domain::RoomRecord* record = nullptr;
  std::vector<const domain::Allocation*> allocations;  // new or changed, oldest first
};

// Changes that one set of statements can write, because none undoes or rests on another of another
// kind except in the order in which calls() writes them.
class Stage {
 public:
  // False when the change has to go into a later stage.
  [[nodiscard]] bool add(const InsertRoom& change);
  [[nodiscard]] bool add(const UpdateRoom& change);
  [[nodiscard]] bool add(const PutProcess& change);
  [[nodiscard]] bool add(const DeleteRooms& change);
  [[nodiscard]] bool add(const DeleteProcesses& change);
  [[nodiscard]] bool add(const PutIdempotency& change);
  [[nodiscard]] bool add(const DeleteIdempotencyBefore& change);
  [[nodiscard]] bool add(const PutApp& change);
  [[nodiscard]] bool add(const InsertDeployment& change);

  // Appends the statements of this stage.
  void write(std::vector<Call>& calls);

 private:
  using Key = std::pair<std::uint64_t, std::uint64_t>;
  static Key key_of(const domain::ProcessId& id) { return {id.hi, id.lo}; }
  void write_rooms(std::vector<Call>& calls) const;
  void write_allocations(std::vector<Call>& calls) const;
  void write_processes(std::vector<Call>& calls) const;
  void write_idempotency(std::vector<Call>& calls) const;

  // Sorted by id, so that two nodes that take the same ids wait for each other instead of forming a
  // circle.
  std::map<std::string_view, RoomRow> rooms_;
  std::unordered_set<std::string_view> deleted_rooms_;
  std::map<Key, const PutProcess*> processes_;
  std::unordered_set<domain::ProcessId> deleted_processes_;
  std::vector<const IdempotencyRecord*> keys_;
  std::vector<const DeleteIdempotencyBefore*> expired_;
  std::vector<Call> catalog_;
};

bool Stage::add(const InsertRoom& change) {
  const std::string_view id = change.room->id.str();
  // Also when it is taken twice in this batch: then the server is to say so.
  if (rooms_.contains(id) || deleted_rooms_.contains(id)) return false;
  RoomRow& row = rooms_[id];
  row.inserted = &change;
  row.record = change.room.get();
  for (const auto& allocation : change.room->allocations) row.allocations.push_back(&allocation);
  return true;
}

bool Stage::add(const UpdateRoom& change) {
  const std::string_view id = change.room->id.str();
  if (deleted_rooms_.contains(id)) return false;
  RoomRow& row = rooms_[id];
  row.record = change.room.get();
  const auto& allocations = change.room->allocations;
  for (std::size_t i = change.allocations_from; i < allocations.size(); ++i) {
    // Changes are at the end, so the search is short.
    const auto known = std::find_if(row.allocations.rbegin(), row.allocations.rend(),
                                    [&](const auto* one) { return one->id == allocations[i].id; });
    if (known != row.allocations.rend()) {
      *known = &allocations[i];
    } else {
      row.allocations.push_back(&allocations[i]);
    }
  }
  return true;
}

bool Stage::add(const PutProcess& change) {
  if (deleted_processes_.contains(change.process.id)) return false;
  processes_[key_of(change.process.id)] = &change;
  return true;
}

bool Stage::add(const DeleteRooms& change) {
  for (const auto& room : change.rooms) deleted_rooms_.insert(room.str());
  return true;
}

bool Stage::add(const DeleteProcesses& change) {
  for (const auto& process : change.processes) deleted_processes_.insert(process);
  return true;
}

bool Stage::add(const PutIdempotency& change) {
  for (const auto* expired : expired_) {
    if (expired->region == change.record.region && change.record.created_at < expired->moment) {
      return false;
    }
  }
  keys_.push_back(&change.record);
  return true;
}

bool Stage::add(const DeleteIdempotencyBefore& change) {
  expired_.push_back(&change);
  return true;
}

bool Stage::add(const PutApp& change) {
  const domain::App& app = change.app;
  Call& call = catalog_.emplace_back(Call::prepared("put_app"));
  call.bytes(app.id.str())
      .bytes(app.name)
      .bytes(app.org_id)
      .bytes(app.secret)
      .bytes(app.created_by);
  call.integer(encode_time(app.created_at));
  return true;
}

bool Stage::add(const InsertDeployment& change) {
  const domain::Deployment& deployment = change.deployment;
  Call& call = catalog_.emplace_back(Call::prepared("insert_deployment"));
  if (deployment.key == domain::DeploymentKey{}) {
    call.null();
  } else {
    call.integer(encode_enum(deployment.key));
  }
  call.bytes(deployment.app.str()).bytes(deployment.id.str());
  call.integer(encode_time(deployment.created_at)).bytes(deployment.created_by);
  call.bytes(encode_spec(deployment.spec));
  return true;
}

void Stage::write(std::vector<Call>& calls) {
  for (Call& call : catalog_) calls.push_back(std::move(call));
  write_rooms(calls);
  write_allocations(calls);
  if (!deleted_rooms_.empty()) {
    Array ids(Oid::text);
    for (const auto id : deleted_rooms_) ids.add(id);
    calls.push_back(Call::prepared("delete_rooms"));
    calls.back().array(ids);
  }
  write_processes(calls);
  if (!deleted_processes_.empty()) {
    Array ids(Oid::uuid);
    for (const auto& id : deleted_processes_) ids.add(encode_uuid(id));
    calls.push_back(Call::prepared("delete_processes"));
    calls.back().array(ids);
  }
  write_idempotency(calls);
  for (const auto* expired : expired_) {
    calls.push_back(Call::prepared("delete_idempotency"));
    calls.back().bytes(expired->region.str()).integer(encode_time(expired->moment));
  }
}

void Stage::write_rooms(std::vector<Call>& calls) const {
  Array ids(Oid::text), regions(Oid::text), apps(Oid::text), deployments(Oid::int8);
  Array states(Oid::int8), created(Oid::int8), destroyed(Oid::int8), configs(Oid::bytea);
  Array changed_ids(Oid::text), changed_deployments(Oid::int8), changed_states(Oid::int8);
  Array changed_created(Oid::int8), changed_destroyed(Oid::int8), changed_configs(Oid::bytea);
  std::int64_t changed = 0;
  for (const auto& [id, row] : rooms_) {
    const bool is_new = row.inserted != nullptr;
    const domain::RoomRecord& room = *row.record;
    (is_new ? ids : changed_ids).add(id);
    (is_new ? deployments : changed_deployments).add(encode_enum(room.deployment));
    (is_new ? states : changed_states).add(encode_enum(room.state));
    (is_new ? created : changed_created).add(encode_time(room.created_at));
    (is_new ? destroyed : changed_destroyed).add(time_column(room.destroyed_at));
    (is_new ? configs : changed_configs).add(room.config);
    if (is_new) {
      regions.add(row.inserted->region.str());
      apps.add(row.inserted->app.str());
    } else {
      ++changed;
    }
  }
  if (!ids.empty()) {
    Call& call = calls.emplace_back(Call::prepared("insert_rooms"));
    call.array(ids).array(regions).array(apps).array(deployments).array(states);
    call.array(created).array(destroyed).array(configs);
  }
  if (changed > 0) {
    Call& call = calls.emplace_back(Call::prepared("update_rooms"));
    call.array(changed_ids).array(changed_deployments).array(changed_states);
    call.array(changed_created).array(changed_destroyed).array(changed_configs).integer(changed);
  }
}

void Stage::write_allocations(std::vector<Call>& calls) const {
  Array rooms(Oid::text), ids(Oid::uuid), processes(Oid::uuid), scheduled(Oid::int8);
  Array unscheduled(Oid::int8), placed(Oid::int8), ended(Oid::int8);
  for (const auto& [room, row] : rooms_) {
    for (const auto* allocation : row.allocations) {
      rooms.add(room);
      ids.add(encode_uuid(allocation->id));
      processes.add(encode_uuid(allocation->process));
      scheduled.add(encode_time(allocation->scheduled_at));
      unscheduled.add(time_column(allocation->unscheduled_at));
      placed.add(encode_enum(allocation->placed));
      ended.add(encode_enum(allocation->ended));
    }
  }
  if (rooms.empty()) return;
  Call& call = calls.emplace_back(Call::prepared("put_allocations"));
  call.array(rooms).array(ids).array(processes).array(scheduled).array(unscheduled);
  call.array(placed).array(ended);
}

void Stage::write_processes(std::vector<Call>& calls) const {
  if (processes_.empty()) return;
  Array ids(Oid::uuid), regions(Oid::text), apps(Oid::text), deployments(Oid::int8);
  Array hosts(Oid::text), statuses(Oid::int8), exits(Oid::int8), stops(Oid::int8);
  Array attempts(Oid::int8), ports(Oid::text), summaries(Oid::bytea), rooms(Oid::text);
  Array created(Oid::int8), scheduled(Oid::int8), booted(Oid::int8), started(Oid::int8);
  Array stopping(Oid::int8), terminated(Oid::int8);
  for (const auto& [key, put] : processes_) {
    const domain::ProcessRecord& process = put->process;
    ids.add(encode_uuid(process.id));
    regions.add(put->region.str());
    apps.add(put->app.str());
    deployments.add(encode_enum(process.deployment));
    hosts.add(process.host.str());
    statuses.add(encode_enum(process.status));
    exits.add(encode_enum(process.exit_reason));
    stops.add(encode_enum(process.stop_reason));
    attempts.add(std::int64_t{process.attempt});
    ports.add(encode_ports(process.ports));
    summaries.add(process.exit_summary);
    if (process.initial_room) {
      rooms.add(process.initial_room->str());
    } else {
      rooms.add_null();
    }
    created.add(encode_time(process.created_at));
    scheduled.add(time_column(process.scheduled_at));
    booted.add(time_column(process.booted_at));
    started.add(time_column(process.started_at));
    stopping.add(time_column(process.stopping_at));
    terminated.add(time_column(process.terminated_at));
  }
  Call& call = calls.emplace_back(Call::prepared("put_processes"));
  for (Array* column :
       {&ids, &regions, &apps, &deployments, &hosts, &statuses, &exits, &stops, &attempts, &ports,
        &summaries, &rooms, &created, &scheduled, &booted, &started, &stopping, &terminated}) {
    call.array(*column);
  }
}

void Stage::write_idempotency(std::vector<Call>& calls) const {
  if (keys_.empty()) return;
  Array regions(Oid::text), created(Oid::int8), apps(Oid::text), keys(Oid::bytea);
  Array digests(Oid::text), rooms(Oid::text), active(Oid::int8), processes(Oid::uuid);
  Array exposed(Oid::text), additional(Oid::text);
  for (const auto* record : keys_) {
    const domain::ConnectionInfo& answer = record->answer;
    regions.add(record->region.str());
    created.add(encode_time(record->created_at));
    apps.add(record->app.str());
    keys.add(record->key);
    digests.add(record->request_digest);
    rooms.add(answer.room.str());
    active.add(std::int64_t{answer.active});
    if (answer.process) {
      processes.add(encode_uuid(*answer.process));
    } else {
      processes.add_null();
    }
    if (answer.exposed_port) {
      exposed.add(encode_ports({*answer.exposed_port}));
    } else {
      exposed.add_null();
    }
    additional.add(encode_ports(answer.additional_ports));
  }
  Call& call = calls.emplace_back(Call::prepared("put_idempotency"));
  for (Array* column : {&regions, &created, &apps, &keys, &digests, &rooms, &active, &processes,
                        &exposed, &additional}) {
    call.array(*column);
  }
}

// TEXT takes UTF-8 without NUL, and one wrong value would fail the whole batch.
bool is_text(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size()) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t more = lead < 0x80   ? 0
                             : lead < 0xC2 ? 9
                             : lead < 0xE0 ? 1
                             : lead < 0xF0 ? 2
                                           : 3;
    if (lead == 0 || lead > 0xF4 || more > 3 || i + more >= text.size()) return false;
    for (std::size_t j = 1; j <= more; ++j) {
      if ((static_cast<unsigned char>(text[i + j]) & 0xC0) != 0x80) return false;
    }
    const auto second = more > 0 ? static_cast<unsigned char>(text[i + 1]) : 0U;
    const bool overlong = (lead == 0xE0 && second < 0xA0) || (lead == 0xF0 && second < 0x90);
    const bool outside = (lead == 0xED && second > 0x9F) || (lead == 0xF4 && second > 0x8F);
    if (overlong || outside) return false;
    i += more + 1;
  }
  return true;
}

Error own_mistake(std::string message) {
  return {
      .code = ErrorCode::internal, .message = std::move(message), .field = {}, .retry_after_s = 0};
}

Error taken(const domain::RoomId& room) {
  return {.code = ErrorCode::refused,
          .message = "\"" + room.str() + "\" is already taken",
          .field = "roomId",
          .retry_after_s = 0};
}

Error missing(const domain::RoomId& room) {
  return own_mistake("store: room " + room.str() + " does not exist");
}

// What malformed() finds, for each kind of change.
struct Malformed {
  std::optional<Error> operator()(const InsertRoom& change) const {
    return texts({change.region.str(), change.app.str(), change.room->id.str()});
  }
  std::optional<Error> operator()(const UpdateRoom& change) const {
    if (change.allocations_from > change.room->allocations.size()) {
      return own_mistake("store: update of room " + change.room->id.str() +
                         " names an allocation that it does not have");
    }
    return texts({change.room->id.str()});
  }
  std::optional<Error> operator()(const PutProcess& change) const {
    return texts({change.region.str(), change.app.str(), change.process.host.str(),
                  encode_ports(change.process.ports),
                  change.process.initial_room ? change.process.initial_room->str() : ""});
  }
  std::optional<Error> operator()(const DeleteRooms& change) const {
    for (const auto& room : change.rooms) {
      if (auto error = texts({room.str()})) return error;
    }
    return std::nullopt;
  }
  std::optional<Error> operator()(const DeleteProcesses&) const { return std::nullopt; }
  std::optional<Error> operator()(const PutIdempotency& change) const {
    const IdempotencyRecord& record = change.record;
    return texts({record.region.str(), record.app.str(), record.request_digest,
                  record.answer.room.str(), encode_ports(record.answer.additional_ports),
                  record.answer.exposed_port ? encode_ports({*record.answer.exposed_port}) : ""});
  }
  std::optional<Error> operator()(const DeleteIdempotencyBefore& change) const {
    return texts({change.region.str()});
  }
  std::optional<Error> operator()(const PutApp& change) const {
    const domain::App& app = change.app;
    return texts({app.id.str(), app.name, app.org_id, app.secret, app.created_by});
  }
  std::optional<Error> operator()(const InsertDeployment& change) const {
    const domain::Deployment& deployment = change.deployment;
    return texts({deployment.app.str(), deployment.id.str(), deployment.created_by,
                  encode_spec(deployment.spec)});
  }
  static std::optional<Error> texts(std::initializer_list<std::string> all) {
    if (std::all_of(all.begin(), all.end(), is_text)) return std::nullopt;
    return own_mistake("store: a text holds a NUL or is not UTF-8");
  }
};

// Follows the rooms of a batch through its mutations.
class RoomSimulation {
 public:
  explicit RoomSimulation(std::unordered_set<std::string> present) : present_(std::move(present)) {}

  // The first reason to refuse the mutation, whose effects then do not count.
  std::optional<Error> apply(const Mutation& mutation) {
    std::vector<const std::string*> added;
    for (const Change& change : mutation) {
      std::optional<Error> error;
      if (const auto* insert = std::get_if<InsertRoom>(&change)) {
        if (present_.insert(insert->room->id.str()).second) {
          added.push_back(&insert->room->id.str());
        } else {
          error = taken(insert->room->id);
        }
      } else if (const auto* update = std::get_if<UpdateRoom>(&change)) {
        if (!present_.contains(update->room->id.str())) error = missing(update->room->id);
      }
      if (!error) continue;
      for (const auto* id : added) present_.erase(*id);
      return error;
    }
    return std::nullopt;
  }

 private:
  std::unordered_set<std::string> present_;
};

template <class See>
void for_each_change(Batch batch, const Refusals& refused, See see) {
  for (std::size_t i = 0; i < batch.size(); ++i) {
    if (refused[i]) continue;
    for (const Change& change : *batch[i]) see(change);
  }
}

}  // namespace

std::span<const Connection::Prepared> write_statements() noexcept { return statements; }

std::optional<Error> malformed(const Mutation& mutation) {
  for (const Change& change : mutation) {
    if (auto error = std::visit(Malformed{}, change)) return error;
  }
  return std::nullopt;
}

std::vector<Call> plan_batch(Batch batch, const Refusals& refused) {
  std::vector<Call> calls;
  Stage stage;
  for_each_change(batch, refused, [&](const Change& change) {
    const auto add = [&](const auto& concrete) { return stage.add(concrete); };
    if (std::visit(add, change)) return;
    stage.write(calls);
    stage = Stage();
    // A fresh stage takes any change.
    static_cast<void>(std::visit(add, change));
  });
  stage.write(calls);
  return calls;
}

std::vector<const domain::RoomId*> rooms_in_question(Batch batch, const Refusals& refused) {
  std::vector<const domain::RoomId*> rooms;
  for_each_change(batch, refused, [&](const Change& change) {
    if (const auto* insert = std::get_if<InsertRoom>(&change)) rooms.push_back(&insert->room->id);
    if (const auto* update = std::get_if<UpdateRoom>(&change)) rooms.push_back(&update->room->id);
  });
  return rooms;
}

std::optional<std::size_t> blame(Batch batch, std::unordered_set<std::string> present,
                                 Refusals& refused) {
  std::unordered_set<std::string_view> deleted;
  for_each_change(batch, refused, [&](const Change& change) {
    const auto* remove = std::get_if<DeleteRooms>(&change);
    if (remove == nullptr) return;
    for (const auto& room : remove->rooms) deleted.insert(room.str());
  });
  for (const auto* room : rooms_in_question(batch, refused)) {
    if (deleted.contains(room->str())) return std::nullopt;
  }
  RoomSimulation simulation(std::move(present));
  std::size_t count = 0;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    if (refused[i]) continue;
    refused[i] = simulation.apply(*batch[i]);
    if (refused[i]) ++count;
  }
  return count;
}

Error refusal_of(const Mutation& mutation, const Refusal& refusal) {
  for (const Change& change : mutation) {
    if (const auto* insert = std::get_if<InsertDeployment>(&change)) {
      const domain::Deployment& deployment = insert->deployment;
      return {.code = ErrorCode::refused,
              .message = "deployment " + deployment.id.str() +
                         " is already taken, or there is no app " + deployment.app.str(),
              .field = "deploymentId",
              .retry_after_s = 0};
    }
  }
  return own_mistake("store: " + refusal.message);
}

}  // namespace innkeeper::store::postgres
