#include <catch2/catch.hpp>

#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include <rapidjson/document.h>
#include <rapidjson/pointer.h>

#include "gateway/routes/openapi.hpp"
#include "tests/gateway/routes/harness.hpp"

using namespace innkeeper;

namespace {

rapidjson::Document description() {
  rapidjson::Document document;
  document.Parse<rapidjson::kParseValidateEncodingFlag>(routes::openapi_text().c_str());
  REQUIRE_FALSE(document.HasParseError());
  return document;
}

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

// Calls `visit` with every "$ref" under `value`.
template <class Visit>
void each_reference(const rapidjson::Value& value, const Visit& visit) {
  if (value.IsArray()) {
    for (const auto& item : value.GetArray()) each_reference(item, visit);
  } else if (value.IsObject()) {
    for (const auto& member : value.GetObject()) {
      if (std::string_view{member.name.GetString()} == "$ref") {
        visit(std::string{member.value.GetString()});
      } else {
        each_reference(member.value, visit);
      }
    }
  }
}

const rapidjson::Value& resolve(const rapidjson::Document& document,
                                const rapidjson::Value& value) {
  if (!value.IsObject() || !value.HasMember("$ref")) return value;
  const rapidjson::Value* target = rapidjson::Pointer(value["$ref"].GetString()).Get(document);
  REQUIRE(target != nullptr);
  return *target;
}

}  // namespace

TEST_CASE("the API description is the file of the docs, served as JSON") {
  std::ifstream file{INNKEEPER_OPENAPI_FILE, std::ios::binary};
  std::stringstream text;
  text << file.rdbuf();
  REQUIRE_FALSE(text.str().empty());
  CHECK(routes::openapi_text() == text.str());
  test::Harness harness;
  const auto response = harness.get("/openapi.json");
  CHECK(response.status == 200);
  CHECK(response.content_type == "application/json");
  CHECK(response.body == text.str());
}

TEST_CASE("every route is described, with its operation id, access and path parameters") {
  const auto document = description();
  for (const routes::Route& route : routes::route_table()) {
    const std::string pattern{route.pattern};
    const std::string method = lower(http::to_string(route.method));
    INFO(method << ' ' << pattern);
    REQUIRE(document["paths"].HasMember(pattern.c_str()));
    const auto& path = document["paths"][pattern.c_str()];
    REQUIRE(path.HasMember(method.c_str()));
    const auto& operation = path[method.c_str()];
    CHECK(operation["operationId"].GetString() == route.operation);
    switch (route.access) {
      case routes::Access::open:
        CHECK(operation.HasMember("security"));
        CHECK(operation["security"].Empty());
        break;
      case routes::Access::token:
        CHECK_FALSE(operation.HasMember("security"));  // the document's default
        CHECK(operation["responses"].HasMember("401"));
        break;
      case routes::Access::metrics:
        CHECK(operation["security"].Size() == 2);
        break;
    }
    std::set<std::string> in_path;
    if (operation.HasMember("parameters")) {
      for (const auto& item : operation["parameters"].GetArray()) {
        const auto& parameter = resolve(document, item);
        if (std::string_view{parameter["in"].GetString()} != "path") continue;
        in_path.insert(parameter["name"].GetString());
      }
    }
    std::set<std::string> expected;
    for (std::size_t at = pattern.find('{'); at != std::string::npos;
         at = pattern.find('{', at + 1)) {
      expected.insert(pattern.substr(at + 1, pattern.find('}', at) - at - 1));
    }
    CHECK(in_path == expected);
  }
}

TEST_CASE("every operation that is described is routed") {
  const auto document = description();
  std::set<std::string> routed;
  for (const routes::Route& route : routes::route_table()) {
    routed.insert(lower(http::to_string(route.method)) + ' ' + std::string{route.pattern});
  }
  std::set<std::string> ids;
  std::set<std::string> tags;
  for (const auto& tag : document["tags"].GetArray()) tags.insert(tag["name"].GetString());
  for (const auto& path : document["paths"].GetObject()) {
    for (const auto& operation : path.value.GetObject()) {
      const std::string name =
          std::string{operation.name.GetString()} + ' ' + path.name.GetString();
      INFO(name);
      CHECK(routed.count(name) == 1);
      CHECK(ids.insert(operation.value["operationId"].GetString()).second);
      for (const auto& tag : operation.value["tags"].GetArray())
        CHECK(tags.count(tag.GetString()) == 1);
      CHECK(operation.value["responses"].MemberCount() > 0);
    }
  }
}

TEST_CASE("every reference of the API description resolves, and every component is used") {
  const auto document = description();
  std::set<std::string> used;
  each_reference(document, [&](const std::string& target) {
    INFO(target);
    CHECK(rapidjson::Pointer(target.c_str()).Get(document) != nullptr);
    used.insert(target);
  });
  for (const auto& kind : {"schemas", "parameters", "responses"}) {
    for (const auto& component : document["components"][kind].GetObject()) {
      const std::string target =
          std::string{"#/components/"} + kind + '/' + component.name.GetString();
      INFO(target);
      CHECK(used.count(target) == 1);
    }
  }
}

TEST_CASE("answers have the keys that their schema requires, and no others") {
  const auto document = description();
  test::Harness harness;
  harness.core.connection.active = true;
  harness.core.connection.exposed_port = test::exposed_port();
  harness.core.room.room = domain::RoomId{"r1"};
  harness.core.rooms = {harness.core.room};
  harness.core.processes = {harness.core.process};
  harness.core.metrics.cpu = {{test::moment(), 1}};
  const std::string process = test::process_text;
  const std::map<std::string, std::string> parameters = {{"{appId}", "app-1"},
                                                         {"{roomId}", "r1"},
                                                         {"{processId}", process},
                                                         {"{region}", "Seattle"},
                                                         {"{deploymentId}", "dep-1"}};
  for (const routes::Route& route : routes::route_table()) {
    std::string path{route.pattern};
    for (const auto& [name, value] : parameters) {
      if (const auto at = path.find(name); at != std::string::npos)
        path.replace(at, name.size(), value);
    }
    const auto response =
        harness.send(route.method, path, R"({"region":"Seattle","roomConfig":"x"})");
    INFO(path << " -> " << response.body);
    const auto& operation = document["paths"][std::string{route.pattern}.c_str()]
                                    [lower(http::to_string(route.method)).c_str()];
    const std::string status = std::to_string(response.status);
    REQUIRE(operation["responses"].HasMember(status.c_str()));
    const auto& declared = operation["responses"][status.c_str()];
    CHECK(response.body.empty() == !declared.HasMember("content"));
    if (response.body.empty() || response.content_type != "application/json") continue;
    rapidjson::Document body;
    body.Parse(response.body.c_str());
    REQUIRE_FALSE(body.HasParseError());
    const auto* schema = &resolve(document, declared["content"]["application/json"]["schema"]);
    const rapidjson::Value* value = &body;
    if (schema->HasMember("items")) {
      REQUIRE(value->IsArray());
      REQUIRE_FALSE(value->Empty());
      schema = &resolve(document, (*schema)["items"]);
      value = &(*value)[0];
    }
    if (schema->HasMember("oneOf")) schema = &(*schema)["oneOf"][1];
    if (!schema->HasMember("properties")) continue;
    REQUIRE(value->IsObject());
    if (schema->HasMember("required")) {
      for (const auto& key : (*schema)["required"].GetArray()) {
        INFO(key.GetString());
        CHECK(value->HasMember(key));
      }
    }
    for (const auto& member : value->GetObject()) {
      INFO(member.name.GetString());
      CHECK((*schema)["properties"].HasMember(member.name));
    }
  }
}
