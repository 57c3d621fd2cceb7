#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace innkeeper::metrics {

// Every metric of a node, behind one call for each thing that happens. All calls are thread-safe, cheap
// enough for the request path, and never fail. Label values come from closed sets (routes, regions, apps,
// statuses, reasons); ids of rooms and processes are never labels.
class Metrics {
 public:
  struct BuildInfo {
    std::string version;
    std::string commit;
  };
  explicit Metrics(const BuildInfo& build);
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // The text page of `GET /metrics` (Prometheus exposition format 0.0.4).
  [[nodiscard]] std::string text() const;

  // Makes every series of an app in a region, with the value 0, so that dashboards and alerts see them
  // before anything happens. Called for each region and app at start; harmless when repeated. Series of
  // apps that were not declared are made when they are first used.
  void declare_app(std::string_view region, std::string_view app);

  // One HTTP route and method; made once at start, valid as long as the Metrics object.
  class Route {
   public:
    virtual ~Route() = default;
    virtual void observe(int code, double seconds) = 0;
  };
  [[nodiscard]] Route& http_route(std::string_view route, std::string_view method);
  void set_http_limits(std::size_t connections, std::size_t in_flight);
  void http_connection_opened();
  void http_connection_closed();
  void http_connection_refused(std::string_view reason);  // "limit"
  void set_http_in_flight(std::size_t requests);

  // Gauges that a scheduler sets as a whole, about once a second.
  void set_rooms(std::string_view region, std::string_view app, std::string_view status, std::uint64_t n);
  void set_processes(std::string_view region, std::string_view app, std::string_view status, std::uint64_t n);
  void set_slots(std::string_view region, std::string_view app, std::uint64_t used, std::uint64_t free);
  void set_queue(std::string_view region, std::string_view app, std::uint64_t waiting, double oldest_wait_seconds);
  void set_room_actors(std::string_view region, std::uint64_t n);

  void room_created(std::string_view region, std::string_view app);
  void room_destroyed(std::string_view region, std::string_view app, std::string_view reason);
  void create_to_active(std::string_view region, std::string_view app, double seconds);
  void queue_waited(std::string_view region, std::string_view app, double seconds);
  void process_started(std::string_view region, std::string_view app, double seconds);
  void process_exited(std::string_view region, std::string_view app, std::string_view reason);
  void process_adopted(std::string_view host);
  void process_unknown_stopped(std::string_view host);

  // Capacity and use of a host; resource is "cpu" (cores), "memory" (bytes) or "ports".
  void set_host(std::string_view host, std::string_view resource, double capacity, double used);

  void store_committed(double seconds, std::size_t batch);
  void store_failed();
  void set_store_up(bool up);
  void set_store_bytes(double database, double wal);

  void actor_restarted(std::string_view kind);  // "region_scheduler", "room", "process", "host", "store", ...
  void set_ready(bool ready);
  void log_event(std::string_view level);

  // Where the time of a request goes; stage is "gateway", "scheduler", "room" or "store".
  void stage(std::string_view stage, double seconds);

  // For `innkeeper describe metrics` and the golden test.
  struct Description {
    std::string name;
    std::string type;  // counter, gauge, histogram
    std::string help;
    std::vector<std::string> labels;
  };
  [[nodiscard]] static std::vector<Description> describe();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The reference of all metrics as Markdown (`innkeeper describe metrics`).
[[nodiscard]] std::string describe_metrics_markdown();

}  // namespace innkeeper::metrics
