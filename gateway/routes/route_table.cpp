#include <array>

#include "gateway/routes/handlers.hpp"
#include "gateway/routes/route.hpp"

namespace innkeeper::routes {
namespace {

using http::Method;
constexpr Access open = Access::open;
constexpr Access token = Access::token;

// clang-format off
constexpr std::array table{
    // RoomsV2 (contract/hathora.md 2.2)
    Route{Method::post, "/rooms/v2/{appId}/create", token, "createRoom", "Create a room and place it on a process", create_room},
    Route{Method::get, "/rooms/v2/{appId}/info/{roomId}", token, "getRoomInfo", "A room with its history of allocations", room_info},
    Route{Method::get, "/rooms/v2/{appId}/list/{processId}/active", token, "getActiveRoomsForProcess", "The rooms that are on a process", active_rooms},
    Route{Method::get, "/rooms/v2/{appId}/list/{processId}/inactive", token, "getInactiveRoomsForProcess", "The rooms that were on a process and no longer are", inactive_rooms},
    Route{Method::post, "/rooms/v2/{appId}/destroy/{roomId}", token, "destroyRoom", "Destroy a room and free its slot", destroy_room},
    Route{Method::post, "/rooms/v2/{appId}/suspend/{roomId}", token, "suspendRoom", "Take a room off its process, to be resumed later", suspend_room},
    Route{Method::get, "/rooms/v2/{appId}/connectioninfo/{roomId}", open, "getConnectionInfo", "Where clients connect to a room", connection_info},
    Route{Method::post, "/rooms/v2/{appId}/update/{roomId}", token, "updateRoomConfig", "Replace the config of a room", update_room_config},
    Route{Method::post, "/rooms/v2/{appId}/resume/{roomId}", token, "resumeRoom", "Place a suspended room again", resume_room},
    // RoomsV1 (2.9)
    Route{Method::post, "/rooms/v1/{appId}/create", token, "createRoomV1", "Create a room; answers its id only", create_room_v1},
    Route{Method::get, "/rooms/v1/{appId}/info/{roomId}", token, "getRoomInfoV1", "As in version 2", room_info},
    Route{Method::get, "/rooms/v1/{appId}/list/{processId}/active", token, "getActiveRoomsForProcessV1", "As in version 2", active_rooms},
    Route{Method::get, "/rooms/v1/{appId}/list/{processId}/inactive", token, "getInactiveRoomsForProcessV1", "As in version 2", inactive_rooms},
    Route{Method::post, "/rooms/v1/{appId}/destroy/{roomId}", token, "destroyRoomV1", "As in version 2", destroy_room},
    Route{Method::post, "/rooms/v1/{appId}/suspend/{roomId}", token, "suspendRoomV1", "As in version 2", suspend_room},
    Route{Method::get, "/rooms/v1/{appId}/connectioninfo/{roomId}", open, "getConnectionInfoV1", "Where clients connect to a room, default port only", connection_info_v1},
    // ProcessesV3 (2.3)
    Route{Method::get, "/processes/v3/apps/{appId}/processes/latest", token, "getLatestProcesses", "The newest processes of an app", latest_processes},
    Route{Method::get, "/processes/v3/apps/{appId}/processes/count", token, "getProcessesCountExperimental", "How many processes an app has", count_processes},
    Route{Method::post, "/processes/v3/apps/{appId}/processes/regions/{region}", token, "createProcess", "Start a process without a room", create_process},
    Route{Method::get, "/processes/v3/apps/{appId}/processes/{processId}", token, "getProcess", "A process", process_info},
    Route{Method::post, "/processes/v3/apps/{appId}/processes/{processId}/stop", token, "stopProcess", "Stop a process and destroy its rooms", stop_process},
    Route{Method::get, "/processes/v3/apps/{appId}/processes/process/{processId}/metrics", token, "getProcessMetrics", "What a process has used over time", process_metrics},
    // ProcessesV2 (2.9)
    Route{Method::get, "/processes/v2/{appId}/info/{processId}", token, "getProcessInfoV2", "A process, with the deployment as a number", process_info_v2},
    Route{Method::get, "/processes/v2/{appId}/list/latest", token, "getLatestProcessesV2", "The newest processes of an app, with deployments as numbers", latest_processes_v2},
    Route{Method::get, "/processes/v2/{appId}/count", token, "getProcessesCountV2", "How many processes an app has", count_processes},
    Route{Method::post, "/processes/v2/{appId}/stop/{processId}", token, "stopProcessV2", "As in version 3", stop_process},
    Route{Method::post, "/processes/v2/{appId}/create/{region}", token, "createProcessV2", "Start a process without a room", create_process_v2},
    // AppsV2 (2.4)
    Route{Method::get, "/apps/v2/apps", token, "getApps", "All apps with their latest deployments", list_apps},
    Route{Method::get, "/apps/v2/apps/{appId}", token, "getApp", "An app", app_info},
    // DeploymentsV3 (2.5)
    Route{Method::get, "/deployments/v3/apps/{appId}/deployments", token, "getDeployments", "The deployments of an app, newest first", list_deployments},
    Route{Method::get, "/deployments/v3/apps/{appId}/deployments/latest", token, "getLatestDeployment", "The deployment that new rooms get", latest_deployment},
    Route{Method::get, "/deployments/v3/apps/{appId}/deployments/{deploymentId}", token, "getDeployment", "A deployment", deployment_info},
    // Innkeeper's own
    Route{Method::get, "/v1/rooms/{roomId}/explain", token, "explainRoom", "Why a room is where it is, or why it waits", explain_room},
    Route{Method::get, "/healthz", open, "health", "Whether the process answers at all", health},
    Route{Method::get, "/readyz", open, "readiness", "Whether the node serves, part by part", readiness},
    Route{Method::get, "/metrics", Access::metrics, "metrics", "Metrics in the text format of Prometheus", metrics_page},
    Route{Method::get, "/openapi.json", open, "openapi", "The description of this API", openapi},
};
// clang-format on

std::string_view access_text(Access access) {
  switch (access) {
    case Access::open:
      return "none";
    case Access::token:
      return "bearer token";
    case Access::metrics:
      return "metrics token, when one is configured";
  }
  return "";
}

}  // namespace

std::span<const Route> route_table() noexcept { return table; }

std::string describe_routes() {
  std::string out =
      "# Routes\n\n"
      "Every path also takes `OPTIONS`, and `HEAD` where it takes `GET`. The pattern is the "
      "`route` label of "
      "the HTTP metrics; there are also `unmatched` for paths that are not there, `*` for `OPTIONS "
      "*`, and `refused` for what does not become a request ([errors](errors.md)).\n\n"
      "| method | path | operation | authorization | does |\n|---|---|---|---|---|\n";
  for (const Route& route : table) {
    out += "| ";
    out += http::to_string(route.method);
    out += " | `";
    out += route.pattern;
    out += "` | ";
    out += route.operation;
    out += " | ";
    out += access_text(route.access);
    out += " | ";
    out += route.summary;
    out += " |\n";
  }
  return out;
}

}  // namespace innkeeper::routes
