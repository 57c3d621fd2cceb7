#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>
#include <sys/wait.h>
#include <unistd.h>

#include "actors/runner/key_values.hpp"
#include "actors/runner/os_process.hpp"
#include "actors/runner/proc.hpp"
#include "actors/runner/process_files.hpp"
#include "actors/runner/process_folder.hpp"
#include "tests/runner/world.hpp"

namespace innkeeper::runner::testing {
namespace {

using domain::ExitReason;

std::optional<Report> find(const std::vector<Report>& reports, domain::ProcessId id) {
  for (const auto& report : reports) {
    if (report.process == id) return report;
  }
  return std::nullopt;
}

void kill_shim(const World& world, domain::ProcessId id) {
  const auto state = ProcessFolder(world.folder_of(id)).state();
  REQUIRE(state);
  ::kill(state->shim_pid, SIGKILL);
}

}  // namespace

TEST_CASE("a new runner adopts what runs, with the same pid and port") {
  World world;
  world.start(echo_order(1));
  world.start(echo_order(2, {{"ECHO_DELAY_MS", "300"}}));
  const auto before = world.wait_phase(process_id(1), Phase::running);
  REQUIRE(before);
  REQUIRE(world.wait_phase(process_id(2), Phase::booted));
  world.reopen();
  const auto after = find(world.runner().inventory(), process_id(1));
  REQUIRE(after);
  CHECK(*after == *before);
  CHECK(world.runner().usage().taken.ports == 2);
  CHECK(ask_tcp(after->ports[0].port, "hello") == "hello\n");

  world.watch(process_id(1));
  world.watch(process_id(2));
  CHECK(world.wait_phase(process_id(2), Phase::running));
  world.runner().stop(process_id(1));
  const auto ended = world.wait_phase(process_id(1), Phase::ended);
  REQUIRE(ended);
  CHECK(ended->exit_reason == ExitReason::ordered);
  CHECK(ask_tcp(world.wait_phase(process_id(2), Phase::running)->ports[0].port, "exit 3").empty());
  const auto crashed = world.wait_phase(process_id(2), Phase::ended);
  REQUIRE(crashed);
  CHECK(crashed->exit_summary == "exited with code 3");
}

TEST_CASE("an end while no runner was there is found, and stays until it is acknowledged") {
  World world;
  world.start(echo_order(1));
  const auto running = world.wait_phase(process_id(1), Phase::running);
  REQUIRE(running);
  world.close();
  CHECK(ask_tcp(running->ports[0].port, "exit 5").empty());
  REQUIRE(eventually([&] { return find_marked(world.options().directory).empty(); }));
  for (int i = 0; i < 2; ++i) {
    world.reopen();
    const auto ended = find(world.runner().inventory(), process_id(1));
    REQUIRE(ended);
    CHECK(ended->phase == Phase::ended);
    CHECK(ended->exit_reason == ExitReason::crashed);
    CHECK(ended->exit_summary == "exited with code 5");
    CHECK(world.runner().usage().taken.ports == 0);
  }
  world.runner().acknowledge(process_id(1));
  CHECK(eventually([&] { return world.runner().inventory().empty(); }));
  world.reopen();
  CHECK(world.runner().inventory().empty());

  // A late repetition of the order tells of the end again and starts nothing.
  world.start(echo_order(1));
  const auto again = world.wait_phase(process_id(1), Phase::ended);
  REQUIRE(again);
  CHECK(again->exit_summary == "exited with code 5");
  CHECK(world.runner().usage().taken.ports == 0);
}

TEST_CASE("a stop goes on when the runner that ordered it is gone") {
  World world([](RunnerOptions& options) { options.stop_grace = std::chrono::milliseconds(300); });
  world.start(echo_order(1, {{"ECHO_IGNORE_TERM", "1"}}));
  REQUIRE(world.wait_phase(process_id(1), Phase::running));
  world.runner().stop(process_id(1));
  world.close();
  REQUIRE(eventually([&] { return find_marked(world.options().directory).empty(); }));
  world.reopen();
  const auto ended = find(world.runner().inventory(), process_id(1));
  REQUIRE(ended);
  CHECK(ended->exit_reason == ExitReason::ordered);
}

TEST_CASE("processes outlive kill -9 of the program that owns the runner") {
  TemporaryFolder folder;
  auto options = options_in(folder.path());
  int output[2];
  REQUIRE(::pipe(output) == 0);
  const auto first = std::to_string(options.port_first);
  const auto last = std::to_string(options.port_last);
  const pid_t owner = ::fork();
  if (owner == 0) {
    ::dup2(output[1], 1);
    ::execl(OWNER_PROGRAM, OWNER_PROGRAM, folder.path().c_str(), first.c_str(), last.c_str(),
            nullptr);
    ::_exit(127);
  }
  ::close(output[1]);
  FILE* lines = ::fdopen(output[0], "r");
  std::map<unsigned long long, std::pair<long long, int>> started;
  for (int i = 0; i < 2; ++i) {
    unsigned long long number = 0;
    long long pid = 0;
    int port = 0;
    REQUIRE(std::fscanf(lines, "%llu %lld %d", &number, &pid, &port) == 3);
    started[number] = {pid, port};
  }
  std::fclose(lines);

  const auto refused = Runner::open(options);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == domain::ErrorCode::refused);
  CHECK(refused.error().message.find("is held by another process") != std::string::npos);

  ::kill(owner, SIGKILL);
  ::waitpid(owner, nullptr, 0);
  const auto opened = Runner::open(options);
  REQUIRE(opened);
  for (const auto& [number, what] : started) {
    const auto adopted = find((*opened)->inventory(), process_id(number));
    REQUIRE(adopted);
    CHECK(adopted->phase == Phase::running);
    CHECK(adopted->pid == what.first);
    CHECK(adopted->ports.at(0).port == what.second);
    CHECK(ask_tcp(static_cast<std::uint16_t>(what.second), "pid") ==
          std::to_string(what.first) + "\n");
  }
}

TEST_CASE("when its shim is killed, nothing of a process lives on") {
  World world;
  auto order = echo_order(1);
  order.spec.command = {"sh", "-c", "setsid sleep 1000 & exec " ECHO_PROGRAM};
  world.start(order);
  REQUIRE(world.wait_phase(process_id(1), Phase::running));
  kill_shim(world, process_id(1));
  const auto ended = world.wait_phase(process_id(1), Phase::ended);
  REQUIRE(ended);
  CHECK(ended->exit_reason == ExitReason::crashed);
  CHECK(ended->exit_summary.find("was killed, and the process with it") != std::string::npos);
  CHECK(eventually([&] { return find_marked(world.options().directory).empty(); }));
}

TEST_CASE("when its shim is killed while no runner is there, the next one cleans up") {
  World world;
  auto order = echo_order(1);
  order.spec.command = {"sh", "-c", "setsid sleep 1000 & exec " ECHO_PROGRAM};
  world.start(order);
  REQUIRE(world.wait_phase(process_id(1), Phase::running));
  world.close();
  kill_shim(world, process_id(1));
  REQUIRE(eventually([&] { return find_marked(world.options().directory).size() == 1; }));
  world.reopen();
  const auto ended = find(world.runner().inventory(), process_id(1));
  REQUIRE(ended);
  CHECK(ended->exit_reason == ExitReason::host_lost);
  CHECK(ended->exit_summary == "was gone when Innkeeper came back");
  CHECK(eventually([&] { return find_marked(world.options().directory).empty(); }));
}

TEST_CASE("a recycled pid in a record is not taken for ours") {
  // A process that has nothing to do with us.
  const pid_t stranger = ::fork();
  if (stranger == 0) {
    ::pause();
    ::_exit(0);
  }
  World world;
  world.close();
  const auto stat = read_stat(stranger);
  REQUIRE(stat);
  struct Case {
    std::string boot;
    std::uint64_t start;
    std::string summary;
  };
  const Case cases[] = {{boot_id(), stat->start_time + 1, "was gone when Innkeeper came back"},
                        {"another-boot", stat->start_time, "the machine was restarted"}};
  std::uint64_t number = 10;
  for (const auto& test : cases) {
    const auto id = process_id(++number);
    const ProcessFolder folder(world.folder_of(id));
    REQUIRE(folder.create());
    REQUIRE(folder.write_record({.process = id,
                                 .app = {},
                                 .deployment = {},
                                 .command = "x",
                                 .ports = {{.name = "default",
                                            .public_port = world.options().port_first,
                                            .local_port = world.options().port_first}},
                                 .resources = {},
                                 .created_at = {}}));
    KeyValues state;
    state.add(files::key_format, files::format);
    state.add(files::key_boot, test.boot);
    state.add(files::key_shim_pid, stranger);
    state.add(files::key_shim_start, static_cast<std::int64_t>(test.start));
    state.add(files::key_pid, stranger);
    REQUIRE(folder.write(files::state, state));
    world.reopen();
    const auto ended = find(world.runner().inventory(), id);
    REQUIRE(ended);
    CHECK(ended->phase == Phase::ended);
    CHECK(ended->exit_reason == ExitReason::host_lost);
    CHECK(ended->exit_summary == test.summary);
    CHECK(world.runner().usage().taken.ports == 0);
    world.runner().stop(id);
    world.close();
  }
  CHECK(alive(stranger));
  ::kill(stranger, SIGKILL);
  ::waitpid(stranger, nullptr, 0);
}

TEST_CASE("a process that no record knows is stopped and told of") {
  World world;
  world.start(echo_order(1));
  world.start(echo_order(2));
  const auto known = world.wait_phase(process_id(1), Phase::running);
  const auto lost = world.wait_phase(process_id(2), Phase::running);
  REQUIRE(known);
  REQUIRE(lost);
  world.close();
  std::filesystem::remove(world.folder_of(process_id(2)) + "/record");
  world.reopen();
  CHECK(world.runner().inventory().size() == 1);
  world.runner().survey();
  REQUIRE(world.wait_unknown(1));
  CHECK(world.unknown()[0].process_id == to_string(process_id(2)));
  CHECK(eventually([&] { return !alive(lost->pid); }));
  CHECK(alive(known->pid));
  CHECK(world.unknown().size() == 1);
}

TEST_CASE("an orphan without shim and record is stopped too") {
  World world;
  auto order = echo_order(1);
  order.spec.command = {"sh", "-c", "setsid sleep 1000 & exec " ECHO_PROGRAM};
  world.start(order);
  REQUIRE(world.wait_phase(process_id(1), Phase::running));
  world.close();
  kill_shim(world, process_id(1));
  std::filesystem::remove_all(world.folder_of(process_id(1)));
  REQUIRE(eventually([&] { return find_marked(world.options().directory).size() == 1; }));
  world.reopen();
  world.runner().survey();
  CHECK(world.wait_unknown(1));
  CHECK(eventually([&] { return find_marked(world.options().directory).empty(); }));
}

TEST_CASE("directories are removed when their retention is over") {
  World world([](RunnerOptions& options) { options.retention = std::chrono::milliseconds(0); });
  world.start(echo_order(1));
  world.start(echo_order(2));
  for (const std::uint64_t number : {1U, 2U}) {
    REQUIRE(world.wait_phase(process_id(number), Phase::running));
    world.runner().stop(process_id(number));
    REQUIRE(world.wait_phase(process_id(number), Phase::ended));
  }
  world.runner().acknowledge(process_id(1));
  REQUIRE(eventually([&] { return world.runner().inventory().size() == 1; }));
  world.runner().survey();
  CHECK(eventually([&] { return !std::filesystem::exists(world.folder_of(process_id(1))); }));
  CHECK(std::filesystem::exists(world.folder_of(process_id(2))));
}

}  // namespace innkeeper::runner::testing
