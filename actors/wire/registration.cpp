#include "actors/wire/registration.hpp"

#include <caf/actor_system_config.hpp>

#include "actors/wire/inspect.hpp"

namespace innkeeper::wire {

void register_messages(caf::actor_system_config& config) {
  config.add_message_type<Done>("innkeeper.Done.1")
      .add_message_type<StartProcess>("innkeeper.StartProcess.1")
      .add_message_type<StopProcess>("innkeeper.StopProcess.1")
      .add_message_type<ProcessReport>("innkeeper.ProcessReport.1")
      .add_message_type<HostRegistration>("innkeeper.HostRegistration.1")
      .add_message_type<HostAccepted>("innkeeper.HostAccepted.1")
      .add_message_type<domain::AppId>("innkeeper.AppId.1")
      .add_message_type<domain::RoomId>("innkeeper.RoomId.1")
      .add_message_type<domain::RegionName>("innkeeper.RegionName.1")
      .add_message_type<domain::HostName>("innkeeper.HostName.1")
      .add_message_type<domain::ProcessId>("innkeeper.ProcessId.1")
      .add_message_type<domain::CreateRoom>("innkeeper.CreateRoom.1")
      .add_message_type<domain::ConnectionInfo>("innkeeper.ConnectionInfo.1")
      .add_message_type<domain::RoomView>("innkeeper.RoomView.1")
      .add_message_type<std::vector<domain::RoomView>>("innkeeper.RoomViews.1")
      .add_message_type<domain::ProcessView>("innkeeper.ProcessView.1")
      .add_message_type<std::vector<domain::ProcessView>>("innkeeper.ProcessViews.1")
      .add_message_type<domain::ProcessFilter>("innkeeper.ProcessFilter.1")
      .add_message_type<domain::ProcessMetrics>("innkeeper.ProcessMetrics.1")
      .add_message_type<domain::RoomExplanation>("innkeeper.RoomExplanation.1");
}

}  // namespace innkeeper::wire
