#include "gateway/bridge/caf_core.hpp"

#include <algorithm>
#include <chrono>
#include <future>
#include <type_traits>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <caf/actor_cast.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/spawn_options.hpp>

#include <openssl/crypto.h>

#include "actors/domain/limits.hpp"
#include "actors/interfaces.hpp"
#include "actors/wire/errors.hpp"
#include "gateway/bridge/asio_actor.hpp"
#include "gateway/bridge/pending.hpp"

namespace innkeeper::bridge {
namespace {

using namespace std::chrono_literals;
using domain::Error;
using domain::ErrorCode;
using domain::Result;

constexpr auto sweep_interval = 50ms;
constexpr auto end_patience = 5s;

// One reply, given once, by the answer or by the clock.
template <class T>
class PendingReply : public Pending {
 public:
  explicit PendingReply(port::Reply<T> reply) : reply_(std::move(reply)) {}
  void finish(Result<T> result) {
    if (!reply_) return;
    unlink();
    std::exchange(reply_, nullptr)(std::move(result));
  }
  void expire() override {
    if (on_deadline) {
      if (reply_) std::exchange(on_deadline, nullptr)(std::exchange(reply_, nullptr));
    } else {
      finish(Error{.code = ErrorCode::timeout, .message = "the request was not finished in time"});
    }
  }
  [[nodiscard]] bool open() const noexcept { return reply_ != nullptr; }
  // What to do at the deadline instead of answering with `timeout`.
  std::function<void(port::Reply<T>)> on_deadline;

 private:
  port::Reply<T> reply_;
};

// The type of an answer as a message, and as a value of the port.
template <class T>
using Answer = std::conditional_t<std::is_void_v<T>, wire::Done, T>;

}  // namespace

class CafCore::State : public std::enable_shared_from_this<State> {
 public:
  State(caf::actor_system& system, boost::asio::io_context& context,
        std::shared_ptr<actors::Routing> routing, CoreOptions options)
      : context_(context),
        unit_(system, context),
        timer_(context),
        routing_(std::move(routing)),
        options_(std::move(options)) {
    caf::actor_config config{&unit_};
    handle_ = system.spawn_impl<GatewayActor, caf::no_spawn_options>(config, unit_);
    actor_ = static_cast<GatewayActor*>(caf::actor_cast<caf::abstract_actor*>(handle_));
  }

  void arm() {
    timer_.expires_after(sweep_interval);
    timer_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
      if (error || self->detached_) return;
      self->pending_.sweep(Pending::Clock::now());
      self->arm();
    });
  }

  // On the worker's thread. What is asked after this is answered with an error.
  void close() {
    if (std::exchange(detached_, true)) return;
    timer_.cancel();
    actor_ = nullptr;
    pending_.sweep_sorted();
    pending_.sweep_all();
  }
  void end_waits() { pending_.sweep_sorted(); }
  [[nodiscard]] caf::actor take_handle() { return std::exchange(handle_, nullptr); }
  [[nodiscard]] caf::actor_system& system() { return unit_.system(); }
  [[nodiscard]] AsioUnit& unit() { return unit_; }

  [[nodiscard]] std::shared_ptr<const actors::RoutingTable> table() const { return routing_->table(); }
  [[nodiscard]] const CoreOptions& options() const { return options_; }
  [[nodiscard]] boost::asio::io_context& context() { return context_; }
  [[nodiscard]] bool matches_admin(std::string_view token) const {
    // The length of the token is no secret, its content is.
    const auto& admin = options_.admin_token;
    return token.size() == admin.size() &&
           CRYPTO_memcmp(token.data(), admin.data(), admin.size()) == 0;
  }

  template <class T>
  std::shared_ptr<PendingReply<T>> begin(port::Reply<T> reply) {
    auto pending = std::make_shared<PendingReply<T>>(std::move(reply));
    pending->deadline = Pending::Clock::now() + options_.request_timeout;
    pending_.add(pending);
    return pending;
  }
  PendingRequests& requests() { return pending_; }

  // Asks one scheduler; `finish(Result<T>)` gets the answer.
  template <class T, class Finish, class... Message>
  void ask(const actors::region_scheduler_actor& scheduler, Finish finish, Message&&... message) {
    if (actor_ == nullptr) {
      finish(Result<T>{stopping()});
      return;
    }
    actor_->context(&unit_);
    auto shared = std::make_shared<Finish>(std::move(finish));
    actor_->request(scheduler, caf::infinite, std::forward<Message>(message)...)
        .then(
            [shared](Answer<T>& answer) {
              if constexpr (std::is_void_v<T>)
                (*shared)(Result<void>{});
              else
                (*shared)(Result<T>{std::move(answer)});
            },
            [shared](const caf::error& error) { (*shared)(Result<T>{wire::from_caf(error)}); });
    unit_.requested();
  }

  void create(const actors::region_scheduler_actor& scheduler,
              std::shared_ptr<PendingReply<domain::ConnectionInfo>> pending, domain::CreateRoom command) {
    ask<domain::ConnectionInfo>(
        scheduler,
        [pending = std::move(pending)](Result<domain::ConnectionInfo> r) { pending->finish(std::move(r)); },
        actors::create_atom::value, std::move(command));
  }

  // A key belongs to the app, and each region keeps those of its own rooms: so the other regions are asked
  // first whether the key was used there, which would have been another request. The region itself comes
  // before them: a request that it has answered is repeated whatever the others know, as when clients have
  // used one key for two regions at the same moment.
  void create_with_key(const actors::region_scheduler_actor& scheduler,
                       std::shared_ptr<PendingReply<domain::ConnectionInfo>> pending,
                       domain::CreateRoom command) {
    auto rest = others(scheduler);
    if (rest.empty()) return create(scheduler, std::move(pending), std::move(command));
    auto app = command.app;
    auto key = command.idempotency_key;
    ask<bool>(
        scheduler,
        [self = shared_from_this(), scheduler, rest = std::move(rest), pending = std::move(pending),
         command = std::move(command)](Result<bool> known) mutable {
          if (!known) return pending->finish(std::move(known).error());
          if (*known) return self->create(scheduler, std::move(pending), std::move(command));
          self->create_unless_known(scheduler, std::move(rest), std::move(pending), std::move(command));
        },
        actors::create_atom::value, std::move(app), std::move(key));
  }

  // Asks the other regions one after the other, then creates.
  void create_unless_known(const actors::region_scheduler_actor& scheduler,
                           std::vector<actors::region_scheduler_actor> others,
                           std::shared_ptr<PendingReply<domain::ConnectionInfo>> pending,
                           domain::CreateRoom command) {
    if (others.empty()) return create(scheduler, std::move(pending), std::move(command));
    const auto next = others.back();
    others.pop_back();
    auto app = command.app;
    auto key = command.idempotency_key;
    ask<bool>(
        next,
        [self = shared_from_this(), scheduler, others = std::move(others), pending = std::move(pending),
         command = std::move(command)](Result<bool> known) mutable {
          if (!known) return pending->finish(std::move(known).error());
          if (*known)
            return pending->finish(Error{.code = ErrorCode::invalid,
                                         .message = "was used with another request",
                                         .field = "Idempotency-Key"});
          self->create_unless_known(scheduler, std::move(others), std::move(pending), std::move(command));
        },
        actors::create_atom::value, std::move(app), std::move(key));
  }
  [[nodiscard]] std::vector<actors::region_scheduler_actor> others(
      const actors::region_scheduler_actor& than) const {
    auto out = all_regions();
    std::erase(out, than);
    return out;
  }

  // Asks the regions one after the other until one knows what is asked for.
  template <class T, class... Message>
  void ask_in_turn(std::vector<actors::region_scheduler_actor> regions,
                   std::shared_ptr<PendingReply<T>> pending, Message... message) {
    if (regions.empty()) {
      pending->finish(Result<T>{no_region()});
      return;
    }
    auto first = std::move(regions.back());
    regions.pop_back();
    if (regions.empty()) {
      ask<T>(
          first, [pending](Result<T> result) { pending->finish(std::move(result)); },
          std::move(message)...);
      return;
    }
    ask<T>(
        first,
        [self = shared_from_this(), regions = std::move(regions), pending,
         message...](Result<T> result) mutable {
          if (!result && result.error().code == ErrorCode::not_found && pending->open())
            self->ask_in_turn<T>(std::move(regions), std::move(pending), std::move(message)...);
          else
            pending->finish(std::move(result));
        },
        message...);
  }

  // Asks the named regions, or all when none is named, and hands their answers on together; an error of one
  // is an error of all.
  template <class T, class Merge, class... Message>
  void ask_all(std::shared_ptr<PendingReply<T>> pending, const std::vector<domain::RegionName>& names,
               Merge merge, const Message&... message) {
    const auto t = table();
    std::vector<actors::region_scheduler_actor> regions;
    for (const auto& region : t->regions)
      if (names.empty() || std::find(names.begin(), names.end(), region.name) != names.end())
        regions.push_back(region.scheduler);
    if (regions.empty()) {
      pending->finish(Result<T>{T{}});
      return;
    }
    struct Gathered {
      T value{};
      std::size_t missing = 0;
    };
    auto gathered = std::make_shared<Gathered>();
    gathered->missing = regions.size();
    for (const auto& region : regions)
      ask<T>(
          region,
          [gathered, pending, merge](Result<T> result) {
            if (!result) {
              pending->finish(std::move(result));
              return;
            }
            merge(gathered->value, std::move(result).value());
            if (--gathered->missing == 0) pending->finish(Result<T>{std::move(gathered->value)});
          },
          message...);
  }

  // Where to look for the room, the likeliest last.
  [[nodiscard]] std::vector<actors::region_scheduler_actor> regions_for(const domain::RoomId& room) const {
    const auto t = table();
    std::vector<actors::region_scheduler_actor> out;
    out.reserve(t->regions.size());
    for (const auto& region : t->regions)
      if (!room.str().starts_with(region.tag)) out.push_back(region.scheduler);
    for (const auto& region : t->regions)
      if (room.str().starts_with(region.tag)) out.push_back(region.scheduler);
    return out;
  }
  [[nodiscard]] std::vector<actors::region_scheduler_actor> all_regions() const {
    const auto t = table();
    std::vector<actors::region_scheduler_actor> out;
    for (const auto& region : t->regions) out.push_back(region.scheduler);
    return out;
  }
  // Null when nobody serves it.
  [[nodiscard]] actors::region_scheduler_actor region(const domain::RegionName& name) const {
    const auto t = table();
    for (const auto& region : t->regions)
      if (region.name == name) return region.scheduler;
    return {};
  }
  [[nodiscard]] Error unknown_region() const {
    std::string served;
    const auto t = table();
    for (const auto& region : t->regions) served += (served.empty() ? "" : ", ") + region.name.str();
    return {.code = ErrorCode::invalid,
            .message = served.empty() ? "is not served here; no region is" : "must be one of " + served,
            .field = "region"};
  }

 private:
  static Error stopping() {
    return {.code = ErrorCode::overloaded, .message = "the node is stopping", .retry_after_s = 1};
  }
  static Error no_region() {
    return {.code = ErrorCode::overloaded, .message = "no region is served yet", .retry_after_s = 1};
  }

  boost::asio::io_context& context_;
  AsioUnit unit_;
  boost::asio::steady_timer timer_;
  std::shared_ptr<actors::Routing> routing_;
  CoreOptions options_;
  caf::actor handle_;
  GatewayActor* actor_ = nullptr;  // the same, as long as not detached
  PendingRequests pending_;
  bool detached_ = false;
};

CafCore::CafCore(caf::actor_system& system, boost::asio::io_context& context,
                 std::shared_ptr<actors::Routing> routing, CoreOptions options)
    : state_(std::make_shared<State>(system, context, std::move(routing), std::move(options))) {
  boost::asio::post(context, [state = state_] { state->arm(); });
}

CafCore::~CafCore() = default;

void CafCore::begin_timing() { state_->unit().begin_timing(); }

std::chrono::steady_clock::duration CafCore::end_timing() { return state_->unit().end_timing(); }

void CafCore::end_waits() {
  boost::asio::post(state_->context(), [state = state_] { state->end_waits(); });
}

void CafCore::detach(bool running) {
  auto& context = state_->context();
  auto closed = std::make_shared<std::promise<void>>();
  auto finished = closed->get_future();
  boost::asio::post(context, [state = state_, closed] {
    state->close();
    closed->set_value();
  });
  const auto run = [&] {
    if (running) return;
    context.restart();
    context.poll();
  };
  run();
  if (finished.wait_for(end_patience) != std::future_status::ready) return;
  // The exit is handled on the io_context too, so it must not end before the actor has.
  caf::scoped_actor self{state_->system()};
  const auto handle = state_->take_handle();
  self->monitor(handle);
  self->send_exit(handle, caf::exit_reason::user_shutdown);
  run();
  self->receive([](const caf::down_msg&) {}, caf::after(end_patience) >> [] {});
}

void CafCore::create_room(domain::CreateRoom command, port::Reply<domain::ConnectionInfo> reply) {
  const auto scheduler = state_->region(command.region);
  if (!scheduler) return reply(state_->unknown_region());
  auto pending = state_->begin<domain::ConnectionInfo>(std::move(reply));
  if (command.idempotency_key.empty())
    state_->create(scheduler, std::move(pending), std::move(command));
  else
    state_->create_with_key(scheduler, std::move(pending), std::move(command));
}

void CafCore::room_info(domain::AppId app, domain::RoomId room, port::Reply<domain::RoomView> reply) {
  auto regions = state_->regions_for(room);
  state_->ask_in_turn<domain::RoomView>(std::move(regions),
                                        state_->begin<domain::RoomView>(std::move(reply)),
                                        actors::info_atom::value, std::move(app), std::move(room));
}

void CafCore::destroy_room(domain::AppId app, domain::RoomId room, port::Reply<void> reply) {
  auto regions = state_->regions_for(room);
  state_->ask_in_turn<void>(std::move(regions), state_->begin<void>(std::move(reply)),
                            actors::destroy_atom::value, std::move(app), std::move(room));
}

void CafCore::suspend_room(domain::AppId app, domain::RoomId room, port::Reply<void> reply) {
  auto regions = state_->regions_for(room);
  state_->ask_in_turn<void>(std::move(regions), state_->begin<void>(std::move(reply)),
                            actors::suspend_atom::value, std::move(app), std::move(room));
}

void CafCore::resume_room(domain::AppId app, domain::RoomId room,
                          port::Reply<domain::ConnectionInfo> reply) {
  auto regions = state_->regions_for(room);
  state_->ask_in_turn<domain::ConnectionInfo>(
      std::move(regions), state_->begin<domain::ConnectionInfo>(std::move(reply)),
      actors::resume_atom::value, std::move(app), std::move(room));
}

void CafCore::update_room(domain::AppId app, domain::RoomId room, std::string config,
                          port::Reply<void> reply) {
  auto regions = state_->regions_for(room);
  state_->ask_in_turn<void>(std::move(regions), state_->begin<void>(std::move(reply)),
                            actors::update_atom::value, std::move(app), std::move(room),
                            std::move(config));
}

void CafCore::connection_info(domain::AppId app, domain::RoomId room, std::chrono::milliseconds wait,
                              port::Reply<domain::ConnectionInfo> reply) {
  auto regions = state_->regions_for(room);
  if (wait <= 0ms) {
    state_->ask_in_turn<domain::ConnectionInfo>(
        std::move(regions), state_->begin<domain::ConnectionInfo>(std::move(reply)),
        actors::connect_atom::value, std::move(app), std::move(room), std::uint32_t{0});
    return;
  }
  auto pending = std::make_shared<PendingReply<domain::ConnectionInfo>>(std::move(reply));
  pending->deadline = Pending::Clock::now() + wait;
  // When the wait is over the client is told how things stand then.
  pending->on_deadline = [state = std::weak_ptr{state_}, regions, app,
                          room](port::Reply<domain::ConnectionInfo> late) {
    if (const auto s = state.lock())
      s->ask_in_turn<domain::ConnectionInfo>(regions, s->begin<domain::ConnectionInfo>(std::move(late)),
                                             actors::connect_atom::value, app, room, std::uint32_t{0});
  };
  state_->requests().add_sorted(pending);
  state_->ask_in_turn<domain::ConnectionInfo>(std::move(regions), std::move(pending),
                                              actors::connect_atom::value, std::move(app),
                                              std::move(room), static_cast<std::uint32_t>(wait.count()));
}

void CafCore::explain_room(domain::RoomId room, port::Reply<domain::RoomExplanation> reply) {
  auto regions = state_->regions_for(room);
  state_->ask_in_turn<domain::RoomExplanation>(
      std::move(regions), state_->begin<domain::RoomExplanation>(std::move(reply)),
      actors::explain_atom::value, std::move(room));
}

void CafCore::rooms_of_process(domain::AppId app, domain::ProcessId process, bool active,
                               port::Reply<std::vector<domain::RoomView>> reply) {
  state_->ask_in_turn<std::vector<domain::RoomView>>(
      state_->all_regions(), state_->begin<std::vector<domain::RoomView>>(std::move(reply)),
      actors::rooms_atom::value, std::move(app), process, active);
}

void CafCore::create_process(domain::AppId app, domain::RegionName region,
                             port::Reply<domain::ProcessView> reply) {
  const auto scheduler = state_->region(region);
  if (!scheduler) return reply(state_->unknown_region());
  auto pending = state_->begin<domain::ProcessView>(std::move(reply));
  state_->ask<domain::ProcessView>(
      scheduler, [pending](Result<domain::ProcessView> r) { pending->finish(std::move(r)); },
      actors::launch_atom::value, std::move(app));
}

void CafCore::process_info(domain::AppId app, domain::ProcessId process,
                           port::Reply<domain::ProcessView> reply) {
  state_->ask_in_turn<domain::ProcessView>(state_->all_regions(),
                                           state_->begin<domain::ProcessView>(std::move(reply)),
                                           actors::process_atom::value, std::move(app), process);
}

void CafCore::stop_process(domain::AppId app, domain::ProcessId process, port::Reply<void> reply) {
  state_->ask_in_turn<void>(state_->all_regions(), state_->begin<void>(std::move(reply)),
                            actors::stop_atom::value, std::move(app), process);
}

void CafCore::latest_processes(domain::ProcessFilter filter,
                               port::Reply<std::vector<domain::ProcessView>> reply) {
  using Views = std::vector<domain::ProcessView>;
  const auto merge = [](Views& all, Views some) {
    all.insert(all.end(), std::make_move_iterator(some.begin()), std::make_move_iterator(some.end()));
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
      return a.created_at != b.created_at ? a.created_at > b.created_at : a.id > b.id;
    });
    if (all.size() > domain::limits::latest_processes) all.resize(domain::limits::latest_processes);
  };
  auto pending = state_->begin<Views>(std::move(reply));
  state_->ask_all<Views>(std::move(pending), filter.regions, merge, actors::latest_atom::value, filter);
}

void CafCore::count_processes(domain::ProcessFilter filter, port::Reply<std::uint64_t> reply) {
  const auto merge = [](std::uint64_t& sum, std::uint64_t n) { sum += n; };
  auto pending = state_->begin<std::uint64_t>(std::move(reply));
  state_->ask_all<std::uint64_t>(std::move(pending), filter.regions, merge, actors::count_atom::value,
                                  filter);
}

void CafCore::process_metrics(domain::AppId app, domain::ProcessId process,
                              port::Reply<domain::ProcessMetrics> reply) {
  state_->ask_in_turn<domain::ProcessMetrics>(state_->all_regions(),
                                              state_->begin<domain::ProcessMetrics>(std::move(reply)),
                                              actors::metrics_atom::value, std::move(app), process);
}

std::shared_ptr<const domain::CatalogSnapshot> CafCore::catalog() const {
  static const auto none = std::make_shared<const domain::CatalogSnapshot>();
  const auto table = state_->table();
  return table->catalog ? table->catalog : none;
}

std::vector<domain::RegionName> CafCore::regions() const {
  const auto table = state_->table();
  std::vector<domain::RegionName> out;
  for (const auto& region : table->regions) out.push_back(region.name);
  return out;
}

bool CafCore::is_admin_token(std::string_view token) const { return state_->matches_admin(token); }

CafCore::Readiness CafCore::readiness() const {
  const auto table = state_->table();
  const bool listening = state_->options().listening();
  Readiness out{.ready = table->ready && listening, .parts = table->parts};
  out.parts.emplace_back("gateway", listening ? "ready" : "does not listen");
  return out;
}

std::string CafCore::metrics_text() const { return state_->options().metrics_text(); }

}  // namespace innkeeper::bridge
