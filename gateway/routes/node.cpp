#include <utility>

#include "gateway/json/readiness_json.hpp"
#include "gateway/routes/handlers.hpp"
#include "gateway/routes/openapi.hpp"

namespace innkeeper::routes {

void health(Call& call) { call.exchange->send_json(200, R"({"status":"ok"})"); }

void readiness(Call& call) {
  const auto state = call.core.readiness();
  call.exchange->send_json(state.ready ? 200 : 503, json::readiness(state.ready, state.parts));
}

void metrics_page(Call& call) {
  http::Response response;
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  response.body = call.core.metrics_text();
  call.exchange->send(std::move(response));
}

void openapi(Call& call) { call.exchange->send_json(200, openapi_text()); }

}  // namespace innkeeper::routes
