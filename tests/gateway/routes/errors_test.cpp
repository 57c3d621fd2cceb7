#include <catch2/catch.hpp>

#include <algorithm>

#include "gateway/routes/error_response.hpp"
#include "tests/gateway/http/bad_requests.hpp"
#include "tests/gateway/routes/harness.hpp"

using namespace innkeeper;
using http::Method;
using test::Harness;

namespace {

bool in_reference(int status, routes::ErrorSource from) {
  const auto meanings = routes::error_meanings();
  return std::any_of(meanings.begin(), meanings.end(), [&](const routes::ErrorMeaning& one) {
    return one.status == status && one.from == from;
  });
}

}  // namespace

TEST_CASE("every status that the listener refuses requests with is in the reference") {
  for (const http::test::BadRequest& bad : http::test::bad_requests()) {
    INFO(bad.name << " " << bad.status);
    CHECK(in_reference(bad.status, routes::ErrorSource::listener));
  }
  for (const int status : {400, 408, 413, 414, 417, 429, 431, 501, 505}) {
    INFO(status);
    CHECK(in_reference(status, routes::ErrorSource::listener));
  }
}

TEST_CASE("the reference of errors is ordered by status and has a row for each meaning") {
  const auto meanings = routes::error_meanings();
  CHECK(std::is_sorted(meanings.begin(), meanings.end(),
                       [](const auto& a, const auto& b) { return a.status < b.status; }));
  const std::string text = routes::describe_errors();
  for (const routes::ErrorMeaning& one : meanings) {
    CHECK_FALSE(one.text.empty());
    CHECK(text.find("| " + std::to_string(one.status) + " | ") != std::string::npos);
    CHECK(text.find(std::string{one.text}) != std::string::npos);
  }
  CHECK(text.find("route=\"refused\"") != std::string::npos);
}

TEST_CASE("what is wrong with a value reads as its field, a colon and a rule") {
  struct Row {
    Method method;
    std::string target;
    std::string body;
    std::string message;
  };
  const std::string create = "/rooms/v2/app-1/create";
  const std::string good = R"({"region":"Seattle"})";
  const std::string connect = "/rooms/v2/app-1/connectioninfo/r1";
  const std::string update = "/rooms/v2/app-1/update/r1";
  const std::string latest = "/processes/v3/apps/app-1/processes/latest";
  const std::string process = "01890000-0000-7000-8000-000000000001";
  const std::string metrics = "/processes/v3/apps/app-1/processes/process/" + process + "/metrics";
  const std::string wait =
      R"(wait: must be "10s", "500ms" or a whole number of seconds such as "10"; at most 60s)";
  const std::string before =
      "before: must be a number of milliseconds since 1970, from 0 to the year 9999";
  const std::string start =
      "start: must be a number of seconds since 1970, from 0 to the year 9999";
  const std::string step = "step: must be a whole number of seconds from 1 to 86400";
  for (const Row& row : std::vector<Row>{
           {Method::post, create, "", "body: must be a JSON object, and is empty"},
           {Method::post, create, "[]", "body: must be a JSON object"},
           {Method::post, create, "{",
            "body: is not valid JSON at byte 1: missing a name for object member"},
           {Method::post, create, "\xFF", "body: must be UTF-8"},
           {Method::post, create, std::string(17, '['),
            "body: must not be nested deeper than 16 levels"},
           {Method::post, create, "{}", "region: is required"},
           {Method::post, create, R"({"region":7})", "region: must be a string"},
           {Method::post, create, R"({"region":""})", "region: must not be empty"},
           {Method::post, create, R"({"region":"X"})", "region: must be one of London, Seattle"},
           {Method::post, create, R"({"region":"a","region":"b"})",
            "region: is given more than once"},
           {Method::post, create, R"({"region":"Seattle","clientIPs":["a",1]})",
            "clientIPs[1]: must be a string"},
           {Method::post, create, R"({"region":"Seattle","clientIPs":1})",
            "clientIPs: must be an array"},
           {Method::post, create, R"({"region":"Seattle","deploymentId":"x"})",
            "deploymentId: names no deployment of this app"},
           {Method::post, create,
            R"({"region":"Seattle","roomConfig":")" + std::string(10'001, 'a') + "\"}",
            "roomConfig: must have at most 10000 characters, has 10001"},
           {Method::post, create + "?roomId=a%20b", good,
            "roomId: must match [A-Za-z0-9_-]{1,100}"},
           {Method::post, create + "?roomId=a&roomId=b", good, "roomId: is given more than once"},
           {Method::post, create + "?roomId=%zz", good, "query: has broken percent-encoding"},
           {Method::post, update, "{}", "roomConfig: is required"},
           {Method::post, update, R"({"roomConfig":null})", "roomConfig: must be a string"},
           {Method::get, connect + "?wait=soon", "", wait},
           {Method::get, connect + "?wait=61s", "", wait},
           {Method::get, latest + "?status=x", "",
            "status: must be one of starting, running, draining, stopping, stopped, failed"},
           {Method::get, latest + "?region=X", "", "region: must be one of London, Seattle"},
           {Method::get, latest + "?before=x", "", before},
           {Method::get, latest + "?before=-1", "", before},
           {Method::post, "/processes/v3/apps/app-1/processes/regions/X", "",
            "region: must be one of London, Seattle"},
           {Method::get, metrics + "?step=0", "", step},
           {Method::get, metrics + "?step=x", "", step},
           {Method::get, metrics + "?step=1.5", "", step},
           {Method::get, metrics + "?start=-1", "", start},
           {Method::get, metrics + "?start=nan", "", start},
           {Method::get, metrics + "?start=9&end=8", "", "start: must not be after end"},
           {Method::get, metrics + "?metrics=x", "",
            "metrics: must be one of cpu, memory, rateEgress, totalEgress, activeConnections, "
            "gpuMemory, "
            "gpuUtilization"},
       }) {
    Harness harness;
    INFO(row.target << ' ' << row.body.substr(0, 60));
    CHECK(test::message_of(harness.send(row.method, row.target, row.body)) == row.message);
  }
  Harness harness;
  CHECK(test::message_of(harness.post(create, good, {{"idempotency-key", ""}})) ==
        "Idempotency-Key: must be 1 to 255 visible ASCII characters");
}
