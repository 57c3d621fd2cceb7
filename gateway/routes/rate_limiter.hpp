#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <string_view>

namespace innkeeper::routes {

// Requests per second for each token: a bucket that holds one second's worth. One object for all
// workers; thread-safe and without locks. The table is bounded: a bucket that is full again is
// given to the next token, which loses nothing; while all buckets in reach are in use, tokens share
// one.
class RateLimiter {
 public:
  using Clock = std::chrono::steady_clock;
  // 0: no limit.
  explicit RateLimiter(std::uint32_t requests_per_second);

  // Zero when the request may go on; else how long until one may.
  [[nodiscard]] Clock::duration take(std::string_view token, Clock::time_point now) noexcept;

 private:
  struct Bucket {
    std::atomic<std::uint64_t> owner{0};      // hash of the token
    std::atomic<std::int64_t> full_again{0};  // when the bucket is full, in ticks of the clock
  };
  static constexpr std::size_t buckets = 4096;
  static constexpr std::size_t reach = 8;
  [[nodiscard]] Bucket& find(std::uint64_t owner, std::int64_t now) noexcept;
  std::int64_t interval_;  // ticks between two requests at the limit; 0: no limit
  std::int64_t burst_;     // ticks that a bucket may be ahead
  std::array<Bucket, buckets> table_;
};

}  // namespace innkeeper::routes
