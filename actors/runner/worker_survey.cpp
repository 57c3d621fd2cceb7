#include <algorithm>
#include <csignal>
#include <set>
#include <utility>

#include "actors/runner/worker.hpp"

// The second thread: what may take long and is not urgent.
namespace innkeeper::runner {
namespace {

constexpr auto clean_interval = std::chrono::minutes(10);

std::string key_of(const MarkedProcess& process) {
  return std::to_string(process.pid) + "/" + std::to_string(process.start_time);
}

}  // namespace

void Runner::Worker::run_surveys() {
  while (true) {
    {
      std::unique_lock lock(survey_mutex_);
      survey_wanted_.wait(lock, [this] { return survey_due_ || surveys_end_; });
      if (surveys_end_) return;
      survey_due_ = false;
    }
    std::vector<Sampler::Subject> subjects;
    {
      const std::lock_guard lock(mutex_);
      for (const auto& [id, published] : published_) {
        if (published.report.phase == Phase::ended || published.shim_pid == 0) continue;
        auto ports = published.local_ports;
        subjects.push_back({.process = id, .root = published.shim_pid, .ports = std::move(ports)});
      }
    }
    sampler_.sample(subjects, now());
    stop_unknown();
    const auto moment = Clock::now();
    if (!cleaned_at_ || moment - *cleaned_at_ >= clean_interval) {
      cleaned_at_ = moment;
      clean_up();
    }
    post([this] { refresh_pids(); });
  }
}

void Runner::Worker::stop_unknown() {
  // First what runs, then what is known: a process is known before it runs.
  const auto marked = find_marked(directory_.path());
  std::set<std::string> known;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, published] : published_) {
      if (published.report.phase != Phase::ended) known.insert(to_string(id));
    }
  }
  std::set<std::string> with_shim;
  for (const auto& process : marked) {
    if (process.is_shim) with_shim.insert(process.process_id);
  }
  const auto moment = Clock::now();
  decltype(warned_) warned;
  for (const auto& process : marked) {
    if (known.contains(process.process_id)) continue;
    // A shim stops all that is below it.
    if (!process.is_shim && with_shim.contains(process.process_id)) continue;
    const auto pidfd = open_process(process.pid, process.start_time);
    if (!pidfd.valid()) continue;
    const auto key = key_of(process);
    if (const auto before = warned_.find(key); before != warned_.end()) {
      warned[key] = before->second;
      if (!process.is_shim && moment - before->second >= options_.stop_grace)
        send_signal(pidfd, SIGKILL);
      continue;
    }
    warned[key] = moment;
    send_signal(pidfd, SIGTERM);
    if (options_.on_unknown) {
      options_.on_unknown(
          {.process_id = process.process_id, .pid = process.pid, .directory = process.folder});
    }
  }
  warned_ = std::move(warned);
}

void Runner::Worker::clean_up() {
  std::vector<domain::ProcessId> known;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, published] : published_) known.push_back(id);
  }
  for (const auto& what :
       directory_.clean(known, now(), options_.retention, options_.retained_max)) {
    problem(what);
  }
}

}  // namespace innkeeper::runner
