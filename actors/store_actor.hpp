#pragma once

#include <memory>

#include <caf/actor_system.hpp>

#include "actors/interfaces.hpp"
#include "actors/store/store.hpp"
#include "metrics/metrics.hpp"

namespace innkeeper::actors {

// Starts the only door to the database, on a thread of its own: every call into `store` may block.
//
// Mutations that arrive while a commit is under way form the next batch, so batches grow with the load. The
// answers of a batch are released after its commit. After a failed commit everything is refused with
// `unavailable` until a probe has got the store ready again.
[[nodiscard]] store_actor spawn_store(caf::actor_system& system, std::unique_ptr<store::Store> store,
                                      std::shared_ptr<metrics::Metrics> metrics);

// The same without a thread of its own, for tests under CAF's test coordinator.
[[nodiscard]] store_actor spawn_store_in_pool(caf::actor_system& system,
                                              std::unique_ptr<store::Store> store,
                                              std::shared_ptr<metrics::Metrics> metrics);

}  // namespace innkeeper::actors
