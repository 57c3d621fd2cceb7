#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace innkeeper::actors {

// When to try again what has failed: soon at first, then ever less often. Half of each pause is
// random, so that many that fail together do not come back together.
class Backoff {
 public:
  using Clock = std::chrono::steady_clock;

  // The first pause is `shortest`, each further one twice as long, up to `longest`.
  Backoff(Clock::duration shortest, Clock::duration longest)
      : shortest_(shortest), longest_(longest) {}

  // True when it may be tried.
  [[nodiscard]] bool due(Clock::time_point now) const noexcept { return now >= next_; }

  // The try that was due has failed. Further failures of the same try do not make the pause longer.
  void failed(Clock::time_point now, std::uint64_t random) noexcept {
    if (!due(now)) return;
    pause_ = pause_ == Clock::duration::zero() ? shortest_ : std::min(pause_ * 2, longest_);
    const auto half = pause_ / 2;
    next_ = now + half + half * static_cast<std::int64_t>(random % 1024) / 1024;
  }

  // It works, and has for long enough that the next failure is a new one.
  void reset() noexcept {
    pause_ = Clock::duration::zero();
    next_ = {};
  }

  [[nodiscard]] Clock::duration longest() const noexcept { return longest_; }

 private:
  const Clock::duration shortest_;
  const Clock::duration longest_;
  Clock::duration pause_{};
  Clock::time_point next_{};
};

}  // namespace innkeeper::actors
