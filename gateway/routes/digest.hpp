#pragma once

#include <string>

#include "actors/domain/api.hpp"

namespace innkeeper::routes {

// SHA-256, as 64 lower-case hexadecimal characters, of what a create asks for: app, region, chosen
// room, deployment and config. Equal for requests that mean the same, however their bytes are
// arranged; key and digest of the command itself are left out. Empty when the digest cannot be
// computed (out of memory).
[[nodiscard]] std::string create_digest(const domain::CreateRoom& command);

}  // namespace innkeeper::routes
