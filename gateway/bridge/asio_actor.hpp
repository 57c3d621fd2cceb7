#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include <caf/actor_config.hpp>
#include <caf/actor_system.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/execution_unit.hpp>
#include <caf/resumable.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

// An actor that lives on the thread of an io_context, so that its handlers touch sockets without a lock.
namespace innkeeper::bridge {

// Runs the actors that belong to it on an io_context, and passes all others to CAF's scheduler.
class AsioUnit : public caf::execution_unit {
 public:
  AsioUnit(caf::actor_system& system, boost::asio::io_context& context)
      : caf::execution_unit(&system), context_(context) {}

  // Called on the io_context's thread by whatever runs there, and on any thread when somebody sends to the
  // actor that lives there.
  //
  // Handing a request to a thread of the pool costs more than handling it: on few cores the threads take
  // turns at sleeping and waking each other. So the actors that this thread has something for are run here,
  // after all sockets that were ready, like one more worker of CAF's; those that somebody runs already only
  // find the message in their mailbox (docs/performance.md).
  void exec_later(caf::resumable* job) override {
    if (job->subtype() != caf::resumable::io_actor) {
      to_wake_.push_back(job);
      if (to_wake_.size() == 1 && !waking_) boost::asio::post(context_, [this] { wake(); });
      return;
    }
    boost::asio::post(context_, [this, job] {
      // The bound lets sockets have their turn between bursts of messages.
      if (job->resume(this, messages_per_turn) == caf::resumable::resume_later)
        exec_later(job);
      else
        caf::intrusive_ptr_release(job);  // the queue held one reference
    });
  }

  // Between these two, the time that is spent on woken actors is measured: it is not the gateway's.
  void begin_timing() {
    timed_ = true;
    woken_ = {};
  }
  std::chrono::steady_clock::duration end_timing() {
    timed_ = false;
    return woken_;
  }

  // Called after each request: now and then the woken actors run before the other sockets that are ready are
  // looked at, so that the store begins to commit while this thread still reads.
  void requested() {
    if (++requests_ % requests_per_wake == 0) wake();
  }

 private:
  static constexpr std::size_t messages_per_turn = 256;
  static constexpr std::size_t jobs_per_turn = 1024;
  static constexpr std::uint32_t requests_per_wake = 4;

  void wake() {
    if (waking_) return;
    waking_ = true;
    const auto start = timed_ ? std::chrono::steady_clock::now() : std::chrono::steady_clock::time_point{};
    // Running one may add others.
    for (std::size_t i = 0; i < to_wake_.size(); ++i) {
      auto* job = to_wake_[i];
      if (i < jobs_per_turn && job->resume(this, messages_per_turn) != caf::resumable::resume_later)
        caf::intrusive_ptr_release(job);
      else
        system().scheduler().enqueue(job);
    }
    to_wake_.clear();
    waking_ = false;
    if (timed_) woken_ += std::chrono::steady_clock::now() - start;
  }

  boost::asio::io_context& context_;
  std::uint32_t requests_ = 0;
  bool waking_ = false;
  bool timed_ = false;
  std::chrono::steady_clock::duration woken_{};
  std::vector<caf::resumable*> to_wake_;  // touched on the io_context's thread only
};

// The gateway's end of all requests of one worker. `request` may be called on the worker's thread only;
// the answers arrive there.
class GatewayActor : public caf::event_based_actor {
 public:
  GatewayActor(caf::actor_config& config, AsioUnit& unit) : caf::event_based_actor(config), unit_(unit) {}

  using caf::event_based_actor::enqueue;
  void enqueue(caf::mailbox_element_ptr message, caf::execution_unit*) override {
    caf::event_based_actor::enqueue(std::move(message), &unit_);
  }
  void launch(caf::execution_unit*, bool lazy, bool hide) override {
    caf::event_based_actor::launch(&unit_, lazy, hide);
  }
  // Keeps CAF's own threads away from it.
  subtype_t subtype() const override { return caf::resumable::io_actor; }

  caf::behavior make_behavior() override {
    set_default_handler(caf::drop);
    return {[](caf::unit_t) {}};
  }

 private:
  AsioUnit& unit_;
};

}  // namespace innkeeper::bridge
