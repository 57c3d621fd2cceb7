#include "gateway/json/room_json.hpp"

#include <utility>

#include "actors/domain/limits.hpp"
#include "gateway/json/reader.hpp"
#include "gateway/json/text.hpp"

namespace innkeeper::json {
namespace {

constexpr TextRule region_rule{.min_code_points = 1, .max_code_points = 64};
constexpr TextRule config_rule{.max_code_points = domain::limits::config_code_points};
constexpr TextRule deployment_rule{.min_code_points = 1, .max_code_points = 100};
constexpr TextRule client_ip_rule{.min_code_points = 1, .max_code_points = 64};

domain::Result<Object> read_root(Document& document, std::string_view body) {
  auto root = document.parse(body);
  if (!root) return std::move(root).error();
  return root->as_object();
}

void append_room_head(std::string& out, const domain::RoomView& view) {
  out += R"({"appId":)";
  append_string(out, view.app.str());
  out += R"(,"roomId":)";
  append_string(out, view.room.str());
  out += R"(,"roomConfig":)";
  if (view.config) {
    append_string(out, *view.config);
  } else {
    out += "null";
  }
  out += R"(,"status":")";
  out += domain::to_string(view.status);
  out += R"(","currentAllocation":)";
  if (view.current) {
    append_allocation(out, *view.current);
  } else {
    out += "null";
  }
}

}  // namespace

domain::Result<CreateRoomBody> read_create_room(std::string_view body) {
  Document document;
  const auto root = read_root(document, body);
  if (!root) return root.error();
  CreateRoomBody result;

  const auto region = root->required("region");
  if (!region) return region.error();
  auto region_text = region->as_text(region_rule);
  if (!region_text) return region_text.error();
  result.region = domain::RegionName{*std::move(region_text)};

  if (const auto config = root->find("roomConfig"); config && !config->is_null()) {
    auto text = config->as_text(config_rule);
    if (!text) return text.error();
    result.config = *std::move(text);
  }
  if (const auto addresses = root->find("clientIPs")) {
    const auto items = addresses->as_array(domain::limits::client_ips);
    if (!items) return items.error();
    for (const Value& item : *items) {
      auto text = item.as_text(client_ip_rule);
      if (!text) return text.error();
      result.client_ips.push_back(*std::move(text));
    }
  }
  if (const auto deployment = root->find("deploymentId")) {
    auto text = deployment->as_text(deployment_rule);
    if (!text) return text.error();
    result.deployment = domain::DeploymentId{*std::move(text)};
  }
  return result;
}

domain::Result<std::string> read_update_room_config(std::string_view body) {
  Document document;
  const auto root = read_root(document, body);
  if (!root) return root.error();
  const auto config = root->required("roomConfig");
  if (!config) return config.error();
  return config->as_text(config_rule);
}

void append_exposed_port(std::string& out, const domain::ExposedPort& port) {
  out += R"({"name":)";
  append_string(out, port.name);
  out += R"(,"host":)";
  append_string(out, port.host);
  out += R"(,"port":)";
  append_integer(out, port.port);
  out += R"(,"transportType":")";
  out += domain::to_string(port.transport);
  out += R"("})";
}

void append_exposed_ports(std::string& out, const std::vector<domain::ExposedPort>& ports) {
  out += '[';
  for (std::size_t i = 0; i < ports.size(); ++i) {
    if (i != 0) out += ',';
    append_exposed_port(out, ports[i]);
  }
  out += ']';
}

std::string connection_info(const domain::ConnectionInfo& info, bool with_process) {
  const bool active = info.active && info.exposed_port.has_value();
  std::string out;
  out.reserve(320);
  out += R"({"roomId":)";
  append_string(out, info.room.str());
  if (active) {
    out += R"(,"status":"active","additionalExposedPorts":)";
    append_exposed_ports(out, info.additional_ports);
    out += R"(,"exposedPort":)";
    append_exposed_port(out, *info.exposed_port);
  } else {
    out += R"(,"status":"starting","additionalExposedPorts":[])";
  }
  if (with_process && info.process) {
    out += R"(,"processId":)";
    append_uuid(out, *info.process);
  }
  out += '}';
  return out;
}

std::string connection_info_v1(const domain::ConnectionInfo& info) {
  const bool active = info.active && info.exposed_port.has_value();
  std::string out;
  out.reserve(192);
  out += active ? R"({"status":"active","roomId":)" : R"({"status":"starting","roomId":)";
  append_string(out, info.room.str());
  if (active) {
    out += R"(,"host":)";
    append_string(out, info.exposed_port->host);
    out += R"(,"port":)";
    append_integer(out, info.exposed_port->port);
    out += R"(,"transportType":")";
    out += domain::to_string(info.exposed_port->transport);
    out += '"';
  }
  out += '}';
  return out;
}

std::string room_id_text(const domain::RoomId& room) {
  std::string out;
  append_string(out, room.str());
  return out;
}

void append_allocation(std::string& out, const domain::AllocationView& allocation) {
  out += R"({"roomAllocationId":)";
  append_uuid(out, allocation.id);
  out += R"(,"processId":)";
  append_uuid(out, allocation.process);
  out += R"(,"scheduledAt":)";
  append_timestamp(out, allocation.scheduled_at);
  out += R"(,"unscheduledAt":)";
  append_timestamp(out, allocation.unscheduled_at);
  out += '}';
}

std::string room(const domain::RoomView& view) {
  std::string out;
  out.reserve(512);
  append_room_head(out, view);
  out += R"(,"allocations":[)";
  for (std::size_t i = 0; i < view.allocations.size(); ++i) {
    if (i != 0) out += ',';
    append_allocation(out, view.allocations[i]);
  }
  out += "]}";
  return out;
}

std::string rooms(const std::vector<domain::RoomView>& views) {
  std::string out = "[";
  out.reserve(2 + views.size() * 320);
  for (std::size_t i = 0; i < views.size(); ++i) {
    if (i != 0) out += ',';
    append_room_head(out, views[i]);
    out += '}';
  }
  out += ']';
  return out;
}

}  // namespace innkeeper::json
