#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "actors/domain/api.hpp"
#include "actors/domain/result.hpp"
#include "gateway/port/core.hpp"
#include "gateway/routes/query.hpp"
#include "gateway/routes/route.hpp"

// What operations take from path, query and headers, with the rules of contract/decided.md.
namespace innkeeper::routes {

// Ids of the path. One that cannot exist is `not_found`, like one that does not.
[[nodiscard]] domain::Result<domain::RoomId> room_parameter(std::string_view text);
[[nodiscard]] domain::Result<domain::ProcessId> process_parameter(std::string_view text);
// The app's catalog entry; the snapshot keeps it alive.
struct AppInCatalog {
  std::shared_ptr<const domain::CatalogSnapshot> catalog;
  const domain::CatalogSnapshot::AppEntry* entry = nullptr;
};
[[nodiscard]] domain::Result<AppInCatalog> app_parameter(const port::Core& core,
                                                         std::string_view text);

// `invalid` (field `region`, with the regions that are served) unless `region` is served.
[[nodiscard]] domain::Result<void> check_region(const port::Core& core,
                                                const domain::RegionName& region);

// `?roomId=` of a create: a valid id, or nothing when absent or empty.
[[nodiscard]] domain::Result<std::optional<domain::RoomId>> chosen_room(const Query& query);

// `Idempotency-Key`: 1 to limits::idempotency_key_length visible ASCII characters; empty when the
// header is not there.
[[nodiscard]] domain::Result<std::string> idempotency_key(const http::Request& request);

// `?wait=`: "500ms", "10s", or a plain number of seconds, at most limits::wait_max; zero when
// absent.
[[nodiscard]] domain::Result<std::chrono::milliseconds> wait_time(const Query& query);

// `?status=&region=&before=` of process lists.
[[nodiscard]] domain::Result<domain::ProcessFilter> process_filter(const port::Core& core,
                                                                   const domain::AppId& app,
                                                                   const Query& query);

// A number from `least` to `most`; anything else fails with `rule`, which says what is allowed.
[[nodiscard]] domain::Result<double> read_number(std::string_view text, std::string_view field,
                                                 double least, double most, std::string_view rule);

}  // namespace innkeeper::routes
