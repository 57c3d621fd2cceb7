#include <catch2/catch.hpp>

#include "gateway/routes/resample.hpp"
#include "tests/gateway/routes/harness.hpp"

using namespace innkeeper;
using test::Harness;

namespace {

const std::string v3 = "/processes/v3/apps/app-1/processes";
const std::string one = v3 + "/" + test::process_text;
const std::string metrics_path = v3 + "/process/" + test::process_text + "/metrics";

std::string process_v3() {
  return std::string{R"({"appId":"app-1","deploymentId":"dep-1","processId":")"} +
         test::process_text +
         R"(","region":"Seattle","status":"starting","roomsPerProcess":1,"roomsAllocated":0,)"
         R"("exposedPort":null,"additionalExposedPorts":[],"createdAt":"2026-01-02T03:04:05.678Z",)"
         R"("scheduledAt":null,"bootedAt":null,"startedAt":null,"stoppingAt":null,"terminatedAt":null})";
}

std::string process_v2() {
  return std::string{R"({"appId":"app-1","deploymentId":1,"processId":")"} + test::process_text +
         R"(","region":"Seattle","status":"starting","roomsPerProcess":1,"roomsAllocated":0,)"
         R"("exposedPort":null,"additionalExposedPorts":[],"createdAt":"2026-01-02T03:04:05.678Z",)"
         R"("startedAt":null,"stoppingAt":null,"terminatedAt":null})";
}

}  // namespace

TEST_CASE("a process has every key of its version and no other") {
  Harness harness;
  CHECK(harness.get(one).body == process_v3());
  CHECK(harness.get(std::string{"/processes/v2/app-1/info/"} + test::process_text).body ==
        process_v2());

  auto& process = harness.core.process;
  process.status = domain::ProcessStatus::failed;
  process.exit_summary = "exit code 3";
  process.terminated_at = test::moment();
  process.scheduled_at = test::moment();
  CHECK(test::same_json(
      harness.get(one).body,
      std::string{R"({"appId":"app-1","deploymentId":"dep-1","processId":")"} + test::process_text +
          R"(","region":"Seattle","status":"failed","roomsPerProcess":1,"roomsAllocated":0,"summaryExitReason":"exit code 3",
              "exposedPort":null,"additionalExposedPorts":[],"createdAt":"2026-01-02T03:04:05.678Z",
              "scheduledAt":"2026-01-02T03:04:05.678Z","bootedAt":null,"startedAt":null,"stoppingAt":null,
              "terminatedAt":"2026-01-02T03:04:05.678Z"})"));
  CHECK(harness.get(std::string{"/processes/v2/app-1/info/"} + test::process_text)
            .body.find("summary") == std::string::npos);
}

TEST_CASE("the first port of a process is the exposed one") {
  Harness harness;
  auto query = test::exposed_port();
  query.name = "query";
  harness.core.process.ports = {test::exposed_port(), query};
  const auto body = harness.get(one).body;
  CHECK(body.find(R"("exposedPort":{"name":"default")") != std::string::npos);
  CHECK(body.find(R"("additionalExposedPorts":[{"name":"query")") != std::string::npos);
}

TEST_CASE("process lists are bare arrays, and counts are objects") {
  Harness harness;
  CHECK(harness.get(v3 + "/latest").body == "[]");
  harness.core.processes = {harness.core.process, harness.core.process};
  CHECK(harness.get(v3 + "/latest").body == "[" + process_v3() + "," + process_v3() + "]");
  CHECK(harness.get("/processes/v2/app-1/list/latest").body ==
        "[" + process_v2() + "," + process_v2() + "]");
  CHECK(harness.get(v3 + "/count").body == R"({"count":3})");
  CHECK(harness.get("/processes/v2/app-1/count").body == R"({"count":3})");
}

TEST_CASE("the filters of process lists are repeated keys") {
  Harness harness;
  REQUIRE(harness
              .get(v3 + "/latest?before=1767323045678.5&region=Seattle&region=London&status="
                        "running&status=failed&status=running")
              .status == 200);
  const auto& filter = harness.core.filters.back();
  CHECK(filter.app == domain::AppId{"app-1"});
  CHECK(filter.statuses ==
        std::vector{domain::ProcessStatus::running, domain::ProcessStatus::failed});
  CHECK(filter.regions == std::vector{domain::RegionName{"Seattle"}, domain::RegionName{"London"}});
  // Exclusive, so that .678 is before .6785.
  CHECK(filter.before == test::moment() + std::chrono::milliseconds{1});
  REQUIRE(harness.get(v3 + "/count?before=1767323045678&x=y").status == 200);
  CHECK(harness.core.filters.back().before == test::moment());
  CHECK(harness.core.filters.back().statuses.empty());
}

TEST_CASE("a filter that breaks a rule is refused with the parameter named") {
  struct Row {
    std::string query;
    std::string named;
  };
  std::string many = "?";
  for (int i = 0; i < 101; ++i) many += "status=running&";
  for (const std::string& path :
       {v3 + "/latest", v3 + "/count", std::string{"/processes/v2/app-1/list/latest"},
        std::string{"/processes/v2/app-1/count"}}) {
    for (const Row& row : std::vector<Row>{{"?status=Running", "status"},
                                           {"?status=", "status"},
                                           {"?status=running&status=nope", "status"},
                                           {"?region=Atlantis", "region"},
                                           {"?before=yesterday", "before"},
                                           {"?before=1e400", "before"},
                                           {"?before=-1", "before"},
                                           {"?before=nan", "before"},
                                           {"?before=inf", "before"},
                                           {"?before=1e300", "before"},
                                           {"?before=1&before=2", "before"},
                                           {many, "query"}}) {
      Harness harness;
      const auto response = harness.get(path + row.query);
      INFO(path << row.query);
      CHECK(response.status == 422);
      CHECK(test::message_of(response).find(row.named) != std::string::npos);
      CHECK(harness.core.calls.empty());
    }
    Harness harness;
    CHECK(harness.get(path + "?status=%zz").status == 400);
  }
  Harness harness;
  CHECK(harness.get("/processes/v3/apps/app-9/processes/latest").status == 404);
  CHECK(harness.get("/processes/v2/app-9/count").status == 404);
}

TEST_CASE("a process is created in a region that is served") {
  Harness harness;
  auto response = harness.post(v3 + "/regions/Seattle", "",
                               {{"content-type", "application/x-www-form-urlencoded"}});
  CHECK(response.status == 201);
  CHECK(response.body == process_v3());
  CHECK(harness.core.calls.back() == "create_process app-1 Seattle");
  response = harness.post("/processes/v2/app-1/create/Seattle", "{}");
  CHECK(response.status == 201);
  CHECK(response.body == process_v2());
  response = harness.post(v3 + "/regions/Atlantis");
  CHECK(response.status == 422);
  CHECK(test::message_of(response) == "region: must be one of London, Seattle");
  CHECK(harness.post("/processes/v3/apps/app-9/processes/regions/Seattle").status == 404);
  CHECK(harness.post(v3 + "/regions/").status == 404);
}

TEST_CASE("a process is stopped with 204, and unknown or impossible ids are 404") {
  Harness harness;
  for (const std::string& path :
       {one + "/stop", std::string{"/processes/v2/app-1/stop/"} + test::process_text}) {
    const auto response = harness.post(path);
    CHECK(response.status == 204);
    CHECK(response.body.empty());
  }
  for (const std::string id : {"p1", "01890a5d-ac96-774b-bcce-000000000000", "a%2Fb"}) {
    CHECK(harness.post(v3 + "/" + id + "/stop").status == 404);
    CHECK(harness.get(v3 + "/" + id).status == 404);
    CHECK(harness.get(v3 + "/process/" + id + "/metrics").status == 404);
    CHECK(harness.get("/processes/v2/app-1/info/" + id).status == 404);
    CHECK(harness.post("/processes/v2/app-1/stop/" + id).status == 404);
  }
}

TEST_CASE("samples are averaged over steps, and steps without samples are left out") {
  using namespace std::chrono_literals;
  const domain::Timestamp start{1000s};
  const std::vector<domain::MetricSample> samples = {
      {domain::Timestamp{999'999ms}, 9},  {domain::Timestamp{1000s}, 1},
      {domain::Timestamp{1059'999ms}, 3}, {domain::Timestamp{1060s}, 5},
      {domain::Timestamp{1240s}, 7},      {domain::Timestamp{1300s}, 9}};
  const auto points = routes::resample(samples, start, domain::Timestamp{1300s}, 60s);
  CHECK(points == std::vector<domain::MetricSample>{{domain::Timestamp{1000s}, 2},
                                                    {domain::Timestamp{1060s}, 5},
                                                    {domain::Timestamp{1240s}, 7}});
  CHECK(routes::resample(samples, start, start, 60s).empty());
  CHECK(routes::resample({}, start, domain::Timestamp{1300s}, 60s).empty());
}

TEST_CASE("process metrics are what was asked for") {
  using namespace std::chrono_literals;
  Harness harness{{.now = [] { return test::moment(); }}};
  CHECK(harness.get(metrics_path).body == R"({"cpu":[],"memory":[],"activeConnections":[]})");
  harness.core.metrics.cpu = {
      {test::moment() - 2h, 9}, {test::moment() - 30s, 0.25}, {test::moment(), 0.75}};
  harness.core.metrics.memory = {{test::moment() - 10s, 1'048'576}};
  CHECK(harness.get(metrics_path + "?metrics=cpu&metrics=gpuMemory&step=60").body ==
        R"({"cpu":[{"timestamp":1767322986,"value":0.5}]})");
  CHECK(harness.get(metrics_path + "?metrics=memory&start=1767323000&end=1767323040.5&step=20")
            .body == R"({"memory":[{"timestamp":1767323020,"value":1048576}]})");
  CHECK(harness.get(metrics_path + "?metrics=rateEgress").body == "{}");
}

TEST_CASE("a question about metrics that breaks a rule is refused with the parameter named") {
  struct Row {
    std::string query;
    std::string named;
  };
  for (const Row& row : std::vector<Row>{{"?metrics=disk", "metrics"},
                                         {"?metrics=", "metrics"},
                                         {"?step=0", "step"},
                                         {"?step=-60", "step"},
                                         {"?step=1.5", "step"},
                                         {"?step=x", "step"},
                                         {"?step=86401", "step"},
                                         {"?step=60&step=60", "step"},
                                         {"?start=x", "start"},
                                         {"?end=-1", "end"},
                                         {"?end=1e30", "end"},
                                         {"?start=20&end=10", "start"}}) {
    Harness harness;
    const auto response = harness.get(metrics_path + row.query);
    INFO(row.query);
    CHECK(response.status == 422);
    CHECK(test::message_of(response).find(row.named) != std::string::npos);
    CHECK(harness.core.calls.empty());
  }
}
