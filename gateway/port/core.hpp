#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "actors/domain/api.hpp"
#include "actors/domain/deployment.hpp"
#include "actors/domain/result.hpp"

// What routes may ask of the core. No CAF here: the bridge implements it over actors, tests by hand.
namespace innkeeper::port {

template <class T>
using Reply = std::function<void(domain::Result<T>)>;

// One per gateway worker; called, and calling back, only on that worker's thread. A reply comes exactly
// once, possibly before the call returns; `timeout` when the deadline passes first.
class Core {
 public:
  virtual ~Core() = default;

  // Rooms. `not_found` when the app or room is unknown, or the room belongs to another app.
  virtual void create_room(domain::CreateRoom command, Reply<domain::ConnectionInfo> reply) = 0;
  virtual void room_info(domain::AppId app, domain::RoomId room, Reply<domain::RoomView> reply) = 0;
  virtual void destroy_room(domain::AppId app, domain::RoomId room, Reply<void> reply) = 0;
  virtual void suspend_room(domain::AppId app, domain::RoomId room, Reply<void> reply) = 0;
  virtual void resume_room(domain::AppId app, domain::RoomId room, Reply<domain::ConnectionInfo> reply) = 0;
  virtual void update_room(domain::AppId app, domain::RoomId room, std::string config, Reply<void> reply) = 0;
  // Answers at once when `wait` is zero or the room is active; else when it becomes active, is destroyed,
  // or `wait` is over, whichever is first.
  virtual void connection_info(domain::AppId app, domain::RoomId room, std::chrono::milliseconds wait,
                               Reply<domain::ConnectionInfo> reply) = 0;
  virtual void explain_room(domain::RoomId room, Reply<domain::RoomExplanation> reply) = 0;
  // The rooms that are on the process now (`active`), or were and no longer are. `allocations` is empty.
  virtual void rooms_of_process(domain::AppId app, domain::ProcessId process, bool active,
                                Reply<std::vector<domain::RoomView>> reply) = 0;

  // Processes.
  virtual void create_process(domain::AppId app, domain::RegionName region, Reply<domain::ProcessView> reply) = 0;
  virtual void process_info(domain::AppId app, domain::ProcessId process, Reply<domain::ProcessView> reply) = 0;
  virtual void stop_process(domain::AppId app, domain::ProcessId process, Reply<void> reply) = 0;
  // Newest first, at most limits::latest_processes.
  virtual void latest_processes(domain::ProcessFilter filter, Reply<std::vector<domain::ProcessView>> reply) = 0;
  virtual void count_processes(domain::ProcessFilter filter, Reply<std::uint64_t> reply) = 0;
  virtual void process_metrics(domain::AppId app, domain::ProcessId process, Reply<domain::ProcessMetrics> reply) = 0;

  // The catalog as of now; never null, cheap.
  [[nodiscard]] virtual std::shared_ptr<const domain::CatalogSnapshot> catalog() const = 0;
  // The regions that are served, sorted.
  [[nodiscard]] virtual std::vector<domain::RegionName> regions() const = 0;

  // True when the token is one that may do everything (the admin token). Constant time in its content.
  [[nodiscard]] virtual bool is_admin_token(std::string_view token) const = 0;

  struct Readiness {
    bool ready = false;
    std::vector<std::pair<std::string, std::string>> parts;  // part of the node, and its state: "ready" or why not
  };
  [[nodiscard]] virtual Readiness readiness() const = 0;
  [[nodiscard]] virtual std::string metrics_text() const = 0;
};

}  // namespace innkeeper::port
