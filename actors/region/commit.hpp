#pragma once

#include <caf/typed_event_based_actor.hpp>

#include "actors/region_scheduler.hpp"
#include "actors/wire/errors.hpp"

namespace innkeeper::actors {

// Makes the process's record durable, then calls `then` with the process, if it is still known. When the
// store cannot, the region stops, and whoever waits for the process is told so.
template <class Then>
void RegionScheduler::commit(const ProcessEntry& process, Then then) {
  store::Mutation mutation;
  mutation.push_back(store::PutProcess{.region = deps_.lease->region,
                                       .app = process.deployment->app,
                                       .process = process.record});
  self_->request(deps_.store, caf::infinite, commit_atom::value, deps_.lease,
                 MutationPtr{std::make_shared<store::Mutation>(std::move(mutation))})
      .then(
          [this, id = process.record.id, then = std::move(then)](wire::Done) mutable {
            if (auto* p = directory_.process(id)) then(*p);
          },
          [this](const caf::error& error) { failed(wire::from_caf(error).message); });
}

}  // namespace innkeeper::actors
