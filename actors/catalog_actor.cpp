#include "actors/catalog_actor.hpp"

#include <utility>

#include <caf/typed_event_based_actor.hpp>

#include "actors/exceptions.hpp"
#include "actors/wire/errors.hpp"
#include "metrics/log.hpp"

namespace innkeeper::actors {
namespace {

constexpr const char* created_by = "config";

std::string random_uuid(const std::function<std::uint64_t()>& random) {
  // Version 4 (RFC 9562 5.4): these ids need not grow with time, there are few of them.
  const auto hi = (random() & ~0xF000ULL) | 0x4000ULL;
  const auto lo = (random() & ~(3ULL << 62)) | (2ULL << 62);
  return domain::uuid_text(hi, lo);
}

using CatalogPointer = catalog_actor::stateful_pointer<CatalogState>;

void fail(CatalogPointer self, const caf::error& error) {
  log::event("catalog.failed", {{"reason", wire::from_caf(error).message}});
  self->quit(error);
}

void load(CatalogPointer self) {
  self->request(self->state.deps.store, caf::infinite, load_atom::value)
      .await([self](const CatalogPtr& snapshot) { self->state.snapshot = snapshot; },
             [self](const caf::error& error) { fail(self, error); });
}

// Every request of the gateway and the node waits until the catalog is up to date.
void bring_up_to_date(CatalogPointer self) {
  const auto& deps = self->state.deps;
  self->request(deps.store, caf::infinite, load_atom::value)
      .await(
          [self](const CatalogPtr& stored) {
            auto& state = self->state;
            const auto& d = state.deps;
            auto changes =
                catalog_changes(*stored, d.apps, d.secrets, d.environment.now(), d.environment.random);
            if (changes.empty()) {
              state.snapshot = stored;
              return;
            }
            self->request(d.store, caf::infinite, commit_atom::value,
                          LeasePtr{std::make_shared<Lease>()},
                          MutationPtr{std::make_shared<store::Mutation>(std::move(changes))})
                .await([self](wire::Done) { load(self); },
                       [self](const caf::error& error) { fail(self, error); });
          },
          [self](const caf::error& error) { fail(self, error); });
}

}  // namespace

store::Mutation catalog_changes(const domain::CatalogSnapshot& stored,
                                const std::vector<config::AppSettings>& apps,
                                const std::map<domain::AppId, std::string>& secrets,
                                domain::Timestamp now, const std::function<std::uint64_t()>& random) {
  store::Mutation changes;
  for (const auto& wanted : apps) {
    const auto* known = stored.find_app(wanted.id);
    domain::App app = known != nullptr ? known->app
                                       : domain::App{.id = wanted.id,
                                                     .name = wanted.name,
                                                     .org_id = wanted.org,
                                                     .secret = "secret-" + random_uuid(random),
                                                     .created_by = created_by,
                                                     .created_at = now};
    app.name = wanted.name;
    app.org_id = wanted.org;
    if (const auto secret = secrets.find(wanted.id); secret != secrets.end()) app.secret = secret->second;
    if (known == nullptr || !(known->app == app)) {
      if (known == nullptr) log::event("catalog.app_created", {{"app", wanted.id.str()}});
      changes.push_back(store::PutApp{app});
    }
    if (known != nullptr && !known->deployments.empty() && known->latest()->spec == wanted.deployment)
      continue;
    domain::Deployment deployment{.id = domain::DeploymentId{"dep-" + random_uuid(random)},
                                  .app = wanted.id,
                                  .spec = wanted.deployment,
                                  .created_at = now,
                                  .created_by = created_by};
    log::event("catalog.deployment_created",
               {{"app", wanted.id.str()}, {"deployment", deployment.id.str()}});
    changes.push_back(store::InsertDeployment{std::move(deployment)});
  }
  return changes;
}

catalog_actor::behavior_type run_catalog(CatalogPointer self, CatalogDeps deps) {
  self->set_exception_handler(log_exception);
  self->state.deps = std::move(deps);
  bring_up_to_date(self);
  return {[self](catalog_atom) { return self->state.snapshot; }};
}

}  // namespace innkeeper::actors
