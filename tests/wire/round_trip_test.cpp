#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/wire/fixture.hpp"
#include "tests/wire/values.hpp"

namespace innkeeper::wire::testing {
namespace {

// There and back, bare and as the content of a message: the latter only works for a registered type.
template <class T>
void round_trip(const std::string& type, T value) {
  INFO(type);
  Wire wire;
  Bytes bytes;
  REQUIRE_FALSE(wire.write(value, bytes));
  T copy{};
  REQUIRE_FALSE(wire.read(bytes, copy));
  CHECK(same(copy, value));

  auto message = caf::make_message(value);
  Bytes packed;
  REQUIRE_FALSE(wire.write(message, packed));
  caf::message unpacked;
  REQUIRE_FALSE(wire.read(packed, unpacked));
  REQUIRE(unpacked.match_elements<T>());
  CHECK(same(unpacked.get_as<T>(0), value));

  // Old content does not shine through: what was set and is unset on the wire is unset after reading.
  T fresh{};
  Bytes empty;
  REQUIRE_FALSE(wire.write(fresh, empty));
  REQUIRE_FALSE(wire.read(empty, copy));
  CHECK(same(copy, fresh));
}

template <class T>
void complete_round_trip(const std::string& type, const T& value) {
  INFO(type);
  REQUIRE(members_at_default(value) == 0);
  round_trip(type, value);
  round_trip(type + ", all at defaults", T{});
}

}  // namespace

TEST_CASE("every order and report between scheduler and host survives the wire") {
  complete_round_trip("StartProcess", start_process());
  complete_round_trip("StopProcess", stop_process());
  complete_round_trip("ProcessReport", report());
  complete_round_trip("HostRegistration", registration());
  complete_round_trip("HostAccepted", accepted());
  complete_round_trip("Done", Done{});
}

TEST_CASE("every command and answer of a region survives the wire") {
  complete_round_trip("CreateRoom", create_room());
  complete_round_trip("ConnectionInfo", connection_info());
  complete_round_trip("RoomView", room_view());
  complete_round_trip("ProcessView", process_view());
  complete_round_trip("ProcessFilter", filter());
  complete_round_trip("ProcessMetrics", process_metrics());
  complete_round_trip("RoomExplanation", explanation());
  round_trip("vector of RoomView", std::vector{room_view(), domain::RoomView{}});
  round_trip("vector of ProcessView", std::vector{process_view(), domain::ProcessView{}});
}

TEST_CASE("ids survive the wire, empty and with any bytes") {
  for (const auto& text : {std::string{}, std::string("a"), std::string(100, 'z'), std::string("\0\xFF\n", 3)}) {
    round_trip("AppId", domain::AppId(text));
    round_trip("RoomId", domain::RoomId(text));
    round_trip("RegionName", domain::RegionName(text));
    round_trip("HostName", domain::HostName(text));
  }
  complete_round_trip("ProcessId", process_id(0));
}

TEST_CASE("what is inside of messages has no member at its default in these tests") {
  CHECK(members_at_default(spec()) == 0);
  CHECK(members_at_default(spec().default_port) == 0);
  CHECK(members_at_default(spec().additional_ports[0]) == 0);
  CHECK(members_at_default(ports()[0]) == 0);
  CHECK(members_at_default(registration().capacity) == 0);
  CHECK(members_at_default(allocation()) == 0);
  CHECK(members_at_default(process_metrics().cpu[0]) == 0);
  CHECK(members_at_default(placement()) == 0);
  CHECK(members_at_default(placement().processes[0]) == 0);
  CHECK(members_at_default(placement().hosts[0]) == 0);
}

TEST_CASE("each optional member survives the wire alone") {
  const auto full = process_view();
  for (int set = 0; set < 5; ++set) {
    domain::ProcessView view;
    if (set == 0) view.scheduled_at = full.scheduled_at;
    if (set == 1) view.booted_at = full.booted_at;
    if (set == 2) view.started_at = full.started_at;
    if (set == 3) view.stopping_at = full.stopping_at;
    if (set == 4) view.terminated_at = full.terminated_at;
    round_trip("ProcessView with one time", view);
  }
  const auto wanted = create_room();
  for (int set = 0; set < 3; ++set) {
    domain::CreateRoom command;
    if (set == 0) command.room = wanted.room;
    if (set == 1) command.config = wanted.config;
    if (set == 2) command.deployment = wanted.deployment;
    round_trip("CreateRoom with one option", command);
  }
  StartProcess start;
  start.initial_room_config = "";
  round_trip("StartProcess with an empty config", start);
}

TEST_CASE("each value of an enumeration survives the wire") {
  for (int i = 0; i < domain::exit_reason_count; ++i)
    round_trip("exit reason", ProcessReport{.exit_reason = static_cast<domain::ExitReason>(i)});
  for (int i = 0; i < domain::process_status_count; ++i)
    round_trip("process status", domain::ProcessView{.status = static_cast<domain::ProcessStatus>(i)});
  for (int i = 0; i < domain::room_status_count; ++i)
    round_trip("room status", domain::RoomView{.status = static_cast<domain::RoomStatus>(i)});
  for (const auto phase : {ProcessPhase::booted, ProcessPhase::running, ProcessPhase::ended})
    round_trip("phase", ProcessReport{.phase = phase});
  for (const auto transport : {domain::Transport::tcp, domain::Transport::udp, domain::Transport::tls})
    round_trip("transport", ProcessReport{.ports = {{.transport = transport}}});
}

}  // namespace innkeeper::wire::testing
