#include <catch2/catch.hpp>

#include <algorithm>
#include <limits>
#include <thread>
#include <vector>

#include "actors/domain/process.hpp"
#include "actors/domain/room.hpp"
#include "metrics/catalogue.hpp"
#include "metrics/family.hpp"
#include "metrics/histogram.hpp"
#include "tests/metrics/support.hpp"

namespace innkeeper::metrics::test {
namespace {

bool has_line(const Metrics& metrics, const std::string& line) {
  const std::string page = metrics.text();
  return page.rfind(line + "\n", 0) == 0 || page.find("\n" + line + "\n") != std::string::npos;
}

bool knows(const std::vector<std::string_view>& values, std::string_view value) {
  return std::find(values.begin(), values.end(), value) != values.end();
}

}  // namespace

TEST_CASE("what happens is counted under its labels") {
  Metrics metrics({"1.2.3", "abc"});
  touch_everything(metrics);
  for (
      const std::string line :
      {R"(innkeeper_build_info{version="1.2.3",commit="abc"} 1)",
       "innkeeper_ready 1",
       R"(innkeeper_actor_restarts_total{actor="room"} 1)",
       R"(innkeeper_http_request_duration_seconds_count{route="/rooms/v2/{appId}/create",method="POST",code="201"} 1)",
       R"(innkeeper_http_request_duration_seconds_bucket{route="/rooms/v2/{appId}/create",method="POST",code="201",le="0.001"} 0)",
       R"(innkeeper_http_request_duration_seconds_bucket{route="/rooms/v2/{appId}/create",method="POST",code="201",le="0.0025"} 1)",
       "innkeeper_http_connections 1",
       "innkeeper_http_connections_opened_total 2",
       "innkeeper_http_connections_limit 10000",
       R"(innkeeper_http_connections_refused_total{reason="limit"} 1)",
       "innkeeper_http_requests_in_flight 1",
       R"(innkeeper_rooms{region="Seattle",app="app-1",status="active"} 3)",
       R"(innkeeper_rooms{region="Seattle",app="app-1",status="suspended"} 0)",
       R"(innkeeper_slots{region="Seattle",app="app-1",state="free"} 5)",
       R"(innkeeper_slots{region="Seattle",app="app-1",state="used"} 3)",
       R"(innkeeper_queue_rooms{region="Seattle",app="app-1"} 1)",
       R"(innkeeper_queue_oldest_wait_seconds{region="Seattle",app="app-1"} 2.5)",
       R"(innkeeper_rooms_created_total{region="Seattle",app="app-1"} 1)",
       R"(innkeeper_rooms_destroyed_total{region="Seattle",app="app-1",reason="process_idle"} 1)",
       R"(innkeeper_process_exits_total{region="Seattle",app="app-1",reason="crashed"} 1)",
       R"(innkeeper_processes_adopted_total{host="node-1"} 1)",
       R"(innkeeper_host_cpu_cores{host="node-1"} 2)",
       R"(innkeeper_host_cpu_used_cores{host="node-1"} 0.5)",
       R"(innkeeper_host_ports_used{host="node-1"} 2)",
       "innkeeper_store_commit_seconds_count 1",
       R"(innkeeper_store_batch_mutations_bucket{le="16"} 0)",
       R"(innkeeper_store_batch_mutations_bucket{le="32"} 1)",
       "innkeeper_store_failures_total 1",
       "innkeeper_store_up 1",
       R"(innkeeper_log_lines_total{level="info"} 1)",
       R"(innkeeper_request_stage_seconds_count{stage="store"} 1)"}) {
    INFO(line);
    CHECK(has_line(metrics, line));
  }
}

TEST_CASE("what has never happened is 0 and not absent") {
  Metrics metrics({"1", "c"});
  metrics.declare_app("Seattle", "app-1");
  static_cast<void>(metrics.http_route("/healthz", "GET"));
  for (const std::string_view kind : actor_kinds()) {
    CHECK(
        has_line(metrics, "innkeeper_actor_restarts_total{actor=\"" + std::string(kind) + "\"} 0"));
  }
  for (const std::string_view reason : exit_reasons()) {
    CHECK(has_line(metrics,
                   "innkeeper_process_exits_total{region=\"Seattle\",app=\"app-1\",reason=\"" +
                       std::string(reason) + "\"} 0"));
  }
  for (
      const std::string line :
      {"innkeeper_store_failures_total 0", "innkeeper_store_up 0", "innkeeper_ready 0",
       R"(innkeeper_http_connections_refused_total{reason="limit"} 0)",
       R"(innkeeper_http_request_duration_seconds_count{route="/healthz",method="GET",code="500"} 0)",
       R"(innkeeper_queue_rooms{region="Seattle",app="app-1"} 0)",
       R"(innkeeper_room_create_to_active_seconds_count{region="Seattle",app="app-1"} 0)",
       R"(innkeeper_log_lines_total{level="error"} 0)"}) {
    INFO(line);
    CHECK(has_line(metrics, line));
  }
}

TEST_CASE("the closed label sets hold every word that the domain has for them") {
  for (int i = 1; i < domain::exit_reason_count; ++i) {
    const std::string_view word = to_string(static_cast<domain::ExitReason>(i));
    INFO(word);
    CHECK(knows(exit_reasons(), word));
  }
  CHECK(exit_reasons().size() == domain::exit_reason_count - 1);
  for (int i = 0; i < domain::process_status_count; ++i) {
    CHECK(knows(process_statuses(), to_string(static_cast<domain::ProcessStatus>(i))));
  }
  for (int i = 0; i < domain::room_status_count; ++i) {
    CHECK(knows(room_statuses(), to_string(static_cast<domain::RoomStatus>(i))));
  }
  using domain::EndReason;
  for (const EndReason reason :
       {EndReason::destroyed, EndReason::process_stopped, EndReason::process_idle,
        EndReason::process_crashed, EndReason::process_start_failed, EndReason::host_lost,
        EndReason::no_capacity}) {
    INFO(to_string(reason));
    CHECK(knows(end_reasons(), to_string(reason)));
  }
}

TEST_CASE("one route and method is one set of series however often it is asked for") {
  Metrics metrics({"1", "c"});
  Metrics::Route& first = metrics.http_route("/a", "GET");
  CHECK(&first == &metrics.http_route("/a", "GET"));
  CHECK(&first != &metrics.http_route("/a", "POST"));
  first.observe(200, 0.1);
  first.observe(200, 0.1);
  for (const int code : {-1, 0, 99, 600, 1'000'000}) first.observe(code, 0.1);
  CHECK(has_line(
      metrics,
      R"(innkeeper_http_request_duration_seconds_count{route="/a",method="GET",code="200"} 2)"));
  CHECK(has_line(
      metrics,
      R"(innkeeper_http_request_duration_seconds_count{route="/a",method="GET",code="599"} 5)"));
}

TEST_CASE("a histogram puts a value on a bound into the bucket of that bound") {
  const std::vector<double> bounds{1, 2, 4};
  Histogram histogram(bounds);
  for (const double value : {0.0, 1.0, 1.5, 2.0, 4.0, 5.0}) histogram.observe(value);
  // What is no number, or no time, is left out: it would spoil the sum for ever.
  histogram.observe(std::numeric_limits<double>::quiet_NaN());
  histogram.observe(std::numeric_limits<double>::infinity());
  histogram.observe(-1);
  const auto seen = histogram.collect();
  REQUIRE(seen.bucket.size() == 4);
  CHECK(seen.bucket[0].cumulative_count == 2);
  CHECK(seen.bucket[1].cumulative_count == 4);
  CHECK(seen.bucket[2].cumulative_count == 5);
  CHECK(seen.bucket[3].cumulative_count == 6);
  CHECK(seen.sample_count == 6);
  CHECK(seen.sample_sum == Approx(13.5));
}

TEST_CASE("all threads count together and no observation is lost while pages are made") {
  Metrics metrics({"1", "c"});
  Metrics::Route& route = metrics.http_route("/a", "GET");
  constexpr int thread_count = 8;
  constexpr int each = 5'000;
  std::vector<std::thread> threads;
  threads.reserve(thread_count + 1);
  for (int t = 0; t < thread_count; ++t) {
    threads.emplace_back([&metrics, &route, t] {
      const std::string app = "app-" + std::to_string(t % 3);
      for (int i = 0; i < each; ++i) {
        route.observe(200 + i % 3, 0.001);
        metrics.set_http_in_flight(1);
        metrics.room_created("Seattle", app);
        metrics.room_destroyed("Seattle", app, "destroyed");
        metrics.process_exited("Seattle", app, "new_reason");
        metrics.set_rooms("Seattle", app, "active", static_cast<std::uint64_t>(i));
        metrics.store_committed(0.001, 3);
        metrics.set_http_in_flight(0);
      }
    });
  }
  threads.emplace_back([&metrics] {
    for (int i = 0; i < 20; ++i) static_cast<void>(metrics.text());
  });
  for (std::thread& one : threads) one.join();
  CHECK(has_line(metrics,
                 "innkeeper_store_commit_seconds_count " + std::to_string(thread_count * each)));
  CHECK(has_line(metrics, "innkeeper_http_requests_in_flight 0"));
  CHECK(has_line(metrics, R"(innkeeper_rooms_created_total{region="Seattle",app="app-1"} )" +
                              std::to_string(3 * each)));
  CHECK(has_line(
      metrics,
      R"(innkeeper_process_exits_total{region="Seattle",app="app-2",reason="new_reason"} )" +
          std::to_string(2 * each)));
}

TEST_CASE("the number of series is bounded whatever names come") {
  Metrics metrics({"1", "c"});
  for (int i = 0; i < 1'500; ++i) metrics.room_created("Seattle", "app-" + std::to_string(i));
  CHECK(has_line(metrics, R"(innkeeper_rooms_created_total{region="other",app="other"} 500)"));
  Family family(entry(Id::actor_restarts));
  for (std::size_t i = 0; i < Family::series_max + 10; ++i) {
    family.counter({"kind-" + std::to_string(i)}).Increment();
  }
  CHECK(family.collect().metric.size() == Family::series_max + 1);
  CHECK(family.counter({"other"}).Value() == 10);
}

TEST_CASE("the node's own process is measured") {
  Metrics metrics({"1", "c"});
  const std::string page = metrics.text();
  const auto value = [&page](const std::string& name) {
    const std::size_t at = page.find("\n" + name + " ");
    REQUIRE(at != std::string::npos);
    return std::stod(page.substr(at + name.size() + 2));
  };
  CHECK(value("process_resident_memory_bytes") > 1e6);
  CHECK(value("process_virtual_memory_bytes") >= value("process_resident_memory_bytes"));
  CHECK(value("process_open_fds") >= 3);
  CHECK(value("process_max_fds") >= value("process_open_fds"));
  CHECK(value("process_cpu_seconds_total") > 0);
  const double started = value("process_start_time_seconds");
  const double now =
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  CHECK(started > now - 86'400);
  CHECK(started < now + 5);
}

}  // namespace innkeeper::metrics::test
