#pragma once

#include "metrics/metrics.hpp"

namespace innkeeper::metrics::test {

// Lets everything happen once, so that every metric has a series.
inline void touch_everything(Metrics& m) {
  m.declare_app("Seattle", "app-1");
  m.http_route("/rooms/v2/{appId}/create", "POST").observe(201, 0.002);
  m.set_http_limits(10'000, 4'096);
  m.http_connection_opened();
  m.http_connection_opened();
  m.http_connection_closed();
  m.http_connection_refused("limit");
  m.set_http_in_flight(1);
  m.set_rooms("Seattle", "app-1", "active", 3);
  m.set_processes("Seattle", "app-1", "running", 2);
  m.set_slots("Seattle", "app-1", 3, 5);
  m.set_queue("Seattle", "app-1", 1, 2.5);
  m.set_room_actors("Seattle", 3);
  m.room_created("Seattle", "app-1");
  m.room_destroyed("Seattle", "app-1", "process_idle");
  m.create_to_active("Seattle", "app-1", 0.3);
  m.queue_waited("Seattle", "app-1", 1.5);
  m.process_started("Seattle", "app-1", 0.2);
  m.process_exited("Seattle", "app-1", "crashed");
  m.process_adopted("node-1");
  m.process_unknown_stopped("node-1");
  m.set_host("node-1", "cpu", 2, 0.5);
  m.set_host("node-1", "memory", 4e9, 1e9);
  m.set_host("node-1", "ports", 1'000, 2);
  m.store_committed(0.003, 17);
  m.store_failed();
  m.set_store_up(true);
  m.set_store_bytes(8'192, 4'096);
  m.actor_restarted("room");
  m.set_ready(true);
  m.log_event("info");
  m.stage("store", 0.003);
}

}  // namespace innkeeper::metrics::test
