#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/http/message.hpp"
#include "gateway/routes/router.hpp"
#include "tests/gateway/routes/fake_core.hpp"

namespace innkeeper::test {

// Keeps what was answered, request by request.
class CollectingSink final : public http::Responder::Sink {
 public:
  void respond(std::uint64_t, http::Response response) override {
    responses.push_back(std::move(response));
  }
  [[nodiscard]] bool client_gone() const noexcept override { return false; }
  std::vector<http::Response> responses;
};

using Headers = std::vector<std::pair<std::string, std::string>>;

// The value of a header of an answer; empty when it is not there.
[[nodiscard]] std::string header_of(const http::Response& response, std::string_view name);
// The `message` of an error body; fails the test when the body is anything else.
[[nodiscard]] std::string message_of(const http::Response& response);
// Whether two texts are the same JSON value.
[[nodiscard]] bool same_json(const std::string& a, const std::string& b);
[[nodiscard]] bool is_json(const std::string& text);

// A router over a fake core.
class Harness {
 public:
  explicit Harness(routes::RouterOptions options = {}) : router(core, std::move(options)) {}

  FakeCore core;
  routes::Router router;
  std::shared_ptr<CollectingSink> sink = std::make_shared<CollectingSink>();

  // Sends without expecting an answer yet. `target` is path and query. With the admin token unless
  // the headers have an `authorization`.
  void start(http::Method method, std::string_view target, std::string body = {},
             Headers headers = {});
  // Sends and returns the one answer.
  [[nodiscard]] http::Response send(http::Method method, std::string_view target,
                                    std::string body = {}, Headers headers = {});
  [[nodiscard]] http::Response get(std::string_view target, Headers headers = {}) {
    return send(http::Method::get, target, {}, std::move(headers));
  }
  [[nodiscard]] http::Response post(std::string_view target, std::string body = {},
                                    Headers headers = {}) {
    return send(http::Method::post, target, std::move(body), std::move(headers));
  }
};

}  // namespace innkeeper::test
