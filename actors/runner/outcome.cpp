#include "actors/runner/outcome.hpp"

#include <csignal>
#include <cstdio>
#include <cstring>

#include "actors/runner/process_files.hpp"

namespace innkeeper::runner {
namespace {

std::string how_it_ended(const KeyValues& exit, const Circumstances& circumstances) {
  const auto kind = exit.text(files::key_kind);
  if (kind == files::kind_exited) {
    return "exited with code " + std::to_string(exit.number(files::key_code).value_or(-1));
  }
  if (kind == files::kind_signaled) {
    const auto number = static_cast<int>(exit.number(files::key_signal).value_or(0));
    auto text = "killed by " + signal_name(number);
    if (exit.number(files::key_core) == 1) text += " (core dumped)";
    if (number == SIGKILL && circumstances.stop == StopCause::none) {
      text += ", which Innkeeper did not send (out of memory?)";
    }
    return text;
  }
  if (kind == files::kind_exec_failed) {
    const auto step = exit.text(files::key_step);
    const auto what = step == "execute" ? "execute " + circumstances.command : step;
    return "could not " + what + ": " + exit.text(files::key_error);
  }
  return "its shim could not " + exit.text(files::key_step) + ": " + exit.text(files::key_error);
}

}  // namespace

std::string signal_name(int number) {
  const char* name = ::sigabbrev_np(number);
  return name ? std::string("SIG") + name : "signal " + std::to_string(number);
}

std::string seconds_text(domain::Duration duration) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%g s", static_cast<double>(duration.count()) / 1000.0);
  return buffer;
}

std::string one_line(const std::string& text) {
  auto line = text.substr(0, 300);
  for (auto& c : line) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return line;
}

Outcome judge(const KeyValues& exit, const Circumstances& circumstances) {
  using domain::ExitReason;
  const auto kind = exit.text(files::key_kind);
  const auto ended = how_it_ended(exit, circumstances);
  const bool asked = exit.number(files::key_stopping) == 1;
  const bool killed = exit.number(files::key_killed) == 1;
  if (kind != files::kind_exited && kind != files::kind_signaled) {
    return {ExitReason::start_failed, one_line(ended)};
  }
  // Without the shim having been asked, the command had ended before it could be too late.
  if (circumstances.stop == StopCause::start_timeout && asked) {
    return {ExitReason::start_timeout, "did not bind port " + std::to_string(circumstances.port) +
                                           " within " + seconds_text(circumstances.start_timeout)};
  }
  // The shim's word alone will do: a stop may come from the machine (SIGTERM to the whole service).
  if (asked) {
    if (killed) {
      return {ExitReason::ordered, "stopped by order, killed after " +
                                       seconds_text(circumstances.stop_grace) + " of grace"};
    }
    return {ExitReason::ordered, "stopped by order, " + ended};
  }
  if (kind == files::kind_exited && exit.number(files::key_code) == 0) {
    if (circumstances.ran) return {ExitReason::exited, ended};
    return {ExitReason::start_failed,
            ended + " before it had bound port " + std::to_string(circumstances.port)};
  }
  if (circumstances.ran) return {ExitReason::crashed, ended};
  return {ExitReason::crashed,
          ended + " before it had bound port " + std::to_string(circumstances.port)};
}

}  // namespace innkeeper::runner
