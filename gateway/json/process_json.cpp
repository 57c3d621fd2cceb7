#include "gateway/json/process_json.hpp"

#include <string_view>

#include "gateway/json/room_json.hpp"
#include "gateway/json/text.hpp"

namespace innkeeper::json {
namespace {

void append_points(std::string& out, std::string_view name,
                   const std::optional<std::vector<domain::MetricSample>>& points) {
  if (!points) return;
  if (out.size() > 1) out += ',';
  append_string(out, name);
  out += ":[";
  for (std::size_t i = 0; i < points->size(); ++i) {
    const domain::MetricSample& point = (*points)[i];
    if (i != 0) out += ',';
    out += R"({"timestamp":)";
    append_number(out, static_cast<double>(point.at.time_since_epoch().count()) / 1000.0);
    out += R"(,"value":)";
    append_number(out, point.value);
    out += '}';
  }
  out += ']';
}

}  // namespace

void append_process(std::string& out, const domain::ProcessView& view, ProcessVersion version) {
  const bool v3 = version == ProcessVersion::v3;
  out += R"({"appId":)";
  append_string(out, view.app.str());
  out += R"(,"deploymentId":)";
  if (v3) {
    append_string(out, view.deployment.str());
  } else {
    append_integer(out, static_cast<std::uint32_t>(view.deployment_key));
  }
  out += R"(,"processId":)";
  append_uuid(out, view.id);
  out += R"(,"region":)";
  append_string(out, view.region.str());
  out += R"(,"status":")";
  out += domain::to_string(view.status);
  out += R"(","roomsPerProcess":)";
  append_integer(out, view.rooms_per_process);
  out += R"(,"roomsAllocated":)";
  append_integer(out, view.rooms_allocated);
  if (v3 && !view.exit_summary.empty()) {
    out += R"(,"summaryExitReason":)";
    append_string(out, view.exit_summary);
  }
  out += R"(,"exposedPort":)";
  if (view.ports.empty()) {
    out += R"(null,"additionalExposedPorts":[])";
  } else {
    append_exposed_port(out, view.ports.front());
    out += R"(,"additionalExposedPorts":[)";
    for (std::size_t i = 1; i < view.ports.size(); ++i) {
      if (i != 1) out += ',';
      append_exposed_port(out, view.ports[i]);
    }
    out += ']';
  }
  out += R"(,"createdAt":)";
  append_timestamp(out, view.created_at);
  if (v3) {
    out += R"(,"scheduledAt":)";
    append_timestamp(out, view.scheduled_at);
    out += R"(,"bootedAt":)";
    append_timestamp(out, view.booted_at);
  }
  out += R"(,"startedAt":)";
  append_timestamp(out, view.started_at);
  out += R"(,"stoppingAt":)";
  append_timestamp(out, view.stopping_at);
  out += R"(,"terminatedAt":)";
  append_timestamp(out, view.terminated_at);
  out += '}';
}

std::string process(const domain::ProcessView& view, ProcessVersion version) {
  std::string out;
  out.reserve(640);
  append_process(out, view, version);
  return out;
}

std::string processes(const std::vector<domain::ProcessView>& views, ProcessVersion version) {
  std::string out = "[";
  out.reserve(2 + views.size() * 640);
  for (std::size_t i = 0; i < views.size(); ++i) {
    if (i != 0) out += ',';
    append_process(out, views[i], version);
  }
  out += ']';
  return out;
}

std::string process_count(std::uint64_t count) {
  std::string out = R"({"count":)";
  append_integer(out, count);
  out += '}';
  return out;
}

std::string process_metrics(const ProcessMetricsPoints& points) {
  std::string out = "{";
  append_points(out, "cpu", points.cpu);
  append_points(out, "memory", points.memory);
  append_points(out, "activeConnections", points.active_connections);
  out += '}';
  return out;
}

}  // namespace innkeeper::json
