#include <algorithm>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actors/runner/os_process.hpp"
#include "actors/runner/proc.hpp"
#include "tests/runner/world.hpp"

namespace innkeeper::runner::testing {
namespace {

using domain::ExitReason;

std::string content(const std::string& path) {
  std::ifstream in(path);
  std::stringstream out;
  out << in.rdbuf();
  return out.str();
}

std::uint16_t port_of(const Report& report) { return report.ports.at(0).port; }

bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

}  // namespace

TEST_CASE("a process is booted, runs when it has bound its port, and stops in order") {
  World world;
  const auto id = process_id(1);
  world.start(echo_order(1, {{"ECHO_DELAY_MS", "100"}}));
  const auto booted = world.wait_phase(id, Phase::booted);
  REQUIRE(booted);
  CHECK(alive(booted->pid));
  const auto running = world.wait_phase(id, Phase::running);
  REQUIRE(running);
  REQUIRE(running->ports.size() == 1);
  CHECK(running->ports[0].name == "default");
  CHECK(running->ports[0].host == "127.0.0.1");
  CHECK(ask_tcp(port_of(*running), "hello") == "hello\n");
  CHECK(ask_udp(port_of(*running), "hello") == "hello\n");
  CHECK(world.runner().usage().taken.ports == 1);

  world.runner().stop(id);
  const auto ended = world.wait_phase(id, Phase::ended);
  REQUIRE(ended);
  CHECK(ended->exit_reason == ExitReason::ordered);
  CHECK(ended->exit_summary == "stopped by order, exited with code 0");
  CHECK_FALSE(alive(running->pid));
  CHECK(find_marked(world.options().directory).empty());
  CHECK(world.runner().usage().taken == domain::Resources{});
  CHECK(world.problems().empty());

  CHECK(world.runner().inventory().size() == 1);
  world.runner().acknowledge(id);
  CHECK(eventually([&] { return world.runner().inventory().empty(); }));
  world.reopen();
  CHECK(world.runner().inventory().empty());
}

TEST_CASE("the end of a process is told with its reason and a summary for people") {
  struct Case {
    const char* line;
    ExitReason reason;
    const char* summary;
  };
  const Case cases[] = {{"quit", ExitReason::exited, "exited with code 0"},
                        {"exit 3", ExitReason::crashed, "exited with code 3"},
                        {"crash", ExitReason::crashed, "killed by SIGSEGV"}};
  World world;
  std::uint64_t number = 0;
  for (const auto& test : cases) {
    ++number;
    world.start(echo_order(number));
    const auto running = world.wait_phase(process_id(number), Phase::running);
    REQUIRE(running);
    CHECK(ask_tcp(port_of(*running), test.line).empty());
    const auto ended = world.wait_phase(process_id(number), Phase::ended);
    REQUIRE(ended);
    CHECK(ended->exit_reason == test.reason);
    CHECK(ended->exit_summary.rfind(test.summary, 0) == 0);
  }
}

TEST_CASE("a process that is killed by somebody else says so") {
  World world;
  world.start(echo_order(1));
  const auto running = world.wait_phase(process_id(1), Phase::running);
  REQUIRE(running);
  ::kill(static_cast<pid_t>(running->pid), SIGKILL);
  const auto ended = world.wait_phase(process_id(1), Phase::ended);
  REQUIRE(ended);
  CHECK(ended->exit_reason == ExitReason::crashed);
  CHECK(ended->exit_summary == "killed by SIGKILL, which Innkeeper did not send (out of memory?)");
}

TEST_CASE("commands that cannot be executed fail with their reason") {
  struct Case {
    std::vector<std::string> command;
    std::string summary;
  };
  const Case cases[] = {
      {{"/nowhere/server"}, "could not execute /nowhere/server: No such file or directory"},
      {{"innkeeper-no-such-program"},
       "could not execute innkeeper-no-such-program: No such file or directory"},
      {{"/etc/passwd"}, "could not execute /etc/passwd: Permission denied"},
      {{"/"}, "could not execute /: Permission denied"},
      {{}, "the deployment has no command"},
      {{std::string("a\0b", 3)}, "an argument of the command holds a zero byte"}};
  World world;
  std::uint64_t number = 0;
  for (const auto& test : cases) {
    auto order = echo_order(++number);
    order.spec.command = test.command;
    world.start(order);
    const auto ended = world.wait_phase(process_id(number), Phase::ended);
    REQUIRE(ended);
    CHECK(ended->exit_reason == ExitReason::start_failed);
    CHECK(ended->exit_summary == test.summary);
    CHECK(world.runner().usage().taken.ports == 0);
  }
  CHECK(world.problems().empty());
  world.reopen();
  CHECK(world.runner().inventory().size() == number);
}

TEST_CASE("a command is looked up in the PATH of its own environment") {
  World world;
  auto order = echo_order(1);
  order.spec.command = {"innkeeper-echo", "{port}"};
  order.spec.env["PATH"] = std::filesystem::path(ECHO_PROGRAM).parent_path().string();
  world.start(order);
  CHECK(world.wait_phase(process_id(1), Phase::running));
}

TEST_CASE("a missing shim is a failed start, not a crash") {
  World world([](RunnerOptions& options) { options.shim = "/nowhere/innkeeper-shim"; });
  world.start(echo_order(1));
  const auto ended = world.wait_phase(process_id(1), Phase::ended);
  REQUIRE(ended);
  CHECK(ended->exit_reason == ExitReason::start_failed);
  CHECK(ended->exit_summary ==
        "could not execute /nowhere/innkeeper-shim: No such file or directory");
  CHECK_FALSE(std::filesystem::exists(world.folder_of(process_id(1)) + "/spec"));
}

TEST_CASE("a process that does not bind its port within the start timeout is ended") {
  World world(
      [](RunnerOptions& options) { options.start_timeout = std::chrono::milliseconds(300); });
  world.start(echo_order(1, {{"ECHO_MODE", "never"}}));
  const auto ended = world.wait_phase(process_id(1), Phase::ended);
  REQUIRE(ended);
  CHECK(ended->exit_reason == ExitReason::start_timeout);
  CHECK(ended->exit_summary ==
        "did not bind port " + std::to_string(port_of(*ended)) + " within 0.3 s");
  CHECK(find_marked(world.options().directory).empty());
}

TEST_CASE("a process that ends with 0 before it has bound its port did not start") {
  World world;
  auto order = echo_order(1);
  order.spec.command = {"true"};
  world.start(order);
  const auto ended = world.wait_phase(process_id(1), Phase::ended);
  REQUIRE(ended);
  CHECK(ended->exit_reason == ExitReason::start_failed);
  CHECK(ended->exit_summary ==
        "exited with code 0 before it had bound port " + std::to_string(port_of(*ended)));
}

TEST_CASE("a process that ignores SIGTERM is killed after the grace") {
  World world([](RunnerOptions& options) { options.stop_grace = std::chrono::milliseconds(200); });
  world.start(echo_order(1, {{"ECHO_IGNORE_TERM", "1"}}));
  const auto running = world.wait_phase(process_id(1), Phase::running);
  REQUIRE(running);
  world.runner().stop(process_id(1));
  const auto ended = world.wait_phase(process_id(1), Phase::ended);
  REQUIRE(ended);
  CHECK(ended->exit_reason == ExitReason::ordered);
  CHECK(ended->exit_summary == "stopped by order, killed after 0.2 s of grace");
  CHECK_FALSE(alive(running->pid));
}

TEST_CASE("a stop right after a start is not lost") {
  World world;
  for (std::uint64_t number = 1; number <= 20; ++number) {
    world.start(echo_order(number));
    world.runner().stop(process_id(number));
  }
  for (std::uint64_t number = 1; number <= 20; ++number) {
    const auto ended = world.wait_phase(process_id(number), Phase::ended);
    REQUIRE(ended);
    CHECK(ended->exit_reason == ExitReason::ordered);
  }
}

TEST_CASE("a server that serves in a child or as a daemon is followed to its end") {
  const auto mode = GENERATE(as<std::string>{}, "child", "daemon", "daemon_after_bind");
  const bool by_stop = GENERATE(false, true);
  CAPTURE(mode, by_stop);
  World world;
  world.start(echo_order(1, {{"ECHO_MODE", mode}}));
  const auto running = world.wait_phase(process_id(1), Phase::running);
  REQUIRE(running);
  const auto port = port_of(*running);
  const auto pid = std::stoll(ask_tcp(port, "pid"));
  if (mode != "child") {
    // A pid that was reported while the first process was ending is put right by the next survey.
    CHECK(eventually([&] {
      world.runner().survey();
      return world.reports(process_id(1)).back().pid == pid;
    }));
  }
  if (by_stop) {
    world.runner().stop(process_id(1));
  } else {
    CHECK(ask_tcp(port, "exit 4").empty());
  }
  const auto ended = world.wait_phase(process_id(1), Phase::ended);
  REQUIRE(ended);
  CHECK(ended->exit_reason == (by_stop ? ExitReason::ordered : ExitReason::crashed));
  if (!by_stop) {
    CHECK(ended->exit_summary == "exited with code 4");
  }
  CHECK_FALSE(alive(pid));
  CHECK(find_marked(world.options().directory).empty());
}

TEST_CASE("what a server leaves behind is killed with it") {
  World world;
  auto order = echo_order(1);
  order.spec.command = {"sh", "-c", "setsid sleep 1000 & sleep 1000 & exec " ECHO_PROGRAM};
  world.start(order);
  const auto running = world.wait_phase(process_id(1), Phase::running);
  REQUIRE(running);
  CHECK(find_marked(world.options().directory).size() == 4);
  CHECK(ask_tcp(port_of(*running), "exit 1").empty());
  CHECK(world.wait_phase(process_id(1), Phase::ended));
  CHECK(find_marked(world.options().directory).empty());
}

TEST_CASE("a stop lets the server behind a wrapper use the grace") {
  World world;
  auto order = echo_order(1);
  // The wrapper dies at once of SIGTERM; what it started needs some time and then writes its state.
  order.spec.command = {"bash", "-c",
                        "(trap 'sleep 0.3; echo saved > saved; exit 0' TERM; " ECHO_PROGRAM
                        " & while :; do sleep 0.05; done) & wait"};
  world.start(order);
  REQUIRE(world.wait_phase(process_id(1), Phase::running));
  world.runner().stop(process_id(1));
  REQUIRE(world.wait_phase(process_id(1), Phase::ended));
  CHECK(content(world.folder_of(process_id(1)) + "/work/saved") == "saved\n");
}

TEST_CASE("a port counts whatever protocol and address it is bound on") {
  const auto protocol = GENERATE(as<std::string>{}, "tcp", "udp");
  const auto address = GENERATE(as<std::string>{}, "0.0.0.0", "127.0.0.1", "::", "::1");
  CAPTURE(protocol, address);
  World world;
  auto order = echo_order(1, {{"ECHO_PROTOCOL", protocol}, {"ECHO_ADDRESS", address}});
  order.spec.default_port.transport = domain::Transport::udp;
  world.start(order);
  CHECK(world.wait_phase(process_id(1), Phase::running));
}

TEST_CASE("a port that somebody else has bound is not given to a process") {
  World world([](RunnerOptions& options) {
    options.port_last = static_cast<std::uint16_t>(options.port_first + 1);
  });
  const int type = GENERATE(SOCK_STREAM, SOCK_DGRAM);
  const UniqueFd other(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(world.options().port_first);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int on = 1;
  if (type == SOCK_STREAM) ::setsockopt(other.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  REQUIRE(::bind(other.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  if (type == SOCK_STREAM) REQUIRE(::listen(other.get(), 1) == 0);
  world.start(echo_order(1));
  const auto running = world.wait_phase(process_id(1), Phase::running);
  REQUIRE(running);
  CHECK(port_of(*running) == world.options().port_last);

  world.start(echo_order(2));
  const auto refused = world.wait_phase(process_id(2), Phase::ended);
  REQUIRE(refused);
  CHECK(refused->exit_reason == ExitReason::no_capacity);
  CHECK(refused->exit_summary.rfind("no free port: 1 needed", 0) == 0);
  CHECK(refused->ports.empty());
}

TEST_CASE("somebody else's socket on its port does not make a process run") {
  World world(
      [](RunnerOptions& options) { options.start_timeout = std::chrono::milliseconds(500); });
  world.start(echo_order(1, {{"ECHO_MODE", "never"}}));
  const auto booted = world.wait_phase(process_id(1), Phase::booted);
  REQUIRE(booted);
  const UniqueFd other(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port_of(*booted));
  REQUIRE(::bind(other.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(::listen(other.get(), 1) == 0);
  const auto ended = world.wait_phase(process_id(1), Phase::ended);
  REQUIRE(ended);
  CHECK(ended->exit_reason == ExitReason::start_timeout);
}

TEST_CASE("the environment is the contract's, then the deployment's, and nothing of ours") {
  ::setenv("INNKEEPER_TEST_LEAK", "1", 1);
  World world;
  auto order = echo_order(1, {{"MODE", "dm"},
                              {"LANG", "de_DE.UTF-8"},
                              {"INNKEEPER_PROCESS_ID", "x"},
                              {"MULTI", "a\nb\\n"}});
  order.spec.additional_ports = {
      {.name = "game-query", .port = 27016, .transport = domain::Transport::udp}};
  order.spec.requested_cpu_millis = 250;
  order.spec.rooms_per_process = 4;
  order.spec.command = {ECHO_PROGRAM, "{port}", "q={game-query_port}", "{other_port}",
                        "d={default_port}"};
  order.initial_room = domain::RoomId("room-1");
  order.initial_room_config = R"({"map":"dm1"})";
  world.start(order);
  const auto running = world.wait_phase(process_id(1), Phase::running);
  REQUIRE(running);
  REQUIRE(running->ports.size() == 2);
  CHECK(running->ports[1].name == "game-query");
  const auto port = std::to_string(port_of(*running));
  const auto query = std::to_string(running->ports[1].port);
  const auto env = ask_tcp(port_of(*running), "env", true);
  const auto folder = std::filesystem::canonical(world.folder_of(process_id(1))).string();
  for (const auto& line :
       std::vector<std::string>{"HATHORA_APP_ID=app-1",
                                "HATHORA_APP_SECRET=the-secret",
                                "HATHORA_PROCESS_ID=" + to_string(process_id(1)),
                                "HATHORA_DEPLOYMENT_ID=dep-1",
                                "HATHORA_BUILD_TAG=dep-1",
                                "HATHORA_REGION=Seattle",
                                "HATHORA_ROOMS_PER_PROCESS=4",
                                "HATHORA_INITIAL_ROOM_ID=room-1",
                                R"(HATHORA_INITIAL_ROOM_CONFIG={"map":"dm1"})",
                                "HATHORA_HOSTNAME=127.0.0.1",
                                "HATHORA_IP=127.0.0.1",
                                "HATHORA_DEFAULT_PORT=" + port,
                                "HATHORA_PORT=" + port,
                                "PORT=" + port,
                                "HATHORA_GAME_QUERY_PORT=" + query,
                                "PORT_GAME_QUERY=" + query,
                                "HATHORA_ALLOCATED_CPU=0.25",
                                "HATHORA_ALLOCATED_MEMORY_MB=64",
                                "MODE=dm",
                                "LANG=de_DE.UTF-8",
                                "MULTI=a\nb\\n",
                                "HOME=" + folder + "/work",
                                "INNKEEPER_PROCESS_ID=" + to_string(process_id(1)),
                                "INNKEEPER_NODE=node-1"}) {
    CAPTURE(line);
    CHECK(has_line(env, line));
  }
  CHECK(env.find("\nHATHORA_PRIVATE_IP=") != std::string::npos);
  CHECK(env.find("INNKEEPER_TEST_LEAK") == std::string::npos);
  const auto line = content("/proc/" + std::to_string(running->pid) + "/cmdline");
  const auto expected = std::string(ECHO_PROGRAM) + '\0' + port + '\0' + "q=" + query + '\0' +
                        "{other_port}" + '\0' + "d=" + port + '\0';
  CHECK(line == expected);
  CHECK_FALSE(std::filesystem::exists(folder + "/spec"));
  CHECK(content(folder + "/record").find("the-secret") == std::string::npos);

  world.start(echo_order(2));
  const auto second = world.wait_phase(process_id(2), Phase::running);
  REQUIRE(second);
  const auto bare = ask_tcp(port_of(*second), "env", true);
  CHECK(has_line(bare, "HATHORA_INITIAL_ROOM_ID="));
  CHECK(has_line(bare, "HATHORA_INITIAL_ROOM_CONFIG="));
}

TEST_CASE("a process inherits no descriptor, no signal setting and no session") {
  const UniqueFd leaky(::open("/etc/passwd", O_RDONLY));
  ::signal(SIGUSR2, SIG_IGN);
  World world;
  world.start(echo_order(1));
  const auto running = world.wait_phase(process_id(1), Phase::running);
  ::signal(SIGUSR2, SIG_DFL);
  REQUIRE(running);
  std::istringstream fds(ask_tcp(port_of(*running), "fds", true));
  for (std::string line; std::getline(fds, line) && line != ".";) {
    CAPTURE(line);
    const auto number = std::stoi(line);
    const auto target = line.substr(line.find(' ') + 1);
    if (number == 0) CHECK(target == "/dev/null");
    if (number == 1 || number == 2) CHECK(target.rfind("pipe:", 0) == 0);
    if (number > 2) CHECK(target.rfind("socket:", 0) == 0);
  }
  const auto status = content("/proc/" + std::to_string(running->pid) + "/status");
  CHECK(status.find("SigBlk:\t0000000000000000") != std::string::npos);
  INFO(status);
  CHECK(status.find("SigIgn:\t0000000000000000") != std::string::npos);
  const auto stat = read_stat(static_cast<pid_t>(running->pid));
  REQUIRE(stat);
  CHECK(stat->session == running->pid);
  const auto limits = content("/proc/" + std::to_string(running->pid) + "/limits");
  CHECK(limits.find("Max core file size        0") != std::string::npos);
  CHECK(content("/proc/" + std::to_string(running->pid) + "/oom_score_adj") == "300\n");
}

TEST_CASE("the output of a process is kept up to its bound") {
  World world([](RunnerOptions& options) { options.log_bytes = 100'000; });
  world.start(echo_order(1, {{"ECHO_CHATTER_BYTES", "1000000"}}));
  REQUIRE(world.wait_phase(process_id(1), Phase::running));
  const auto running = world.wait_phase(process_id(1), Phase::running);
  REQUIRE(running);
  CHECK(ask_tcp(port_of(*running), "still there?") == "still there?\n");
  world.runner().stop(process_id(1));
  REQUIRE(world.wait_phase(process_id(1), Phase::ended));
  const auto newest = content(world.folder_of(process_id(1)) + "/output.log");
  const auto older = content(world.folder_of(process_id(1)) + "/output.1.log");
  CHECK(newest.size() + older.size() <= 100'000);
  CHECK(newest.size() + older.size() >= 50'000);
  // The last of the lines that it has written.
  CHECK((older + newest).find("000999973\n") != std::string::npos);
}

TEST_CASE("a hundred processes start at once, each with a port of its own") {
  World world;
  constexpr std::uint64_t count = 100;
  for (std::uint64_t number = 1; number <= count; ++number) world.start(echo_order(number));
  std::vector<std::uint16_t> ports;
  for (std::uint64_t number = 1; number <= count; ++number) {
    const auto running = world.wait_phase(process_id(number), Phase::running);
    REQUIRE(running);
    ports.push_back(port_of(*running));
  }
  std::sort(ports.begin(), ports.end());
  CHECK(std::unique(ports.begin(), ports.end()) == ports.end());
  CHECK(world.runner().usage().processes == count);
  for (std::uint64_t number = 1; number <= count; ++number) world.runner().stop(process_id(number));
  for (std::uint64_t number = 1; number <= count; ++number) {
    CHECK(world.wait_phase(process_id(number), Phase::ended));
  }
  CHECK(world.runner().usage().taken == domain::Resources{});
}

TEST_CASE("a bound port is noticed within a few milliseconds") {
  World world;
  world.start(echo_order(1, {{"ECHO_DELAY_MS", "150"}}));
  const auto running = world.wait_phase(process_id(1), Phase::running);
  const auto noticed = std::chrono::system_clock::now();
  REQUIRE(running);
  long long bound_us = 0;
  REQUIRE(eventually([&] {
    const auto log = content(world.folder_of(process_id(1)) + "/output.log");
    return std::sscanf(log.c_str(), "bound %*d at %lld", &bound_us) == 1;
  }));
  const auto delay =
      std::chrono::duration_cast<std::chrono::microseconds>(noticed.time_since_epoch()).count() -
      bound_us;
  const auto cost = world.runner().scan_cost();
  WARN("bind to running: " << delay << " us; " << cost.scans << " scans of "
                           << cost.microseconds / cost.scans << " us each");
  CHECK(delay < 2'000'000);
}

TEST_CASE("samples tell what a process uses, connections included") {
  World world;
  world.start(echo_order(1));
  const auto running = world.wait_phase(process_id(1), Phase::running);
  REQUIRE(running);
  const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port_of(*running));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  CHECK(eventually([&] {
    world.runner().survey();
    const auto metrics = world.runner().metrics(process_id(1));
    return metrics.memory.size() >= 2 && !metrics.cpu.empty() &&
           metrics.active_connections.back().value >= 1;
  }));
  const auto metrics = world.runner().metrics(process_id(1));
  CHECK(metrics.memory.back().value > 10'000);
  CHECK(metrics.cpu.back().value >= 0);
  CHECK(world.runner().metrics(process_id(99)).memory.empty());
}

}  // namespace innkeeper::runner::testing
