#pragma once

#include <chrono>
#include <string>

namespace innkeeper::domain {

// A moment of wall-clock time, to the millisecond: what records hold and clients see.
using Timestamp = std::chrono::sys_time<std::chrono::milliseconds>;
using Duration = std::chrono::milliseconds;

// "YYYY-MM-DDTHH:MM:SS.mmmZ" (contract/hathora.md 7.1). Precondition: the year has four digits.
[[nodiscard]] std::string to_rfc3339(Timestamp moment);

}  // namespace innkeeper::domain
