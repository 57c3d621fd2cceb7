#include "actors/store/postgres.hpp"

#include <poll.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <fstream>
#include <iterator>
#include <utility>

namespace innkeeper::store::postgres {
namespace {

using domain::Error;
using domain::ErrorCode;
using domain::Result;
using std::chrono::milliseconds;

constexpr int binary = 1;

template <class Integer>
void append(std::string& to, Integer value) {
  const auto bits = static_cast<std::make_unsigned_t<Integer>>(value);
  for (int shift = 8 * static_cast<int>(sizeof value) - 8; shift >= 0; shift -= 8) {
    to.push_back(static_cast<char>((bits >> shift) & 0xFF));
  }
}

// libpq's messages have several lines.
std::string one_line(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (std::isspace(static_cast<unsigned char>(c)) != 0) {
      if (!out.empty() && out.back() != ' ') out.push_back(' ');
    } else {
      out.push_back(c);
    }
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

std::string or_empty(const char* text) {
  return text == nullptr ? std::string() : std::string(text);
}

Error unavailable(std::string message) {
  return {.code = ErrorCode::unavailable,
          .message = std::move(message),
          .field = {},
          .retry_after_s = 0};
}

// The content of the file without its line end.
Result<std::string> read_password(const std::string& path) {
  if (path.empty()) return std::string();
  std::ifstream file(path);
  std::string password{std::istreambuf_iterator<char>(file), {}};
  while (!password.empty() && (password.back() == '\n' || password.back() == '\r')) {
    password.pop_back();
  }
  if (password.empty()) {
    return unavailable("store: the password file " + path + " cannot be read or is empty");
  }
  return password;
}

PGconn* begin_connecting(const PostgresOptions& options, const std::string& password) {
  // A peer that is gone without a word is noticed after about as long as an answer may take.
  const std::string seconds =
      std::to_string(std::max<std::int64_t>(1, options.answer_timeout.count() / 3'000));
  const std::string user_timeout = std::to_string(options.answer_timeout.count());
  const std::string name = "innkeeper " + options.name;
  // What comes after the URL wins over what is in it.
  const std::array<std::pair<const char*, const char*>, 11> parameters{
      {{"dbname", options.url.c_str()},
       {"password", password.empty() ? nullptr : password.c_str()},
       {"application_name", name.c_str()},
       {"client_encoding", "UTF8"},
       {"target_session_attrs", "read-write"},
       {"keepalives", "1"},
       {"keepalives_idle", seconds.c_str()},
       {"keepalives_interval", seconds.c_str()},
       {"keepalives_count", "2"},
       {"tcp_user_timeout", user_timeout.c_str()},
       {nullptr, nullptr}}};
  std::array<const char*, parameters.size()> keywords{};
  std::array<const char*, parameters.size()> values{};
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    keywords[i] = parameters[i].first;
    values[i] = parameters[i].second;
  }
  return PQconnectStartParams(keywords.data(), values.data(), 1);
}

bool wait_for(int socket, short events, Clock::time_point deadline) {
  for (;;) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now());
    if (left.count() <= 0) return false;
    pollfd entry{.fd = socket, .events = events, .revents = 0};
    const int ready =
        ::poll(&entry, 1, static_cast<int>(std::min<std::int64_t>(left.count(), 60'000)));
    // Anything but a time-out is for libpq to find out about; an interrupted wait goes on.
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return true;
  }
}

// Empty when connected, or why not.
std::string finish_connecting(PGconn* connection, Clock::time_point deadline) {
  auto wanted = PGRES_POLLING_WRITING;
  for (;;) {
    const short events = wanted == PGRES_POLLING_READING ? POLLIN : POLLOUT;
    if (!wait_for(PQsocket(connection), events, deadline)) return "it does not answer";
    wanted = PQconnectPoll(connection);
    if (wanted == PGRES_POLLING_OK) return {};
    if (wanted == PGRES_POLLING_FAILED) return one_line(PQerrorMessage(connection));
  }
}

}  // namespace

Array::Array(Oid type) {
  append(data_, std::int32_t{1});  // dimensions
  append(data_, std::int32_t{1});  // there may be nulls
  append(data_, static_cast<std::uint32_t>(type));
  append(data_, std::int32_t{0});  // take() puts the length here
  append(data_, std::int32_t{1});  // the first index
}

void Array::add(std::string_view bytes) {
  append(data_, static_cast<std::int32_t>(bytes.size()));
  data_.append(bytes);
  ++count_;
}

void Array::add(const UuidBytes& uuid) {
  append(data_, static_cast<std::int32_t>(uuid.size()));
  data_.append(uuid.begin(), uuid.end());
  ++count_;
}

void Array::add(std::int64_t value) {
  append(data_, static_cast<std::int32_t>(sizeof value));
  append(data_, value);
  ++count_;
}

void Array::add_null() {
  append(data_, std::int32_t{-1});
  ++count_;
}

std::string Array::take() {
  constexpr std::size_t length_at = 12;
  std::string length;
  append(length, count_);
  data_.replace(length_at, length.size(), length);
  return std::move(data_);
}

Call& Call::bytes(std::string value) & {
  values_.emplace_back(std::move(value));
  return *this;
}

Call& Call::integer(std::int64_t value) & {
  append(values_.emplace_back(std::string()).value(), value);
  return *this;
}

Call& Call::uuid(const UuidBytes& value) & {
  values_.emplace_back(std::string(value.begin(), value.end()));
  return *this;
}

Call& Call::array(Array& value) & {
  values_.emplace_back(value.take());
  return *this;
}

Call& Call::null() & {
  values_.emplace_back(std::nullopt);
  return *this;
}

std::string_view Rows::bytes(int row, int column) const noexcept {
  return {PQgetvalue(result_.get(), row, column),
          static_cast<std::size_t>(PQgetlength(result_.get(), row, column))};
}

std::int64_t Rows::integer(int row, int column) const noexcept {
  std::uint64_t value = 0;
  for (const char byte : bytes(row, column)) {
    value = (value << 8) | static_cast<unsigned char>(byte);
  }
  return static_cast<std::int64_t>(value);
}

Result<Connection> Connection::open(const PostgresOptions& options) {
  const auto deadline = Clock::now() + options.connect_timeout;
  auto password = read_password(options.password_file);
  if (!password) return std::move(password).error();
  Connection out;
  out.place_ = "postgresql";
  out.connection_.reset(begin_connecting(options, *password));
  PGconn* const raw = out.connection_.get();
  if (raw == nullptr) return out.failure("connecting", "out of memory");
  if (PQstatus(raw) == CONNECTION_BAD) return out.lost("connecting");
  out.place_ = or_empty(PQhost(raw)) + ":" + or_empty(PQport(raw)) + "/" + or_empty(PQdb(raw));
  PQsetNoticeProcessor(
      raw, [](void*, const char*) {}, nullptr);
  if (const auto why = finish_connecting(raw, deadline); !why.empty()) {
    return out.failure("connecting", why);
  }
  if (PQsetnonblocking(raw, 1) != 0) return out.lost("connecting");
  return out;
}

Error Connection::failure(std::string_view doing, std::string_view cause) const {
  std::string text = "store ";
  text.append(place_).append(": ").append(cause).append(", while ").append(doing);
  return unavailable(std::move(text));
}

Error Connection::lost(std::string_view doing) {
  auto cause = one_line(PQerrorMessage(connection_.get()));
  auto error = failure(doing, cause.empty() ? "the connection was lost" : cause);
  close();
  return error;
}

bool Connection::wait(bool for_writing, Clock::time_point deadline) const {
  const short events = for_writing ? POLLIN | POLLOUT : POLLIN;
  return wait_for(PQsocket(connection_.get()), events, deadline);
}

bool Connection::send(const Call& call) {
  const auto count = call.values_.size();
  std::vector<const char*> values(count);
  std::vector<int> lengths(count);
  const std::vector<int> formats(count, binary);
  for (std::size_t i = 0; i < count; ++i) {
    const auto& value = call.values_[i];
    values[i] = value ? value->data() : nullptr;
    lengths[i] = value ? static_cast<int>(value->size()) : 0;
  }
  const int parameters = static_cast<int>(count);
  if (call.prepared_) {
    return PQsendQueryPrepared(connection_.get(), call.sql_, parameters, values.data(),
                               lengths.data(), formats.data(), binary) == 1;
  }
  return PQsendQueryParams(connection_.get(), call.sql_, parameters, nullptr, values.data(),
                           lengths.data(), formats.data(), binary) == 1;
}

bool Connection::take_results(Answers& answers) {
  PGconn* const raw = connection_.get();
  while (PQisBusy(raw) == 0) {
    PGresult* const result = PQgetResult(raw);
    // Without a pipeline it is the end of everything, in one the end of a call.
    if (result == nullptr) {
      if (!pipeline_ || PQstatus(raw) == CONNECTION_BAD) return true;
      continue;
    }
    const auto status = PQresultStatus(result);
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
      answers.rows.emplace_back(result);
      continue;
    }
    if (status == PGRES_FATAL_ERROR && !answers.refusal) {
      answers.refusal = Refusal{.state = or_empty(PQresultErrorField(result, PG_DIAG_SQLSTATE)),
                                .message = one_line(PQresultErrorMessage(result))};
    }
    PQclear(result);
    if (status == PGRES_PIPELINE_SYNC) return true;
  }
  return false;
}

Result<Answers> Connection::exchange(Clock::time_point deadline, std::string_view doing) {
  PGconn* const raw = connection_.get();
  Answers answers;
  for (;;) {
    const int unsent = PQflush(raw);
    if (unsent < 0) {
      // What the server said before it went is worth more than that it is gone.
      if (PQconsumeInput(raw) == 0 || !take_results(answers) || !answers.refusal)
        return lost(doing);
      auto error = failure(doing, answers.refusal->message);
      close();
      return error;
    }
    const bool ended = take_results(answers);
    if (PQstatus(raw) == CONNECTION_BAD) {
      if (!answers.refusal) return lost(doing);
      auto error = failure(doing, answers.refusal->message);
      close();
      return error;
    }
    if (ended) return answers;
    if (!wait(unsent > 0, deadline)) {
      auto error = failure(doing, "it does not answer");
      close();
      return error;
    }
    if (PQconsumeInput(raw) == 0 && PQisBusy(raw) != 0) return lost(doing);
  }
}

Result<Answers> Connection::run(std::span<const Call> calls, milliseconds timeout,
                                std::string_view doing) {
  if (!is_open()) return failure(doing, "the connection is closed");
  const auto deadline = Clock::now() + timeout;
  PGconn* const raw = connection_.get();
  if (!std::exchange(pipeline_, true) && PQenterPipelineMode(raw) != 1) return lost(doing);
  for (const Call& call : calls) {
    if (!send(call)) return lost(doing);
  }
  if (PQpipelineSync(raw) != 1) return lost(doing);
  return exchange(deadline, doing);
}

Result<std::vector<Rows>> Connection::must_run(std::span<const Call> calls, milliseconds timeout,
                                               std::string_view doing) {
  auto answers = run(calls, timeout, doing);
  if (!answers) return std::move(answers).error();
  if (answers->refusal) return failure(doing, answers->refusal->message);
  return std::move(answers->rows);
}

Result<void> Connection::run_script(const char* sql, milliseconds timeout, std::string_view doing) {
  if (!is_open()) return failure(doing, "the connection is closed");
  const auto deadline = Clock::now() + timeout;
  PGconn* const raw = connection_.get();
  if (std::exchange(pipeline_, false) && PQexitPipelineMode(raw) != 1) return lost(doing);
  if (PQsendQuery(raw, sql) != 1) return lost(doing);
  auto answers = exchange(deadline, doing);
  if (!answers) return std::move(answers).error();
  if (answers->refusal) return failure(doing, answers->refusal->message);
  return {};
}

Result<void> Connection::prepare(std::span<const Prepared> statements, milliseconds timeout) {
  constexpr std::string_view doing = "preparing statements";
  const auto deadline = Clock::now() + timeout;
  PGconn* const raw = connection_.get();
  if (!std::exchange(pipeline_, true) && PQenterPipelineMode(raw) != 1) return lost(doing);
  for (const Prepared& one : statements) {
    if (PQsendPrepare(raw, one.name, one.sql, 0, nullptr) != 1) return lost(doing);
  }
  if (PQpipelineSync(raw) != 1) return lost(doing);
  auto answers = exchange(deadline, doing);
  if (!answers) return std::move(answers).error();
  if (answers->refusal) return failure(doing, answers->refusal->message);
  return {};
}

}  // namespace innkeeper::store::postgres
