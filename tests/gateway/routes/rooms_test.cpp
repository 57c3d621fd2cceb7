#include <catch2/catch.hpp>

#include "metrics/log.hpp"
#include "tests/gateway/routes/harness.hpp"

using namespace innkeeper;
using test::Harness;

namespace {

const std::string create_path = "/rooms/v2/app-1/create";

std::string four_byte_characters(std::size_t n) {
  std::string text;
  for (std::size_t i = 0; i < n; ++i) text += "\xF0\x9F\x98\x80";
  return text;
}

std::string with_config(const std::string& config) {
  return R"({"region":"Seattle","roomConfig":")" + config + "\"}";
}

const std::string active_tail =
    R"("status":"active","additionalExposedPorts":[],"exposedPort":{"name":"default","host":"h1.example.test","port":31001,"transportType":"udp"})";

void activate(Harness& harness) {
  harness.core.connection.active = true;
  harness.core.connection.exposed_port = test::exposed_port();
}

}  // namespace

TEST_CASE("a create answers 201 with the connection data of the contract") {
  Harness harness;
  const auto response = harness.post(create_path + "?roomId=r1", R"({"region":"Seattle"})");
  CHECK(response.status == 201);
  CHECK(response.content_type == "application/json");
  CHECK(response.body ==
        std::string{
            R"({"roomId":"r1","status":"starting","additionalExposedPorts":[],"processId":")"} +
            test::process_text + "\"}");
  activate(harness);
  CHECK(harness.post(create_path, R"({"region":"Seattle"})").body ==
        R"({"roomId":"generated",)" + active_tail + R"(,"processId":")" + test::process_text +
            "\"}");
}

TEST_CASE("a create hands everything that was given to the core") {
  Harness harness;
  const auto response = harness.post(
      "/rooms/v2/app%2D1/create?roomId=my_room-1&unknown=x",
      R"({"region":"London","roomConfig":"{\"a\":1}","clientIPs":["1.2.3.4","::1"],"deploymentId":"dep-1","x":[{}]})",
      {{"idempotency-key", "key-1"}, {"cookie", ""}});
  REQUIRE(response.status == 201);
  REQUIRE(harness.core.created.size() == 1);
  const auto& command = harness.core.created.front();
  CHECK(command.app == domain::AppId{"app-1"});
  CHECK(command.region == domain::RegionName{"London"});
  CHECK(command.room == domain::RoomId{"my_room-1"});
  CHECK(command.config == "{\"a\":1}");
  CHECK(command.deployment == domain::DeploymentId{"dep-1"});
  CHECK(command.idempotency_key == "key-1");
  CHECK(command.request_digest.size() == 64);
}

TEST_CASE("what a create leaves out is left out of the command") {
  Harness harness;
  REQUIRE(
      harness.post(create_path + "?roomId=", R"({"region":"Seattle","roomConfig":null})").status ==
      201);
  const auto& command = harness.core.created.front();
  CHECK_FALSE(command.room);
  CHECK_FALSE(command.config);
  CHECK_FALSE(command.deployment);
  CHECK(command.idempotency_key.empty());
  CHECK(command.request_digest.empty());
}

TEST_CASE("the digest of a create stands for its meaning") {
  Harness harness;
  const auto digest = [&](const std::string& target, const std::string& body) {
    REQUIRE(harness.post(target, body, {{"idempotency-key", "k"}}).status == 201);
    return harness.core.created.back().request_digest;
  };
  const std::string plain = digest(create_path, R"({"region":"Seattle","roomConfig":"a"})");
  CHECK(plain == digest(create_path, R"( { "roomConfig" : "\u0061", "region":"Seattle" } )"));
  CHECK(plain == digest("/rooms/v1/app-1/create", R"({"region":"Seattle","roomConfig":"a"})"));
  CHECK(plain != digest(create_path, R"({"region":"London","roomConfig":"a"})"));
  CHECK(plain != digest(create_path, R"({"region":"Seattle","roomConfig":"b"})"));
  CHECK(plain != digest(create_path + "?roomId=a", R"({"region":"Seattle","roomConfig":"a"})"));
  CHECK(plain !=
        digest(create_path, R"({"region":"Seattle","roomConfig":"a","deploymentId":"dep-1"})"));
  CHECK(digest(create_path, R"({"region":"Seattle"})") !=
        digest(create_path, R"({"region":"Seattle","roomConfig":""})"));
}

TEST_CASE("a create that breaks a rule is refused with the field named") {
  struct Row {
    std::string target;
    std::string body;
    int status;
    std::string named;
  };
  const std::string good = R"({"region":"Seattle"})";
  const std::vector<Row> rows = {
      {create_path, "", 422, "body"},
      {create_path, "   ", 422, "body"},
      {create_path, "{", 422, "body"},
      {create_path, "[]", 422, "body"},
      {create_path, "null", 422, "body"},
      {create_path, "\"Seattle\"", 422, "body"},
      {create_path, "region=Seattle", 422, "body"},
      {create_path, good + "x", 422, "body"},
      {create_path, good + std::string(1, '\0'), 422, "body"},
      {create_path, good + std::string("\0junk", 5), 422, "body"},
      {create_path, "{\"region\":\"Sea\xFFttle\"}", 422, "body"},
      {create_path, "\xEF\xBB\xBF" + good, 422, "body"},
      {create_path, R"({"region":"Seattle","x":1e400})", 422, "body"},
      {create_path, R"({"region":"Seattle",})", 422, "body"},
      {create_path, std::string(100'000, '['), 422, "nested"},
      {create_path,
       R"({"region":"Seattle","x":)" + std::string(50, '[') + std::string(50, ']') + "}", 422,
       "nested"},
      {create_path, "{}", 422, "region"},
      {create_path, R"({"region":null})", 422, "region"},
      {create_path, R"({"region":7})", 422, "region"},
      {create_path, R"({"region":""})", 422, "region"},
      {create_path, R"({"region":"Atlantis"})", 422, "region: must be one of London, Seattle"},
      {create_path, R"({"region":"Seattle","region":"London"})", 422,
       "region: is given more than once"},
      {create_path, R"({"region":"Seattle","x":{"y":[{"k":1,"k":2}]}})", 422, "x.y[0].k"},
      {create_path, R"({"region":"Seattle","roomConfig":{}})", 422, "roomConfig"},
      {create_path, R"({"region":"Seattle","roomConfig":5})", 422, "roomConfig"},
      {create_path, with_config("\\ud800"), 422, "body"},
      {create_path, with_config("\\udc00"), 422, "roomConfig"},
      {create_path, with_config("\\ud800\\ud800"), 422, "body"},
      {create_path, with_config("\\u0000"), 422, "roomConfig"},
      {create_path, with_config(std::string(10'001, 'a')), 422, "roomConfig"},
      {create_path, with_config(four_byte_characters(10'001)), 422, "roomConfig"},
      {create_path, R"({"region":"Seattle","clientIPs":"1.2.3.4"})", 422, "clientIPs"},
      {create_path, R"({"region":"Seattle","clientIPs":null})", 422, "clientIPs"},
      {create_path, R"({"region":"Seattle","clientIPs":["a","b",3]})", 422, "clientIPs[2]"},
      {create_path, R"({"region":"Seattle","deploymentId":1})", 422, "deploymentId"},
      {create_path, R"({"region":"Seattle","deploymentId":"dep-9"})", 404, "deployment"},
      {create_path + "?roomId=a%20b", good, 422, "roomId"},
      {create_path + "?roomId=" + std::string(101, 'a'), good, 422, "roomId"},
      {create_path + "?roomId=%00", good, 422, "roomId"},
      {create_path + "?roomId=a&roomId=b", good, 422, "roomId"},
      {create_path + "?roomId=a&roomId=a", good, 422, "roomId"},
      {create_path + "?roomId=%", good, 400, "percent"},
      {create_path + "?roomId=%zz", good, 400, "percent"},
      {"/rooms/v2/app-9/create", good, 404, "app not found"},
      {"/rooms/v2/%FF/create", good, 404, "app not found"},
  };
  for (const Row& row : rows) {
    Harness harness;
    const auto response = harness.post(row.target, row.body);
    INFO(row.target << ' ' << row.body.substr(0, 80) << " -> " << response.body);
    CHECK(response.status == row.status);
    CHECK(test::message_of(response).find(row.named) != std::string::npos);
    CHECK(harness.core.created.empty());
  }
}

TEST_CASE("a room config is counted in code points") {
  Harness harness;
  CHECK(harness.post(create_path, with_config(std::string(10'000, 'a'))).status == 201);
  CHECK(harness.post(create_path, with_config(four_byte_characters(10'000))).status == 201);
  std::string escaped;
  for (int i = 0; i < 10'000; ++i) escaped += "\\ud83d\\ude00";
  CHECK(harness.post(create_path, with_config(escaped)).status == 201);
  CHECK(harness.core.created.back().config == four_byte_characters(10'000));
  CHECK(harness.post(create_path, with_config(escaped + "a")).status == 422);
}

TEST_CASE("an idempotency key is 1 to 255 visible ASCII characters") {
  const std::string body = R"({"region":"Seattle"})";
  const auto status = [&](test::Headers headers) {
    Harness harness;
    const auto response = harness.post(create_path, body, std::move(headers));
    if (response.status != 201) {
      CHECK(test::message_of(response).find("Idempotency-Key") != std::string::npos);
    }
    return response.status;
  };
  CHECK(status({{"idempotency-key", "!~"}}) == 201);
  CHECK(status({{"idempotency-key", std::string(255, 'k')}}) == 201);
  CHECK(status({{"idempotency-key", std::string(256, 'k')}}) == 422);
  CHECK(status({{"idempotency-key", ""}}) == 422);
  CHECK(status({{"idempotency-key", "a b"}}) == 422);
  CHECK(status({{"idempotency-key", "\xC3\xA4"}}) == 422);
  CHECK(status({{"idempotency-key", "a"}, {"idempotency-key", "a"}}) == 422);
}

TEST_CASE("room info has every key that the contract requires") {
  Harness harness;
  const std::string allocation =
      std::string{R"({"roomAllocationId":")"} + test::allocation_text + R"(","processId":")" +
      test::process_text + R"(","scheduledAt":"2026-01-02T03:04:05.678Z","unscheduledAt":null})";
  CHECK(
      harness.get("/rooms/v2/app-1/info/r1").body ==
      R"({"appId":"app-1","roomId":"r1","roomConfig":null,"status":"active","currentAllocation":)" +
          allocation + R"(,"allocations":[)" + allocation + "]}");

  harness.core.room.status = domain::RoomStatus::suspended;
  harness.core.room.current.reset();
  harness.core.room.allocations[0].unscheduled_at = test::moment();
  harness.core.room.config = "{\"a\":\"\\\"}";
  const auto response = harness.get("/rooms/v1/app-1/info/r1");
  CHECK(response.status == 200);
  CHECK(test::same_json(
      response.body,
      std::string{
          R"({"appId":"app-1","roomId":"r1","roomConfig":"{\"a\":\"\\\"}","status":"suspended",)"} +
          R"("currentAllocation":null,"allocations":[{"roomAllocationId":")" +
          test::allocation_text + R"(","processId":")" + test::process_text +
          R"(","scheduledAt":"2026-01-02T03:04:05.678Z","unscheduledAt":"2026-01-02T03:04:05.678Z"}]})"));
}

TEST_CASE("connection info is public, flat in version 1, and never half active") {
  Harness harness;
  const test::Headers bad_token = {{"authorization", "Bearer nonsense"}};
  const std::string starting = R"({"roomId":"r1","status":"starting","additionalExposedPorts":[]})";
  CHECK(harness.get("/rooms/v2/app-1/connectioninfo/r1", bad_token).body == starting);
  CHECK(harness.get("/rooms/v1/app-1/connectioninfo/r1", bad_token).body ==
        R"({"status":"starting","roomId":"r1"})");
  harness.core.connection.active = true;
  CHECK(harness.get("/rooms/v2/app-1/connectioninfo/r1").body == starting);
  activate(harness);
  CHECK(harness.get("/rooms/v2/app-1/connectioninfo/r1", bad_token).body ==
        R"({"roomId":"r1",)" + active_tail + "}");
  CHECK(
      harness.get("/rooms/v1/app-1/connectioninfo/r1").body ==
      R"({"status":"active","roomId":"r1","host":"h1.example.test","port":31001,"transportType":"udp"})");
  auto query_port = test::exposed_port();
  query_port.name = "query";
  harness.core.connection.additional_ports = {query_port};
  CHECK(test::same_json(
      harness.get("/rooms/v2/app-1/connectioninfo/r1").body,
      R"({"roomId":"r1","status":"active","exposedPort":{"name":"default","host":"h1.example.test","port":31001,"transportType":"udp"},
          "additionalExposedPorts":[{"name":"query","host":"h1.example.test","port":31001,"transportType":"udp"}]})"));
}

TEST_CASE("connection info waits as long as it is asked to") {
  struct Row {
    std::string query;
    int status;
    std::string waited;
  };
  const std::vector<Row> rows = {
      {"", 200, "0"},
      {"?wait=", 200, "0"},
      {"?wait=10s", 200, "10000"},
      {"?wait=500ms", 200, "500"},
      {"?wait=7", 200, "7000"},
      {"?wait=0", 200, "0"},
      {"?wait=60s", 200, "60000"},
      {"?wait=60000ms", 200, "60000"},
      {"?wait=61", 422, ""},
      {"?wait=60001ms", 422, ""},
      {"?wait=-1", 422, ""},
      {"?wait=1.5s", 422, ""},
      {"?wait=s", 422, ""},
      {"?wait=ms", 422, ""},
      {"?wait=1m", 422, ""},
      {"?wait=99999999999999999999", 422, ""},
      {"?wait=1&wait=2", 422, ""},
      {"?wait=%1", 400, ""},
  };
  for (const Row& row : rows) {
    Harness harness;
    INFO(row.query);
    const auto response = harness.get("/rooms/v2/app-1/connectioninfo/r1" + row.query);
    CHECK(response.status == row.status);
    if (row.status == 200)
      CHECK(harness.core.calls.back() == "connection_info app-1 r1 " + row.waited);
    if (row.status == 422) CHECK(test::message_of(response).find("wait") != std::string::npos);
  }
}

TEST_CASE("an answer may come later, and a lost reply is answered with 500") {
  Harness harness;
  harness.core.later = true;
  harness.start(http::Method::get, "/rooms/v2/app-1/connectioninfo/r1?wait=1s");
  harness.start(http::Method::post, "/rooms/v2/app-1/destroy/r1");
  CHECK(harness.sink->responses.empty());
  harness.core.release();
  REQUIRE(harness.sink->responses.size() == 2);
  CHECK(harness.sink->responses[0].status == 200);
  CHECK(harness.sink->responses[1].status == 204);
  harness.start(http::Method::get, "/rooms/v2/app-1/connectioninfo/r1");
  harness.core.drop();
  REQUIRE(harness.sink->responses.size() == 3);
  CHECK(harness.sink->responses[2].status == 500);
}

TEST_CASE("a mistake of the server's own is logged with its route, and no other error is") {
  std::vector<std::string> lines;
  log::set_sink([&lines](std::string_view line) { lines.emplace_back(line); });
  Harness harness;
  for (const auto code : {domain::ErrorCode::unavailable, domain::ErrorCode::not_found,
                          domain::ErrorCode::overloaded, domain::ErrorCode::internal}) {
    harness.core.failure = domain::Error{.code = code, .message = "told"};
    CHECK(harness.get("/rooms/v2/app-1/info/r1").status >= 400);
  }
  log::set_sink({});
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].ends_with(
      " error http.request_failed method=GET route=/rooms/v2/{appId}/info/{roomId} reason=told"));
}

TEST_CASE("a resume answers 200, with the process only when there is one") {
  Harness harness;
  CHECK(harness.post("/rooms/v2/app-1/resume/r1").body ==
        std::string{
            R"({"roomId":"r1","status":"starting","additionalExposedPorts":[],"processId":")"} +
            test::process_text + "\"}");
  harness.core.connection.process.reset();
  const auto response = harness.post("/rooms/v2/app-1/resume/r1", "{}");
  CHECK(response.status == 200);
  CHECK(response.body == R"({"roomId":"r1","status":"starting","additionalExposedPorts":[]})");
}

TEST_CASE(
    "commands without a result answer 204 without a body, whatever harmless body they bring") {
  for (const std::string operation : {"destroy", "suspend"}) {
    for (const std::string version : {"v1", "v2"}) {
      for (const std::string body : {"", "{}"}) {
        Harness harness;
        const auto response =
            harness.post("/rooms/" + version + "/app-1/" + operation + "/r1", body,
                         {{"content-type", "application/x-www-form-urlencoded"}});
        CHECK(response.status == 204);
        CHECK(response.body.empty());
        CHECK(harness.core.calls.back() == operation + "_room app-1 r1");
      }
    }
  }
}

TEST_CASE("an update replaces the config, which must be a string") {
  Harness harness;
  const std::string path = "/rooms/v2/app-1/update/r1";
  CHECK(harness.post(path, R"({"roomConfig":"new"})").status == 204);
  CHECK(harness.core.calls.back() == "update_room app-1 r1 new");
  CHECK(harness.post(path, R"({"roomConfig":""})").status == 204);
  for (const std::string body : {R"({})", R"({"roomConfig":null})", R"({"roomConfig":1})",
                                 R"({"roomConfig":"a","roomConfig":"a"})"}) {
    const auto response = harness.post(path, body);
    CHECK(response.status == 422);
    CHECK(test::message_of(response).find("roomConfig") != std::string::npos);
  }
  CHECK(harness.post(path, "").status == 422);
  CHECK(harness.core.calls.size() == 2);
}

TEST_CASE("the rooms of a process are a bare array without histories") {
  Harness harness;
  const std::string base = std::string{"/rooms/v2/app-1/list/"} + test::process_text;
  CHECK(harness.get(base + "/active").body == "[]");
  CHECK(harness.core.calls.back().ends_with(" active"));
  CHECK(harness.get(base + "/inactive").body == "[]");
  CHECK(harness.core.calls.back().ends_with(" inactive"));
  harness.core.room.room = domain::RoomId{"r1"};
  harness.core.room.current.reset();
  harness.core.rooms = {harness.core.room, harness.core.room};
  const std::string one =
      R"({"appId":"app-1","roomId":"r1","roomConfig":null,"status":"active","currentAllocation":null})";
  CHECK(harness.get(base + "/active").body == "[" + one + "," + one + "]");
}

TEST_CASE("a create in version 1 answers the bare id") {
  Harness harness;
  const auto response = harness.post("/rooms/v1/app-1/create?roomId=r1", R"({"region":"Seattle"})");
  CHECK(response.status == 201);
  CHECK(response.body == "\"r1\"");
}

TEST_CASE("ids of a path that are unknown or cannot exist are 404") {
  const std::string too_long(101, 'a');
  for (const std::string room : {"unknown", "a%20b", "a%2Fb", "%00", "", too_long.c_str(), "%FF"}) {
    for (const std::string operation : {"info", "connectioninfo"}) {
      Harness harness;
      CHECK(harness.get("/rooms/v2/app-1/" + operation + "/" + room).status == 404);
    }
    for (const std::string operation : {"destroy", "suspend", "resume", "update"}) {
      Harness harness;
      CHECK(harness.post("/rooms/v2/app-1/" + operation + "/" + room, R"({"roomConfig":"x"})")
                .status == 404);
    }
  }
  for (const std::string process : {"p1", "01890a5d-ac96-774b-bcce-000000000000", "", "%"}) {
    Harness harness;
    CHECK(harness.get("/rooms/v2/app-1/list/" + process + "/active").status ==
          (process == "%" ? 400 : 404));
  }
  Harness harness;
  CHECK(harness.get("/rooms/v2/app-9/info/r1").status == 404);
  CHECK(harness.get("/rooms/v2/app-1/info/%zz").status == 400);
}

TEST_CASE("an explanation has every key") {
  Harness harness;
  auto& explanation = harness.core.explanation;
  explanation.queue_position = 2;
  explanation.gives_up_at = test::moment();
  explanation.placement.processes = {{.id = test::process_id(),
                                      .phase = domain::ProcessPhase::running,
                                      .used = 4,
                                      .slots = 4,
                                      .verdict = domain::Verdict::full}};
  explanation.placement.hosts = {{.name = domain::HostName{"node-1"},
                                  .free = {.cpu_millis = 100},
                                  .verdict = domain::Verdict::no_cpu}};
  const auto response = harness.get("/v1/rooms/r1/explain");
  CHECK(response.status == 200);
  CHECK(test::is_json(response.body));
  for (const std::string key :
       {R"("queuePosition":2)", R"("givesUpAt":"2026-01-02T03:04:05.678Z")", R"("process":null)",
        R"("placedBecause":null)", R"("endedBecause":null)", R"("host":null)",
        R"("currentAllocation":null)", R"("cpu":0.1)", R"("phase":"running")",
        R"("summary":"It waits.")"}) {
    INFO(key << " in " << response.body);
    CHECK(response.body.find(key) != std::string::npos);
  }
  CHECK(response.body.find(R"("placement":{)") != std::string::npos);
  explanation.status = domain::RoomStatus::destroyed;
  CHECK(harness.get("/v1/rooms/r1/explain").body.find(R"("placement":null)") != std::string::npos);
  CHECK(harness.get("/v1/rooms/unknown/explain").status == 404);
  CHECK(harness.get("/v1/rooms/a%20b/explain").status == 404);
}
