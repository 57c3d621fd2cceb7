#pragma once

#include <caf/typed_event_based_actor.hpp>

#include "actors/region_scheduler.hpp"
#include "actors/wire/errors.hpp"

namespace innkeeper::actors {

// Makes the process's record durable, then calls `then` with the process, if it is still known. When the
// store cannot, the region stops; nobody is told of a success.
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

// The same; a failure is also what `promise` is answered with.
template <class Then, class T>
void RegionScheduler::commit(const ProcessEntry& process, Then then,
                             caf::typed_response_promise<T> promise) {
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
          [this, promise](const caf::error& error) mutable {
            failed(wire::from_caf(error).message);
            promise.deliver(error);
          });
}

}  // namespace innkeeper::actors
