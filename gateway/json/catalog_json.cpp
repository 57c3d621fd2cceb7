#include "gateway/json/catalog_json.hpp"

#include "gateway/json/text.hpp"

namespace innkeeper::json {
namespace {

// Every member of Application without the closing brace.
void append_application_head(std::string& out, const domain::App& app) {
  out += R"({"appId":)";
  append_string(out, app.id.str());
  out += R"(,"appName":)";
  append_string(out, app.name);
  out += R"(,"appSecret":)";
  append_string(out, app.secret);
  out += R"(,"orgId":)";
  append_string(out, app.org_id);
  out += R"(,"authConfiguration":{},"serviceConfig":null,"createdBy":)";
  append_string(out, app.created_by);
  out += R"(,"createdAt":)";
  append_timestamp(out, app.created_at);
  out += R"(,"deletedBy":null,"deletedAt":null)";
}

// A command that is already on the host has no build of its own, and the API wants one: it is named
// after the deployment that introduced it.
std::string build_id(const domain::Deployment& deployment) {
  return "build-" + deployment.id.str();
}

void append_container_port(std::string& out, const domain::ContainerPort& port) {
  out += R"({"transportType":")";
  out += domain::to_string(port.transport);
  out += R"(","port":)";
  append_integer(out, port.port);
  out += R"(,"name":)";
  append_string(out, port.name);
  out += '}';
}

// Every member of DeploymentV3 without the closing brace.
void append_deployment_head(std::string& out, const domain::Deployment& deployment) {
  const domain::DeploymentSpec& spec = deployment.spec;
  out += R"({"appId":)";
  append_string(out, deployment.app.str());
  out += R"(,"deploymentId":)";
  append_string(out, deployment.id.str());
  out += R"(,"buildId":)";
  append_string(out, build_id(deployment));
  if (!spec.build_tag.empty()) {
    out += R"(,"buildTag":)";
    append_string(out, spec.build_tag);
  }
  if (!spec.deployment_tag.empty()) {
    out += R"(,"deploymentTag":)";
    append_string(out, spec.deployment_tag);
  }
  out += R"(,"requestedCPU":)";
  append_number(out, static_cast<double>(spec.requested_cpu_millis) / 1000.0);
  out += R"(,"requestedMemoryMB":)";
  append_integer(out, spec.requested_memory_mb);
  out += R"(,"defaultContainerPort":)";
  append_container_port(out, spec.default_port);
  out += R"(,"additionalContainerPorts":[)";
  for (std::size_t i = 0; i < spec.additional_ports.size(); ++i) {
    if (i != 0) out += ',';
    append_container_port(out, spec.additional_ports[i]);
  }
  out += R"(],"roomsPerProcess":)";
  append_integer(out, spec.rooms_per_process);
  out += R"(,"env":[)";
  bool first = true;
  for (const auto& [name, value] : spec.env) {
    if (!first) out += ',';
    first = false;
    out += R"({"name":)";
    append_string(out, name);
    out += R"(,"value":)";
    append_string(out, value);
    out += '}';
  }
  out += R"(],"idleTimeoutEnabled":)";
  out += spec.idle_timeout_enabled ? "true" : "false";
  out += R"(,"createdBy":)";
  append_string(out, deployment.created_by);
  out += R"(,"createdAt":)";
  append_timestamp(out, deployment.created_at);
}

// BuildV3 of a deployment: done, and as old as the deployment.
void append_build(std::string& out, const domain::App& app, const domain::Deployment& deployment) {
  out += R"({"orgId":)";
  append_string(out, app.org_id);
  out += R"(,"buildId":)";
  append_string(out, build_id(deployment));
  if (!deployment.spec.build_tag.empty()) {
    out += R"(,"buildTag":)";
    append_string(out, deployment.spec.build_tag);
  }
  out += R"(,"imageSize":0,"status":"succeeded","createdBy":)";
  append_string(out, deployment.created_by);
  for (const char* key : {"createdAt", "startedAt", "finishedAt"}) {
    out += ",\"";
    out += key;
    out += "\":";
    append_timestamp(out, deployment.created_at);
  }
  out += R"(,"deletedAt":null})";
}

}  // namespace

std::string application(const domain::App& app) {
  std::string out;
  append_application_head(out, app);
  out += '}';
  return out;
}

std::string applications(const std::vector<const domain::CatalogSnapshot::AppEntry*>& entries) {
  std::string out = R"({"applications":[)";
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (i != 0) out += ',';
    const auto& entry = *entries[i];
    append_application_head(out, entry.app);
    if (!entry.deployments.empty()) {
      out += R"(,"deployment":)";
      append_deployment_head(out, *entry.latest());
      out += R"(,"build":)";
      append_build(out, entry.app, *entry.latest());
      out += '}';
    }
    out += '}';
  }
  out += "]}";
  return out;
}

std::string deployment(const domain::Deployment& deployment) {
  std::string out;
  append_deployment_head(out, deployment);
  out += '}';
  return out;
}

std::string deployments(const std::vector<const domain::Deployment*>& deployments) {
  std::string out = R"({"deployments":[)";
  for (std::size_t i = 0; i < deployments.size(); ++i) {
    if (i != 0) out += ',';
    append_deployment_head(out, *deployments[i]);
    out += '}';
  }
  out += "]}";
  return out;
}

}  // namespace innkeeper::json
