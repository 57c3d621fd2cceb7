#pragma once

#include <string>

#include "actors/domain/api.hpp"

namespace innkeeper::json {

// The answer of `GET /v1/rooms/{roomId}/explain`; its schema is RoomExplanation in
// docs/openapi.json. Every key is always there; null where it does not apply.
[[nodiscard]] std::string explanation(const domain::RoomExplanation& explanation);

}  // namespace innkeeper::json
