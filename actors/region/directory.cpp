#include "actors/region/directory.hpp"

#include <algorithm>
#include <iterator>

#include "actors/domain/assert.hpp"

namespace innkeeper::actors::region {

RoomEntry* RoomTable::find(const domain::RoomId& id) const {
  const auto key = key_of(id);
  const auto& table = tables_[table_of(key.hash)];
  const auto found = table.find(key);
  return found == table.end() ? nullptr : found->room.get();
}

RoomEntry& RoomTable::insert(std::unique_ptr<RoomEntry> room) {
  const auto key = key_of(room->record->id);
  auto& entry = *room;
  auto& table = tables_[table_of(key.hash)];
  INNKEEPER_ASSERT(table.find(key) == table.end());
  table.insert(Slot{key.hash, std::move(room)});
  ++size_;
  return entry;
}

void RoomTable::erase(const RoomEntry& room) {
  const auto key = key_of(room.record->id);
  auto& table = tables_[table_of(key.hash)];
  const auto found = table.find(key);
  INNKEEPER_ASSERT(found != table.end());
  table.erase(found);
  --size_;
}

void RoomTable::reserve(std::size_t rooms) {
  for (auto& table : tables_) table.reserve(rooms / tables + rooms / tables / 8);
}

RoomEntry* Directory::room(const domain::RoomId& id) const { return rooms_.find(id); }

ProcessEntry* Directory::process(domain::ProcessId id) const {
  const auto found = processes_.find(id);
  return found == processes_.end() ? nullptr : found->second.get();
}

RoomEntry& Directory::add_room(RoomRecordPtr record) {
  auto entry = std::make_unique<RoomEntry>();
  entry->record = std::move(record);
  return rooms_.insert(std::move(entry));
}

void Directory::remove_room(RoomEntry& room) {
  INNKEEPER_ASSERT(room.process == nullptr && room.reserved == nullptr);
  for (const auto& allocation : room.record->allocations)
    if (auto* was_on = process(allocation.process)) was_on->former.erase(&room);
  rooms_.erase(room);
}

Directory::ByAge& Directory::shelf(const ProcessEntry& process) {
  return by_status_[process.deployment->app][static_cast<std::size_t>(process.record.status)];
}

ProcessEntry& Directory::add_process(domain::ProcessRecord record,
                                     std::shared_ptr<const domain::Deployment> deployment) {
  auto entry = std::make_unique<ProcessEntry>();
  entry->record = std::move(record);
  entry->deployment = std::move(deployment);
  auto& process = *entry;
  shelf(process).emplace(process.record.created_at, &process);
  const auto inserted = processes_.emplace(process.record.id, std::move(entry)).second;
  INNKEEPER_ASSERT(inserted);
  return process;
}

void Directory::remove_process(ProcessEntry& process) {
  INNKEEPER_ASSERT(process.rooms.empty());
  shelf(process).erase({process.record.created_at, &process});
  processes_.erase(process.record.id);
}

void Directory::set_record(ProcessEntry& process, domain::ProcessRecord record) {
  if (record.status != process.record.status) {
    shelf(process).erase({process.record.created_at, &process});
    process.record = std::move(record);
    shelf(process).emplace(process.record.created_at, &process);
  } else {
    process.record = std::move(record);
  }
}

std::vector<const ProcessEntry*> Directory::latest(const domain::ProcessFilter& filter,
                                                   std::size_t most) const {
  std::vector<const ProcessEntry*> out;
  const auto app = by_status_.find(filter.app);
  if (app == by_status_.end()) return out;
  const auto wanted = [&](std::size_t status) {
    return filter.statuses.empty() ||
           std::find(filter.statuses.begin(), filter.statuses.end(),
                     static_cast<domain::ProcessStatus>(status)) != filter.statuses.end();
  };
  for (std::size_t status = 0; status < app->second.size(); ++status) {
    if (!wanted(status)) continue;
    const auto& shelf = app->second[status];
    const auto end = filter.before ? shelf.lower_bound({*filter.before, nullptr}) : shelf.end();
    std::size_t taken = 0;
    for (auto i = std::make_reverse_iterator(end); i != shelf.rend() && taken < most; ++i, ++taken)
      out.push_back(i->second);
  }
  std::sort(out.begin(), out.end(), [](const ProcessEntry* a, const ProcessEntry* b) {
    if (a->record.created_at != b->record.created_at)
      return a->record.created_at > b->record.created_at;
    return a->record.id > b->record.id;
  });
  if (out.size() > most) out.resize(most);
  return out;
}

std::size_t Directory::count(const domain::AppId& app, domain::ProcessStatus status) const {
  const auto shelves = by_status_.find(app);
  return shelves == by_status_.end() ? 0 : shelves->second[static_cast<std::size_t>(status)].size();
}

std::uint64_t Directory::count(const domain::ProcessFilter& filter) const {
  const auto app = by_status_.find(filter.app);
  if (app == by_status_.end()) return 0;
  std::uint64_t n = 0;
  for (std::size_t status = 0; status < app->second.size(); ++status) {
    if (!filter.statuses.empty() &&
        std::find(filter.statuses.begin(), filter.statuses.end(),
                  static_cast<domain::ProcessStatus>(status)) == filter.statuses.end())
      continue;
    const auto& shelf = app->second[status];
    const auto end = filter.before ? shelf.lower_bound({*filter.before, nullptr}) : shelf.end();
    n += static_cast<std::uint64_t>(std::distance(shelf.begin(), end));
  }
  return n;
}

}  // namespace innkeeper::actors::region
