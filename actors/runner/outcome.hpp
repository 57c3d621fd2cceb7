#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "actors/domain/process.hpp"
#include "actors/domain/time.hpp"
#include "actors/runner/key_values.hpp"

// How the end of a process is judged; pure.
namespace innkeeper::runner {

// Why the host stops a process.
enum class StopCause : std::uint8_t { none, ordered, start_timeout };

// What was known when it ended.
struct Circumstances {
  StopCause stop = StopCause::none;
  bool ran = false;        // it had bound its port
  std::uint16_t port = 0;  // the port that it had to bind
  std::string command;     // first argument
  domain::Duration start_timeout{};
  domain::Duration stop_grace{};
};

struct Outcome {
  domain::ExitReason reason = domain::ExitReason::crashed;
  std::string summary;  // one line, for people
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

// From what the shim recorded (process_files.hpp, `exit`).
[[nodiscard]] Outcome judge(const KeyValues& exit, const Circumstances& circumstances);

// "SIGSEGV" for 11; "signal 64" for those without a name.
[[nodiscard]] std::string signal_name(int number);
// "100 s", "1.5 s".
[[nodiscard]] std::string seconds_text(domain::Duration duration);
// First line of `text`, control characters replaced, at most 300 bytes.
[[nodiscard]] std::string one_line(const std::string& text);

}  // namespace innkeeper::runner
