#pragma once

#include <exception>

#include <caf/error.hpp>
#include <caf/scheduled_actor.hpp>

namespace innkeeper::actors {

// For `set_exception_handler` of every actor: logs what a handler threw, with the name of the
// actor, which then ends with `caf::sec::runtime_error`. Who watches it decides about a restart.
[[nodiscard]] caf::error log_exception(caf::scheduled_actor* self, std::exception_ptr& thrown);

}  // namespace innkeeper::actors
