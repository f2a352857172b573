// Bounds that rise with falling prices hold in exact terms, and stay as exact as the numbers they are made of.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "check.h"
#include "core/rounding.h"
#include "lap/shortlist_state.h"
#include "random_problems.h"
#include "sae_match/cpu_features.h"

using namespace sae_match;

namespace {

// What costs, prices and what prices fall by are multiples of, and how many multiples there are of each. Prices begin
// alike and fall alike where they do so together: then it takes no more than one rounding to make a bound wrong.
struct Grid {
  double step;
  std::int64_t costs, prices;
  bool together = false;

  std::vector<double> draw(std::int64_t count) const {
    std::vector<double> multiples(static_cast<std::size_t>(count), step * static_cast<double>(1 + below(prices)));
    for (double& each : multiples) each = together ? each : step * static_cast<double>(1 + below(prices));
    return multiples;
  }
};

// Those of some columns less often.
void lower_prices(ShortlistState& state, const Grid& grid) {
  const std::vector<double> drops = grid.draw(state.m);
  for (std::int64_t j = 0; j < state.m; ++j) {
    if (j % 50 != 7 || below(3) == 0) state.v[j] -= drops[static_cast<std::size_t>(j)];
  }
}

// Prices have fallen by as much as is said, though their differences are rounded.
void check_history(const Grid& grid) {
  constexpr std::int64_t kColumns = 300, kFew = 20;
  const std::vector<double> before = grid.draw(kColumns);
  std::vector<double> after = before;
  const double drop = 3 * grid.draw(1)[0];
  for (double& price : after) price -= drop;
  for (const std::int64_t most : {kFew, kColumns}) {
    PriceHistory history(kColumns, kFew);
    const std::int32_t epoch = history.now();
    history.mark(before);
    PriceHistory::Laggards found;
    // Half of what the first has fallen by: with many laggards allowed all of that is asked for.
    CHECK(history.since(epoch, after, (before[0] - after[0]) / 2, most, found));
    for (std::int32_t j = 0; j < kColumns; ++j) {
      const bool lags = std::find(found.columns.begin(), found.columns.end(), j) != found.columns.end();
      CHECK(lags || subtract_down(before[static_cast<std::size_t>(j)], after[static_cast<std::size_t>(j)]) >= found.drop);
    }
  }
}

// How many bounds rose.
std::int64_t check_bounds(const Grid& grid, bool always_exact) {
  const std::int64_t n = 30, m = 700;
  std::vector<double> costs(static_cast<std::size_t>(n * m));
  for (double& c : costs) c = grid.step * static_cast<double>(below(grid.costs));
  RunControl control;
  const auto source = make_matrix_source(CostMatrix{costs.data(), Dtype::f64, n, m, m}, false, control);
  ShortlistState state(*source, kInfinity, control);
  state.set_prices(grid.draw(m));
  std::vector<std::int32_t> rows(static_cast<std::size_t>(n));
  std::iota(rows.begin(), rows.end(), 0);
  state.refresh(rows, 16);
  std::int64_t rises = 0;
  for (int round = 0; round < 6; ++round) {
    state.history.mark(state.v);
    lower_prices(state, grid);
    for (const std::int32_t i : rows) {
      // A few laggards where nothing else is said, and up to half of all columns.
      const double level = state.lists.of(i).bound + grid.step / 2;
      rises += i % 2 ? raise_bound(state, i, level) : raise_bound(state, i, level, m / 2);
      const Shortlist& list = state.lists.of(i);
      std::vector<bool> listed(static_cast<std::size_t>(m), false);
      for (std::int32_t e = 0; e < list.size; ++e) listed[list.columns[e]] = true;
      for (std::int64_t j = 0; j < m; ++j) {
        if (listed[j]) continue;
        CHECK(costs[i * m + j] - state.v[j] >= list.bound);
        CHECK(subtract_down(costs[i * m + j], state.v[j]) >= list.exact_bound());
      }
      if (always_exact) {
        CHECK(list.bound_is_exact);
        CHECK(!std::isfinite(list.bound) || list.bound == std::floor(list.bound / grid.step) * grid.step);
      }
    }
  }
  return rises;
}

}  // namespace

int main() {
  for (int round = 0; round < 200; ++round) {
    check_history({0.1, 0, 1000});
    check_history({0.1, 0, 1000, true});
  }
  for (const std::string& simd : supported_simd()) {
    CHECK(set_simd(simd));
    std::int64_t rises = 0;
    for (int round = 0; round < 20 && failed_checks == 0; ++round) {
      rises += check_bounds({1, 1000, 40}, true);              // integers
      rises += check_bounds({1, 20, 5}, true);                 // with ties
      rises += check_bounds({0x1p-20, 1 << 30, 1 << 20}, true);
      rises += check_bounds({0.1, 20, 5}, false);              // ties of what is rounded
      rises += check_bounds({0.1, 20, 5, true}, false);
      rises += check_bounds({0.1, 20, 1000, true}, false);
      rises += check_bounds({1e-17, 1 << 30, 1 << 20}, false);
    }
    CHECK(rises > 2000);
    if (failed_checks) std::cerr << "with " << simd << ", " << rises << " rises" << std::endl;
  }
  return finish();
}
