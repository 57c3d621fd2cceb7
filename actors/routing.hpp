#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "actors/interfaces.hpp"

namespace innkeeper::actors {

// Which scheduler serves which region, and whether this node is ready: written by the node actor, read by
// the gateway's workers. Immutable once shared.
struct RoutingTable {
  struct Region {
    domain::RegionName name;
    std::string tag;  // at the start of the ids that are generated there
    region_scheduler_actor scheduler;
  };
  std::vector<Region> regions;  // sorted by name
  CatalogPtr catalog;
  std::vector<std::pair<std::string, std::string>> parts;  // part of the node -> "ready", or why not
  bool ready = false;
};

// Hands the latest table from the node to the workers. Thread-safe.
class Routing {
 public:
  [[nodiscard]] std::shared_ptr<const RoutingTable> table() const {
    const std::lock_guard lock{mutex_};
    return table_;
  }
  void publish(std::shared_ptr<const RoutingTable> table) {
    const std::lock_guard lock{mutex_};
    table_ = std::move(table);
  }
  // Drops all handles, so that the actors can end.
  void clear() { publish(std::make_shared<RoutingTable>()); }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const RoutingTable> table_ = std::make_shared<RoutingTable>();
};

}  // namespace innkeeper::actors
