#pragma once

#include <string>
#include <vector>

#include "actors/domain/deployment.hpp"

// Apps and deployments as contract/hathora.md 2.4, 2.5 and 2.6 have them on the wire.
namespace innkeeper::json {

// Application. Holds the app's secret, as the API has it: for holders of a token only.
[[nodiscard]] std::string application(const domain::App& app);
// {"applications": …}: each with its latest deployment and that one's build.
[[nodiscard]] std::string applications(
    const std::vector<const domain::CatalogSnapshot::AppEntry*>& entries);

// DeploymentV3.
[[nodiscard]] std::string deployment(const domain::Deployment& deployment);
// {"deployments": …}
[[nodiscard]] std::string deployments(const std::vector<const domain::Deployment*>& deployments);

}  // namespace innkeeper::json
