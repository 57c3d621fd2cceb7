// innkeeper-check-store PATH|URL: opens the store of a node that does not run and prints every broken invariant
// of the named regions (Seattle when none is), one a line. Exit code 0: none, 1: some, 2: the store cannot be read.
#include <cstdio>
#include <string>
#include <vector>

#include "actors/store/postgres_store.hpp"
#include "actors/store/store.hpp"
#include "tests/support/invariants.hpp"

int main(int argc, char** argv) {
  using namespace innkeeper;
  if (argc < 2) {
    std::fprintf(stderr, "usage: innkeeper-check-store PATH|URL [REGION]...\n");
    return 2;
  }
  const std::string place = argv[1];
  auto store = place.starts_with("postgresql://")
                   ? store::open_postgres({.url = place, .password_file = {}, .name = "check"},
                                          store::Alone{})
                   : store::open_sqlite(place);
  if (!store) {
    std::fprintf(stderr, "%s\n", store.error().message.c_str());
    return 2;
  }
  const auto catalog = (*store)->load_catalog();
  if (!catalog) {
    std::fprintf(stderr, "%s\n", catalog.error().message.c_str());
    return 2;
  }
  bool broken = false;
  std::vector<std::string> regions(argv + 2, argv + argc);
  if (regions.empty()) regions.emplace_back("Seattle");
  for (const auto& name : regions) {
    const auto region = (*store)->load_region(domain::RegionName{name});
    if (!region) {
      std::fprintf(stderr, "%s\n", region.error().message.c_str());
      return 2;
    }
    testing::Snapshot snapshot{.rooms = region->rooms, .processes = region->processes, .slots = {}};
    snapshot.add_slots(*catalog);
    // A node that was killed may have recorded the end of a process and not yet that of its rooms' stay.
    for (const auto& sentence : testing::broken_invariants(snapshot, testing::Moment::unsettled)) {
      std::printf("%s\n", sentence.c_str());
      broken = true;
    }
  }
  return broken ? 1 : 0;
}
