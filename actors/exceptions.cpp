#include "actors/exceptions.hpp"

#include <string>

#include <caf/sec.hpp>

#include "metrics/log.hpp"

namespace innkeeper::actors {

caf::error log_exception(caf::scheduled_actor* self, std::exception_ptr& thrown) {
  std::string what = "something that is no std::exception";
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& exception) {
    what = exception.what();
  } catch (...) {
  }
  log::event("actor.exception", {{"actor", self->name()}, {"what", what}});
  return caf::sec::runtime_error;
}

}  // namespace innkeeper::actors
