#include "gateway/json/explain_json.hpp"

#include "gateway/json/process_json.hpp"
#include "gateway/json/room_json.hpp"
#include "gateway/json/text.hpp"

namespace innkeeper::json {
namespace {

// A sentence, or null where there is none.
void append_sentence(std::string& out, const std::string& text) {
  if (text.empty()) {
    out += "null";
  } else {
    append_string(out, text);
  }
}

const char* to_text(domain::ProcessPhase phase) {
  switch (phase) {
    case domain::ProcessPhase::reserved:
      return "reserved";
    case domain::ProcessPhase::starting:
      return "starting";
    case domain::ProcessPhase::running:
      return "running";
    case domain::ProcessPhase::closed:
      return "closed";
  }
  return "closed";
}

void append_resources(std::string& out, const domain::Resources& resources) {
  out += R"({"cpu":)";
  append_number(out, static_cast<double>(resources.cpu_millis) / 1000.0);
  out += R"(,"memoryMB":)";
  append_integer(out, resources.memory_mb);
  out += R"(,"ports":)";
  append_integer(out, resources.ports);
  out += '}';
}

void append_placement(std::string& out, const domain::PlacementExplanation& placement) {
  out += R"({"policy":")";
  out += domain::to_string(placement.policy);
  out += R"(","wanted":)";
  append_resources(out, placement.wanted);
  out += R"(,"processesTotal":)";
  append_integer(out, placement.processes_total);
  out += R"(,"processes":[)";
  for (std::size_t i = 0; i < placement.processes.size(); ++i) {
    const domain::ProcessCandidate& candidate = placement.processes[i];
    out += i == 0 ? R"({"processId":)" : R"(,{"processId":)";
    append_uuid(out, candidate.id);
    out += R"(,"phase":")";
    out += to_text(candidate.phase);
    out += R"(","used":)";
    append_integer(out, candidate.used);
    out += R"(,"slots":)";
    append_integer(out, candidate.slots);
    out += R"(,"verdict":)";
    append_string(out, domain::to_string(candidate.verdict));
    out += '}';
  }
  out += R"(],"hostsTotal":)";
  append_integer(out, placement.hosts_total);
  out += R"(,"hosts":[)";
  for (std::size_t i = 0; i < placement.hosts.size(); ++i) {
    const domain::HostCandidate& candidate = placement.hosts[i];
    out += i == 0 ? R"({"host":)" : R"(,{"host":)";
    append_string(out, candidate.name.str());
    out += R"(,"free":)";
    append_resources(out, candidate.free);
    out += R"(,"verdict":)";
    append_string(out, domain::to_string(candidate.verdict));
    out += '}';
  }
  out += "]}";
}

}  // namespace

std::string explanation(const domain::RoomExplanation& explanation) {
  std::string out;
  out.reserve(1024);
  out += R"({"roomId":)";
  append_string(out, explanation.room.str());
  out += R"(,"appId":)";
  append_string(out, explanation.app.str());
  out += R"(,"deploymentId":)";
  append_string(out, explanation.deployment.str());
  out += R"(,"region":)";
  append_string(out, explanation.region.str());
  out += R"(,"status":")";
  out += domain::to_string(explanation.status);
  out += R"(","summary":)";
  append_string(out, explanation.summary);
  out += R"(,"currentAllocation":)";
  if (explanation.current) {
    append_allocation(out, *explanation.current);
  } else {
    out += "null";
  }
  out += R"(,"placedBecause":)";
  append_sentence(out, explanation.placed_because);
  out += R"(,"endedBecause":)";
  append_sentence(out, explanation.ended_because);
  out += R"(,"process":)";
  if (explanation.process) {
    append_process(out, *explanation.process, ProcessVersion::v3);
  } else {
    out += "null";
  }
  out += R"(,"host":)";
  append_sentence(out, explanation.host ? explanation.host->str() : std::string{});
  out += R"(,"queuePosition":)";
  if (explanation.queue_position) {
    append_integer(out, *explanation.queue_position);
  } else {
    out += "null";
  }
  out += R"(,"givesUpAt":)";
  append_timestamp(out, explanation.gives_up_at);
  out += R"(,"placement":)";
  if (explanation.status != domain::RoomStatus::destroyed) {
    append_placement(out, explanation.placement);
  } else {
    out += "null";  // it is never placed again
  }
  out += '}';
  return out;
}

}  // namespace innkeeper::json
