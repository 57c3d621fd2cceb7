#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <sys/types.h>

#include "actors/runner/files.hpp"
#include "actors/runner/shim/command.hpp"
#include "actors/runner/shim/log_file.hpp"

namespace innkeeper::shim {

// Runs one command to its end: starts it, keeps its output, stops it when told, records how it
// ended, and leaves nothing of it behind.
//
// Told by signals: SIGTERM asks for a stop (SIGTERM to every descendant, SIGKILL after the grace;
// sent with sigqueue, its value is the grace in milliseconds instead of the command's); SIGUSR1
// says that the server has bound its port.
class Supervisor {
 public:
  Supervisor(std::string directory, Command command);
  // The exit status for the shim itself: 0 when the end was recorded.
  int run();

 private:
  bool prepare();
  void write_state(pid_t server);
  void loop();
  void read_output(bool to_the_end);
  void read_signals();
  void begin_stop(std::int64_t grace_ms);
  void reap();
  void main_ended(int status);
  void look_for_successor();
  pid_t successor() const;
  void signal_all(int number) const;
  void kill_rest();
  int record_end(const char* kind, int status, const std::string& step, int error);
  int wait_ms() const;

  std::string directory_;
  Command command_;
  LogFile log_;
  runner::UniqueFd signals_;
  runner::UniqueFd output_;
  runner::UniqueFd output_write_;
  pid_t first_ = -1;  // the command; also the number of its session
  pid_t main_ = -1;   // whose end is the end: the command, or the daemon that took over from it
  std::optional<int> main_status_;
  std::optional<int> handover_;  // main ended with this status, perhaps for a daemon to go on
  std::int64_t handover_until_ms_ = 0;
  bool childless_ = false;
  std::int64_t bound_at_ms_ = -1;  // since when the host knows it to be running
  std::int64_t kill_at_ms_ = -1;   // end of the grace of a stop; -1 while none was asked for
  bool stopping_ = false;
  bool killed_ = false;
};

}  // namespace innkeeper::shim
