#include <algorithm>
#include <set>

#include <catch2/catch.hpp>

#include "actors/domain/environment.hpp"
#include "actors/runner/key_values.hpp"
#include "actors/runner/launch_plan.hpp"
#include "actors/runner/outcome.hpp"
#include "actors/runner/port_pool.hpp"
#include "actors/runner/proc.hpp"
#include "actors/runner/process_files.hpp"
#include "actors/runner/socket_table.hpp"

namespace innkeeper::runner {

using domain::ExitReason;

TEST_CASE("key-value files give back what was put in, whatever it holds") {
  KeyValues in;
  in.add("argument", "a=b\\n\nc\\");
  in.add("argument", "");
  in.add("number", 42);
  const auto out = KeyValues::parse(in.serialise());
  REQUIRE(out);
  CHECK(out->all("argument") == std::vector<std::string>{"a=b\\n\nc\\", ""});
  CHECK(out->number("number") == 42);
  CHECK_FALSE(out->number("argument"));
  CHECK_FALSE(out->find("missing"));
}

TEST_CASE("key-value files that are cut short or damaged are refused") {
  for (const char* text : {"", "a=1\n", "a=1\nend=", "a=1", "end=\nx=1\n", "a\nend=\n",
                           "=1\nend=\n", "a=\\x\nend=\n", "a=\\\nend=\n"}) {
    CAPTURE(text);
    CHECK_FALSE(KeyValues::parse(text));
  }
}

TEST_CASE("the end of a process is judged by what is known of it") {
  const auto exited = [](int code, bool stopping = false, bool killed = false) {
    KeyValues end;
    end.add(files::key_kind, files::kind_exited);
    end.add(files::key_code, code);
    end.add(files::key_stopping, stopping ? 1 : 0);
    end.add(files::key_killed, killed ? 1 : 0);
    return end;
  };
  const auto signaled = [](int number, bool core, bool stopping = false, bool killed = false) {
    KeyValues end;
    end.add(files::key_kind, files::kind_signaled);
    end.add(files::key_signal, number);
    end.add(files::key_core, core ? 1 : 0);
    end.add(files::key_stopping, stopping ? 1 : 0);
    end.add(files::key_killed, killed ? 1 : 0);
    return end;
  };
  KeyValues not_executed;
  not_executed.add(files::key_kind, files::kind_exec_failed);
  not_executed.add(files::key_step, "execute");
  not_executed.add(files::key_error, "No such file or directory");
  KeyValues shim_failed;
  shim_failed.add(files::key_kind, files::kind_shim_failed);
  shim_failed.add(files::key_step, "fork");
  shim_failed.add(files::key_error, "Resource temporarily unavailable");

  struct Case {
    KeyValues exit;
    StopCause stop;
    bool ran;
    Outcome outcome;
  };
  const Case cases[] = {
      {exited(0), StopCause::none, true, {ExitReason::exited, "exited with code 0"}},
      {exited(0),
       StopCause::none,
       false,
       {ExitReason::start_failed, "exited with code 0 before it had bound port 20003"}},
      {exited(3), StopCause::none, true, {ExitReason::crashed, "exited with code 3"}},
      {exited(3),
       StopCause::none,
       false,
       {ExitReason::crashed, "exited with code 3 before it had bound port 20003"}},
      {signaled(11, true),
       StopCause::none,
       true,
       {ExitReason::crashed, "killed by SIGSEGV (core dumped)"}},
      {signaled(9, false),
       StopCause::none,
       true,
       {ExitReason::crashed, "killed by SIGKILL, which Innkeeper did not send (out of memory?)"}},
      {signaled(64, false), StopCause::none, true, {ExitReason::crashed, "killed by signal 64"}},
      {exited(0, true),
       StopCause::ordered,
       true,
       {ExitReason::ordered, "stopped by order, exited with code 0"}},
      {signaled(15, false, true),
       StopCause::ordered,
       true,
       {ExitReason::ordered, "stopped by order, killed by SIGTERM"}},
      {signaled(9, false, true, true),
       StopCause::ordered,
       true,
       {ExitReason::ordered, "stopped by order, killed after 30 s of grace"}},
      {exited(1), StopCause::ordered, true, {ExitReason::crashed, "exited with code 1"}},
      {signaled(15, false, true),
       StopCause::none,
       true,
       {ExitReason::ordered, "stopped by order, killed by SIGTERM"}},
      {signaled(15, false, true),
       StopCause::start_timeout,
       false,
       {ExitReason::start_timeout, "did not bind port 20003 within 100 s"}},
      {exited(3),
       StopCause::start_timeout,
       false,
       {ExitReason::crashed, "exited with code 3 before it had bound port 20003"}},
      {not_executed,
       StopCause::none,
       false,
       {ExitReason::start_failed, "could not execute /x/y: No such file or directory"}},
      {shim_failed,
       StopCause::none,
       false,
       {ExitReason::start_failed, "its shim could not fork: Resource temporarily unavailable"}},
  };
  for (const auto& test : cases) {
    const auto outcome = judge(test.exit, {.stop = test.stop,
                                           .ran = test.ran,
                                           .port = 20'003,
                                           .command = "/x/y",
                                           .start_timeout = std::chrono::seconds(100),
                                           .stop_grace = std::chrono::seconds(30)});
    CHECK(outcome.summary == test.outcome.summary);
    CHECK(outcome.reason == test.outcome.reason);
  }
}

TEST_CASE("ports are handed out in turn, skip what is bound, and are accounted for") {
  std::set<std::uint16_t> bound{20'001};
  PortPool pool(20'000, 20'004, [&](std::uint16_t port, bool) { return !bound.contains(port); });
  CHECK(pool.capacity() == 5);
  CHECK(*pool.take(1) == std::vector<std::uint16_t>{20'000});
  CHECK(*pool.take(2) == std::vector<std::uint16_t>{20'002, 20'003});
  pool.give_back(20'000);
  CHECK(*pool.take(1) == std::vector<std::uint16_t>{20'004});
  CHECK(pool.used() == 3);
  const auto none = pool.take(2);
  REQUIRE_FALSE(none);
  CHECK(none.error().message ==
        "no free port: 2 needed, range 20000-20004 has 3 in use, and 1 that other programs have "
        "bound");
  CHECK(pool.used() == 3);
  CHECK(*pool.take(1) == std::vector<std::uint16_t>{20'000});
  pool.give_back(20'003);
  pool.give_back(20'003);
  pool.give_back(1);
  CHECK(pool.used() == 3);
  CHECK(pool.adopt(20'003));
  CHECK_FALSE(pool.adopt(20'003));
  CHECK(pool.adopt(1));
  CHECK(pool.used() == 4);
}

TEST_CASE("a port in TIME_WAIT is used only when no other is left") {
  PortPool pool(20'000, 20'001,
                [](std::uint16_t port, bool strict) { return port == 20'001 || !strict; });
  CHECK(*pool.take(1) == std::vector<std::uint16_t>{20'001});
  CHECK(*pool.take(1) == std::vector<std::uint16_t>{20'000});
}

TEST_CASE("orders that cannot be carried out are named") {
  Order order;
  CHECK(find_fault(order, false) == "the deployment has no command");
  order.spec.command = {"x"};
  CHECK(find_fault(order, false).empty());
  order.spec.env = {{"A=B", "1"}};
  CHECK(find_fault(order, false) == "the environment variable 'A=B' cannot be passed on");
  order.spec.env.clear();
  order.spec.additional_ports = {{.name = "q", .port = 1, .transport = domain::Transport::tls}};
  CHECK_FALSE(find_fault(order, false).empty());
  CHECK(find_fault(order, true).empty());
}

TEST_CASE("a deployment replaces the base of the environment, and nothing that Innkeeper sets") {
  const std::vector<AssignedPort> ports{{.name = "default", .public_port = 1, .local_port = 2},
                                        {.name = "my-query", .public_port = 3, .local_port = 4}};
  const Surroundings surroundings{.node = "n",
                                  .public_address = "a.example.org",
                                  .private_address = "10.0.0.1",
                                  .process_directory = "/d",
                                  .work_folder = "/d/work"};
  const auto name_of = [](const std::string& line) { return line.substr(0, line.find('=')); };
  const auto is_base = [](const std::string& name) {
    return name == "PATH" || name == "HOME" || name == "LANG";
  };
  Order order;
  const auto plain = make_environment(order, ports, surroundings);
  for (const auto& line : plain) {
    INFO(line);
    CHECK(is_base(name_of(line)) != domain::is_reserved_variable(name_of(line)));
    order.spec.env[name_of(line)] = "taken over";
  }
  for (const char* line : {"PORT=2", "PORT_MY_QUERY=4", "HATHORA_DEFAULT_PORT=1", "HATHORA_PORT=1",
                           "HATHORA_MY_QUERY_PORT=3", "HATHORA_HOSTNAME=a.example.org",
                           "HATHORA_PRIVATE_IP=10.0.0.1", "HATHORA_INITIAL_ROOM_ID="}) {
    INFO(line);
    CHECK(std::count(plain.begin(), plain.end(), line) == 1);
  }
  const auto replaced = make_environment(order, ports, surroundings);
  REQUIRE(replaced.size() == plain.size());
  for (std::size_t i = 0; i < plain.size(); ++i) {
    INFO(plain[i]);
    CHECK((replaced[i] == plain[i]) != is_base(name_of(plain[i])));
  }
}

TEST_CASE("the lines of /proc are read as the kernel writes them") {
  const auto stat = parse_stat(
      "123 (a) b (c)) S 1 123 77 0 -1 4194560 100 0 0 0 7 8 1 2 20 0 1 0 175369 3133440 394 0\n");
  REQUIRE(stat);
  CHECK(stat->pid == 123);
  CHECK(stat->state == 'S');
  CHECK(stat->parent == 1);
  CHECK(stat->session == 77);
  CHECK(stat->cpu_ticks == 18);
  CHECK(stat->start_time == 175'369);
  for (const char* text : {"", "123", "123 (x)", "123 (x) S", "x (x) S 1 2 3"})
    CHECK_FALSE(parse_stat(text));

  const char* const lines =
      "   0: 00000000:07E8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 "
      "1524 1 0 100\n"
      "   1: 00000000000000000000000000000000:4E23 00000000000000000000000000000000:0000 0A "
      "00000000:00000000 00:00000000 00000000  1000        0 99 1 0 100\n"
      "   2: 0100007F:4E24 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 "
      "100 1 0\n"
      "   3: 00000000:4E25 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 "
      "101 1 0\n";
  std::vector<BoundSocket> sockets;
  bool at_end = false;
  parse_bound(lines, Protocol::tcp, sockets, at_end);
  CHECK(at_end);
  REQUIRE(sockets.size() == 2);
  CHECK(sockets[0].port == 2024);
  CHECK(sockets[1].port == 20'003);
  CHECK(sockets[1].inode == 99);
  CHECK(sockets[1].user == 1000);
}

}  // namespace innkeeper::runner
