#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/http/message.hpp"
#include "gateway/port/core.hpp"
#include "gateway/routes/path_index.hpp"
#include "gateway/routes/rate_limiter.hpp"
#include "gateway/routes/route.hpp"
#include "metrics/metrics.hpp"

namespace innkeeper::routes {

struct RouterOptions {
  std::vector<std::string> cors_origins = {
      "*"};                   // "*", or origins as browsers send them; empty: no CORS
  std::string metrics_token;  // empty: /metrics is open
  std::shared_ptr<RateLimiter> rate_limiter;  // shared by all workers; null: no limit
  // Where the times of a route go (metrics::Metrics::http_route); empty: nowhere. What it returns
  // must live as long as the router and the requests that it has taken.
  std::function<metrics::Metrics::Route&(std::string_view route, std::string_view method)> metrics;
  std::function<domain::Timestamp()> now;  // empty: the system clock
};

// From a request to an answer: finds the route, checks who asks, and calls its handler with the
// core. One per worker, called on its thread; answers may come after the router is gone, not after
// the core is.
class Router {
 public:
  // `core` must outlive the router.
  Router(port::Core& core, RouterOptions options);
  void operator()(http::Request&& request, http::Responder responder);

 private:
  static constexpr std::size_t methods = 8;  // of http::Method
  struct Pattern {
    std::array<const Route*, methods> routes{};
    std::string allow;  // the Allow header
    std::array<metrics::Metrics::Route*, methods> metrics{};
  };
  [[nodiscard]] metrics::Metrics::Route* metrics_of(Pattern& pattern, std::string_view label,
                                                    http::Method method);
  [[nodiscard]] std::string allowed_origin(const http::Request& request) const;
  [[nodiscard]] std::optional<domain::Error> check_access(const Route& route,
                                                          const http::Request& request) const;
  [[nodiscard]] http::Response answer_options(const http::Request& request, const Pattern& pattern,
                                              bool cors) const;

  port::Core& core_;
  RouterOptions options_;
  bool any_origin_;
  PathIndex index_;
  std::vector<Pattern> patterns_;
  Pattern unmatched_;
  Pattern server_;  // `OPTIONS *`: the methods of all routes
};

}  // namespace innkeeper::routes
