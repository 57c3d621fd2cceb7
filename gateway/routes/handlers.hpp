#pragma once

#include "gateway/routes/route.hpp"

// One function for each operation; the route table names them.
namespace innkeeper::routes {

// rooms.cpp: RoomsV2, and what RoomsV1 shares with it.
void create_room(Call& call);
void room_info(Call& call);
void active_rooms(Call& call);
void inactive_rooms(Call& call);
void destroy_room(Call& call);
void suspend_room(Call& call);
void connection_info(Call& call);
void update_room_config(Call& call);
void resume_room(Call& call);
void create_room_v1(Call& call);
void connection_info_v1(Call& call);
void explain_room(Call& call);

// processes.cpp: ProcessesV3 and ProcessesV2.
void latest_processes(Call& call);
void latest_processes_v2(Call& call);
void count_processes(Call& call);
void create_process(Call& call);
void create_process_v2(Call& call);
void process_info(Call& call);
void process_info_v2(Call& call);
void stop_process(Call& call);
void process_metrics(Call& call);

// catalog.cpp: AppsV2 and DeploymentsV3.
void list_apps(Call& call);
void app_info(Call& call);
void list_deployments(Call& call);
void latest_deployment(Call& call);
void deployment_info(Call& call);

// node.cpp: what a node says about itself.
void health(Call& call);
void readiness(Call& call);
void metrics_page(Call& call);
void openapi(Call& call);

}  // namespace innkeeper::routes
