#include "actors/store/columns.hpp"

namespace innkeeper::store {
namespace {

using domain::EndReason;
using domain::ExitReason;
using domain::PlacementReason;
using domain::ProcessStatus;
using domain::RoomState;

template <class Enum>
constexpr bool is(Enum value, int code) {
  return encode_enum(value) == code;
}

// The numbers are in files that exist. A new enumerator goes to the end of its enumeration, gets
// its line here, and its name in the views of a new migration.
static_assert(is(RoomState::allocated, 0) && is(RoomState::suspended, 1) &&
              is(RoomState::destroyed, 2));
static_assert(is(PlacementReason::running_process, 0) && is(PlacementReason::starting_process, 1) &&
              is(PlacementReason::new_process, 2) && is(PlacementReason::reserved_process, 3));
static_assert(is(EndReason::none, 0) && is(EndReason::destroyed, 1) &&
              is(EndReason::suspended, 2) && is(EndReason::moved_to_free_slot, 3) &&
              is(EndReason::process_stopped, 4) && is(EndReason::process_idle, 5) &&
              is(EndReason::process_crashed, 6) && is(EndReason::process_start_failed, 7) &&
              is(EndReason::host_lost, 8) && is(EndReason::no_capacity, 9));
static_assert(is(ProcessStatus::starting, 0) && is(ProcessStatus::running, 1) &&
              is(ProcessStatus::draining, 2) && is(ProcessStatus::stopping, 3) &&
              is(ProcessStatus::stopped, 4) && is(ProcessStatus::failed, 5));
static_assert(is(ExitReason::none, 0) && is(ExitReason::exited, 1) && is(ExitReason::ordered, 2) &&
              is(ExitReason::idle, 3) && is(ExitReason::crashed, 4) &&
              is(ExitReason::start_timeout, 5) && is(ExitReason::start_failed, 6) &&
              is(ExitReason::host_lost, 7) && is(ExitReason::unneeded, 8) &&
              is(ExitReason::no_capacity, 9));
static_assert(domain::room_state_count == 3 && domain::process_status_count == 6 &&
              domain::exit_reason_count == 10);

template <class Enum>
bool decode_up_to(std::int64_t code, Enum last, Enum& value) noexcept {
  if (code < 0 || code > encode_enum(last)) return false;
  value = static_cast<Enum>(code);
  return true;
}

}  // namespace

UuidBytes encode_uuid(std::uint64_t hi, std::uint64_t lo) noexcept {
  UuidBytes bytes{};
  for (std::size_t i = 0; i < 8; ++i) {
    bytes[i] = static_cast<unsigned char>(hi >> (56 - 8 * i));
    bytes[8 + i] = static_cast<unsigned char>(lo >> (56 - 8 * i));
  }
  return bytes;
}

bool decode_uuid(std::string_view bytes, std::uint64_t& hi, std::uint64_t& lo) noexcept {
  if (bytes.size() != 16) return false;
  std::uint64_t halves[2] = {0, 0};
  for (std::size_t i = 0; i < 16; ++i) {
    halves[i / 8] = (halves[i / 8] << 8) | static_cast<unsigned char>(bytes[i]);
  }
  hi = halves[0];
  lo = halves[1];
  return true;
}

bool decode_enum(std::int64_t code, RoomState& value) noexcept {
  return decode_up_to(code, RoomState::destroyed, value);
}
bool decode_enum(std::int64_t code, PlacementReason& value) noexcept {
  return decode_up_to(code, PlacementReason::reserved_process, value);
}
bool decode_enum(std::int64_t code, EndReason& value) noexcept {
  return decode_up_to(code, EndReason::no_capacity, value);
}
bool decode_enum(std::int64_t code, ProcessStatus& value) noexcept {
  return decode_up_to(code, ProcessStatus::failed, value);
}
bool decode_enum(std::int64_t code, ExitReason& value) noexcept {
  return decode_up_to(code, ExitReason::no_capacity, value);
}

}  // namespace innkeeper::store
