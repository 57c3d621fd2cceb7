#include <catch2/catch.hpp>

#include "tests/gateway/routes/harness.hpp"

using namespace innkeeper;
using test::Harness;

namespace {

const std::string application =
    R"({"appId":"app-1","appName":"echo","appSecret":"secret-1","orgId":"org-1","authConfiguration":{},"serviceConfig":null,)"
    R"("createdBy":"config","createdAt":"2026-01-02T03:04:05.678Z","deletedBy":null,"deletedAt":null)";

std::string deployment(const std::string& id, const std::string& tag) {
  return R"({"appId":"app-1","deploymentId":")" + id + R"(","buildId":"build-)" + id + "\"" +
         (tag.empty() ? "" : R"(,"buildTag":")" + tag + "\"") +
         R"(,"requestedCPU":0.25,"requestedMemoryMB":512,"defaultContainerPort":{"transportType":"tcp","port":8303,"name":"default"},)"
         R"("additionalContainerPorts":[],"roomsPerProcess":1,"env":[{"name":"MODE","value":"dm"}],"idleTimeoutEnabled":true,)"
         R"("createdBy":"config","createdAt":"2026-01-02T03:04:05.678Z")";
}

}  // namespace

TEST_CASE("apps are listed with their latest deployment and its build") {
  Harness harness;
  const std::string build =
      R"({"orgId":"org-1","buildId":"build-dep-2","buildTag":"v2","imageSize":0,"status":"succeeded","createdBy":"config",)"
      R"("createdAt":"2026-01-02T03:04:05.678Z","startedAt":"2026-01-02T03:04:05.678Z","finishedAt":"2026-01-02T03:04:05.678Z","deletedAt":null})";
  const std::string all = R"({"applications":[)" + application + R"(,"deployment":)" +
                          deployment("dep-2", "v2") + R"(,"build":)" + build + "}}]}";
  CHECK(harness.get("/apps/v2/apps").body == all);
  CHECK(harness.get("/apps/v2/apps?orgId=org-1").body == all);
  CHECK(harness.get("/apps/v2/apps?orgId=").body == all);
  CHECK(harness.get("/apps/v2/apps?orgId=org-9").body == R"({"applications":[]})");
  CHECK(harness.get("/apps/v2/apps?orgId=a&orgId=b").status == 422);
  CHECK(harness.get("/apps/v2/apps?orgId=%").status == 400);
}

TEST_CASE("an app has every key of the contract") {
  Harness harness;
  CHECK(harness.get("/apps/v2/apps/app-1").body == application + "}");
  CHECK(harness.get("/apps/v2/apps/app-9").status == 404);
  CHECK(harness.get("/apps/v2/apps/").status == 404);
  CHECK(harness.send(http::Method::del, "/apps/v2/apps/app-1").status == 405);
}

TEST_CASE("deployments are listed newest first and found by id") {
  Harness harness;
  const std::string base = "/deployments/v3/apps/app-1/deployments";
  const std::string first = deployment("dep-1", "") + "}";
  const std::string second = deployment("dep-2", "v2") + "}";
  CHECK(harness.get(base).body == R"({"deployments":[)" + second + "," + first + "]}");
  CHECK(harness.get(base + "?buildTag=v2").body == R"({"deployments":[)" + second + "]}");
  CHECK(harness.get(base + "?deploymentTag=x").body == R"({"deployments":[]})");
  CHECK(harness.get(base + "?buildTag=a&buildTag=b").status == 422);
  CHECK(harness.get(base + "/latest").body == second);
  CHECK(harness.get(base + "/dep-1").body == first);
  CHECK(harness.get(base + "/dep-9").status == 404);
  CHECK(harness.get("/deployments/v3/apps/app-9/deployments").status == 404);
  CHECK(harness.get("/deployments/v3/apps/app-9/deployments/latest").status == 404);
  CHECK(harness.get("/deployments/v3/apps/app-9/deployments/dep-1").status == 404);
}
