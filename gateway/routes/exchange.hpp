#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "actors/domain/result.hpp"
#include "gateway/http/message.hpp"
#include "gateway/port/core.hpp"
#include "metrics/metrics.hpp"

namespace innkeeper::routes {

// One request on its way to one answer. Whoever holds the last reference without having answered
// answers 500 by letting go, so that a lost reply shows up as an error and in the metrics. Lives on
// its worker's thread.
class Exchange {
 public:
  // `method` and `route` (static text) name the request in the log. `metrics` may be null. `allow_origin` is what CORS answers, empty for nothing; with
  // `vary_origin` caches are told that the answer depends on the origin.
  Exchange(http::Responder responder, std::string_view method, std::string_view route,
           metrics::Metrics::Route* metrics,
           std::chrono::steady_clock::time_point received, std::string allow_origin,
           bool vary_origin);
  ~Exchange();
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  // Answers. What comes after the first answer is dropped.
  void send(http::Response response);
  void send_json(int status, std::string body);
  void send_empty(int status);
  // Answers with the error. One of code `internal` is a mistake of ours, and goes to the log.
  void fail(const domain::Error& error);
  // The client asked to wait: that time is no work of ours, so it counts neither as in flight nor in the
  // route's durations.
  void park();

 private:
  http::Responder responder_;
  std::string_view method_;
  std::string_view route_;
  metrics::Metrics::Route* metrics_;
  std::chrono::steady_clock::time_point received_;
  std::string allow_origin_;
  bool vary_origin_;
  bool answered_ = false;
  std::chrono::steady_clock::duration worked_{-1};  // before it was parked
};

using ExchangePtr = std::shared_ptr<Exchange>;

// A reply that answers with `status` and `write(value)`, or with the error.
template <class T, class Write>
[[nodiscard]] port::Reply<T> reply_json(ExchangePtr exchange, int status, Write write) {
  return [exchange = std::move(exchange), status, write](domain::Result<T> result) {
    if (result) {
      exchange->send_json(status, write(*result));
    } else {
      exchange->fail(result.error());
    }
  };
}

// A reply that answers 204, or with the error.
[[nodiscard]] port::Reply<void> reply_no_content(ExchangePtr exchange);

}  // namespace innkeeper::routes
