#include <string>

#include <catch2/catch.hpp>

#include "tests/support/seeds.hpp"
#include "tests/wire/fixture.hpp"
#include "tests/wire/values.hpp"

// A peer that is broken or lies gets an error; it brings nobody down.
namespace innkeeper::wire::testing {
namespace {

template <class Check>
void for_each_type(Check check) {
  check("StartProcess", start_process());
  check("StopProcess", stop_process());
  check("ProcessReport", report());
  check("HostRegistration", registration());
  check("HostAccepted", accepted());
  check("AppId", domain::AppId("app-1"));
  check("RoomId", domain::RoomId("room-1"));
  check("RegionName", domain::RegionName("Seattle"));
  check("HostName", domain::HostName("node-1"));
  check("ProcessId", process_id(1));
  check("CreateRoom", create_room());
  check("ConnectionInfo", connection_info());
  check("RoomView", room_view());
  check("vector of RoomView", std::vector{room_view()});
  check("ProcessView", process_view());
  check("vector of ProcessView", std::vector{process_view()});
  check("ProcessFilter", filter());
  check("ProcessMetrics", process_metrics());
  check("RoomExplanation", explanation());
}

}  // namespace

TEST_CASE("bytes that end too early are an error, wherever they end") {
  Wire wire;
  for_each_type([&](const std::string& type, auto value) {
    INFO(type);
    Bytes bytes;
    REQUIRE_FALSE(wire.write(value, bytes));
    for (std::size_t n = 0; n < bytes.size(); ++n) {
      const Bytes some(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n));
      decltype(value) out{};
      INFO("the first " << n << " of " << bytes.size() << " bytes");
      REQUIRE(wire.read(some, out));
    }
  });
}

TEST_CASE("damaged bytes are an error or another value, never a crash") {
  Wire wire;
  for (const std::uint64_t seed : innkeeper::testing::test_seeds(20)) {
    INFO("INNKEEPER_TEST_SEED=" << seed);
    innkeeper::testing::Random random(seed);
    for_each_type([&](const std::string& type, auto value) {
      INFO(type);
      Bytes bytes;
      REQUIRE_FALSE(wire.write(value, bytes));
      for (int round = 0; round < 20; ++round) {
        auto damaged = bytes;
        const auto changes = 1 + random.below(4);
        for (std::uint64_t i = 0; i < changes; ++i)
          damaged[random.below(damaged.size())] = static_cast<char>(random.bits());
        decltype(value) out{};
        const auto error = wire.read(damaged, out);
        Bytes again;
        if (!error) CHECK_FALSE(wire.write(out, again));
      }
    });
  }
}

TEST_CASE("random bytes are an error or a value, never a crash") {
  Wire wire;
  for (const std::uint64_t seed : innkeeper::testing::test_seeds(50)) {
    INFO("INNKEEPER_TEST_SEED=" << seed);
    innkeeper::testing::Random random(seed);
    for_each_type([&](const std::string& type, auto value) {
      INFO(type);
      Bytes garbage(random.below(200));
      for (auto& byte : garbage) byte = static_cast<char>(random.bits());
      const auto error = wire.read(garbage, value);
      caf::message message;
      const auto packed = wire.read(garbage, message);
      static_cast<void>(error);
      static_cast<void>(packed);
    });
  }
}

TEST_CASE("a list that claims to be endless is an error") {
  Wire wire;
  for (const char last : {'\x7F', '\x0F', '\x01'}) {
    // The length is a varint: five bytes are enough for more than any machine has.
    const Bytes endless{'\xFF', '\xFF', '\xFF', '\xFF', last};
    std::vector<domain::RoomView> rooms;
    CHECK(wire.read(endless, rooms));
    domain::RoomId id;
    CHECK(wire.read(endless, id));
  }
}

TEST_CASE("what follows a whole value is left for others to judge") {
  Wire wire;
  auto value = stop_process();
  Bytes bytes;
  REQUIRE_FALSE(wire.write(value, bytes));
  bytes.push_back('x');
  StopProcess out;
  CHECK_FALSE(wire.read(bytes, out));
  CHECK(out == value);
}

}  // namespace innkeeper::wire::testing
