#pragma once

#include <string>
#include <vector>

#include <caf/stateful_actor.hpp>

#include "actors/context.hpp"
#include "actors/interfaces.hpp"
#include "config/settings.hpp"

namespace innkeeper::actors {

// What must change in the store so that the apps of the configuration are there as configured: new apps, new
// names and secrets, and a new deployment where the settings differ from the latest one. Apps that are only
// in the store stay. Pure but for `random`, which makes ids and secrets.
// `secrets` are the contents of secret files, by app; an app without one keeps or gets a generated secret.
[[nodiscard]] store::Mutation catalog_changes(const domain::CatalogSnapshot& stored,
                                              const std::vector<config::AppSettings>& apps,
                                              const std::map<domain::AppId, std::string>& secrets,
                                              domain::Timestamp now,
                                              const std::function<std::uint64_t()>& random);

struct CatalogDeps {
  Environment environment;
  store_actor store;
  std::vector<config::AppSettings> apps;
  std::map<domain::AppId, std::string> secrets;
};

struct CatalogState {
  static inline const char* name = "catalog";
  CatalogDeps deps;
  CatalogPtr snapshot;
};

catalog_actor::behavior_type run_catalog(catalog_actor::stateful_pointer<CatalogState> self,
                                         CatalogDeps deps);

}  // namespace innkeeper::actors
