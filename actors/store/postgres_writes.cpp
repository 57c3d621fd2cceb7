#include <unordered_set>
#include <utility>

#include "actors/store/postgres_schema.hpp"
#include "actors/store/postgres_store.hpp"

// How a batch is committed.
namespace innkeeper::store {
namespace {

using domain::Result;
using postgres::Array;
using postgres::Call;
using postgres::Oid;
using postgres::Refusal;
using postgres::Refusals;

constexpr std::string_view doing = "committing a batch";
// Others that take the same room ids at the same time can spoil so many attempts in a row, before
// the batch is written one mutation after the other.
constexpr int attempts_max = 3;

constexpr const char* begin_text = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";

// A mutation can be at fault: a key that is taken, a count that is not as expected, a value that
// the server does not take.
bool is_of_mutation(const Refusal& refusal) {
  return refusal.of_class("23") || refusal.of_class("22") ||
         refusal.is(postgres::count_differs_state);
}

// Deadlock or serialisation: another try can succeed.
bool is_passing(const Refusal& refusal) { return refusal.of_class("40"); }

}  // namespace

Result<Outcomes> PostgresStore::commit(Batch batch) {
  if (failure_) return *failure_;
  Refusals refused(batch.size());
  for (std::size_t i = 0; i < batch.size(); ++i) refused[i] = postgres::malformed(*batch[i]);

  auto attempt = Attempt::again;
  for (int i = 0; attempt == Attempt::again && i < attempts_max; ++i) {
    auto tried = try_batch(batch, refused);
    if (!tried) return std::move(tried).error();
    attempt = *tried;
  }
  if (attempt != Attempt::done) {
    if (auto done = commit_one_by_one(batch, refused); !done) return std::move(done).error();
  }
  Outcomes outcomes(batch.size());
  for (std::size_t i = 0; i < batch.size(); ++i) {
    if (refused[i]) outcomes[i] = *std::move(refused[i]);
  }
  return outcomes;
}

// Everything and the commit in one flush. The lease is checked last: its row stays locked from
// there to the commit, and a node that stops while it sends must not keep it locked.
Result<PostgresStore::Attempt> PostgresStore::try_batch(Batch batch, Refusals& refused) {
  Calls calls{Call::text(begin_text)};
  for (Call& call : postgres::plan_batch(batch, refused)) calls.push_back(std::move(call));
  if (auto check = lease_check()) calls.push_back(*std::move(check));
  calls.push_back(Call::text("COMMIT"));
  auto answers = run(calls, doing);
  if (!answers) return std::move(answers).error();
  if (!answers->refusal) return Attempt::done;
  const Refusal refusal = *std::move(answers->refusal);
  if (!is_of_mutation(refusal) && !is_passing(refusal)) return fail(refusal, doing);
  const Calls rollback{Call::text("ROLLBACK")};
  auto undone = run(rollback, doing);
  if (!undone) return std::move(undone).error();
  if (undone->refusal) return fail(*undone->refusal, doing);
  if (is_passing(refusal)) return Attempt::again;
  return tell_apart(batch, refused);
}

Result<PostgresStore::Attempt> PostgresStore::tell_apart(Batch batch, Refusals& refused) {
  auto present = present_rooms(postgres::rooms_in_question(batch, refused));
  if (!present) return std::move(present).error();
  const auto count = postgres::blame(batch, std::move(present).value(), refused);
  return count.value_or(0) == 0 ? Attempt::one_by_one : Attempt::again;
}

Result<std::unordered_set<std::string>> PostgresStore::present_rooms(
    const std::vector<const domain::RoomId*>& rooms) {
  std::unordered_set<std::string> present;
  if (rooms.empty()) return present;
  Array ids(Oid::text);
  for (const auto* room : rooms) ids.add(room->str());
  Calls calls{Call::text("SELECT room_id FROM rooms WHERE room_id = ANY($1::text[])")};
  calls.back().array(ids);
  auto answers = run(calls, doing);
  if (!answers) return std::move(answers).error();
  if (answers->refusal) return fail(*answers->refusal, doing);
  const auto& rows = answers->rows.front();
  for (int row = 0; row < rows.count(); ++row) present.emplace(rows.bytes(row, 0));
  return present;
}

// Slow and sure: each mutation in a savepoint of its own. For what arrays cannot tell apart.
Result<void> PostgresStore::commit_one_by_one(Batch batch, Refusals& refused) {
  const Calls begin{Call::text(begin_text)};
  auto begun = run(begin, doing);
  if (!begun) return std::move(begun).error();
  if (begun->refusal) return fail(*begun->refusal, doing);
  for (std::size_t i = 0; i < batch.size(); ++i) {
    if (refused[i]) continue;
    if (auto done = apply_alone(*batch[i], refused[i]); !done) return done;
  }
  Calls end;
  if (auto check = lease_check()) end.push_back(*std::move(check));
  end.push_back(Call::text("COMMIT"));
  auto ended = run(end, doing);
  if (!ended) return std::move(ended).error();
  if (ended->refusal) return fail(*ended->refusal, doing);
  return {};
}

Result<void> PostgresStore::apply_alone(const Mutation& mutation,
                                        std::optional<domain::Error>& refused) {
  const Mutation* const one[] = {&mutation};
  Refusals verdict(1);
  Calls calls{Call::text("SAVEPOINT mutation")};
  for (Call& call : postgres::plan_batch(one, verdict)) calls.push_back(std::move(call));
  calls.push_back(Call::text("RELEASE mutation"));
  auto answers = run(calls, doing);
  if (!answers) return std::move(answers).error();
  if (!answers->refusal) return {};
  if (!is_of_mutation(*answers->refusal)) return fail(*answers->refusal, doing);
  const Calls undo{Call::text("ROLLBACK TO mutation"), Call::text("RELEASE mutation")};
  auto undone = run(undo, doing);
  if (!undone) return std::move(undone).error();
  if (undone->refusal) return fail(*undone->refusal, doing);
  auto present = present_rooms(postgres::rooms_in_question(one, verdict));
  if (!present) return std::move(present).error();
  const auto count = postgres::blame(one, std::move(present).value(), verdict);
  refused =
      count.value_or(0) > 0 ? verdict.front() : postgres::refusal_of(mutation, *answers->refusal);
  return {};
}

}  // namespace innkeeper::store
