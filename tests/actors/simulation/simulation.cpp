#include "tests/actors/simulation/simulation.hpp"

#include <algorithm>
#include <utility>

#include <caf/exit_reason.hpp>
#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>

#include "tests/support/invariants.hpp"

namespace innkeeper::actors::testing {

using Kind = Change::Kind;

std::string SimulationReport::text() const {
  std::string out = innkeeper::testing::as_lines(broken) + "INNKEEPER_SEED=" + std::to_string(seed) + "\n";
  for (const auto& line : schedule) out += "  " + line + "\n";
  return out;
}

Options Simulation::options_for(std::uint64_t seed) {
  innkeeper::testing::Random random(seed);
  Options options{.seed = seed};
  options.rooms_per_process = static_cast<std::uint32_t>(1 + random.below(3));
  options.idle_timeout_enabled = random.chance(70);
  options.timeouts.idle = 60s;
  options.policy.on_process_failure = static_cast<config::FailurePolicy>(random.below(3));
  options.policy.placement = random.chance(50) ? domain::PlacementPolicy::packed : domain::PlacementPolicy::spread;
  options.policy.connection_info_resumes = random.chance(60);
  options.policy.destroyed_retention = 10min;
  return options;
}

Simulation::Simulation(std::uint64_t seed)
    : random_(seed),
      world_(options_for(seed)),
      hosts_(world_, random_, ledger_, [this](std::string what) { say(std::move(what)); }) {
  report_.seed = seed;
  hosts_.add("host-1", static_cast<std::uint32_t>(1 + random_.below(3)));
  hosts_.add("host-2", static_cast<std::uint32_t>(1 + random_.below(2)));
}

SimulationReport Simulation::run(std::size_t steps) {
  try {
    for (std::size_t i = 0; i < steps && report_.broken.empty(); ++i) {
      say("step " + std::to_string(i));
      step();
      if (between_steps) between_steps(world_, i);
    }
    if (report_.broken.empty()) come_to_rest();
  } catch (...) {
    WARN(report_.text());  // what failed has been reported; this is how it came to that
    throw;
  }
  report_.acknowledged = ledger_.acknowledged();
  report_.store_failures = static_cast<std::size_t>(world_.faults->met);
  return std::move(report_);
}

void Simulation::step() {
  for (auto n = 1 + random_.below(4); n > 0; --n) {
    act();
    some_messages(14);
  }
  if (store_mended_in_ > 0 && --store_mended_in_ == 0) mend_store();
  if (!random_.chance(40)) return;
  drain();
  // Nobody but the simulation looks after the store.
  if (store_mended_in_ == 0 && world_.faults->at_commit == false && world_.scheduler) check();
}

void Simulation::some_messages(std::uint64_t most) {
  for (auto n = random_.below(most); n > 0 && world_.run_one(random_.bits()); --n) {
    hosts_.obey();
    ledger_.harvest();
  }
}

void Simulation::drain() {
  do {
    while (world_.run_one(random_.bits())) {
    }
    hosts_.obey();
    ledger_.harvest();
  } while (world_.run_one(random_.bits()));
}

void Simulation::check() {
  const auto add = [this](std::vector<std::string> lines) {
    for (auto& line : lines) report_.broken.push_back(std::move(line));
  };
  add(world_.broken());
  const auto stored = world_.stored();
  add(ledger_.broken(stored, world_.now(), world_.options.policy.destroyed_retention));
  add(ledger_.silent(stored));
}

void Simulation::act() {
  struct Action {
    unsigned weight;
    void (Simulation::*run)();
  };
  static constexpr Action actions[] = {
      {14, &Simulation::create},        {4, &Simulation::create_again}, {40, &Simulation::command_room},
      {3, &Simulation::stop_process},   {2, &Simulation::launch},       {9, &Simulation::let_time_pass},
      {2, &Simulation::kill_room},      {1, &Simulation::kill_scheduler}, {1, &Simulation::crash},
      {2, &Simulation::break_store},
  };
  auto choice = random_.below(120);
  for (const auto& action : actions) {
    if (choice < action.weight) return (this->*action.run)();
    choice -= action.weight;
  }
  if (random_.chance(5)) return hosts_.lose_one();
  if (random_.chance(15)) return hosts_.return_one();
  hosts_.live();
}

void Simulation::create() {
  const auto number = std::to_string(++created_);
  domain::CreateRoom command{.app = random_.chance(80) ? app : other_app, .region = seattle};
  if (random_.chance(50)) command.room = domain::RoomId("room-" + number);
  if (random_.chance(50)) command.config = "config-" + number;
  if (random_.chance(40)) {
    command.idempotency_key = "key-" + number;
    command.request_digest = "digest-" + number;
  }
  if (command.room || !command.idempotency_key.empty()) creates_.push_back(command);
  say("create " + number + (command.room ? " with an id" : "") + (command.idempotency_key.empty() ? "" : " with a key"));
  ledger_.created(command, world_.create(command));
}

// A create that was sent before: as it was, under its key with another body, or with its id alone.
void Simulation::create_again() {
  if (creates_.empty()) return;
  auto command = creates_[random_.below(creates_.size())];
  const auto live = ledger_.live();
  const bool id_may_be_free = command.room && std::find(live.begin(), live.end(), *command.room) == live.end();
  if (id_may_be_free && command.idempotency_key.empty()) return;
  if (!command.idempotency_key.empty() && random_.chance(30)) command.request_digest = "another";
  if (id_may_be_free) command.room.reset();
  if (id_may_be_free && command.request_digest != "another") return;
  say("create again " + (command.room ? command.room->str() : command.idempotency_key));
  ledger_.created(command, world_.create(command));
}

void Simulation::command_room() {
  const auto live = ledger_.live();
  if (live.empty()) return;
  const auto& id = live[random_.below(live.size())];
  const auto& owner = ledger_.app_of(id);
  const bool crowded = live.size() > 14;
  const auto choice = random_.below(100);
  const auto done = [&](Kind kind, const char* word, auto atom) {
    say(std::string(word) + " " + id.str());
    ledger_.sent(kind, id, world_.request<wire::Done>(world_.scheduler, atom, owner, id));
  };
  if (choice < (crowded ? 50U : 20U)) return done(Kind::destroy, "destroy", destroy_atom::value);
  if (choice < 60) return done(Kind::suspend, "suspend", suspend_atom::value);
  if (choice < 75) {
    say("resume " + id.str());
    return ledger_.sent(Kind::resume, id,
                        world_.request<domain::ConnectionInfo>(world_.scheduler, resume_atom::value, owner, id));
  }
  if (choice < 88) {
    const std::uint32_t wait_ms = random_.chance(50) ? 60'000 : 0;
    say((wait_ms == 0 ? "connection info of " : "wait for ") + id.str());
    return ledger_.sent(
        Kind::connect, id,
        world_.request<domain::ConnectionInfo>(world_.scheduler, connect_atom::value, owner, id, wait_ms));
  }
  auto text = "update-" + std::to_string(++updates_);
  say("update " + id.str() + " to " + text);
  ledger_.sent(Kind::update, id,
               world_.request<wire::Done>(world_.scheduler, update_atom::value, owner, id, text), text);
}

void Simulation::stop_process() {
  std::vector<domain::ProcessId> known;
  for (const auto& [name, host] : world_.hosts)
    for (const auto& [id, what] : host->processes) known.push_back(id);
  if (known.empty()) return;
  const auto id = known[random_.below(known.size())];
  say("stop process " + to_string(id));
  // A process of the other app is not found; that is an answer too.
  ledger_.stopped(id, world_.stop(id));
}

void Simulation::launch() {
  say("launch a process");
  ledger_.launched(world_.launch());
}

void Simulation::let_time_pass() {
  if (random_.chance(80)) {
    const auto time = 100ms * static_cast<int>(1 + random_.below(30));
    say("pass " + std::to_string(time.count()) + " ms");
    return world_.pass(time);
  }
  drain();
  if (store_mended_in_ == 0) check();
  const auto time = 10s * static_cast<int>(1 + random_.below(random_.chance(20) ? 90 : 9));
  say("pass " + std::to_string(time.count()) + " s");
  world_.pass(time);
}

void Simulation::kill_room() {
  const auto live = ledger_.live();
  if (live.empty()) return;
  const auto& id = live[random_.below(live.size())];
  const auto actor = world_.room_actor_of(id);
  if (!actor) return;
  say("the actor of " + id.str() + " dies");
  caf::anon_send_exit(actor, caf::exit_reason::unhandled_exception);
}

void Simulation::kill_scheduler() {
  say("the scheduler dies");
  caf::anon_send_exit(world_.scheduler, caf::exit_reason::unhandled_exception);
  some_messages(20);
  world_.kill_region();
  ledger_.harvest();
  world_.start_region();
  hosts_.attach_all();
}

void Simulation::crash() {
  say("the node is killed");
  ++report_.crashes;
  ledger_.harvest();
  if (ledger_.has_pending()) ++report_.torn_batches;
  store_mended_in_ = 0;
  world_.faults->broken = world_.faults->at_commit = world_.faults->commit_arrives = false;
  world_.crash();
  ledger_.give_up_pending();
  hosts_.attach_all();
}

void Simulation::break_store() {
  if (store_mended_in_ > 0) return;
  auto& faults = *world_.faults;
  faults.at_commit = true;
  faults.commit_arrives = random_.chance(40);
  store_mended_in_ = 1 + random_.below(4);
  say(std::string("the next commit fails") + (faults.commit_arrives ? ", and arrives" : ""));
}

void Simulation::mend_store() {
  drain();
  auto& faults = *world_.faults;
  if (std::exchange(faults.at_commit, false)) {
    faults.commit_arrives = false;
    return say("no commit was there to fail");
  }
  say("the store is mended");
  auto probed = world_.request<std::uint64_t>(world_.store, probe_atom::value);
  world_.run();
  REQUIRE(probed->has_value());
  REQUIRE(probed->value());
  world_.kill_region();
  world_.start_region();
  hosts_.attach_all();
}

// Everything heals, and what was under way comes to its end: then nothing may be left over.
void Simulation::come_to_rest() {
  say("everything heals");
  store_mended_in_ = 0;
  mend_store();
  drain();
  hosts_.return_all();
  for (int i = 0; i < 40; ++i) {
    drain();
    hosts_.finish();
    drain();
    world_.pass(1s);
  }
  drain();
  check();
  for (auto& line : hosts_.leaks(world_.stored())) report_.broken.push_back(std::move(line));
}

}  // namespace innkeeper::actors::testing
