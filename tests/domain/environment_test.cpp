#include "actors/domain/environment.hpp"

#include <catch2/catch.hpp>

#include <initializer_list>

using innkeeper::domain::is_reserved_variable;

TEST_CASE("variables that Innkeeper sets are reserved, and no others") {
  for (const char* name : {"PORT",
                           "PORT_QUERY",
                           "HATHORA_APP_ID",
                           "HATHORA_APP_SECRET",
                           "HATHORA_PROCESS_ID",
                           "HATHORA_DEPLOYMENT_ID",
                           "HATHORA_BUILD_TAG",
                           "HATHORA_REGION",
                           "HATHORA_ROOMS_PER_PROCESS",
                           "HATHORA_INITIAL_ROOM_ID",
                           "HATHORA_INITIAL_ROOM_CONFIG",
                           "HATHORA_HOSTNAME",
                           "HATHORA_IP",
                           "HATHORA_PORT",
                           "HATHORA_DEFAULT_PORT",
                           "HATHORA_QUERY_PORT",
                           "HATHORA_PRIVATE_IP",
                           "HATHORA_ALLOCATED_CPU",
                           "HATHORA_ALLOCATED_MEMORY_MB",
                           "INNKEEPER_NODE",
                           "INNKEEPER_PROCESS_ID",
                           "INNKEEPER_PROCESS_DIR"}) {
    INFO(name);
    CHECK(is_reserved_variable(name));
  }
  for (const char* name : {"", "PATH", "HOME", "LANG", "PORTS", "SPORT", "port", "INNKEEPER",
                           "HATHORA_DEV_TOKEN", "HATHORA_", "MY_PORT", "HATHORA_REGIONS"}) {
    INFO(name);
    CHECK_FALSE(is_reserved_variable(name));
  }
}
