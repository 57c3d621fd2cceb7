#include "actors/wire/errors.hpp"

#include <caf/exit_reason.hpp>
#include <caf/sec.hpp>
#include <catch2/catch.hpp>

#include "tests/wire/fixture.hpp"

namespace innkeeper::wire::testing {
namespace {

using domain::Error;
using domain::ErrorCode;

constexpr ErrorCode codes[] = {ErrorCode::invalid,    ErrorCode::unauthenticated,
                               ErrorCode::quota_exceeded, ErrorCode::not_found,
                               ErrorCode::refused,    ErrorCode::overloaded,
                               ErrorCode::timeout,    ErrorCode::unavailable,
                               ErrorCode::internal};

}  // namespace

TEST_CASE("an error of each code is the same after its way through CAF") {
  for (const auto code : codes) {
    INFO(static_cast<int>(code));
    const Error error{.code = code, .message = "what\nis wrong", .field = "a.b[2]", .retry_after_s = 7};
    CHECK(from_caf(to_caf(error)) == error);
    const Error bare{.code = code};
    CHECK(from_caf(to_caf(bare)) == bare);
  }
}

TEST_CASE("an error of each code survives the wire") {
  Wire wire;
  for (const auto code : codes) {
    INFO(static_cast<int>(code));
    const Error error{.code = code, .message = "no", .field = "roomId", .retry_after_s = 4'000'000'000U};
    auto sent = to_caf(error);
    Bytes bytes;
    REQUIRE_FALSE(wire.write(sent, bytes));
    caf::error received;
    REQUIRE_FALSE(wire.read(bytes, received));
    CHECK(from_caf(received) == error);
    for (std::size_t n = 0; n < bytes.size(); ++n) {
      caf::error cut;
      const Bytes some(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n));
      // CAF takes some prefixes for the absence of an error: what it makes of them must be readable.
      static_cast<void>(wire.read(some, cut));
      CHECK(static_cast<int>(from_caf(cut).code) != 0);
    }
  }
}

TEST_CASE("an error whose code or text a peer made up is an internal one") {
  const auto category = to_caf({.code = ErrorCode::refused}).category();
  for (const int code : {0, 10, 255}) {
    INFO(code);
    const caf::error made_up{static_cast<std::uint8_t>(code), category};
    CHECK(from_caf(made_up).code == ErrorCode::internal);
  }
  const caf::error odd{static_cast<std::uint8_t>(ErrorCode::refused), category,
                       caf::make_message(std::uint32_t{1}, std::string("text"))};
  CHECK(from_caf(odd).code == ErrorCode::refused);
  CHECK(from_caf(odd).message.empty());
}

TEST_CASE("errors of CAF's own say what the caller can do") {
  struct Row {
    caf::error error;
    ErrorCode code;
    std::uint32_t retry_after_s;
  };
  const Row rows[] = {
      {caf::sec::request_timeout, ErrorCode::timeout, 0},
      {caf::sec::request_receiver_down, ErrorCode::overloaded, 1},
      {caf::sec::runtime_error, ErrorCode::overloaded, 1},
      {caf::exit_reason::kill, ErrorCode::overloaded, 1},
      {caf::exit_reason::user_shutdown, ErrorCode::overloaded, 1},
      {caf::sec::unexpected_message, ErrorCode::internal, 0},
      {caf::error{3, caf::atom("other")}, ErrorCode::internal, 0},
  };
  for (const auto& row : rows) {
    const auto error = from_caf(row.error);
    CHECK(error.code == row.code);
    CHECK(error.retry_after_s == row.retry_after_s);
    CHECK_FALSE(error.message.empty());
  }
}

}  // namespace innkeeper::wire::testing
