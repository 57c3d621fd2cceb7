#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

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

// Why a node cannot go on, told once. Thread-safe.
class NodeFailure {
 public:
  // `told` is called, from an actor's thread, when there is a reason.
  explicit NodeFailure(std::function<void()> told) : told_(std::move(told)) {}
  void set(std::string reason);
  [[nodiscard]] std::optional<std::string> reason() const;

 private:
  const std::function<void()> told_;
  mutable std::mutex mutex_;
  std::optional<std::string> reason_;
};

// One node of its roles: the store, the catalog, a scheduler for each region, the host. Supervision: schedulers
// and hosts that end with an error are started again from committed state, and counted. Without its store actor
// a node can do nothing, and what that actor was doing when it broke is not known: then the node has failed, and
// whoever started it begins anew. One owner; not thread-safe.
class Node {
 public:
  // `spawn_host` starts the host role's actor; empty when the node has no such role.
  using SpawnHost = std::function<host_actor()>;
  // `on_failure` is called at most once, from an actor's thread, when the node cannot go on; failure() says why.
  Node(caf::actor_system& system, const config::Settings& settings, Environment environment,
       SpawnHost spawn_host, std::function<void()> on_failure = {});
  ~Node();  // stops, if stop was not called

  // Opens the store, brings the catalog up to date, loads the regions, attaches the host. Returns when all
  // of it is ready. Error (`unavailable`): the message says what could not be had.
  [[nodiscard]] domain::Result<void> start(std::chrono::milliseconds timeout);
  // Ends schedulers, host and store, in that order. Server processes go on.
  void stop();

  [[nodiscard]] const std::shared_ptr<Routing>& routing() const noexcept { return routing_; }
  // Why the node cannot go on; nothing while it can. Any thread.
  [[nodiscard]] std::optional<std::string> failure() const { return failure_->reason(); }
  // For tests of supervision.
  [[nodiscard]] const store_actor& store() const noexcept { return store_; }

 private:
  caf::actor_system& system_;
  const config::Settings settings_;
  Environment environment_;
  SpawnHost spawn_host_;
  std::shared_ptr<NodeFailure> failure_;
  std::shared_ptr<Routing> routing_ = std::make_shared<Routing>();
  store_actor store_;
  catalog_actor catalog_;
  node_actor supervisor_;
};

}  // namespace innkeeper::actors
