#include <catch2/catch.hpp>

#include <random>
#include <string>
#include <vector>

#include "tests/fuzz/routes_case.hpp"

using namespace innkeeper;

namespace {

const std::vector<std::string> words = {
    "/rooms/v2/app-1/create",
    "/rooms/v2/app-1/connectioninfo/r1",
    "/rooms/v2/app-1/update/r1",
    "/rooms/v1/app-1/create",
    "/processes/v3/apps/app-1/processes/latest",
    "/processes/v3/apps/app-1/processes/process/01890a5d-ac96-774b-bcce-b302099a8057/metrics",
    "/",
    "?",
    "&",
    "=",
    "%",
    "%2F",
    "%00",
    "wait",
    "roomId",
    "step=0",
    "status=running",
    "before=1e9",
    "\n",
    "{",
    "}",
    "[",
    "]",
    "\"region\":\"Seattle\"",
    ",",
    ":",
    "\"roomConfig\":",
    "\"\\ud800\"",
    "null",
    "1e999",
    "\xFF",
    "\xF0\x9F\x98\x80",
    "{\"region\":\"Seattle\"}"};

}  // namespace

TEST_CASE("random requests get exactly one well-formed answer") {
  std::mt19937 random{20260102};
  for (int round = 0; round < 3000; ++round) {
    std::string bytes(1, static_cast<char>(random() & 0xFFU));
    const auto parts = random() % 10;
    for (unsigned i = 0; i < parts; ++i) bytes += words[random() % words.size()];
    if (random() % 3 == 0) bytes[random() % bytes.size()] = static_cast<char>(random() & 0xFFU);
    INFO(bytes);
    test::run_routes_case(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  }
  SUCCEED();
}
