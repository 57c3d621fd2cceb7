#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

// Every bound of the system, by name. Queues that are full answer `overloaded`.
namespace innkeeper::domain::limits {

inline constexpr std::size_t room_id_length = 100;               // contract/hathora.md 2.1
inline constexpr std::size_t config_code_points = 10'000;        // contract/hathora.md 2.1
inline constexpr std::uint32_t rooms_per_process = 10'000;       // contract/hathora.md 2.3
inline constexpr std::size_t additional_ports = 2;               // contract/hathora.md 2.1
inline constexpr std::size_t env_entries = 100;                  // contract/hathora.md 2.5
inline constexpr std::size_t env_name_length = 100;
inline constexpr std::size_t env_value_length = 5'000;
inline constexpr std::size_t client_ips = 100;
inline constexpr std::size_t latest_processes = 10;              // contract/hathora.md 2.3
inline constexpr std::size_t idempotency_key_length = 255;
inline constexpr std::size_t idempotency_keys_per_region = 1'000'000;  // the oldest give way
inline constexpr auto idempotency_retention = std::chrono::hours(24);

inline constexpr std::size_t allocations_per_room = 1'000;       // older ones stay in the store only
inline constexpr std::size_t waiters_per_room = 10'000;          // requests with ?wait= on one room
inline constexpr auto wait_max = std::chrono::seconds(60);       // longest ?wait=
inline constexpr std::size_t waiting_rooms_per_region = 1'000'000;
inline constexpr std::size_t store_batch = 512;                  // mutations in one commit
inline constexpr std::size_t explained_candidates = 20;
inline constexpr std::size_t metric_samples = 360;               // per process, 10 s apart: one hour
inline constexpr std::size_t purge_batch = 500;                  // rooms in one purge commit

inline constexpr std::size_t json_depth = 16;
inline constexpr std::size_t query_parameters = 100;

}  // namespace innkeeper::domain::limits
