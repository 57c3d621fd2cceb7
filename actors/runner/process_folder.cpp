#include "actors/runner/process_folder.hpp"

#include <cerrno>
#include <charconv>

#include <sys/stat.h>
#include <unistd.h>

#include "actors/runner/files.hpp"
#include "actors/runner/process_files.hpp"

namespace innkeeper::runner {
namespace {

domain::Result<void> check(int error, const std::string& what) {
  if (error == 0) return {};
  return domain::Error{.code = domain::ErrorCode::unavailable,
                       .message = "could not write " + what + ": " + errno_text(error),
                       .field = {}};
}

// "default tcp 20000 20000": name, transport, public and local port.
std::string port_text(const AssignedPort& port) {
  return port.name + " " + domain::to_string(port.transport) + " " +
         std::to_string(port.public_port) + " " + std::to_string(port.local_port);
}

std::optional<AssignedPort> parse_port(const std::string& text) {
  std::vector<std::string> parts;
  // The name comes first and may hold anything, so the text is taken apart from its end.
  auto rest = text;
  for (int i = 0; i < 3; ++i) {
    const auto blank = rest.rfind(' ');
    if (blank == std::string::npos) return std::nullopt;
    parts.push_back(rest.substr(blank + 1));
    rest.resize(blank);
  }
  const auto number = [](const std::string& digits) {
    std::uint16_t value = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return value;
  };
  const auto transport = domain::parse_transport(parts[2]);
  AssignedPort port{.name = rest, .public_port = number(parts[1]), .local_port = number(parts[0])};
  if (!transport || port.public_port == 0 || port.local_port == 0) return std::nullopt;
  port.transport = *transport;
  return port;
}

std::optional<domain::ExitReason> parse_reason(const std::string& text) {
  for (int i = 0; i < domain::exit_reason_count; ++i) {
    const auto reason = static_cast<domain::ExitReason>(i);
    if (text == domain::to_string(reason)) return reason;
  }
  return std::nullopt;
}

domain::Timestamp timestamp(std::int64_t milliseconds) {
  return domain::Timestamp(domain::Duration(milliseconds));
}

std::int64_t milliseconds(domain::Timestamp moment) { return moment.time_since_epoch().count(); }

constexpr const char* cause_ordered = "ordered";
constexpr const char* cause_start_timeout = "start_timeout";

}  // namespace

domain::Result<void> ProcessFolder::create() const {
  if (::mkdir(path_.c_str(), 0700) != 0) return check(errno, path_);
  const auto work = file(files::work);
  if (::mkdir(work.c_str(), 0700) != 0) return check(errno, work);
  return {};
}

domain::Result<void> ProcessFolder::write(const char* name, const KeyValues& content) const {
  // After a power failure no process is left, so only the shim's record of an end is worth a sync.
  return check(write_file_atomic(file(name), content.serialise(), Sync::no), file(name));
}

domain::Result<void> ProcessFolder::write_record(const FolderRecord& record) const {
  KeyValues out;
  out.add(files::key_format, files::format);
  out.add("process", to_string(record.process));
  out.add("app", record.app.str());
  out.add("deployment", record.deployment.str());
  out.add("command", record.command);
  for (const auto& port : record.ports) out.add("port", port_text(port));
  out.add("cpu_millis", static_cast<std::int64_t>(record.resources.cpu_millis));
  out.add("memory_mb", static_cast<std::int64_t>(record.resources.memory_mb));
  out.add("created_ms", milliseconds(record.created_at));
  return write(files::record, out);
}

domain::Result<void> ProcessFolder::write_stop(StopCause cause) const {
  KeyValues out;
  out.add("cause", cause == StopCause::start_timeout ? cause_start_timeout : cause_ordered);
  return write(files::stop, out);
}

domain::Result<void> ProcessFolder::write_outcome(const FolderOutcome& outcome) const {
  KeyValues out;
  out.add(files::key_format, files::format);
  out.add("reason", domain::to_string(outcome.outcome.reason));
  out.add("summary", outcome.outcome.summary);
  out.add("ended_ms", milliseconds(outcome.ended_at));
  out.add("acknowledged", outcome.acknowledged ? 1 : 0);
  return write(files::outcome, out);
}

std::optional<KeyValues> ProcessFolder::read(const char* name) const {
  const auto content = read_small_file(file(name), files::file_bytes_max);
  return content ? KeyValues::parse(*content) : std::nullopt;
}

std::optional<FolderRecord> ProcessFolder::record() const {
  const auto in = read(files::record);
  if (!in || in->number(files::key_format) != files::format) return std::nullopt;
  const auto id = domain::parse_process_id(in->text("process"));
  const auto created = in->number("created_ms");
  if (!id || !created) return std::nullopt;
  FolderRecord record;
  record.process = *id;
  record.app = domain::AppId(in->text("app"));
  record.deployment = domain::DeploymentId(in->text("deployment"));
  record.command = in->text("command");
  for (const auto& text : in->all("port")) {
    const auto port = parse_port(text);
    if (!port) return std::nullopt;
    record.ports.push_back(*port);
  }
  record.resources = {
      .cpu_millis = static_cast<std::uint32_t>(in->number("cpu_millis").value_or(0)),
      .memory_mb = static_cast<std::uint32_t>(in->number("memory_mb").value_or(0)),
      .ports = static_cast<std::uint32_t>(record.ports.size())};
  record.created_at = timestamp(*created);
  return record;
}

std::optional<FolderState> ProcessFolder::state() const {
  const auto in = read(files::state);
  if (!in || in->number(files::key_format) != files::format) return std::nullopt;
  FolderState state;
  state.boot = in->text(files::key_boot);
  state.shim_pid = static_cast<pid_t>(in->number(files::key_shim_pid).value_or(0));
  state.shim_start = static_cast<std::uint64_t>(in->number(files::key_shim_start).value_or(0));
  state.pid = static_cast<pid_t>(in->number(files::key_pid).value_or(0));
  if (state.shim_pid <= 0) return std::nullopt;
  return state;
}

std::optional<KeyValues> ProcessFolder::exit() const {
  auto in = read(files::exit);
  if (!in || in->number(files::key_format) != files::format) return std::nullopt;
  return in;
}

std::optional<FolderOutcome> ProcessFolder::outcome() const {
  const auto in = read(files::outcome);
  if (!in) return std::nullopt;
  const auto reason = parse_reason(in->text("reason"));
  const auto ended = in->number("ended_ms");
  if (!reason || !ended) return std::nullopt;
  return FolderOutcome{.outcome = {*reason, in->text("summary")},
                       .ended_at = timestamp(*ended),
                       .acknowledged = in->number("acknowledged") == 1};
}

StopCause ProcessFolder::stop_cause() const {
  const auto in = read(files::stop);
  if (!in) return StopCause::none;
  return in->text("cause") == cause_start_timeout ? StopCause::start_timeout : StopCause::ordered;
}

bool ProcessFolder::marked_running() const {
  return ::access(file(files::running).c_str(), F_OK) == 0;
}

}  // namespace innkeeper::runner
