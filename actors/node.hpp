#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include "actors/context.hpp"
#include "actors/interfaces.hpp"
#include "actors/routing.hpp"
#include "config/settings.hpp"

namespace innkeeper::actors {

// CAF as this program needs it (shared/caf.md 0 and 7): one queue for all workers, a bound on how long one
// actor may run, nothing read from files of the working directory.
class SystemConfig : public caf::actor_system_config {
 public:
  explicit SystemConfig(std::size_t threads);
};

// Why a node did not start or cannot go on.
struct StartFailure {
  std::string message;
};

// One node of its roles: the store, the catalog, a scheduler for each region, the host. Supervision: what
// ends with an error is started again from committed state, and counted. One owner; not thread-safe.
class Node {
 public:
  // `spawn_host` starts the host role's actor; empty when the node has no such role.
  using SpawnHost = std::function<host_actor()>;
  Node(caf::actor_system& system, const config::Settings& settings, Environment environment,
       SpawnHost spawn_host);
  ~Node();  // stops, if stop was not called

  // Opens the store, brings the catalog up to date, loads the regions, attaches the host. Returns when all
  // of it is ready. Error (`unavailable`): the message says what could not be had.
  [[nodiscard]] domain::Result<void> start(std::chrono::milliseconds timeout);
  // Ends schedulers, host and store, in that order. Server processes go on.
  void stop();

  [[nodiscard]] const std::shared_ptr<Routing>& routing() const noexcept { return routing_; }

 private:
  caf::actor_system& system_;
  const config::Settings settings_;
  Environment environment_;
  SpawnHost spawn_host_;
  std::shared_ptr<Routing> routing_ = std::make_shared<Routing>();
  store_actor store_;
  catalog_actor catalog_;
  node_actor supervisor_;
};

}  // namespace innkeeper::actors
