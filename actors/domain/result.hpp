#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace innkeeper::domain {

// What a caller can do about a failure. Mapped to HTTP in one place (gateway/routes/error_response).
enum class ErrorCode : std::uint8_t {
  invalid = 1,       // a value from the client breaks a rule; `field` names it (422)
  unauthenticated,   // no token, or one that is not valid (401)
  quota_exceeded,    // a limit of the subscription is reached (402)
  not_found,         // no such app, room, process or deployment (404)
  refused,           // understood, but not possible in the present state (400)
  overloaded,        // a bounded queue is full or a rate is exceeded; try again later (429)
  timeout,           // not finished within the request's deadline (408)
  unavailable,       // the store cannot commit, so nothing may change (500)
  internal,          // our own mistake (500)
};

// A failure as a value. `message` is for people and may be shown to clients; it never holds a secret.
struct Error {
  ErrorCode code = ErrorCode::internal;
  std::string message;
  std::string field;                // empty when no single field is at fault
  std::uint32_t retry_after_s = 0;  // seconds; 0 when the error says nothing about it

  friend bool operator==(const Error&, const Error&) = default;
};

// A value of type T, or an Error. The interface is the part of std::expected that is used here
// (clang 14, which builds the fuzz targets, does not have it).
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  [[nodiscard]] bool has_value() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }

  // Precondition of all accessors below: the alternative that is asked for is the one that is held.
  [[nodiscard]] T& value() & { return std::get<0>(state_); }
  [[nodiscard]] const T& value() const& { return std::get<0>(state_); }
  [[nodiscard]] T&& value() && { return std::get<0>(std::move(state_)); }
  [[nodiscard]] T& operator*() & { return std::get<0>(state_); }
  [[nodiscard]] const T& operator*() const& { return std::get<0>(state_); }
  [[nodiscard]] T&& operator*() && { return std::get<0>(std::move(state_)); }
  [[nodiscard]] T* operator->() { return &std::get<0>(state_); }
  [[nodiscard]] const T* operator->() const { return &std::get<0>(state_); }
  [[nodiscard]] const Error& error() const& { return std::get<1>(state_); }
  [[nodiscard]] Error&& error() && { return std::get<1>(std::move(state_)); }

 private:
  std::variant<T, Error> state_;
};

// Success without a value, or an Error.
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}

  [[nodiscard]] bool has_value() const noexcept { return !error_.has_value(); }
  explicit operator bool() const noexcept { return has_value(); }
  [[nodiscard]] const Error& error() const& { return *error_; }
  [[nodiscard]] Error&& error() && { return *std::move(error_); }

 private:
  std::optional<Error> error_;
};

}  // namespace innkeeper::domain
