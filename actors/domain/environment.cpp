#include "actors/domain/environment.hpp"

#include <algorithm>
#include <array>

namespace innkeeper::domain {
namespace {

// contract/hathora.md 4
constexpr std::array<std::string_view, 16> fixed_names{
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
    "HATHORA_PRIVATE_IP",
    "HATHORA_ALLOCATED_CPU",
    "HATHORA_ALLOCATED_MEMORY_MB",
    "PORT",
};

}  // namespace

bool is_reserved_variable(std::string_view name) noexcept {
  return name.starts_with("INNKEEPER_") || name.starts_with("PORT_") ||
         (name.starts_with("HATHORA_") && name.ends_with("_PORT")) ||
         std::find(fixed_names.begin(), fixed_names.end(), name) != fixed_names.end();
}

}  // namespace innkeeper::domain
