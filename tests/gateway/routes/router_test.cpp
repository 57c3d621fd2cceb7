#include <catch2/catch.hpp>

#include <map>

#include "gateway/routes/error_response.hpp"
#include "gateway/routes/path_index.hpp"
#include "tests/gateway/routes/harness.hpp"

using namespace innkeeper;
using http::Method;
using test::Harness;

TEST_CASE("a path that is not there is a 404 with a JSON body") {
  for (const std::string path :
       {"/", "", "*", "/nope", "/rooms", "/rooms/v2", "/rooms/v2/", "/rooms/v2/app-1/create/",
        "//healthz", "/healthz/", "/rooms/v2//create", "/rooms/v2/app-1/info/",
        "/rooms/v3/app-1/create", "/HEALTHZ", "/a/b/c/d/e/f/g/h/i/j/k/l/m/n",
        "/lobby/v3/app-1/create"}) {
    Harness harness;
    INFO(path);
    const auto response = harness.get(path);
    CHECK(response.status == 404);
    CHECK_FALSE(test::message_of(response).empty());
    CHECK(harness.core.calls.empty());
  }
}

TEST_CASE("broken percent-encoding in a path is a 400") {
  for (const std::string path :
       {"/%", "/rooms/v2/app%2/create", "/rooms/v2/a%g0/create", "/healthz%"}) {
    Harness harness;
    const auto response = harness.get(path);
    CHECK(response.status == 400);
    CHECK_FALSE(test::message_of(response).empty());
  }
}

TEST_CASE("path segments are matched decoded, and an encoded slash stays inside its segment") {
  Harness harness;
  CHECK(harness.get("/%68ealthz").status == 200);
  CHECK(harness.get("/rooms%2Fv2/app-1/info/r1").status == 404);
  CHECK(harness.get("/rooms/v2/app-1/info/r%31").status == 200);
  CHECK(harness.core.calls.back() == "room_info app-1 r1");
}

TEST_CASE("a known path with another method is a 405 that lists the methods") {
  struct Row {
    Method method;
    std::string path;
    std::string allow;
  };
  for (const Row& row : std::vector<Row>{
           {Method::get, "/rooms/v2/app-1/create", "POST, OPTIONS"},
           {Method::head, "/rooms/v2/app-1/create", "POST, OPTIONS"},
           {Method::post, "/healthz", "GET, HEAD, OPTIONS"},
           {Method::del, "/apps/v2/apps/app-1", "GET, HEAD, OPTIONS"},
           {Method::other, "/readyz", "GET, HEAD, OPTIONS"},
           {Method::post, "/processes/v3/apps/app-1/processes/latest", "GET, HEAD, OPTIONS"},
       }) {
    Harness harness;
    const auto response = harness.send(row.method, row.path, {}, {{"authorization", "none"}});
    INFO(row.path);
    CHECK(response.status == 405);
    CHECK(test::header_of(response, "Allow") == row.allow);
    CHECK_FALSE(test::message_of(response).empty());
  }
}

TEST_CASE("HEAD answers as GET does") {
  Harness harness;
  for (const std::string path :
       {"/healthz", "/rooms/v2/app-1/info/r1", "/rooms/v2/app-1/info/unknown"}) {
    const auto head = harness.send(Method::head, path);
    const auto get = harness.get(path);
    CHECK(head.status == get.status);
    CHECK(head.body == get.body);  // the session sends its length only
  }
}

TEST_CASE("literal segments win over parameters, and parameters take what literals leave") {
  routes::PathIndex index;
  const auto latest = index.add("/p/{a}/q/latest");
  const auto one = index.add("/p/{a}/q/{b}");
  const auto metrics = index.add("/p/{a}/q/process/{b}/metrics");
  const auto stop = index.add("/p/{a}/q/{b}/stop");
  CHECK(index.add("/p/{a}/q/{b}") == one);
  const auto find = [&](std::string_view path, std::string_view second) {
    routes::PathParameters parameters;
    const auto match = index.find(path, parameters);
    REQUIRE(match.outcome == routes::PathIndex::Outcome::found);
    if (parameters.count > 1) CHECK(parameters[1] == second);
    CHECK(parameters[0] == "x");
    return match.pattern;
  };
  CHECK(find("/p/x/q/latest", "") == latest);
  CHECK(find("/p/x/q/y", "y") == one);
  CHECK(find("/p/x/q/process/y/metrics", "y") == metrics);
  CHECK(find("/p/x/q/process/stop", "process") == stop);
  CHECK(find("/p/x/q/latest/stop", "latest") == stop);
  CHECK(find("/p/x/q/a%2Fb", "a/b") == one);
}

TEST_CASE(
    "operations that are not public ask for a bearer token, whatever the case of the scheme") {
  struct Row {
    std::string header;
    bool accepted;
  };
  for (const Row& row : std::vector<Row>{
           {"Bearer admin-secret", true},
           {"bearer admin-secret", true},
           {"BEARER   admin-secret", true},
           {"Bearer wrong", false},
           {"Bearer", false},
           {"Bearer ", false},
           {"", false},
           {"admin-secret", false},
           {"Basic YWRtaW46c2VjcmV0", false},
           {"Beareradmin-secret", false},
           {"Bearer Bearer admin-secret", false},
       }) {
    for (const routes::Route& route : routes::route_table()) {
      if (route.access != routes::Access::token) continue;
      std::string path;
      for (std::string_view rest = route.pattern; !rest.empty();) {
        const auto brace = rest.find('{');
        path += rest.substr(0, brace);
        if (brace == std::string_view::npos) break;
        const auto end = rest.find('}');
        path += rest.substr(brace + 1, end - brace - 1) == "appId" ? "app-1" : "x";
        rest.remove_prefix(end + 1);
      }
      Harness harness;
      const auto response = harness.send(route.method, path, {}, {{"authorization", row.header}});
      INFO(row.header << ' ' << path);
      CHECK((response.status != 401) == row.accepted);
      if (!row.accepted) {
        CHECK_FALSE(test::message_of(response).empty());
        CHECK(test::header_of(response, "WWW-Authenticate") == "Bearer");
        CHECK(harness.core.calls.empty());
      }
    }
  }
}

TEST_CASE("credentials that are given twice are none, whichever comes first") {
  const std::pair<std::string, std::string> good{"authorization", "Bearer admin-secret"};
  const std::pair<std::string, std::string> bad{"authorization", "Bearer wrong"};
  Harness harness;
  CHECK(harness.get("/apps/v2/apps", {good, bad}).status == 401);
  CHECK(harness.get("/apps/v2/apps", {bad, good}).status == 401);
  CHECK(harness.get("/apps/v2/apps", {good, good}).status == 401);
  CHECK(harness.get("/apps/v2/apps", {good}).status == 200);
}

TEST_CASE("public operations do not look at the Authorization header") {
  for (const routes::Route& route : routes::route_table()) {
    if (route.access != routes::Access::open) continue;
    const std::string_view pattern = route.pattern;
    const bool known =
        pattern.find("connectioninfo") != pattern.npos || pattern.find('{') == pattern.npos;
    CHECK(known);
  }
  for (const std::string path :
       {"/healthz", "/readyz", "/metrics", "/openapi.json", "/rooms/v2/app-1/connectioninfo/r1",
        "/rooms/v1/app-1/connectioninfo/r1"}) {
    Harness harness;
    CHECK(harness.get(path, {{"authorization", "Bearer wrong"}}).status == 200);
  }
}

TEST_CASE("the metrics page asks for its own token when it has one") {
  Harness open;
  const auto page = open.get("/metrics");
  CHECK(page.body == "innkeeper_up 1\n");
  CHECK(page.content_type == "text/plain; version=0.0.4; charset=utf-8");
  Harness guarded{{.metrics_token = "scrape"}};
  CHECK(guarded.get("/metrics", {{"authorization", "Bearer scrape"}}).status == 200);
  CHECK(guarded.get("/metrics", {{"authorization", "Bearer admin-secret"}}).status == 401);
  CHECK(guarded.get("/metrics", {{"authorization", ""}}).status == 401);
}

TEST_CASE("CORS answers the origins of the settings") {
  struct Row {
    std::vector<std::string> origins;
    std::string origin;
    std::string allowed;
    std::string vary;
  };
  for (const Row& row : std::vector<Row>{
           {{"*"}, "https://game.example", "*", ""},
           {{"*"}, "", "", ""},
           {{"https://game.example"}, "https://game.example", "https://game.example", "Origin"},
           {{"https://game.example"}, "https://other.example", "", "Origin"},
           {{"https://game.example"}, "", "", "Origin"},
           {{}, "https://game.example", "", ""},
       }) {
    Harness harness{{.cors_origins = row.origins}};
    test::Headers headers;
    if (!row.origin.empty()) headers.emplace_back("origin", row.origin);
    for (const std::string path :
         {"/rooms/v2/app-1/connectioninfo/r1", "/rooms/v2/app-1/connectioninfo/unknown", "/nope"}) {
      const auto response = harness.get(path, headers);
      CHECK(test::header_of(response, "Access-Control-Allow-Origin") == row.allowed);
      CHECK(test::header_of(response, "Vary") == row.vary);
    }
  }
}

TEST_CASE("a preflight is answered without a token") {
  Harness harness;
  auto response =
      harness.send(Method::options, "/rooms/v2/app-1/create", {},
                   {{"authorization", ""},
                    {"origin", "https://game.example"},
                    {"access-control-request-method", "POST"},
                    {"access-control-request-headers", "authorization,x-speakeasy-user-agent"}});
  CHECK(response.status == 204);
  CHECK(response.body.empty());
  CHECK(test::header_of(response, "Access-Control-Allow-Origin") == "*");
  CHECK(test::header_of(response, "Access-Control-Allow-Methods") == "POST, OPTIONS");
  CHECK(test::header_of(response, "Access-Control-Allow-Headers") ==
        "authorization,x-speakeasy-user-agent");
  CHECK(harness.core.calls.empty());

  response = harness.send(Method::options, "/healthz", {},
                          {{"origin", "https://game.example"},
                           {"access-control-request-method", "GET"},
                           {"access-control-request-headers", "bad\"header"}});
  CHECK(test::header_of(response, "Access-Control-Allow-Headers") ==
        "Authorization, Content-Type, Idempotency-Key");

  response = harness.send(Method::options, "/healthz");
  CHECK(response.status == 204);
  CHECK(test::header_of(response, "Allow") == "GET, HEAD, OPTIONS");
  CHECK(test::header_of(response, "Access-Control-Allow-Methods").empty());
  CHECK(harness.send(Method::options, "/nope").status == 404);
  // RFC 9110 section 9.3.7
  response = harness.send(Method::options, "*", {}, {{"authorization", "none"}});
  CHECK(response.status == 204);
  CHECK(response.body.empty());
  CHECK(test::header_of(response, "Allow") == "GET, HEAD, POST, OPTIONS");
}

TEST_CASE("every error code has its status, and 429 says when to come back") {
  using domain::ErrorCode;
  const std::vector<std::pair<ErrorCode, int>> expected = {
      {ErrorCode::invalid, 422},        {ErrorCode::unauthenticated, 401},
      {ErrorCode::quota_exceeded, 402}, {ErrorCode::not_found, 404},
      {ErrorCode::refused, 400},        {ErrorCode::overloaded, 429},
      {ErrorCode::timeout, 408},        {ErrorCode::unavailable, 500},
      {ErrorCode::internal, 500}};
  for (const auto& [code, status] : expected) {
    Harness harness;
    harness.core.failure = domain::Error{.code = code, .message = "no \"luck\" \xFF"};
    for (const auto& response :
         {harness.post("/rooms/v2/app-1/create", R"({"region":"Seattle"})"),
          harness.post("/rooms/v2/app-1/destroy/r1"), harness.get("/rooms/v2/app-1/info/r1")}) {
      CHECK(response.status == status);
      CHECK(test::is_json(response.body));
      CHECK(test::message_of(response).find("no \"luck\"") == 0);
      CHECK(test::header_of(response, "Retry-After") == (status == 429 ? "1" : ""));
    }
    CHECK(routes::describe_errors().find(std::to_string(status)) != std::string::npos);
  }
  Harness harness;
  harness.core.failure =
      domain::Error{.code = ErrorCode::overloaded, .message = "full", .retry_after_s = 7};
  CHECK(test::header_of(harness.get("/rooms/v2/app-1/connectioninfo/r1"), "Retry-After") == "7");
  // A store that comes back by itself.
  harness.core.failure =
      domain::Error{.code = ErrorCode::unavailable, .message = "away", .retry_after_s = 2};
  const auto away = harness.post("/rooms/v2/app-1/destroy/r1");
  CHECK(away.status == 429);
  CHECK(test::header_of(away, "Retry-After") == "2");
}

TEST_CASE("the field of an error is named once") {
  CHECK(routes::to_response(
            {.code = domain::ErrorCode::invalid, .message = "is required", .field = "region"})
            .body == R"({"message":"region: is required"})");
  CHECK(routes::to_response({.code = domain::ErrorCode::refused,
                             .message = "\"a\" is already taken",
                             .field = "roomId"})
            .body == R"({"message":"roomId: \"a\" is already taken"})");
  CHECK(routes::to_response({.code = domain::ErrorCode::not_found, .message = "room not found"})
            .body == R"({"message":"room not found"})");
}

TEST_CASE("a token over its rate gets 429, while other tokens and public operations go on") {
  Harness harness{{.rate_limiter = std::make_shared<routes::RateLimiter>(5)}};
  int accepted = 0;
  http::Response last;
  for (int i = 0; i < 50; ++i) {
    last = harness.get("/rooms/v2/app-1/info/r1");
    accepted += last.status == 200 ? 1 : 0;
  }
  CHECK(accepted >= 5);
  CHECK(accepted < 50);
  CHECK(last.status == 429);
  CHECK(test::header_of(last, "Retry-After") == "1");
  CHECK_FALSE(test::message_of(last).empty());
  CHECK(harness.get("/rooms/v2/app-1/connectioninfo/r1").status == 200);
}

TEST_CASE("a rate limit refills with time and forgets nobody") {
  routes::RateLimiter limiter{10};
  using namespace std::chrono_literals;
  auto now = routes::RateLimiter::Clock::time_point{} + 1h;
  const auto take = [&](std::string_view token) { return limiter.take(token, now) == 0s; };
  for (int i = 0; i < 10; ++i) CHECK(take("a"));
  CHECK_FALSE(take("a"));
  CHECK(limiter.take("a", now) <= 100ms);
  CHECK(take("b"));
  now += 100ms;
  CHECK(take("a"));
  CHECK_FALSE(take("a"));
  now += 10s;
  for (int i = 0; i < 10; ++i) CHECK(take("a"));
  CHECK_FALSE(take("a"));
  // More tokens than the table has buckets: each is still limited.
  for (int i = 0; i < 20'000; ++i) static_cast<void>(take("token-" + std::to_string(i)));
  int accepted = 0;
  for (int i = 0; i < 100; ++i) accepted += take("one more") ? 1 : 0;
  CHECK(accepted <= 10);
  routes::RateLimiter unlimited{0};
  for (int i = 0; i < 1000; ++i) CHECK(unlimited.take("a", now) == 0s);
}

namespace {

struct RecordedRoute final : metrics::Metrics::Route {
  std::vector<int> codes;
  void observe(int code, double seconds) override {
    CHECK(seconds >= 0);
    codes.push_back(code);
  }
};

}  // namespace

TEST_CASE("every answer is observed under its pattern and method") {
  std::map<std::string, RecordedRoute> recorded;
  Harness harness{
      {.metrics = [&](std::string_view route, std::string_view method) -> metrics::Metrics::Route& {
        return recorded[std::string{method} + ' ' + std::string{route}];
      }}};
  CHECK(harness.get("/rooms/v2/app-1/info/r1").status == 200);
  CHECK(harness.get("/rooms/v2/app-1/info/unknown").status == 404);
  CHECK(harness.post("/rooms/v2/app-1/info/r1").status == 405);
  CHECK(harness.get("/some/random/thing").status == 404);
  CHECK(harness.get("/another").status == 404);
  CHECK(harness.get("/healthz").status == 200);
  harness.core.later = true;
  harness.start(Method::post, "/rooms/v2/app-1/destroy/r1");
  CHECK(recorded["POST /rooms/v2/{appId}/destroy/{roomId}"].codes.empty());
  harness.core.drop();
  CHECK(recorded.size() == 5);
  CHECK(recorded["GET /rooms/v2/{appId}/info/{roomId}"].codes == std::vector<int>{200, 404});
  CHECK(recorded["POST /rooms/v2/{appId}/info/{roomId}"].codes == std::vector<int>{405});
  CHECK(recorded["GET unmatched"].codes == std::vector<int>{404, 404});
  CHECK(recorded["GET /healthz"].codes == std::vector<int>{200});
  CHECK(recorded["POST /rooms/v2/{appId}/destroy/{roomId}"].codes == std::vector<int>{500});
}

TEST_CASE("health and readiness answer in JSON, part by part") {
  Harness harness;
  CHECK(harness.get("/healthz").body == R"({"status":"ok"})");
  auto response = harness.get("/readyz");
  CHECK(response.status == 200);
  CHECK(response.body == R"({"ready":true,"parts":{"store":"ready"}})");
  harness.core.state = {
      .ready = false,
      .parts = {{"store", "disk full"}, {"listener", "ready"}, {"region", "recovers"}}};
  response = harness.get("/readyz");
  CHECK(response.status == 503);
  CHECK(test::message_of(response) == "not ready: store disk full; region recovers");
  CHECK(test::same_json(response.body,
                        R"({"message":"not ready: store disk full; region recovers","ready":false,
          "parts":{"store":"disk full","listener":"ready","region":"recovers"}})"));
}

TEST_CASE("the reference names every route and every error code") {
  const std::string text = routes::describe_routes();
  for (const routes::Route& route : routes::route_table()) {
    CHECK(text.find("`" + std::string{route.pattern} + "` | " + std::string{route.operation}) !=
          text.npos);
  }
}
