#include <cstdio>
#include <string>

#include "tests/metrics/support.hpp"

// Prints a page with every metric, for promtool.
int main() {
  innkeeper::metrics::Metrics metrics({"0.0.0", "abcdef0"});
  innkeeper::metrics::test::touch_everything(metrics);
  const std::string page = metrics.text();
  return std::fwrite(page.data(), 1, page.size(), stdout) == page.size() ? 0 : 1;
}
