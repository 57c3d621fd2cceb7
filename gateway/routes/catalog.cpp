#include <string>
#include <utility>
#include <vector>

#include "gateway/json/catalog_json.hpp"
#include "gateway/routes/arguments.hpp"
#include "gateway/routes/handlers.hpp"

namespace innkeeper::routes {

using domain::ErrorCode;

void list_apps(Call& call) {
  const auto query = Query::parse(call.request.query);
  if (!query) return call.exchange->fail(query.error());
  const auto org = query->single("orgId");
  if (!org) return call.exchange->fail(org.error());
  const auto catalog = call.core.catalog();
  std::vector<const domain::CatalogSnapshot::AppEntry*> entries;
  entries.reserve(catalog->apps.size());
  for (const auto& [id, entry] : catalog->apps) {
    if (!*org || entry.app.org_id == **org) entries.push_back(&entry);
  }
  call.exchange->send_json(200, json::applications(entries));
}

void app_info(Call& call) {
  const auto app = app_parameter(call.core, call.parameters[0]);
  if (!app) return call.exchange->fail(app.error());
  call.exchange->send_json(200, json::application(app->entry->app));
}

void list_deployments(Call& call) {
  const auto app = app_parameter(call.core, call.parameters[0]);
  if (!app) return call.exchange->fail(app.error());
  const auto query = Query::parse(call.request.query);
  if (!query) return call.exchange->fail(query.error());
  const auto build_tag = query->single("buildTag");
  if (!build_tag) return call.exchange->fail(build_tag.error());
  const auto deployment_tag = query->single("deploymentTag");
  if (!deployment_tag) return call.exchange->fail(deployment_tag.error());
  std::vector<const domain::Deployment*> newest_first;
  const auto& all = app->entry->deployments;
  for (auto it = all.rbegin(); it != all.rend(); ++it) {
    const domain::Deployment& deployment = **it;
    if (*build_tag && deployment.spec.build_tag != **build_tag) continue;
    if (*deployment_tag && deployment.spec.deployment_tag != **deployment_tag) continue;
    newest_first.push_back(&deployment);
  }
  call.exchange->send_json(200, json::deployments(newest_first));
}

void latest_deployment(Call& call) {
  const auto app = app_parameter(call.core, call.parameters[0]);
  if (!app) return call.exchange->fail(app.error());
  call.exchange->send_json(200, json::deployment(*app->entry->latest()));
}

void deployment_info(Call& call) {
  const auto app = app_parameter(call.core, call.parameters[0]);
  if (!app) return call.exchange->fail(app.error());
  const auto deployment =
      app->catalog->find(app->entry->app.id, domain::DeploymentId{std::string{call.parameters[1]}});
  if (deployment == nullptr) {
    return call.exchange->fail({.code = ErrorCode::not_found, .message = "deployment not found"});
  }
  call.exchange->send_json(200, json::deployment(*deployment));
}

}  // namespace innkeeper::routes
