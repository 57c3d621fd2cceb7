#pragma once

// The names inside a process's directory, DATA_DIR/processes/PROCESS_ID, and the keys of its files
// (all in the form of key_values.hpp). Who writes what: README.md. Shared with the shim.
namespace innkeeper::runner::files {

inline constexpr const char* record = "record";  // host: what was ordered, without secrets
inline constexpr const char* spec = "spec";  // host, for the shim, which removes it; holds secrets
inline constexpr const char* state = "state";      // shim: who runs
inline constexpr const char* exit = "exit";        // shim: how it ended
inline constexpr const char* running = "running";  // host: it has bound its port
inline constexpr const char* stop = "stop";        // host: why it is being stopped
inline constexpr const char* outcome =
    "outcome";                               // host: how it ended, for people and the scheduler
inline constexpr const char* work = "work";  // folder that the server starts in
inline constexpr const char* log = "output.log";  // standard output and error, newest part
inline constexpr const char* old_log = "output.1.log";

// spec
inline constexpr const char* key_format = "format";
inline constexpr int format = 1;
inline constexpr const char* key_argument = "argument";        // repeated
inline constexpr const char* key_environment = "environment";  // repeated, NAME=value
inline constexpr const char* key_log_bytes = "log_bytes";
inline constexpr const char* key_grace_ms = "grace_ms";
inline constexpr const char* key_open_files = "open_files";
inline constexpr const char* key_data_bytes = "data_bytes";  // absent: not limited
inline constexpr const char* key_oom_score = "oom_score_adj";

// state
inline constexpr const char* key_boot = "boot";
inline constexpr const char* key_shim_pid = "shim_pid";
inline constexpr const char* key_shim_start = "shim_start";
inline constexpr const char* key_pid = "pid";  // absent until the command was executed
inline constexpr const char* key_start = "start";

// exit
inline constexpr const char* key_kind = "kind";
inline constexpr const char* kind_exited = "exited";            // code
inline constexpr const char* kind_signaled = "signaled";        // signal, core
inline constexpr const char* kind_exec_failed = "exec_failed";  // step, error
inline constexpr const char* kind_shim_failed = "shim_failed";  // step, error
inline constexpr const char* key_code = "code";
inline constexpr const char* key_signal = "signal";
inline constexpr const char* key_core = "core";          // 1: memory was dumped
inline constexpr const char* key_step = "step";          // what failed, as a phrase
inline constexpr const char* key_error = "error";        // its errno as text
inline constexpr const char* key_stopping = "stopping";  // 1: a stop had been asked for
inline constexpr const char* key_killed = "killed";  // 1: the grace was over and SIGKILL was sent
inline constexpr const char* key_ended_ms = "ended_ms";  // wall clock, since 1970

inline constexpr long file_bytes_max = 4L * 1024 * 1024;

}  // namespace innkeeper::runner::files
