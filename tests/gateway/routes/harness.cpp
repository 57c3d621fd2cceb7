#include "tests/gateway/routes/harness.hpp"

#include <algorithm>

#include <catch2/catch.hpp>
#include <rapidjson/document.h>

namespace innkeeper::test {

std::string header_of(const http::Response& response, std::string_view name) {
  for (const auto& [key, value] : response.headers) {
    if (key == name) return value;
  }
  return {};
}

bool is_json(const std::string& text) {
  rapidjson::Document document;
  document.Parse<rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag>(
      text.data(), text.size());
  return !document.HasParseError();
}

std::string message_of(const http::Response& response) {
  rapidjson::Document document;
  document.Parse(response.body.data(), response.body.size());
  INFO(response.status << ' ' << response.body);
  REQUIRE(response.content_type == "application/json");
  REQUIRE(!document.HasParseError());
  REQUIRE(document.IsObject());
  REQUIRE(document.HasMember("message"));
  REQUIRE(document["message"].IsString());
  return document["message"].GetString();
}

bool same_json(const std::string& a, const std::string& b) {
  rapidjson::Document left;
  rapidjson::Document right;
  left.Parse(a.data(), a.size());
  right.Parse(b.data(), b.size());
  return !left.HasParseError() && !right.HasParseError() && left == right;
}

void Harness::start(http::Method method, std::string_view target, std::string body,
                    Headers headers) {
  http::Request request;
  request.method = method;
  const auto question = target.find('?');
  request.path = std::string{target.substr(0, question)};
  if (question != std::string_view::npos) request.query = std::string{target.substr(question + 1)};
  request.body = std::move(body);
  const bool has_token = std::any_of(headers.begin(), headers.end(), [](const auto& header) {
    return header.first == "authorization";
  });
  if (!has_token) headers.emplace_back("authorization", std::string{"Bearer "} + admin_token);
  request.headers = std::move(headers);
  request.received = std::chrono::steady_clock::now();
  router(std::move(request), http::Responder{sink, sink->responses.size()});
}

http::Response Harness::send(http::Method method, std::string_view target, std::string body,
                             Headers headers) {
  const std::size_t before = sink->responses.size();
  start(method, target, std::move(body), std::move(headers));
  INFO(http::to_string(method) << ' ' << target);
  REQUIRE(sink->responses.size() == before + 1);
  return sink->responses.back();
}

}  // namespace innkeeper::test
