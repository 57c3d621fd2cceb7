#include "actors/domain/deployment.hpp"

#include <catch2/catch.hpp>

namespace innkeeper::domain {
namespace {

std::shared_ptr<const Deployment> deployment(std::uint32_t key, const char* app, const char* id) {
  auto made = std::make_shared<Deployment>();
  made->key = DeploymentKey{key};
  made->app = AppId(app);
  made->id = DeploymentId(id);
  return made;
}

}  // namespace

TEST_CASE("a transport is written as it is read") {
  CHECK(std::string(to_string(Transport::tcp)) == "tcp");
  CHECK(std::string(to_string(Transport::udp)) == "udp");
  CHECK(std::string(to_string(Transport::tls)) == "tls");
  CHECK(parse_transport("tcp") == Transport::tcp);
  CHECK(parse_transport("udp") == Transport::udp);
  CHECK(parse_transport("tls") == Transport::tls);
  for (const char* text : {"", "TCP", "tcp ", "sctp", "unknown"})
    CHECK_FALSE(parse_transport(text));
}

TEST_CASE("a deployment takes one port and its additional ones") {
  Deployment one;
  one.spec.requested_cpu_millis = 500;
  one.spec.requested_memory_mb = 64;
  CHECK(one.resources() == Resources{.cpu_millis = 500, .memory_mb = 64, .ports = 1});
  one.spec.additional_ports.resize(2);
  CHECK(one.resources().ports == 3);
}

TEST_CASE("the catalog finds apps and deployments, and nothing else") {
  const auto first = deployment(1, "app-a", "dep-1");
  const auto second = deployment(2, "app-a", "dep-2");
  const auto other = deployment(3, "app-b", "dep-3");
  CatalogSnapshot catalog;
  catalog.apps[AppId("app-a")].deployments = {first, second};
  catalog.apps[AppId("app-b")].deployments = {other};
  catalog.by_key = {{1, first}, {2, second}, {3, other}};

  REQUIRE(catalog.find_app(AppId("app-a")) != nullptr);
  CHECK(catalog.find_app(AppId("app-a"))->latest() == second);
  CHECK(catalog.find_app(AppId("app-c")) == nullptr);
  CHECK(catalog.find(DeploymentKey{3}) == other);
  CHECK(catalog.find(DeploymentKey{4}) == nullptr);
  CHECK(catalog.find(AppId("app-a"), DeploymentId("dep-1")) == first);
  CHECK(catalog.find(AppId("app-a"), DeploymentId("dep-2")) == second);
  CHECK(catalog.find(AppId("app-a"), DeploymentId("dep-3")) == nullptr);
  CHECK(catalog.find(AppId("app-c"), DeploymentId("dep-1")) == nullptr);
}

}  // namespace innkeeper::domain
