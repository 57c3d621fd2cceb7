#include <utility>

#include "gateway/json/explain_json.hpp"
#include "gateway/json/room_json.hpp"
#include "gateway/routes/arguments.hpp"
#include "gateway/routes/digest.hpp"
#include "gateway/routes/handlers.hpp"

namespace innkeeper::routes {
namespace {

using domain::Error;
using domain::ErrorCode;

struct RoomAddress {
  domain::AppId app;
  domain::RoomId room;
};
// Whether the app exists is the core's to say: it knows the room's app.
domain::Result<RoomAddress> room_address(const Call& call) {
  auto room = room_parameter(call.parameters[1]);
  if (!room) return std::move(room).error();
  return RoomAddress{domain::AppId{std::string{call.parameters[0]}}, *std::move(room)};
}

domain::Result<domain::CreateRoom> read_create(const Call& call) {
  const auto app = app_parameter(call.core, call.parameters[0]);
  if (!app) return app.error();
  domain::CreateRoom command{.app = app->entry->app.id};
  if (!call.request.query.empty()) {
    const auto query = Query::parse(call.request.query);
    if (!query) return query.error();
    auto room = chosen_room(*query);
    if (!room) return room.error();
    command.room = *std::move(room);
  }
  auto key = idempotency_key(call.request);
  if (!key) return key.error();
  auto body = json::read_create_room(call.request.body);
  if (!body) return body.error();
  if (auto served = check_region(call.core, body->region); !served) return served.error();
  if (body->deployment && app->catalog->find(command.app, *body->deployment) == nullptr) {
    return Error{.code = ErrorCode::not_found,
                 .message = "names no deployment of this app",
                 .field = "deploymentId"};
  }
  command.region = std::move(body->region);
  command.config = std::move(body->config);
  command.deployment = std::move(body->deployment);
  if (!key->empty()) {
    command.idempotency_key = *std::move(key);
    command.request_digest = create_digest(command);
    if (command.request_digest.empty()) {
      return Error{.code = ErrorCode::internal, .message = "the request could not be hashed"};
    }
  }
  return command;
}

// Both versions decode alike; what they answer is `write(info)`.
template <class Write>
void create(Call& call, Write write) {
  auto command = read_create(call);
  if (!command) return call.exchange->fail(command.error());
  call.core.create_room(*std::move(command),
                        reply_json<domain::ConnectionInfo>(call.exchange, 201, write));
}

template <class Write>
void connect(Call& call, Write write) {
  auto address = room_address(call);
  if (!address) return call.exchange->fail(address.error());
  std::chrono::milliseconds wait{0};
  if (!call.request.query.empty()) {
    const auto query = Query::parse(call.request.query);
    if (!query) return call.exchange->fail(query.error());
    const auto given = wait_time(*query);
    if (!given) return call.exchange->fail(given.error());
    wait = *given;
  }
  if (wait.count() > 0) call.exchange->park();
  call.core.connection_info(std::move(address->app), std::move(address->room), wait,
                            reply_json<domain::ConnectionInfo>(call.exchange, 200, write));
}

void list_rooms(Call& call, bool active) {
  const auto process = process_parameter(call.parameters[1]);
  if (!process) return call.exchange->fail(process.error());
  call.core.rooms_of_process(
      domain::AppId{std::string{call.parameters[0]}}, *process, active,
      reply_json<std::vector<domain::RoomView>>(call.exchange, 200, json::rooms));
}

}  // namespace

void create_room(Call& call) {
  create(call,
         [](const domain::ConnectionInfo& info) { return json::connection_info(info, true); });
}

void create_room_v1(Call& call) {
  create(call, [](const domain::ConnectionInfo& info) { return json::room_id_text(info.room); });
}

void connection_info(Call& call) {
  connect(call,
          [](const domain::ConnectionInfo& info) { return json::connection_info(info, false); });
}

void connection_info_v1(Call& call) { connect(call, json::connection_info_v1); }

void room_info(Call& call) {
  auto address = room_address(call);
  if (!address) return call.exchange->fail(address.error());
  call.core.room_info(std::move(address->app), std::move(address->room),
                      reply_json<domain::RoomView>(call.exchange, 200, json::room));
}

void active_rooms(Call& call) { list_rooms(call, true); }

void inactive_rooms(Call& call) { list_rooms(call, false); }

void destroy_room(Call& call) {
  auto address = room_address(call);
  if (!address) return call.exchange->fail(address.error());
  call.core.destroy_room(std::move(address->app), std::move(address->room),
                         reply_no_content(call.exchange));
}

void suspend_room(Call& call) {
  auto address = room_address(call);
  if (!address) return call.exchange->fail(address.error());
  call.core.suspend_room(std::move(address->app), std::move(address->room),
                         reply_no_content(call.exchange));
}

void resume_room(Call& call) {
  auto address = room_address(call);
  if (!address) return call.exchange->fail(address.error());
  call.core.resume_room(std::move(address->app), std::move(address->room),
                        reply_json<domain::ConnectionInfo>(
                            call.exchange, 200, [](const domain::ConnectionInfo& info) {
                              return json::connection_info(info, true);
                            }));
}

void update_room_config(Call& call) {
  auto address = room_address(call);
  if (!address) return call.exchange->fail(address.error());
  auto config = json::read_update_room_config(call.request.body);
  if (!config) return call.exchange->fail(config.error());
  call.core.update_room(std::move(address->app), std::move(address->room), *std::move(config),
                        reply_no_content(call.exchange));
}

void explain_room(Call& call) {
  auto room = room_parameter(call.parameters[0]);
  if (!room) return call.exchange->fail(room.error());
  call.core.explain_room(
      *std::move(room), reply_json<domain::RoomExplanation>(call.exchange, 200, json::explanation));
}

}  // namespace innkeeper::routes
