#include "gateway/routes/exchange.hpp"

#include <utility>

#include "gateway/routes/error_response.hpp"
#include "metrics/log.hpp"

namespace innkeeper::routes {

Exchange::Exchange(http::Responder responder, std::string_view method, std::string_view route,
                   metrics::Metrics::Route* metrics,
                   std::chrono::steady_clock::time_point received, std::string allow_origin,
                   bool vary_origin)
    : responder_(std::move(responder)),
      method_(method),
      route_(route),
      metrics_(metrics),
      received_(received),
      allow_origin_(std::move(allow_origin)),
      vary_origin_(vary_origin) {}

Exchange::~Exchange() {
  if (!answered_) {
    fail(
        {.code = domain::ErrorCode::internal, .message = "the request was lost inside the server"});
  }
}

void Exchange::send(http::Response response) {
  if (answered_) return;
  answered_ = true;
  if (!allow_origin_.empty()) {
    response.headers.emplace_back("Access-Control-Allow-Origin", std::move(allow_origin_));
    response.headers.emplace_back("Access-Control-Expose-Headers", "Retry-After");
  }
  if (vary_origin_) response.headers.emplace_back("Vary", "Origin");
  if (metrics_ != nullptr) {
    const std::chrono::duration<double> taken =
        worked_.count() >= 0 ? worked_ : std::chrono::steady_clock::now() - received_;
    metrics_->observe(response.status, taken.count());
  }
  responder_(std::move(response));
}

void Exchange::park() {
  if (answered_) return;
  worked_ = std::chrono::steady_clock::now() - received_;
  responder_.park();
}

void Exchange::send_json(int status, std::string body) {
  http::Response response;
  response.status = status;
  response.body = std::move(body);
  send(std::move(response));
}

void Exchange::send_empty(int status) {
  http::Response response;
  response.status = status;
  send(std::move(response));
}

void Exchange::fail(const domain::Error& error) {
  if (!answered_ && error.code == domain::ErrorCode::internal)
    log::event("http.request_failed",
               {{"method", method_}, {"route", route_}, {"reason", error.message}});
  send(to_response(error));
}

port::Reply<void> reply_no_content(ExchangePtr exchange) {
  return [exchange = std::move(exchange)](domain::Result<void> result) {
    if (result) {
      exchange->send_empty(204);
    } else {
      exchange->fail(result.error());
    }
  };
}

}  // namespace innkeeper::routes
