#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace innkeeper::log {

// For events that clients can provoke as often as they like: lets one through in each `pause`.
// Thread-safe.
class Seldom {
 public:
  using Clock = std::chrono::steady_clock;
  explicit Seldom(Clock::duration pause) : pause_(pause) {}

  // How many there were since the last one that was let through, this one included; 0: this one is
  // not.
  [[nodiscard]] std::uint64_t pass(Clock::time_point now) noexcept {
    held_.fetch_add(1, std::memory_order_relaxed);
    auto next = next_.load(std::memory_order_relaxed);
    if (now.time_since_epoch().count() < next) return 0;
    const auto then = (now + pause_).time_since_epoch().count();
    if (!next_.compare_exchange_strong(next, then, std::memory_order_relaxed)) return 0;
    return held_.exchange(0, std::memory_order_relaxed);
  }

 private:
  const Clock::duration pause_;
  std::atomic<Clock::rep> next_{0};
  std::atomic<std::uint64_t> held_{0};
};

}  // namespace innkeeper::log
