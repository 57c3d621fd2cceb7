#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>

#include "gateway/json/process_json.hpp"
#include "gateway/routes/arguments.hpp"
#include "gateway/routes/handlers.hpp"
#include "gateway/routes/resample.hpp"

namespace innkeeper::routes {
namespace {

using domain::Error;
using domain::ErrorCode;
using json::ProcessVersion;

Error invalid(std::string field, std::string message) {
  return {.code = ErrorCode::invalid, .message = std::move(message), .field = std::move(field)};
}

domain::Result<domain::ProcessFilter> read_filter(const Call& call) {
  const auto app = app_parameter(call.core, call.parameters[0]);
  if (!app) return app.error();
  const auto query = Query::parse(call.request.query);
  if (!query) return query.error();
  return process_filter(call.core, app->entry->app.id, *query);
}

auto write_process(ProcessVersion version) {
  return [version](const domain::ProcessView& view) { return json::process(view, version); };
}

void latest(Call& call, ProcessVersion version) {
  auto filter = read_filter(call);
  if (!filter) return call.exchange->fail(filter.error());
  call.core.latest_processes(
      *std::move(filter),
      reply_json<std::vector<domain::ProcessView>>(
          call.exchange, 200, [version](const std::vector<domain::ProcessView>& views) {
            return json::processes(views, version);
          }));
}

void create(Call& call, ProcessVersion version) {
  const auto app = app_parameter(call.core, call.parameters[0]);
  if (!app) return call.exchange->fail(app.error());
  domain::RegionName region{std::string{call.parameters[1]}};
  if (auto served = check_region(call.core, region); !served)
    return call.exchange->fail(served.error());
  call.core.create_process(
      app->entry->app.id, std::move(region),
      reply_json<domain::ProcessView>(call.exchange, 201, write_process(version)));
}

void info(Call& call, ProcessVersion version) {
  const auto process = process_parameter(call.parameters[1]);
  if (!process) return call.exchange->fail(process.error());
  call.core.process_info(
      domain::AppId{std::string{call.parameters[0]}}, *process,
      reply_json<domain::ProcessView>(call.exchange, 200, write_process(version)));
}

// What a client may ask to see of a process over time; what is not measured stays absent.
constexpr std::array metric_names = {
    "cpu",       "memory",        "rateEgress", "totalEgress", "activeConnections",
    "gpuMemory", "gpuUtilization"};

struct MetricsQuestion {
  domain::Timestamp start{};
  domain::Timestamp end{};
  std::chrono::seconds step{60};
  std::vector<std::string> names;  // empty: all
  [[nodiscard]] bool wants(std::string_view name) const {
    return names.empty() || std::find(names.begin(), names.end(), name) != names.end();
  }
};

// Seconds since 1970, possibly with a fraction.
domain::Result<std::optional<domain::Timestamp>> read_moment(const Query& query,
                                                             std::string_view name) {
  const auto text = query.single(name);
  if (!text) return text.error();
  if (!*text) return std::optional<domain::Timestamp>{};
  constexpr double latest = 253402300799.0;  // the end of the year 9999
  const auto seconds = read_number(
      **text, name, 0, latest, "must be a number of seconds since 1970, from 0 to the year 9999");
  if (!seconds) return seconds.error();
  return std::optional{
      domain::Timestamp{std::chrono::milliseconds{static_cast<std::int64_t>(*seconds * 1000.0)}}};
}

domain::Result<MetricsQuestion> read_metrics_question(const Call& call) {
  const auto query = Query::parse(call.request.query);
  if (!query) return query.error();
  MetricsQuestion question;
  question.names = query->all("metrics");
  for (const std::string& name : question.names) {
    if (std::find(metric_names.begin(), metric_names.end(), name) != metric_names.end()) continue;
    std::string allowed = "must be one of ";
    for (const char* known : metric_names) {
      if (known != metric_names.front()) allowed += ", ";
      allowed += known;
    }
    return invalid("metrics", std::move(allowed));
  }
  const auto step = query->single("step");
  if (!step) return step.error();
  if (*step) {
    constexpr std::string_view rule = "must be a whole number of seconds from 1 to 86400";
    constexpr double longest = 86'400;
    const auto seconds = read_number(**step, "step", 1, longest, rule);
    if (!seconds) return seconds.error();
    if (*seconds != std::floor(*seconds)) return invalid("step", std::string{rule});
    question.step = std::chrono::seconds{static_cast<std::int64_t>(*seconds)};
  }
  const auto end = read_moment(*query, "end");
  if (!end) return end.error();
  // Without an end, the sample of this very moment belongs to the answer; whole seconds read
  // better.
  question.end = *end ? **end
                      : domain::Timestamp{std::chrono::floor<std::chrono::seconds>(call.now()) +
                                          std::chrono::seconds{1}};
  const auto start = read_moment(*query, "start");
  if (!start) return start.error();
  question.start = *start ? **start : question.end - std::chrono::hours{1};
  if (question.start > question.end) return invalid("start", "must not be after end");
  return question;
}

}  // namespace

void latest_processes(Call& call) { latest(call, ProcessVersion::v3); }
void latest_processes_v2(Call& call) { latest(call, ProcessVersion::v2); }
void create_process(Call& call) { create(call, ProcessVersion::v3); }
void create_process_v2(Call& call) { create(call, ProcessVersion::v2); }
void process_info(Call& call) { info(call, ProcessVersion::v3); }
void process_info_v2(Call& call) { info(call, ProcessVersion::v2); }

void count_processes(Call& call) {
  auto filter = read_filter(call);
  if (!filter) return call.exchange->fail(filter.error());
  call.core.count_processes(*std::move(filter),
                            reply_json<std::uint64_t>(call.exchange, 200, json::process_count));
}

void stop_process(Call& call) {
  const auto process = process_parameter(call.parameters[1]);
  if (!process) return call.exchange->fail(process.error());
  call.core.stop_process(domain::AppId{std::string{call.parameters[0]}}, *process,
                         reply_no_content(call.exchange));
}

void process_metrics(Call& call) {
  const auto process = process_parameter(call.parameters[1]);
  if (!process) return call.exchange->fail(process.error());
  auto question = read_metrics_question(call);
  if (!question) return call.exchange->fail(question.error());
  call.core.process_metrics(
      domain::AppId{std::string{call.parameters[0]}}, *process,
      reply_json<domain::ProcessMetrics>(
          call.exchange, 200, [asked = *std::move(question)](const domain::ProcessMetrics& all) {
            const auto points = [&](std::string_view name,
                                    const std::vector<domain::MetricSample>& samples) {
              return asked.wants(name)
                         ? std::optional{resample(samples, asked.start, asked.end, asked.step)}
                         : std::nullopt;
            };
            return json::process_metrics(
                {.cpu = points("cpu", all.cpu),
                 .memory = points("memory", all.memory),
                 .active_connections = points("activeConnections", all.active_connections)});
          }));
}

}  // namespace innkeeper::routes
