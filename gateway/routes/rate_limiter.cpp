#include "gateway/routes/rate_limiter.hpp"

#include <algorithm>
#include <functional>

namespace innkeeper::routes {
namespace {

constexpr std::int64_t second =
    std::chrono::duration_cast<RateLimiter::Clock::duration>(std::chrono::seconds{1}).count();

}  // namespace

RateLimiter::RateLimiter(std::uint32_t requests_per_second)
    : interval_(
          requests_per_second == 0
              ? 0
              : std::max<std::int64_t>(1, second / static_cast<std::int64_t>(requests_per_second))),
      burst_(std::max(second, interval_)) {}

RateLimiter::Bucket& RateLimiter::find(std::uint64_t owner, std::int64_t now) noexcept {
  const auto at = [&](std::size_t i) -> Bucket& { return table_[(owner + i) % buckets]; };
  for (std::size_t i = 0; i < reach; ++i) {
    if (at(i).owner.load(std::memory_order_relaxed) == owner) return at(i);
  }
  for (std::size_t i = 0; i < reach; ++i) {
    Bucket& bucket = at(i);
    if (bucket.full_again.load(std::memory_order_relaxed) > now) continue;
    std::uint64_t previous = bucket.owner.load(std::memory_order_relaxed);
    if (bucket.owner.compare_exchange_strong(previous, owner, std::memory_order_relaxed))
      return bucket;
  }
  return at(0);
}

RateLimiter::Clock::duration RateLimiter::take(std::string_view token,
                                               Clock::time_point now) noexcept {
  if (interval_ == 0) return {};
  const std::int64_t moment = now.time_since_epoch().count();
  Bucket& bucket = find(std::uint64_t{std::hash<std::string_view>{}(token)} | 1U, moment);
  std::int64_t full_again = bucket.full_again.load(std::memory_order_relaxed);
  for (;;) {
    // The bucket as the time at which it would be full: one request moves it by one interval.
    const std::int64_t after = std::max(full_again, moment) + interval_;
    if (after - moment > burst_) return Clock::duration{after - moment - burst_};
    if (bucket.full_again.compare_exchange_weak(full_again, after, std::memory_order_relaxed))
      return {};
  }
}

}  // namespace innkeeper::routes
