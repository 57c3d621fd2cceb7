#include "metrics/catalogue.hpp"

#include <string>

#include "metrics/metrics.hpp"

namespace innkeeper::metrics {

const char* to_string(Type type) noexcept {
  switch (type) {
    case Type::counter:
      return "counter";
    case Type::gauge:
      return "gauge";
    case Type::histogram:
      return "histogram";
  }
  return "gauge";
}

const std::vector<double>& upper_bounds(Buckets buckets) {
  static const std::vector<double> none;
  static const std::vector<double> latency{0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                           0.1,     0.25,   0.5,   1,      2.5,   10,   60};
  static const std::vector<double> slow{0.005, 0.025, 0.1, 0.25, 0.5, 1,   2.5,
                                        5,     10,    30,  60,   120, 300, 600};
  static const std::vector<double> batch{1, 2, 4, 8, 16, 32, 64, 128, 256, 512};
  switch (buckets) {
    case Buckets::none:
      return none;
    case Buckets::latency:
      return latency;
    case Buckets::slow:
      return slow;
    case Buckets::batch:
      return batch;
  }
  return none;
}

const std::vector<Entry>& catalogue() {
  static const std::vector<Entry> entries{
#define INNKEEPER_METRIC(id, name, type, labels, buckets, help) \
  {name, Type::type, labels, Buckets::buckets, help},
#include "metrics/catalogue.def"
#undef INNKEEPER_METRIC
  };
  return entries;
}

const Entry& entry(Id id) { return catalogue()[static_cast<std::size_t>(id)]; }

std::vector<std::string> label_names(const Entry& entry) {
  std::vector<std::string> names;
  std::string_view rest = entry.labels;
  while (!rest.empty()) {
    const std::size_t comma = rest.find(',');
    names.emplace_back(rest.substr(0, comma));
    rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma + 1);
  }
  return names;
}

const std::vector<std::string_view>& room_statuses() {
  static const std::vector<std::string_view> values{"scheduling", "active", "suspended",
                                                    "destroyed"};
  return values;
}
const std::vector<std::string_view>& process_statuses() {
  static const std::vector<std::string_view> values{"starting", "running", "draining",
                                                    "stopping", "stopped", "failed"};
  return values;
}
const std::vector<std::string_view>& exit_reasons() {
  static const std::vector<std::string_view> values{"exited",    "ordered",       "idle",
                                                    "crashed",   "start_timeout", "start_failed",
                                                    "host_lost", "unneeded",      "no_capacity"};
  return values;
}
const std::vector<std::string_view>& end_reasons() {
  static const std::vector<std::string_view> values{
      "destroyed", "process_stopped", "process_idle", "process_crashed", "process_start_failed",
      "host_lost", "no_capacity"};
  return values;
}
const std::vector<std::string_view>& actor_kinds() {
  static const std::vector<std::string_view> values{"region_scheduler", "room",  "process", "host",
                                                    "catalog",          "store", "gateway"};
  return values;
}
const std::vector<std::string_view>& log_levels() {
  static const std::vector<std::string_view> values{"debug", "info", "warning", "error"};
  return values;
}
const std::vector<std::string_view>& stages() {
  static const std::vector<std::string_view> values{"gateway", "scheduler", "room", "store"};
  return values;
}

std::vector<Metrics::Description> Metrics::describe() {
  std::vector<Description> all;
  all.reserve(catalogue().size());
  for (const Entry& one : catalogue()) {
    all.push_back(
        {std::string(one.name), to_string(one.type), std::string(one.help), label_names(one)});
  }
  return all;
}

std::string describe_metrics_markdown() {
  std::string text =
      "# Metrics\n\n"
      "Served at `GET /metrics` in the Prometheus text format. Times are in seconds, sizes in "
      "bytes.\n"
      "No label holds the id of a room or of a process.\n\n"
      "| name | type | labels | meaning |\n|---|---|---|---|\n";
  for (const Entry& one : catalogue()) {
    text.append("| `").append(one.name).append("` | ").append(to_string(one.type)).append(" | ");
    const std::vector<std::string> names = label_names(one);
    for (std::size_t i = 0; i < names.size(); ++i) {
      text.append(i == 0 ? "`" : ", `").append(names[i]).append("`");
    }
    text.append(" | ").append(one.help).append(" |\n");
  }
  return text;
}

}  // namespace innkeeper::metrics
