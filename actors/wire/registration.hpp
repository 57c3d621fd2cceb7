#pragma once

namespace caf {
class actor_system_config;
}

namespace innkeeper::wire {

// Makes every message type known to CAF, so that it can cross nodes. Call before the actor system exists.
void register_messages(caf::actor_system_config& config);

}  // namespace innkeeper::wire
