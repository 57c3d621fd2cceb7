#include "actors/wire/errors.hpp"

#include <string>

#include <caf/atom.hpp>
#include <caf/exit_reason.hpp>
#include <caf/make_message.hpp>
#include <caf/message.hpp>
#include <caf/sec.hpp>

namespace innkeeper::wire {
namespace {

constexpr auto category = caf::atom("innkeeper");

// A node of another version may know codes that this one does not.
bool is_code(std::uint8_t code) {
  return code >= static_cast<std::uint8_t>(domain::ErrorCode::invalid) &&
         code <= static_cast<std::uint8_t>(domain::ErrorCode::internal);
}

domain::Error from_sec(caf::sec code) {
  using domain::ErrorCode;
  if (code == caf::sec::request_timeout)
    return {.code = ErrorCode::timeout, .message = "the request was not finished in time"};
  if (code == caf::sec::request_receiver_down || code == caf::sec::runtime_error)
    return {.code = ErrorCode::overloaded,
            .message = "a part of the scheduler is being restarted; try again",
            .retry_after_s = 1};
  return {.code = ErrorCode::internal, .message = "internal error"};
}

}  // namespace

caf::error to_caf(const domain::Error& error) {
  return {static_cast<std::uint8_t>(error.code), category,
          caf::make_message(error.message, error.field, error.retry_after_s)};
}

domain::Error from_caf(const caf::error& error) {
  // The absence of an error has no category to ask for; a peer can send it in the place of one.
  if (!error) return {.code = domain::ErrorCode::internal, .message = "internal error"};
  if (error.category() == category) {
    if (!is_code(error.code())) return {.code = domain::ErrorCode::internal, .message = "internal error"};
    domain::Error out{.code = static_cast<domain::ErrorCode>(error.code())};
    const auto& context = error.context();
    if (context.match_elements<std::string, std::string, std::uint32_t>()) {
      out.message = context.get_as<std::string>(0);
      out.field = context.get_as<std::string>(1);
      out.retry_after_s = context.get_as<std::uint32_t>(2);
    }
    return out;
  }
  if (error.category() == caf::atom("system")) return from_sec(static_cast<caf::sec>(error.code()));
  if (error.category() == caf::atom("exit")) return from_sec(caf::sec::request_receiver_down);
  return {.code = domain::ErrorCode::internal, .message = "internal error"};
}

}  // namespace innkeeper::wire
