#include "metrics/metrics.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <sstream>
#include <string>
#include <utility>

#include <prometheus/text_serializer.h>

#include "metrics/catalogue.hpp"
#include "metrics/family.hpp"
#include "metrics/histogram.hpp"
#include "metrics/node_process.hpp"

namespace innkeeper::metrics {
namespace {

// A label value and its counter; few of them, looked up by comparing.
using Counters = std::vector<std::pair<std::string_view, prometheus::Counter*>>;

prometheus::Counter* find(const Counters& counters, std::string_view value) noexcept {
  for (const auto& [name, counter] : counters) {
    if (name == value) return counter;
  }
  return nullptr;
}

// The series of one app in one region that are touched for each room or process.
struct AppSeries {
  prometheus::Counter* created = nullptr;
  Histogram* create_to_active = nullptr;
  Histogram* queue_wait = nullptr;
  Histogram* process_start = nullptr;
  Counters destroyed;
  Counters exits;
};

using AppKey = std::pair<std::string, std::string>;
using AppKeyView = std::pair<std::string_view, std::string_view>;
struct AppKeyLess {
  using is_transparent = void;
  template <class A, class B>
  bool operator()(const A& a, const B& b) const noexcept {
    return AppKeyView(a) < AppKeyView(b);
  }
};

// Only so many apps have series of their own; the rest share "other".
constexpr std::size_t apps_max = 1'000;

}  // namespace

class RouteSeries final : public Metrics::Route {
 public:
  RouteSeries(Family& family, std::string_view route, std::string_view method)
      : family_(family), route_(route), method_(method) {
    // The ratio of failures is asked for before the first failure.
    static_cast<void>(of(500));
  }

  void observe(int code, double seconds) override { of(code).observe(seconds); }

 private:
  static constexpr int first_code = 100;
  static constexpr int last_code = 599;

  Histogram& of(int code) {
    if (code < first_code || code > last_code) code = last_code;
    std::atomic<Histogram*>& known = codes_[static_cast<std::size_t>(code - first_code)];
    if (Histogram* const found = known.load(std::memory_order_acquire)) return *found;
    const std::string text = std::to_string(code);
    Histogram& made = family_.histogram({route_, method_, text});
    known.store(&made, std::memory_order_release);
    return made;
  }

  Family& family_;
  const std::string route_;
  const std::string method_;
  std::array<std::atomic<Histogram*>, last_code - first_code + 1> codes_{};
};

struct Metrics::State {
  State() {
    families.reserve(catalogue().size());
    for (const Entry& one : catalogue()) families.push_back(std::make_unique<Family>(one));
  }

  Family& operator[](Id id) { return *families[static_cast<std::size_t>(id)]; }

  const AppSeries& app(std::string_view region, std::string_view name);
  AppSeries make_app(std::string_view region, std::string_view name);

  std::vector<std::unique_ptr<Family>> families;  // in the order of Id
  std::mutex scrape_mutex;                        // one page at a time
  std::mutex routes_mutex;
  std::map<AppKey, std::unique_ptr<RouteSeries>, AppKeyLess> routes;
  std::shared_mutex apps_mutex;  // guards the map; entries stay where they are
  std::map<AppKey, AppSeries, AppKeyLess> apps;
  Counters log_lines;
  std::vector<std::pair<std::string_view, Histogram*>> stages;
  prometheus::Gauge* connections = nullptr;
  prometheus::Counter* connections_opened = nullptr;
  prometheus::Gauge* in_flight = nullptr;
  Histogram* store_commit = nullptr;
  Histogram* store_batch = nullptr;
};

AppSeries Metrics::State::make_app(std::string_view region, std::string_view name) {
  State& self = *this;
  AppSeries made;
  made.created = &self[Id::rooms_created].counter({region, name});
  made.create_to_active = &self[Id::create_to_active].histogram({region, name});
  made.queue_wait = &self[Id::queue_wait].histogram({region, name});
  made.process_start = &self[Id::process_start].histogram({region, name});
  for (const std::string_view reason : end_reasons()) {
    made.destroyed.emplace_back(reason, &self[Id::rooms_destroyed].counter({region, name, reason}));
  }
  for (const std::string_view reason : exit_reasons()) {
    made.exits.emplace_back(reason, &self[Id::process_exits].counter({region, name, reason}));
  }
  for (const std::string_view status : room_statuses()) {
    static_cast<void>(self[Id::rooms].gauge({region, name, status}));
  }
  for (const std::string_view status : process_statuses()) {
    static_cast<void>(self[Id::processes].gauge({region, name, status}));
  }
  for (const std::string_view state : {"free", "used"}) {
    static_cast<void>(self[Id::slots].gauge({region, name, state}));
  }
  static_cast<void>(self[Id::queue_rooms].gauge({region, name}));
  static_cast<void>(self[Id::queue_oldest].gauge({region, name}));
  static_cast<void>(self[Id::room_actors].gauge({region}));
  return made;
}

const AppSeries& Metrics::State::app(std::string_view region, std::string_view name) {
  {
    const std::shared_lock lock(apps_mutex);
    if (const auto found = apps.find(AppKeyView(region, name)); found != apps.end()) {
      return found->second;
    }
  }
  const std::unique_lock lock(apps_mutex);
  if (apps.size() >= apps_max) region = name = "other";
  const auto found = apps.find(AppKeyView(region, name));
  if (found != apps.end()) return found->second;
  return apps.emplace(AppKey(region, name), make_app(region, name)).first->second;
}

Metrics::Metrics(const BuildInfo& build) : state_(std::make_unique<State>()) {
  State& s = *state_;
  s[Id::build_info].gauge({build.version, build.commit}).Set(1);
  for (const std::string_view kind : actor_kinds()) {
    static_cast<void>(s[Id::actor_restarts].counter({kind}));
  }
  for (const std::string_view level : log_levels()) {
    s.log_lines.emplace_back(level, &s[Id::log_lines].counter({level}));
  }
  for (const std::string_view name : metrics::stages()) {
    s.stages.emplace_back(name, &s[Id::stage].histogram({name}));
  }
  // An alert cannot see the first increase of a series that begins with it.
  for (const char* const reason : {"limit", "descriptors"})
    static_cast<void>(s[Id::http_connections_refused].counter({reason}));
  s.connections = &s[Id::http_connections].gauge();
  s.connections_opened = &s[Id::http_connections_opened].counter();
  s.in_flight = &s[Id::http_in_flight].gauge();
  s.store_commit = &s[Id::store_commit].histogram();
  s.store_batch = &s[Id::store_batch].histogram();
}

Metrics::~Metrics() = default;

std::string Metrics::text() const {
  State& s = *state_;
  const std::lock_guard lock(s.scrape_mutex);
  const auto begin = std::chrono::steady_clock::now();
  const NodeProcess node = read_node_process();
  prometheus::Counter& cpu = s[Id::cpu_seconds].counter();
  cpu.Increment(node.cpu_seconds - cpu.Value());
  s[Id::resident_bytes].gauge().Set(node.resident_bytes);
  s[Id::virtual_bytes].gauge().Set(node.virtual_bytes);
  s[Id::open_fds].gauge().Set(node.open_fds);
  s[Id::max_fds].gauge().Set(node.max_fds);
  s[Id::start_time].gauge().Set(node.start_time_seconds);

  std::vector<prometheus::MetricFamily> page;
  page.reserve(s.families.size());
  for (const std::unique_ptr<Family>& family : s.families) page.push_back(family->collect());
  std::string text = prometheus::TextSerializer{}.Serialize(page);
  s[Id::render].histogram().observe(
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  return text;
}

void Metrics::declare_app(std::string_view region, std::string_view app) {
  static_cast<void>(state_->app(region, app));
}

Metrics::Route& Metrics::http_route(std::string_view route, std::string_view method) {
  State& s = *state_;
  const std::lock_guard lock(s.routes_mutex);
  std::unique_ptr<RouteSeries>& found = s.routes[AppKey(route, method)];
  if (!found) found = std::make_unique<RouteSeries>(s[Id::http_requests], route, method);
  return *found;
}

void Metrics::set_http_limits(std::size_t connections, std::size_t in_flight) {
  (*state_)[Id::http_connections_limit].gauge().Set(static_cast<double>(connections));
  (*state_)[Id::http_in_flight_limit].gauge().Set(static_cast<double>(in_flight));
}

void Metrics::http_connection_opened() {
  state_->connections->Increment();
  state_->connections_opened->Increment();
}
void Metrics::http_connection_closed() { state_->connections->Decrement(); }
void Metrics::http_connection_refused(std::string_view reason) {
  (*state_)[Id::http_connections_refused].counter({reason}).Increment();
}
void Metrics::set_http_in_flight(std::size_t requests) {
  state_->in_flight->Set(static_cast<double>(requests));
}

void Metrics::set_rooms(std::string_view region, std::string_view app, std::string_view status,
                        std::uint64_t n) {
  (*state_)[Id::rooms].gauge({region, app, status}).Set(static_cast<double>(n));
}
void Metrics::set_processes(std::string_view region, std::string_view app, std::string_view status,
                            std::uint64_t n) {
  (*state_)[Id::processes].gauge({region, app, status}).Set(static_cast<double>(n));
}
void Metrics::set_slots(std::string_view region, std::string_view app, std::uint64_t used,
                        std::uint64_t free) {
  (*state_)[Id::slots].gauge({region, app, "used"}).Set(static_cast<double>(used));
  (*state_)[Id::slots].gauge({region, app, "free"}).Set(static_cast<double>(free));
}
void Metrics::set_queue(std::string_view region, std::string_view app, std::uint64_t waiting,
                        double oldest_wait_seconds) {
  (*state_)[Id::queue_rooms].gauge({region, app}).Set(static_cast<double>(waiting));
  (*state_)[Id::queue_oldest].gauge({region, app}).Set(oldest_wait_seconds);
}
void Metrics::set_room_actors(std::string_view region, std::uint64_t n) {
  (*state_)[Id::room_actors].gauge({region}).Set(static_cast<double>(n));
}

void Metrics::room_created(std::string_view region, std::string_view app) {
  state_->app(region, app).created->Increment();
}
void Metrics::room_destroyed(std::string_view region, std::string_view app,
                             std::string_view reason) {
  if (prometheus::Counter* const known = find(state_->app(region, app).destroyed, reason)) {
    known->Increment();
  } else {
    (*state_)[Id::rooms_destroyed].counter({region, app, reason}).Increment();
  }
}
void Metrics::create_to_active(std::string_view region, std::string_view app, double seconds) {
  state_->app(region, app).create_to_active->observe(seconds);
}
void Metrics::queue_waited(std::string_view region, std::string_view app, double seconds) {
  state_->app(region, app).queue_wait->observe(seconds);
}
void Metrics::process_started(std::string_view region, std::string_view app, double seconds) {
  state_->app(region, app).process_start->observe(seconds);
}
void Metrics::process_exited(std::string_view region, std::string_view app,
                             std::string_view reason) {
  if (prometheus::Counter* const known = find(state_->app(region, app).exits, reason)) {
    known->Increment();
  } else {
    (*state_)[Id::process_exits].counter({region, app, reason}).Increment();
  }
}
void Metrics::process_adopted(std::string_view host) {
  (*state_)[Id::processes_adopted].counter({host}).Increment();
}
void Metrics::process_unknown_stopped(std::string_view host) {
  (*state_)[Id::processes_unknown].counter({host}).Increment();
}

void Metrics::set_host(std::string_view host, std::string_view resource, double capacity,
                       double used) {
  State& s = *state_;
  static_cast<void>(s[Id::processes_adopted].counter({host}));
  static_cast<void>(s[Id::processes_unknown].counter({host}));
  if (resource == "cpu") {
    s[Id::host_cpu].gauge({host}).Set(capacity);
    s[Id::host_cpu_used].gauge({host}).Set(used);
  } else if (resource == "memory") {
    s[Id::host_memory].gauge({host}).Set(capacity);
    s[Id::host_memory_used].gauge({host}).Set(used);
  } else if (resource == "ports") {
    s[Id::host_ports].gauge({host}).Set(capacity);
    s[Id::host_ports_used].gauge({host}).Set(used);
  }
}

void Metrics::store_committed(double seconds, std::size_t batch) {
  state_->store_commit->observe(seconds);
  state_->store_batch->observe(static_cast<double>(batch));
}
void Metrics::store_failed() { (*state_)[Id::store_failures].counter().Increment(); }
void Metrics::set_store_up(bool up) { (*state_)[Id::store_up].gauge().Set(up ? 1 : 0); }
void Metrics::set_store_bytes(double database, double wal) {
  (*state_)[Id::store_database].gauge().Set(database);
  (*state_)[Id::store_wal].gauge().Set(wal);
}

void Metrics::actor_restarted(std::string_view kind) {
  (*state_)[Id::actor_restarts].counter({kind}).Increment();
}
void Metrics::set_ready(bool ready) { (*state_)[Id::ready].gauge().Set(ready ? 1 : 0); }
void Metrics::log_event(std::string_view level) {
  if (prometheus::Counter* const known = find(state_->log_lines, level)) known->Increment();
}

void Metrics::stage(std::string_view stage, double seconds) {
  for (const auto& [name, histogram] : state_->stages) {
    if (name == stage) return histogram->observe(seconds);
  }
}

}  // namespace innkeeper::metrics
