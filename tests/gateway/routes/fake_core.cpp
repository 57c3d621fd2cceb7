#include "tests/gateway/routes/fake_core.hpp"

namespace innkeeper::test {

domain::ProcessId process_id() { return *domain::parse_process_id(process_text); }

domain::AllocationId allocation_id() {
  const auto bits = *domain::parse_uuid(allocation_text);
  return {.hi = bits.first, .lo = bits.second};
}

domain::Timestamp moment() { return domain::Timestamp{std::chrono::milliseconds{1767323045678}}; }

domain::ExposedPort exposed_port() {
  return {.name = "default",
          .host = "h1.example.test",
          .port = 31001,
          .transport = domain::Transport::udp};
}

FakeCore::FakeCore() {
  const domain::AppId app{app_name};
  connection.process = process_id();
  room.app = app;
  room.status = domain::RoomStatus::active;
  room.current = domain::AllocationView{.id = allocation_id(),
                                        .process = process_id(),
                                        .scheduled_at = moment(),
                                        .unscheduled_at = {}};
  room.allocations = {*room.current};
  process.app = app;
  process.deployment = domain::DeploymentId{"dep-1"};
  process.deployment_key = domain::DeploymentKey{1};
  process.id = process_id();
  process.region = domain::RegionName{"Seattle"};
  process.created_at = moment();
  explanation.app = app;
  explanation.room = domain::RoomId{"r1"};
  explanation.deployment = domain::DeploymentId{"dep-1"};
  explanation.region = domain::RegionName{"Seattle"};
  explanation.summary = "It waits.";
  served = {domain::RegionName{"London"}, domain::RegionName{"Seattle"}};

  snapshot = std::make_shared<domain::CatalogSnapshot>();
  auto& entry = snapshot->apps[app];
  entry.app = {.id = app,
               .name = "echo",
               .org_id = "org-1",
               .secret = "secret-1",
               .created_by = "config",
               .created_at = moment()};
  for (const std::uint32_t key : {1U, 2U}) {
    domain::Deployment deployment{.key = domain::DeploymentKey{key},
                                  .id = domain::DeploymentId{"dep-" + std::to_string(key)},
                                  .app = app,
                                  .spec = {},
                                  .created_at = moment(),
                                  .created_by = "config"};
    deployment.spec.build_tag = key == 1 ? "" : "v2";
    deployment.spec.default_port.port = 8303;
    deployment.spec.env = {{"MODE", "dm"}};
    auto shared = std::make_shared<const domain::Deployment>(std::move(deployment));
    entry.deployments.push_back(shared);
    snapshot->by_key[key] = shared;
  }
}

void FakeCore::release() {
  const auto ready = std::move(waiting_);
  waiting_.clear();
  for (const auto& reply : ready) reply();
}

void FakeCore::create_room(domain::CreateRoom command, port::Reply<domain::ConnectionInfo> reply) {
  calls.push_back("create_room " + command.app.str() + ' ' + command.region.str());
  domain::ConnectionInfo info = connection;
  info.room = command.room.value_or(domain::RoomId{"generated"});
  created.push_back(std::move(command));
  answer<domain::ConnectionInfo>(std::move(reply), std::move(info));
}

void FakeCore::room_info(domain::AppId app, domain::RoomId id,
                         port::Reply<domain::RoomView> reply) {
  calls.push_back("room_info " + app.str() + ' ' + id.str());
  domain::RoomView view = room;
  view.room = id;
  answer_known<domain::RoomView>(app, id.str() != "unknown", "room", std::move(reply),
                                 std::move(view));
}

void FakeCore::destroy_room(domain::AppId app, domain::RoomId id, port::Reply<void> reply) {
  calls.push_back("destroy_room " + app.str() + ' ' + id.str());
  answer_known<void>(app, id.str() != "unknown", "room", std::move(reply), {});
}

void FakeCore::suspend_room(domain::AppId app, domain::RoomId id, port::Reply<void> reply) {
  calls.push_back("suspend_room " + app.str() + ' ' + id.str());
  answer_known<void>(app, id.str() != "unknown", "room", std::move(reply), {});
}

void FakeCore::resume_room(domain::AppId app, domain::RoomId id,
                           port::Reply<domain::ConnectionInfo> reply) {
  calls.push_back("resume_room " + app.str() + ' ' + id.str());
  domain::ConnectionInfo info = connection;
  info.room = id;
  answer_known<domain::ConnectionInfo>(app, id.str() != "unknown", "room", std::move(reply),
                                       std::move(info));
}

void FakeCore::update_room(domain::AppId app, domain::RoomId id, std::string config,
                           port::Reply<void> reply) {
  calls.push_back("update_room " + app.str() + ' ' + id.str() + ' ' + config);
  answer_known<void>(app, id.str() != "unknown", "room", std::move(reply), {});
}

void FakeCore::connection_info(domain::AppId app, domain::RoomId id, std::chrono::milliseconds wait,
                               port::Reply<domain::ConnectionInfo> reply) {
  calls.push_back("connection_info " + app.str() + ' ' + id.str() + ' ' +
                  std::to_string(wait.count()));
  domain::ConnectionInfo info = connection;
  info.room = id;
  answer_known<domain::ConnectionInfo>(app, id.str() != "unknown", "room", std::move(reply),
                                       std::move(info));
}

void FakeCore::explain_room(domain::RoomId id, port::Reply<domain::RoomExplanation> reply) {
  calls.push_back("explain_room " + id.str());
  answer_known<domain::RoomExplanation>(domain::AppId{app_name}, id.str() != "unknown", "room",
                                        std::move(reply), explanation);
}

void FakeCore::rooms_of_process(domain::AppId app, domain::ProcessId id, bool active,
                                port::Reply<std::vector<domain::RoomView>> reply) {
  calls.push_back("rooms_of_process " + app.str() + ' ' + to_string(id) +
                  (active ? " active" : " inactive"));
  answer_known<std::vector<domain::RoomView>>(app, id == process.id, "process", std::move(reply),
                                              rooms);
}

void FakeCore::create_process(domain::AppId app, domain::RegionName region,
                              port::Reply<domain::ProcessView> reply) {
  calls.push_back("create_process " + app.str() + ' ' + region.str());
  answer_known<domain::ProcessView>(app, true, "app", std::move(reply), process);
}

void FakeCore::process_info(domain::AppId app, domain::ProcessId id,
                            port::Reply<domain::ProcessView> reply) {
  calls.push_back("process_info " + app.str() + ' ' + to_string(id));
  answer_known<domain::ProcessView>(app, id == process.id, "process", std::move(reply), process);
}

void FakeCore::stop_process(domain::AppId app, domain::ProcessId id, port::Reply<void> reply) {
  calls.push_back("stop_process " + app.str() + ' ' + to_string(id));
  answer_known<void>(app, id == process.id, "process", std::move(reply), {});
}

void FakeCore::latest_processes(domain::ProcessFilter filter,
                                port::Reply<std::vector<domain::ProcessView>> reply) {
  calls.push_back("latest_processes " + filter.app.str());
  filters.push_back(filter);
  answer_known<std::vector<domain::ProcessView>>(filter.app, true, "app", std::move(reply),
                                                 processes);
}

void FakeCore::count_processes(domain::ProcessFilter filter, port::Reply<std::uint64_t> reply) {
  calls.push_back("count_processes " + filter.app.str());
  filters.push_back(filter);
  answer_known<std::uint64_t>(filter.app, true, "app", std::move(reply), count);
}

void FakeCore::process_metrics(domain::AppId app, domain::ProcessId id,
                               port::Reply<domain::ProcessMetrics> reply) {
  calls.push_back("process_metrics " + app.str() + ' ' + to_string(id));
  answer_known<domain::ProcessMetrics>(app, id == process.id, "process", std::move(reply), metrics);
}

}  // namespace innkeeper::test
