#include "actors/domain/process.hpp"

#include <map>
#include <string>

#include <catch2/catch.hpp>

namespace innkeeper::domain {
namespace {

Timestamp at(int ms) { return Timestamp(Duration(ms)); }

std::vector<ExposedPort> ports(std::uint16_t number) {
  return {{.name = "default", .host = "h", .port = number, .transport = Transport::tcp}};
}

ProcessRecord must(Result<ProcessRecord> result) {
  REQUIRE(result.has_value());
  return *std::move(result);
}

// One record in each state that the rules tell apart, made by the rules themselves.
std::map<std::string, ProcessRecord> records() {
  std::map<std::string, ProcessRecord> all;
  ProcessRecord& reserved = all["reserved"];
  reserved.id = {1, 1};
  reserved.created_at = at(1);
  all["assigned"] = must(apply(reserved, AssignHost{HostName("host-1")}, at(2)));
  all["booted"] = must(apply(all["assigned"], ProcessBooted{ports(20000)}, at(3)));
  all["running"] = must(apply(all["booted"], ProcessRunning{}, at(4)));
  all["draining"] = must(apply(all["running"], DrainProcess{}, at(5)));
  all["stopping"] = must(apply(all["draining"], StopProcess{ExitReason::idle}, at(6)));
  all["stopped"] =
      must(apply(all["stopping"], ProcessEnded{ExitReason::crashed, "signal 15"}, at(7)));
  all["failed"] = must(apply(all["running"], ProcessEnded{ExitReason::crashed, "exit 1"}, at(7)));
  return all;
}

// What `change` makes of `record`: the new status, "same" when nothing changed, or "refused".
std::string outcome(const ProcessRecord& record, const ProcessChange& change) {
  const auto result = apply(record, change, at(100));
  if (!result) return result.error().code == ErrorCode::refused ? "refused" : "another error";
  return *result == record ? "same" : to_string(result->status);
}

}  // namespace

TEST_CASE("every change on every state of a process does what the lifecycle says") {
  const char* const columns[] = {"reserved", "assigned", "booted",  "running",
                                 "draining", "stopping", "stopped", "failed"};
  struct Row {
    const char* name;
    ProcessChange change;
    const char* expected[8];
  };
  const auto ended = [](ExitReason reason) { return ProcessEnded{reason, "summary"}; };
  // clang-format off
  const Row rows[] = {
      // change                                                  reserved    assigned    booted      running     draining    stopping    stopped     failed
      {"assign its host",   AssignHost{HostName("host-1")},     {"starting", "same",     "same",     "refused",  "refused",  "refused",  "refused",  "refused"}},
      {"assign another",    AssignHost{HostName("host-2")},     {"starting", "refused",  "refused",  "refused",  "refused",  "refused",  "refused",  "refused"}},
      {"assign no host",    AssignHost{HostName()},             {"refused",  "refused",  "refused",  "refused",  "refused",  "refused",  "refused",  "refused"}},
      {"boot",              ProcessBooted{ports(20000)},        {"refused",  "starting", "same",     "same",     "same",     "same",     "refused",  "refused"}},
      {"boot elsewhere",    ProcessBooted{ports(20001)},        {"refused",  "starting", "starting", "refused",  "refused",  "same",     "refused",  "refused"}},
      {"boot portless",     ProcessBooted{},                    {"refused",  "refused",  "refused",  "refused",  "refused",  "same",     "refused",  "refused"}},
      {"run",               ProcessRunning{},                   {"refused",  "refused",  "running",  "same",     "same",     "same",     "refused",  "refused"}},
      {"drain",             DrainProcess{},                     {"refused",  "refused",  "refused",  "draining", "same",     "refused",  "refused",  "refused"}},
      {"stop",              StopProcess{ExitReason::ordered},   {"stopped",  "stopping", "stopping", "stopping", "stopping", "same",     "same",     "same"}},
      {"stop as idle",      StopProcess{ExitReason::idle},      {"stopped",  "stopping", "stopping", "stopping", "stopping", "same",     "same",     "same"}},
      {"stop as unneeded",  StopProcess{ExitReason::unneeded},  {"stopped",  "stopping", "stopping", "stopping", "stopping", "same",     "same",     "same"}},
      {"stop as crashed",   StopProcess{ExitReason::crashed},   {"refused",  "refused",  "refused",  "refused",  "refused",  "refused",  "refused",  "refused"}},
      {"stop for nothing",  StopProcess{ExitReason::none},      {"refused",  "refused",  "refused",  "refused",  "refused",  "refused",  "refused",  "refused"}},
      {"end for nothing",   ended(ExitReason::none),            {"refused",  "refused",  "refused",  "refused",  "refused",  "refused",  "refused",  "refused"}},
      {"exit 0",            ended(ExitReason::exited),          {"refused",  "failed",   "failed",   "stopped",  "stopped",  "stopped",  "same",     "same"}},
      {"end as ordered",    ended(ExitReason::ordered),         {"stopped",  "stopped",  "stopped",  "stopped",  "stopped",  "stopped",  "same",     "same"}},
      {"end as idle",       ended(ExitReason::idle),            {"refused",  "stopped",  "stopped",  "stopped",  "stopped",  "stopped",  "same",     "same"}},
      {"crash",             ended(ExitReason::crashed),         {"refused",  "failed",   "failed",   "failed",   "failed",   "stopped",  "same",     "same"}},
      {"start timeout",     ended(ExitReason::start_timeout),   {"refused",  "failed",   "failed",   "failed",   "failed",   "stopped",  "same",     "same"}},
      {"start failed",      ended(ExitReason::start_failed),    {"refused",  "failed",   "failed",   "failed",   "failed",   "stopped",  "same",     "same"}},
      {"host lost",         ended(ExitReason::host_lost),       {"refused",  "failed",   "failed",   "failed",   "failed",   "stopped",  "same",     "same"}},
      {"end as unneeded",   ended(ExitReason::unneeded),        {"stopped",  "stopped",  "stopped",  "stopped",  "stopped",  "stopped",  "same",     "same"}},
      {"no capacity",       ended(ExitReason::no_capacity),     {"failed",   "failed",   "failed",   "failed",   "failed",   "stopped",  "same",     "same"}},
  };
  // clang-format on
  const auto all = records();
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < std::size(columns); ++i) {
      INFO(row.name << " on a process that is " << columns[i]);
      CHECK(outcome(all.at(columns[i]), row.change) == row.expected[i]);
    }
  }
}

TEST_CASE("each step of a process leaves its mark") {
  auto all = records();
  CHECK(all["reserved"].reserved());
  CHECK(all["assigned"].host == HostName("host-1"));
  CHECK(all["assigned"].scheduled_at == at(2));
  CHECK_FALSE(all["assigned"].reserved());
  CHECK(all["booted"].booted_at == at(3));
  CHECK(all["booted"].ports == ports(20000));
  CHECK(all["running"].started_at == at(4));
  CHECK(all["stopping"].stopping_at == at(6));
  CHECK(all["stopping"].stop_reason == ExitReason::idle);
  CHECK(all["stopping"].exit_reason == ExitReason::none);
  CHECK(all["stopped"].terminated_at == at(7));
  CHECK(all["failed"].terminated_at == at(7));
  CHECK(all["failed"].exit_reason == ExitReason::crashed);
  CHECK(all["failed"].exit_summary == "exit 1");
  CHECK(all["failed"].stopping_at == std::nullopt);
}

TEST_CASE("an end after an ordered stop has the stop's reason, whatever the exit code") {
  const ProcessRecord stopping = records().at("stopping");
  for (int i = 1; i < exit_reason_count; ++i) {
    const ProcessRecord ended =
        must(apply(stopping, ProcessEnded{static_cast<ExitReason>(i), "signal 9"}, at(8)));
    CHECK(ended.status == ProcessStatus::stopped);
    CHECK(ended.exit_reason == ExitReason::idle);
    CHECK(ended.exit_summary == "signal 9");
  }
}

TEST_CASE("a stop of a reserved process is final at once") {
  const ProcessRecord stopped =
      must(apply(records().at("reserved"), StopProcess{ExitReason::unneeded}, at(9)));
  CHECK(stopped.status == ProcessStatus::stopped);
  CHECK(stopped.exit_reason == ExitReason::unneeded);
  CHECK(stopped.stop_reason == ExitReason::unneeded);
  CHECK(stopped.stopping_at == at(9));
  CHECK(stopped.terminated_at == at(9));
  CHECK(stopped.host.empty());
  CHECK_FALSE(stopped.exit_summary.empty());
}

TEST_CASE("an exit with code 0 before the port was bound is a failed start") {
  const ProcessRecord ended =
      must(apply(records().at("booted"), ProcessEnded{ExitReason::exited, "exit 0"}, at(9)));
  CHECK(ended.status == ProcessStatus::failed);
  CHECK(ended.exit_reason == ExitReason::start_failed);
  CHECK_FALSE(end_destroys_rooms(ended.exit_reason));
}

TEST_CASE("a process that boots again while it starts has its new ports") {
  const ProcessRecord again =
      must(apply(records().at("booted"), ProcessBooted{ports(20001)}, at(9)));
  CHECK(again.ports == ports(20001));
  CHECK(again.booted_at == at(9));
}

TEST_CASE("the first ordered stop counts") {
  const ProcessRecord again =
      must(apply(records().at("stopping"), StopProcess{ExitReason::ordered}, at(9)));
  CHECK(again.stop_reason == ExitReason::idle);
  CHECK(again.stopping_at == at(6));
}

TEST_CASE("a clock that is set back does not put the times of a process out of order") {
  ProcessRecord record;
  record.id = {1, 1};
  record.created_at = at(1000);
  int clock = 900;
  for (const ProcessChange& change :
       {ProcessChange(AssignHost{HostName("host-1")}), ProcessChange(ProcessBooted{ports(1)}),
        ProcessChange(ProcessRunning{}), ProcessChange(StopProcess{}),
        ProcessChange(ProcessEnded{ExitReason::crashed, ""})}) {
    record = must(apply(record, change, at(clock--)));
  }
  CHECK(record.status == ProcessStatus::stopped);
  for (const auto& moment : {record.scheduled_at, record.booted_at, record.started_at,
                             record.stopping_at, record.terminated_at}) {
    CHECK(moment == at(1000));
  }
}

TEST_CASE("a refusal says what the process is and why") {
  const auto all = records();
  const auto drained = apply(all.at("reserved"), DrainProcess{}, at(9));
  REQUIRE_FALSE(drained.has_value());
  CHECK(drained.error().message == "process is reserved: only a running process can be drained");
  const auto booted = apply(all.at("failed"), ProcessBooted{ports(1)}, at(9));
  REQUIRE_FALSE(booted.has_value());
  CHECK(booted.error().message == "process is failed: it has ended and cannot boot");
}

TEST_CASE("which ends destroy the rooms of a process") {
  const std::map<ExitReason, bool> expected = {
      {ExitReason::none, false},         {ExitReason::exited, true},
      {ExitReason::ordered, true},       {ExitReason::idle, true},
      {ExitReason::crashed, false},      {ExitReason::start_timeout, false},
      {ExitReason::start_failed, false}, {ExitReason::host_lost, false},
      {ExitReason::unneeded, true},      {ExitReason::no_capacity, true},
  };
  CHECK(expected.size() == exit_reason_count);
  for (const auto& [reason, destroys] : expected) {
    INFO(to_string(reason));
    CHECK(end_destroys_rooms(reason) == destroys);
  }
}

TEST_CASE("the words of a process's status and exit reason are those of the wire") {
  const char* const statuses[] = {"starting", "running", "draining",
                                  "stopping", "stopped", "failed"};
  REQUIRE(std::size(statuses) == process_status_count);
  for (int i = 0; i < process_status_count; ++i) {
    const auto status = static_cast<ProcessStatus>(i);
    CHECK(std::string(to_string(status)) == statuses[i]);
    CHECK(parse_process_status(statuses[i]) == status);
    CHECK(is_final(status) == (i >= 4));
  }
  for (const char* text : {"", "Running", "running ", "unknown", "active"}) {
    CHECK_FALSE(parse_process_status(text));
  }
  const char* const reasons[] = {"none",     "exited",        "ordered",      "idle",
                                 "crashed",  "start_timeout", "start_failed", "host_lost",
                                 "unneeded", "no_capacity"};
  REQUIRE(std::size(reasons) == exit_reason_count);
  for (int i = 0; i < exit_reason_count; ++i) {
    CHECK(std::string(to_string(static_cast<ExitReason>(i))) == reasons[i]);
  }
}

}  // namespace innkeeper::domain
