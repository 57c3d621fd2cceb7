#include "tests/fuzz/routes_case.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <rapidjson/document.h>
#include <rapidjson/memorystream.h>

#include "gateway/http/request_parser.hpp"
#include "gateway/json/text.hpp"
#include "gateway/routes/router.hpp"
#include "tests/gateway/routes/fake_core.hpp"

namespace innkeeper::test {
namespace {

struct Sink final : http::Responder::Sink {
  void respond(std::uint64_t, http::Response response) override {
    responses.push_back(std::move(response));
  }
  [[nodiscard]] bool client_gone() const noexcept override { return false; }
  std::vector<http::Response> responses;
};

void require(bool holds, const char* what, const http::Response& response) {
  if (holds) return;
  std::fprintf(stderr, "%s: status %d, body %s\n", what, response.status, response.body.c_str());
  std::abort();
}

void check(const http::Response& response, bool asked_for_readiness) {
  constexpr std::array known = {200, 201, 204, 400, 401, 402, 404, 405, 408, 422, 429};
  require(std::find(known.begin(), known.end(), response.status) != known.end() ||
              (asked_for_readiness && response.status == 503),
          "unknown status", response);
  if (response.status == 204) return require(response.body.empty(), "body with 204", response);
  if (response.content_type != "application/json") return;
  rapidjson::Document document;
  document.Parse<rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag>(
      response.body.data(), response.body.size());
  require(!document.HasParseError(), "not JSON", response);
  require(json::count_code_points(response.body).has_value(), "not UTF-8", response);
  if (response.status >= 400) {
    require(document.IsObject() && document.HasMember("message") &&
                document["message"].IsString() && document["message"].GetStringLength() > 0,
            "error without a message", response);
    require(response.body.size() < 4096, "message without end", response);
  }
}

// Sends the request through a router over a fake core, which answers at once or later.
void answer_one(http::Request&& request, bool later, bool any_origin) {
  FakeCore core;
  core.later = later;
  routes::Router router{core, {.cors_origins = {any_origin ? "*" : "https://game.example"}}};
  const auto sink = std::make_shared<Sink>();
  const bool asked_for_readiness = request.path == "/readyz";
  router(std::move(request), http::Responder{sink, 1});
  core.release();
  if (sink->responses.size() != 1) {
    std::fprintf(stderr, "%zu answers\n", sink->responses.size());
    std::abort();
  }
  check(sink->responses.front(), asked_for_readiness);
}

}  // namespace

void run_routes_case(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return;
  const std::uint8_t choice = data[0];
  std::string_view rest{reinterpret_cast<const char*>(data + 1), size - 1};
  http::Request request;
  request.method = static_cast<http::Method>(choice & 7U);
  std::string_view target = rest.substr(0, rest.find('\n'));
  rest.remove_prefix(std::min(rest.size(), target.size() + 1));
  request.body = std::string{rest};
  const std::string_view path = target.substr(0, target.find('?'));
  request.path = std::string{path};
  if (path.size() < target.size()) request.query = std::string{target.substr(path.size() + 1)};
  request.headers.emplace_back("authorization", (choice & 8U) != 0
                                                    ? std::string{"Bearer "} + admin_token
                                                    : std::string{rest.substr(0, 40)});
  if ((choice & 16U) != 0)
    request.headers.emplace_back("idempotency-key", std::string{rest.substr(0, 300)});
  if ((choice & 32U) != 0) {
    request.headers.emplace_back("origin", "https://game.example");
    request.headers.emplace_back("access-control-request-method", "POST");
    request.headers.emplace_back("access-control-request-headers", std::string{rest.substr(0, 60)});
  }

  answer_one(std::move(request), (choice & 64U) != 0, (choice & 128U) != 0);
}

void run_http_case(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return;
  const std::uint8_t choice = data[0];
  const std::string_view bytes{reinterpret_cast<const char*>(data + 1), size - 1};
  const http::ParseLimits limits{.header_bytes = 2048, .body_bytes = 2048};
  auto whole = http::parse_requests(bytes, limits);
  const auto pieces = http::parse_requests(bytes, limits, 1U + (choice & 31U));
  // How the bytes are cut must not change what is understood: else a proxy and this server could disagree.
  if (whole.requests.size() != pieces.requests.size() ||
      whole.error.has_value() != pieces.error.has_value()) {
    std::fprintf(stderr, "%zu requests at once, %zu in pieces\n", whole.requests.size(),
                 pieces.requests.size());
    std::abort();
  }
  for (auto& request : whole.requests) {
    if ((choice & 32U) != 0)
      request.headers.insert(request.headers.begin(),
                             {"authorization", std::string{"Bearer "} + admin_token});
    answer_one(std::move(request), (choice & 64U) != 0, (choice & 128U) != 0);
  }
}

}  // namespace innkeeper::test
