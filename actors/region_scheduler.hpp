#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include <caf/actor.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include "actors/context.hpp"
#include "actors/domain/ids.hpp"
#include "actors/domain/placement.hpp"
#include "actors/interfaces.hpp"
#include "actors/region/directory.hpp"
#include "config/settings.hpp"

namespace innkeeper::actors {

struct RegionDeps {
  Environment environment;
  LeasePtr lease;
  store_actor store;
  CatalogPtr catalog;
  config::TimeoutSettings timeouts;
  config::PolicySettings policy;
  std::uint32_t retry_after_s = 0;  // what is told to clients while nothing may change; 0: nothing
  domain::Duration host_grace = std::chrono::seconds(30);  // a host that is away so long is lost
};

// The front door of one region. It owns the directory of rooms and processes, the placement index, the queue
// of rooms that wait for capacity, and the idempotency keys; it hands commands on to rooms, which answer the
// client themselves. Rules are in domain; what it does step by step is in docs/architecture.md.
//
// A slot is held by a room from the moment it is placed (`reserved`) through the commit of the allocation
// (`process`) until the commit that ends it, so that no crash can show two rooms in one slot.
class RegionScheduler {
 public:
  static inline const char* name = "region_scheduler";
  using Self = region_scheduler_actor::stateful_pointer<RegionScheduler>;

  RegionScheduler() = default;
  ~RegionScheduler();  // tells all that wait for an answer to try again
  RegionScheduler(const RegionScheduler&) = delete;
  RegionScheduler& operator=(const RegionScheduler&) = delete;

  void start(Self self, RegionDeps deps);

  // Rooms (region/rooms.cpp).
  caf::result<domain::ConnectionInfo> create(domain::CreateRoom& command);
  [[nodiscard]] bool knows_key(const domain::AppId& app, const std::string& key) const;
  caf::result<domain::RoomView> info(const domain::AppId& app, const domain::RoomId& id);
  caf::result<wire::Done> destroy(const domain::AppId& app, const domain::RoomId& id);
  caf::result<wire::Done> suspend(const domain::AppId& app, const domain::RoomId& id);
  caf::result<domain::ConnectionInfo> resume(const domain::AppId& app, const domain::RoomId& id);
  caf::result<wire::Done> update(const domain::AppId& app, const domain::RoomId& id, std::string& config);
  caf::result<domain::ConnectionInfo> connect(const domain::AppId& app, const domain::RoomId& id,
                                              std::uint32_t wait_ms);
  void settled(const domain::RoomId& id, const RoomRecordPtr& record, std::uint32_t handled);
  caf::actor room_handle(const domain::RoomId& id) const;

  // Views (region/views.cpp).
  caf::result<domain::RoomExplanation> explain(const domain::RoomId& id);
  caf::result<std::vector<domain::RoomView>> rooms_of(const domain::AppId& app,
                                                      domain::ProcessId process, bool active);
  caf::result<domain::ProcessView> process_info(const domain::AppId& app, domain::ProcessId id);
  std::vector<domain::ProcessView> latest(const domain::ProcessFilter& filter) const;
  std::uint64_t count(const domain::ProcessFilter& filter) const;

  // Processes (region/processes.cpp).
  caf::result<domain::ProcessView> launch(const domain::AppId& app);
  caf::result<wire::Done> stop_process(const domain::AppId& app, domain::ProcessId id);
  caf::result<domain::ProcessMetrics> process_metrics(const domain::AppId& app, domain::ProcessId id);

  // Hosts (region/hosts.cpp).
  caf::result<wire::HostAccepted> register_host(const wire::HostRegistration& registration,
                                                const caf::actor& host);
  caf::result<wire::Done> report(const domain::HostName& host, const wire::ProcessReport& report);

  void failed(const std::string& why);
  void set_catalog(const CatalogPtr& catalog);
  [[nodiscard]] bool ready() const;
  void tick();
  void down(const caf::down_msg& message);

 private:
  using RoomEntry = region::RoomEntry;
  using ProcessEntry = region::ProcessEntry;

  struct Idempotent {
    std::string digest;
    domain::ConnectionInfo answer;
    domain::Timestamp created_at{};
    bool committed = false;
    std::vector<caf::typed_response_promise<domain::ConnectionInfo>> waiters;
  };
  struct Creation {
    std::string idempotency_index;  // empty: without a key
  };
  struct Host {
    caf::actor actor;  // null while away
    std::uint64_t incarnation = 0;
    domain::Resources capacity;
    domain::Timestamp away_since{};
    bool given_up = false;  // away for longer than the grace time
  };
  struct Timer {
    enum class Kind : std::uint8_t { idle, start } kind = Kind::idle;
    domain::ProcessId process;
  };
  struct AppTotals {
    std::uint64_t suspended = 0;
    std::uint64_t destroyed = 0;
  };
  struct PlacedOn {
    ProcessEntry* process = nullptr;
    domain::PlacementReason reason = domain::PlacementReason::running_process;
  };

  // Recovery (region/recovery.cpp).
  void load(const store::RegionSnapshot& snapshot);
  void load_processes(const store::RegionSnapshot& snapshot);
  void load_room(const RoomRecordPtr& record, std::vector<RoomEntry*>& waiting);

  // Rooms.
  [[nodiscard]] RoomEntry* find(const domain::AppId& app, const domain::RoomId& id) const;
  [[nodiscard]] std::optional<domain::Error> cannot_change(const RoomEntry& room) const;
  room_actor& awake(RoomEntry& room);
  void passivate(RoomEntry& room, std::uint32_t handled);
  void recover_room(RoomEntry& room);
  caf::result<domain::ConnectionInfo> repeat_create(const std::string& index,
                                                    const domain::CreateRoom& command);
  void remember_key(const std::string& index, std::shared_ptr<Idempotent> entry);
  void forget_oldest_key();
  void creation_settled(RoomEntry& room);
  void creation_refused(RoomEntry& room);
  domain::Result<Slot> resume_slot(RoomEntry& room);
  void note_state(const domain::RoomRecord& before, const domain::RoomRecord& after, bool first);
  [[nodiscard]] static bool runs(const RoomEntry& room);

  // Slots and queue (region/slots.cpp).
  domain::Result<PlacedOn> place(const std::shared_ptr<const domain::Deployment>& deployment,
                                 const std::optional<domain::RoomId>& room, std::uint8_t attempt = 1,
                                 domain::Timestamp not_before = {});
  Slot take_slot(RoomEntry& room, const PlacedOn& placed);
  void leave(ProcessEntry& process, RoomEntry& room);
  void enqueue(RoomEntry& room);
  void dequeue(RoomEntry& room);
  void serve_waiting(domain::DeploymentKey deployment);
  void give_up_waiting();
  void send_move(RoomEntry& room, domain::ProcessId from, domain::EndReason reason, const PlacedOn& to);
  void send_end(RoomEntry& room, const ProcessEntry& from, domain::EndReason reason,
                domain::RoomState outcome);

  // Processes.
  ProcessEntry& new_process(const std::shared_ptr<const domain::Deployment>& deployment,
                            const std::optional<domain::RoomId>& room, std::uint8_t attempt,
                            domain::Timestamp not_before);
  void start_on(ProcessEntry& process, const domain::HostName& host);
  void send_start(const ProcessEntry& process);
  void start_reserved();
  void unreserve(ProcessEntry& process);
  bool change(ProcessEntry& process, const domain::ProcessChange& what);
  template <class Then>
  void commit(const ProcessEntry& process, Then then);
  void refuse_waiters(const domain::Error& error);
  void index_closed(ProcessEntry& process);
  void process_runs(ProcessEntry& process);
  void order_stop(ProcessEntry& process, domain::ExitReason reason);
  void end_process(ProcessEntry& process, domain::ExitReason reason, const std::string& summary);
  void room_lost_process(RoomEntry& room, ProcessEntry& process);
  void room_without_process(RoomEntry& room, domain::ProcessId process, domain::EndReason reason);
  void became_empty(ProcessEntry& process);
  void arm(domain::Timestamp at, Timer timer);
  [[nodiscard]] EndpointPtr endpoint_of(const domain::ProcessRecord& record) const;

  // Hosts.
  void reconcile(ProcessEntry& process, const wire::ProcessReport* report);
  template <class Then>
  void apply_report(ProcessEntry& process, const wire::ProcessReport& report, Then then);
  void lose_hosts();
  void send_stop(const ProcessEntry& process);

  // Upkeep (region/upkeep.cpp).
  void serve_all_waiting();
  void fire_timers();
  void purge();
  void publish_metrics();

  // Views.
  [[nodiscard]] domain::ProcessView view(const ProcessEntry& process) const;
  [[nodiscard]] std::string sentence(const RoomEntry& room, const domain::RoomExplanation& x) const;
  [[nodiscard]] std::uint64_t queue_position(const RoomEntry& room) const;

  [[nodiscard]] domain::Timestamp now() const { return deps_.environment.now(); }
  [[nodiscard]] metrics::Metrics& metrics() const { return *deps_.environment.metrics; }
  [[nodiscard]] const std::string& region() const { return deps_.lease->region.str(); }
  [[nodiscard]] domain::Error unavailable() const;

  Self self_ = nullptr;
  RegionDeps deps_;
  RegionContextPtr context_;
  std::unique_ptr<domain::IdGenerator> ids_;
  CatalogPtr catalog_;
  bool loaded_ = false;
  bool stopped_ = false;  // the store failed; nothing may change any more
  std::string failure_;

  region::Directory directory_;
  std::unique_ptr<domain::PlacementIndex> index_;
  std::map<domain::HostName, Host> hosts_;

  std::map<domain::DeploymentKey, std::map<std::uint64_t, RoomEntry*>> waiting_;
  std::uint64_t next_turn_ = 0;
  std::size_t waiting_count_ = 0;
  // Processes without a host, per app, oldest first.
  std::map<domain::AppId, std::map<std::pair<domain::Timestamp, domain::ProcessId>, ProcessEntry*>> reserved_;

  std::unordered_map<std::string, std::shared_ptr<Idempotent>> keys_;
  std::deque<std::pair<domain::Timestamp, std::string>> keys_by_age_;
  std::unordered_map<const RoomEntry*, Creation> creations_;

  std::multimap<domain::Timestamp, Timer> timers_;
  std::deque<std::pair<domain::Timestamp, domain::RoomId>> tombstones_;
  std::deque<std::pair<domain::Timestamp, domain::ProcessId>> ended_;
  bool purging_ = false;
  std::map<domain::AppId, AppTotals> totals_;
  std::size_t room_actors_ = 0;
  std::uint32_t timed_calls_ = 0;
  domain::Timestamp published_{};
};

region_scheduler_actor::behavior_type run_region_scheduler(RegionScheduler::Self self, RegionDeps deps);

}  // namespace innkeeper::actors
