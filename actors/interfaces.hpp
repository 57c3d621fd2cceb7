#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/atom.hpp>
#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

#include "actors/domain/api.hpp"
#include "actors/domain/deployment.hpp"
#include "actors/store/store.hpp"
#include "actors/wire/inspect.hpp"
#include "actors/wire/messages.hpp"

// Every typed actor interface of Innkeeper, one comment for each message: the map of the system.
// Errors are domain::Error in caf::error form (actors/wire/errors.hpp).
namespace innkeeper::actors {

using create_atom = caf::atom_constant<caf::atom("create")>;
using info_atom = caf::atom_constant<caf::atom("info")>;
using destroy_atom = caf::atom_constant<caf::atom("destroy")>;
using suspend_atom = caf::atom_constant<caf::atom("suspend")>;
using resume_atom = caf::atom_constant<caf::atom("resume")>;
using update_atom = caf::atom_constant<caf::atom("update")>;
using connect_atom = caf::atom_constant<caf::atom("connect")>;
using explain_atom = caf::atom_constant<caf::atom("explain")>;
using rooms_atom = caf::atom_constant<caf::atom("rooms")>;
using launch_atom = caf::atom_constant<caf::atom("launch")>;
using process_atom = caf::atom_constant<caf::atom("process")>;
using latest_atom = caf::atom_constant<caf::atom("latest")>;
using count_atom = caf::atom_constant<caf::atom("count")>;
using metrics_atom = caf::atom_constant<caf::atom("metrics")>;
using start_atom = caf::atom_constant<caf::atom("start")>;
using stop_atom = caf::atom_constant<caf::atom("stop")>;
using report_atom = caf::atom_constant<caf::atom("report")>;
using register_atom = caf::atom_constant<caf::atom("register")>;
using attach_atom = caf::atom_constant<caf::atom("attach")>;
using settled_atom = caf::atom_constant<caf::atom("settled")>;
using move_atom = caf::atom_constant<caf::atom("move")>;
using end_atom = caf::atom_constant<caf::atom("end")>;
using runs_atom = caf::atom_constant<caf::atom("runs")>;
using commit_atom = caf::atom_constant<caf::atom("commit")>;
using flush_atom = caf::atom_constant<caf::atom("flush")>;
using load_atom = caf::atom_constant<caf::atom("load")>;
using probe_atom = caf::atom_constant<caf::atom("probe")>;
using tick_atom = caf::atom_constant<caf::atom("tick")>;
using catalog_atom = caf::atom_constant<caf::atom("catalog")>;
using ready_atom = caf::atom_constant<caf::atom("ready")>;
using failed_atom = caf::atom_constant<caf::atom("failed")>;

// The right to change a region: every commit names it, and the store refuses those of an older epoch. So an
// actor that outlived its scheduler can do no harm.
struct Lease {
  domain::RegionName region;  // empty: the catalog's
  std::uint64_t epoch = 0;
};

// Where clients connect to a process that runs; shared by all of its rooms.
struct Endpoint {
  domain::ProcessId process;
  domain::ExposedPort default_port;
  std::vector<domain::ExposedPort> additional_ports;
};

// A room's first message: record yourself, together with what the answer to an Idempotency-Key will be.
struct RoomBirth {
  std::vector<store::PutIdempotency> idempotency;  // none or one
};

// A place for a room, with the endpoint if the process runs already.
struct Slot {
  domain::Placement placement;
  std::shared_ptr<const Endpoint> endpoint;
};

// The scheduler found another place for a room whose process does not run.
struct MoveOrder {
  domain::ProcessId from;
  domain::EndReason reason = domain::EndReason::moved_to_free_slot;
  Slot slot;
};

using LeasePtr = std::shared_ptr<const Lease>;
using MutationPtr = std::shared_ptr<const store::Mutation>;
using RoomRecordPtr = std::shared_ptr<const domain::RoomRecord>;
using EndpointPtr = std::shared_ptr<const Endpoint>;
using SnapshotPtr = std::shared_ptr<const store::RegionSnapshot>;
using CatalogPtr = std::shared_ptr<const domain::CatalogSnapshot>;

// The store: group commit, the only door to the database. Detached; answers in the order of commits.
using store_actor = caf::typed_actor<
    // Makes the mutation durable; the answer comes after the commit that holds it. `refused` when the
    // lease is old or the mutation breaks a rule of the store, `unavailable` when nothing can be committed.
    caf::replies_to<commit_atom, LeasePtr, MutationPtr>::with<wire::Done>,
    // Takes over a region: from now on only this lease may change it. Answers with everything of it.
    caf::replies_to<load_atom, LeasePtr>::with<SnapshotPtr>,
    // One room as committed, after all that is queued before this; null when there is none.
    caf::replies_to<load_atom, domain::RoomId>::with<RoomRecordPtr>,
    // All apps and deployments, as committed.
    caf::replies_to<load_atom>::with<CatalogPtr>,
    // Gets a failed store ready again, and answers how often it has failed so far: after each time, every
    // region must be loaded anew. `unavailable` while it cannot be got ready.
    caf::replies_to<probe_atom>::with<std::uint64_t>,
    // To itself: commit the batch of that number now.
    caf::reacts_to<flush_atom, std::uint64_t>>;

// One room, spawned by its region's scheduler, which is the only one that talks to it. Answers go straight
// to the client's gateway. Changes are answered after their commit; until then the room does nothing else.
using room_actor = caf::typed_actor<
    // First message of a new room: record it, then answer with where it is.
    caf::replies_to<create_atom, std::shared_ptr<const RoomBirth>>::with<domain::ConnectionInfo>,
    caf::replies_to<info_atom>::with<domain::RoomView>,
    caf::replies_to<destroy_atom>::with<wire::Done>,
    caf::replies_to<suspend_atom>::with<wire::Done>,
    // Resume into this slot; a room that is allocated already says where it is and leaves the slot.
    caf::replies_to<resume_atom, Slot>::with<domain::ConnectionInfo>,
    caf::replies_to<update_atom, std::string>::with<wire::Done>,
    // Where to connect. Answered when active, or at once when the wait (milliseconds) is 0. A room that is
    // suspended by now hands the request back to the scheduler.
    caf::replies_to<connect_atom, std::uint32_t>::with<domain::ConnectionInfo>,
    caf::reacts_to<move_atom, MoveOrder>,
    // Its process ended, or waiting was given up.
    caf::reacts_to<end_atom, domain::EndAllocation>,
    // Its process runs now.
    caf::reacts_to<runs_atom, EndpointPtr>>;

// The front door of a region: admission, placement, supervision of rooms, processes and hosts.
using region_scheduler_actor = caf::typed_actor<
    // True when this Idempotency-Key of the app has made a room here.
    caf::replies_to<create_atom, domain::AppId, std::string>::with<bool>,
    // From gateways. Rooms: `not_found` when the room is unknown or of another app.
    caf::replies_to<create_atom, domain::CreateRoom>::with<domain::ConnectionInfo>,
    caf::replies_to<info_atom, domain::AppId, domain::RoomId>::with<domain::RoomView>,
    caf::replies_to<destroy_atom, domain::AppId, domain::RoomId>::with<wire::Done>,
    caf::replies_to<suspend_atom, domain::AppId, domain::RoomId>::with<wire::Done>,
    caf::replies_to<resume_atom, domain::AppId, domain::RoomId>::with<domain::ConnectionInfo>,
    caf::replies_to<update_atom, domain::AppId, domain::RoomId, std::string>::with<wire::Done>,
    // The last value is how long to wait for the room to become active, in milliseconds.
    caf::replies_to<connect_atom, domain::AppId, domain::RoomId, std::uint32_t>::with<
        domain::ConnectionInfo>,
    caf::replies_to<explain_atom, domain::RoomId>::with<domain::RoomExplanation>,
    // The rooms that are on a process now (true), or were and no longer are (false); one moment's truth.
    caf::replies_to<rooms_atom, domain::AppId, domain::ProcessId, bool>::with<
        std::vector<domain::RoomView>>,
    // Processes.
    caf::replies_to<launch_atom, domain::AppId>::with<domain::ProcessView>,
    caf::replies_to<process_atom, domain::AppId, domain::ProcessId>::with<domain::ProcessView>,
    caf::replies_to<stop_atom, domain::AppId, domain::ProcessId>::with<wire::Done>,
    caf::replies_to<latest_atom, domain::ProcessFilter>::with<std::vector<domain::ProcessView>>,
    caf::replies_to<count_atom, domain::ProcessFilter>::with<std::uint64_t>,
    caf::replies_to<metrics_atom, domain::AppId, domain::ProcessId>::with<domain::ProcessMetrics>,
    // From hosts. A report is answered once what it says is durable.
    caf::replies_to<register_atom, wire::HostRegistration, caf::actor>::with<wire::HostAccepted>,
    caf::replies_to<report_atom, domain::HostName, wire::ProcessReport>::with<wire::Done>,
    // From rooms: this is what is committed now (null: the room never came to be), and so many of the
    // messages that the scheduler sent have been handled.
    caf::reacts_to<settled_atom, domain::RoomId, RoomRecordPtr, std::uint32_t>,
    // From rooms and itself: the store could not commit; stop changing anything.
    caf::reacts_to<failed_atom, std::string>,
    // From the catalog: apps and deployments as of now.
    caf::reacts_to<catalog_atom, CatalogPtr>,
    // From the node: answers true once the region is loaded and each of its known hosts has registered.
    caf::replies_to<ready_atom>::with<bool>,
    // For tests of supervision: the actor of a room, null when it is passive.
    caf::replies_to<probe_atom, domain::RoomId>::with<caf::actor>,
    // To itself: the timer wheel.
    caf::reacts_to<tick_atom>>;

// Apps and deployments: read cache of the store, brought up to date from the configuration at start. Ends
// with an error when the store cannot do that.
using catalog_actor = caf::typed_actor<
    // All of it, as of now.
    caf::replies_to<catalog_atom>::with<CatalogPtr>>;

// The node: starts the roles of its configuration, starts again what breaks, and tells the gateway which
// scheduler serves which region (actors/node.hpp).
using node_actor = caf::typed_actor<
    // To itself: look after the store and the regions.
    caf::reacts_to<tick_atom>>;

// One server process, on the node of its host. Ends when the process has ended.
using process_actor = caf::typed_actor<
    // From the host: SIGTERM, grace, SIGKILL.
    caf::reacts_to<stop_atom>,
    // From the runner: what is known of the process now.
    caf::reacts_to<report_atom, wire::ProcessReport>>;

// One host: port pool, runners, the processes of one machine.
using host_actor = caf::typed_actor<
    // Runs a process; reports follow to the scheduler that the host is attached to.
    caf::reacts_to<start_atom, wire::StartProcess>,
    // Stops a process: SIGTERM, grace, SIGKILL; a report follows when it has ended.
    caf::reacts_to<stop_atom, wire::StopProcess>,
    // Samples of the last hour.
    caf::replies_to<metrics_atom, domain::ProcessId>::with<domain::ProcessMetrics>,
    // From a process actor: something happened to it.
    caf::reacts_to<report_atom, wire::ProcessReport>,
    // From the node: this is the scheduler of your region now; register with it.
    caf::reacts_to<attach_atom, caf::actor>,
    // To itself: take samples, rotate, look for processes that nobody knows.
    caf::reacts_to<tick_atom>>;

}  // namespace innkeeper::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(innkeeper::actors::LeasePtr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(innkeeper::actors::MutationPtr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(innkeeper::actors::RoomRecordPtr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(innkeeper::actors::EndpointPtr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(innkeeper::actors::SnapshotPtr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(innkeeper::actors::CatalogPtr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::shared_ptr<const innkeeper::actors::RoomBirth>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(innkeeper::actors::Slot)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(innkeeper::actors::MoveOrder)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(innkeeper::domain::EndAllocation)
