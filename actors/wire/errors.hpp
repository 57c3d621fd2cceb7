#pragma once

#include <caf/error.hpp>

#include "actors/domain/result.hpp"

namespace innkeeper::wire {

// A domain error in the form in which CAF carries it: category `innkeeper`, the code, and the rest as
// context. Crosses nodes.
[[nodiscard]] caf::error to_caf(const domain::Error& error);

// The domain error inside, or what an error of CAF's own means for the caller: a receiver that is down or
// a handler that threw is `overloaded` with a second to wait, since supervision starts it again; a request
// timeout is `timeout`; all else `internal`.
[[nodiscard]] domain::Error from_caf(const caf::error& error);

}  // namespace innkeeper::wire
