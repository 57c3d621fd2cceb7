#include "actors/store_actor.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include "actors/domain/limits.hpp"
#include "actors/exceptions.hpp"
#include "actors/wire/errors.hpp"
#include "metrics/log.hpp"

namespace innkeeper::actors {
namespace {

using Clock = std::chrono::steady_clock;

// Longer commits are told to operators.
constexpr double slow_commit_seconds = 0.5;
// The longest pause between two attempts at getting a store ready again.
constexpr auto rest_max = std::chrono::milliseconds(500);

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

struct StoreState {
  static inline const char* name = "store";
  // What can be in trouble beside the regions, which are read one by one.
  static inline const std::string whole_store = "store";

  struct Waiting {
    caf::typed_response_promise<wire::Done> promise;
    MutationPtr mutation;
  };

  store_actor::pointer self = nullptr;
  std::unique_ptr<store::Store> store;
  std::shared_ptr<metrics::Metrics> metrics;
  // Who may write: the lease that loaded the region last, until the store fails.
  struct Holder {
    std::uint64_t epoch = 0;
    bool valid = false;
  };
  std::map<std::string, Holder> holders;
  std::uint64_t batch_number = 0;
  std::vector<Waiting> waiting;  // the next batch
  bool failed = false;
  Clock::time_point rests_until{};  // no attempt at getting ready again before
  std::uint64_t failures = 0;
  // What does not work now, and why: said once, until it works again or fails for another reason.
  std::map<std::string, std::string> troubles;
  Clock::time_point sized{};

  StoreState() = default;
  StoreState(const StoreState&) = delete;
  StoreState& operator=(const StoreState&) = delete;
  // Whoever waits for the next batch would wait for ever.
  ~StoreState() {
    for (auto& one : std::exchange(waiting, {})) one.promise.deliver(wire::to_caf(lost()));
  }

  caf::result<wire::Done> commit(const Lease& lease, const MutationPtr& mutation) {
    if (failed) return wire::to_caf(unavailable());
    const auto holder = holders.find(lease.region.str());
    if (holder != holders.end() && (lease.epoch < holder->second.epoch || !holder->second.valid))
      return wire::to_caf({.code = domain::ErrorCode::unavailable,
                           .message = "the scheduler of this region is being started again",
                           .retry_after_s = store->retry_after_s()});
    // Everything that is in the mailbox by now is handled before this message, and so joins the batch.
    if (waiting.empty()) self->send(self, flush_atom::value, ++batch_number);
    auto promise = self->make_response_promise<wire::Done>();
    waiting.push_back({promise, mutation});
    if (waiting.size() >= domain::limits::store_batch) close_batch();
    return promise;
  }

  void close_batch() {
    if (waiting.empty()) return;
    std::vector<const store::Mutation*> batch;
    batch.reserve(waiting.size());
    for (const auto& one : waiting) batch.push_back(one.mutation.get());
    const auto start = Clock::now();
    auto committed = store->commit(batch);
    if (!committed) {
      commit_failed(committed.error().message);
      return;
    }
    const auto seconds = seconds_since(start);
    const auto answers = std::exchange(waiting, {});
    metrics->store_committed(seconds, answers.size());
    if (seconds >= slow_commit_seconds)
      log::event("store.slow_commit", {{"ms", static_cast<std::int64_t>(seconds * 1000)},
                                       {"changes", static_cast<std::uint64_t>(answers.size())}});
    metrics->stage("store", seconds / static_cast<double>(answers.size()));
    for (std::size_t i = 0; i < answers.size(); ++i) {
      auto promise = answers[i].promise;
      if (const auto& outcome = (*committed)[i])
        promise.deliver(wire::Done{});
      else
        promise.deliver(wire::to_caf(outcome.error()));
    }
    if (Clock::now() - sized > std::chrono::seconds(1)) {
      sized = Clock::now();
      const auto size = store->size();
      metrics->set_store_bytes(size.database, size.wal);
    }
  }

  void commit_failed(const std::string& why) {
    fail();
    if (is_news(whole_store, why)) log::event("store.commit_failed", {{"reason", why}});
  }

  bool is_news(const std::string& what, const std::string& why) {
    const auto [known, is_new] = troubles.emplace(what, why);
    return std::exchange(known->second, why) != why || is_new;
  }

  void works(const std::string& what) {
    if (troubles.erase(what) > 0 && troubles.empty()) log::event("store.recovered");
  }

  // The batch is lost as a whole; whether its commit took effect is not known.
  void fail() {
    failed = true;
    ++failures;
    // What the schedulers hold in memory may be ahead of the disk now: each has to load its region anew,
    // under a new lease, before it may write again.
    for (auto& [region, holder] : holders) holder.valid = false;
    metrics->store_failed();
    metrics->set_store_up(false);
    for (auto& one : std::exchange(waiting, {})) one.promise.deliver(wire::to_caf(lost()));
  }

  // Of what was in a commit that failed: nobody may be told that it did not happen.
  [[nodiscard]] static domain::Error lost() {
    return {.code = domain::ErrorCode::unavailable,
            .message = "nothing can be changed now, because the store cannot commit"};
  }
  // Of what was not tried.
  [[nodiscard]] domain::Error unavailable() const {
    auto error = lost();
    error.retry_after_s = store->retry_after_s();
    return error;
  }

  caf::result<std::uint64_t> probe() {
    if (!failed) return failures;
    // Probes come at a steady rate. Those that queued up behind an attempt that took long (a server that
    // does not answer) are not each worth one of their own.
    const auto start = Clock::now();
    if (start < rests_until) return wire::to_caf(unavailable());
    if (auto ready = store->reopen(); !ready) {
      const auto& why = ready.error().message;
      if (is_news(whole_store, why)) log::event("store.open_failed", {{"reason", why}});
      const auto end = Clock::now();
      rests_until = end + std::min<Clock::duration>(end - start, rest_max);
      return wire::to_caf(unavailable());
    }
    failed = false;
    metrics->set_store_up(true);
    // Opening it includes a commit. A region that could not be read has yet to show that it can be.
    works(whole_store);
    return failures;
  }

  // Reads see what is committed, so the open batch goes first. `what` is read, for the log.
  template <class T, class Read>
  caf::result<T> read(const std::string& what, Read&& read) {
    close_batch();
    if (failed) return wire::to_caf(unavailable());
    auto result = read(*store);
    if (!result) {
      // A store that cannot be read must be reopened before it can be trusted with commits.
      if (result.error().code == domain::ErrorCode::unavailable) {
        fail();
        const auto& why = result.error().message;
        if (is_news(what, why)) log::event("store.read_failed", {{"part", what}, {"reason", why}});
      }
      // Why a region cannot be loaded goes to the node's log; the rest is for clients, who need not know.
      return wire::to_caf(failed && what == whole_store ? unavailable() : result.error());
    }
    works(what);
    return std::move(result).value();
  }
};

using StatePointer = store_actor::stateful_pointer<StoreState>;

// What the actor is made of is copied on its way, so a store travels in a holder.
using StoreHolder = std::shared_ptr<std::unique_ptr<store::Store>>;

store_actor::behavior_type run_store(StatePointer self, const StoreHolder& holder,
                                     std::shared_ptr<metrics::Metrics> metrics) {
  self->set_exception_handler(log_exception);
  auto& state = self->state;
  state.self = self;
  state.store = std::move(*holder);
  state.metrics = std::move(metrics);
  state.metrics->set_store_up(true);
  return {
      [self](commit_atom, const LeasePtr& lease, const MutationPtr& mutation) {
        return self->state.commit(*lease, mutation);
      },
      [self](load_atom, const LeasePtr& lease) {
        return self->state.read<SnapshotPtr>(
            "region " + lease->region.str(), [&](store::Store& s) -> domain::Result<SnapshotPtr> {
              auto loaded = s.load_region(lease->region);
              if (!loaded) return std::move(loaded).error();
              auto& writer = self->state.holders[lease->region.str()];
              if (lease->epoch >= writer.epoch) writer = {.epoch = lease->epoch, .valid = true};
              return SnapshotPtr{std::make_shared<store::RegionSnapshot>(std::move(loaded).value())};
            });
      },
      [self](load_atom, const domain::RoomId& room) {
        return self->state.read<RoomRecordPtr>(
            StoreState::whole_store, [&](store::Store& s) { return s.load_room(room); });
      },
      [self](load_atom) {
        return self->state.read<CatalogPtr>(StoreState::whole_store, [&](store::Store& s) -> domain::Result<CatalogPtr> {
          auto loaded = s.load_catalog();
          if (!loaded) return std::move(loaded).error();
          return CatalogPtr{std::make_shared<domain::CatalogSnapshot>(std::move(loaded).value())};
        });
      },
      [self](probe_atom) { return self->state.probe(); },
      [self](flush_atom, std::uint64_t number) {
        if (number == self->state.batch_number) self->state.close_batch();
      },
  };
}

}  // namespace

store_actor spawn_store(caf::actor_system& system, std::unique_ptr<store::Store> store,
                        std::shared_ptr<metrics::Metrics> metrics) {
  return system.spawn<caf::detached>(
      run_store, std::make_shared<std::unique_ptr<store::Store>>(std::move(store)), std::move(metrics));
}

store_actor spawn_store_in_pool(caf::actor_system& system, std::unique_ptr<store::Store> store,
                                std::shared_ptr<metrics::Metrics> metrics) {
  return system.spawn(run_store, std::make_shared<std::unique_ptr<store::Store>>(std::move(store)),
                      std::move(metrics));
}

}  // namespace innkeeper::actors
