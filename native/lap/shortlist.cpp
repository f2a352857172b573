// The default solver: exact, and lazy about the matrix.
#include <algorithm>
#include <cmath>

#include "lap/shortlist_state.h"
#include "lap/solvers.h"

namespace sae_match {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Starting prices: a low quantile of every column over a sample of the rows. Column minima would start the columns
// that are near to many rows far too dear.
constexpr std::int64_t kSampleRows = 256;
constexpr std::int64_t kSampleDepth = 8;

std::vector<double> starting_prices(const CostSource& source, RunControl& control) {
  const std::int64_t n = source.rows();
  const std::int64_t size = std::min(n, kSampleRows);
  std::vector<std::int32_t> sample(static_cast<std::size_t>(size));
  for (std::int64_t s = 0; s < size; ++s) sample[s] = static_cast<std::int32_t>(s * n / size);
  const std::int64_t depth = std::max<std::int64_t>(1, size * kSampleDepth / kSampleRows);
  return source.column_quantile(sample, depth, control);
}

// The median over rows of what lies between the best entry and the bound: how far apart a row's choices are. Rows
// whose list is whole or all ties say nothing.
double median_list_width(const ShortlistState& state) {
  std::vector<double> widths;
  for (std::int32_t i = 0; i < state.n; ++i) {
    const double width = state.lists[i].bound - best_entry(state, i).reduced;
    if (width > 0 && width < kInfinity) widths.push_back(width);
  }
  if (widths.empty()) return 0;
  std::nth_element(widths.begin(), widths.begin() + static_cast<std::ptrdiff_t>(widths.size() / 2), widths.end());
  return widths[widths.size() / 2];
}

// A power of two keeps prices of integer costs exact.
double power_of_two_below(double x) { return std::ldexp(1.0, std::ilogb(x)); }

// Tolerances of the bidding phases, in median list widths, and their budgets in bids per row. Work is counted and never
// timed, so that runs repeat.
constexpr double kFirstTolerance = 1.0 / 32;
constexpr double kToleranceStep = 4;
constexpr int kShortPhases = 2;
constexpr std::int64_t kShortBidsPerRow = 20;
constexpr double kLargestTolerance = 2;
constexpr double kLeastTolerance = 1.0 / 256;
constexpr std::int64_t kLongBidsPerRow = 200;
constexpr std::int64_t kExactBidsPerRow = 4;

// Brings the prices near to optimal ones. Returns the row order of the next phase.
//
// Most problems need two short phases from a small tolerance. Where the first price war does not end within its
// budget, the costs are of a kind that wants the whole scale: large steps first.
bool bid_with_tolerance(ShortlistState& state) {
  bool reversed = false;
  const double width = median_list_width(state);
  if (!(width > 0)) return reversed;
  bool ended = true;
  double eps = power_of_two_below(width * kFirstTolerance);
  for (int phase = 0; phase < kShortPhases && ended; ++phase, eps /= kToleranceStep, reversed = !reversed) {
    ended = bidding_phase(state, eps, reversed, kShortBidsPerRow * state.n);
  }
  if (ended) return reversed;
  for (eps = power_of_two_below(width * kLargestTolerance); eps > width * kLeastTolerance;
       eps /= kToleranceStep, reversed = !reversed) {
    bidding_phase(state, eps, reversed, kLongBidsPerRow * state.n);
  }
  return reversed;
}

std::vector<std::int32_t> every_row(std::int64_t n) {
  std::vector<std::int32_t> rows(static_cast<std::size_t>(n));
  for (std::int64_t i = 0; i < n; ++i) rows[i] = static_cast<std::int32_t>(i);
  return rows;
}

// Prices are free up to one shift of all of them. With a pool its price becomes 0, as the conditions on free columns
// ask; otherwise the median does, to keep magnitudes small.
double price_shift(const ShortlistState& state) {
  if (!state.pool.active) {
    std::vector<double> prices(state.v);
    const auto middle = prices.begin() + static_cast<std::ptrdiff_t>(prices.size() / 2);
    std::nth_element(prices.begin(), middle, prices.end());
    return *middle;
  }
  // A pool without columns of its own could as well be priced like the dearest column.
  if (state.pool.surplus == 0 && state.pool.owned == 0) return *std::max_element(state.v.begin(), state.v.end());
  return state.pool.price;
}

double down(double x) { return std::nextafter(x, -kInfinity); }

Matching take_matching(ShortlistState& state) {
  Matching matching;
  const double shift = price_shift(state);
  for (double& price : state.v) price -= shift;
  // What the lists and bounds prove without another sweep. One rounding down covers each rounded operation.
  matching.least_reduced.resize(static_cast<std::size_t>(state.n));
  for (std::int32_t i = 0; i < state.n; ++i) {
    const double listed = best_exact_entry(state, i).reduced;
    matching.least_reduced[i] = std::min(down(listed), down(down(state.lists[i].bound) + shift));
  }
  matching.row_to_column = std::move(state.row_to_column);
  matching.column_to_row = std::move(state.column_to_row);
  for (std::int32_t& j : matching.row_to_column) j = std::max(j, -1);
  for (std::int32_t& i : matching.column_to_row) i = std::max(i, -1);
  matching.v = std::move(state.v);
  matching.work = state.work;
  return matching;
}

}  // namespace

Matching solve_shortlist(const CostSource& source, double unmatched_cost, const std::vector<double>* prices,
                         RunControl& control) {
  ShortlistState state(source, unmatched_cost, control);
  const std::vector<std::int32_t> rows = every_row(state.n);
  state.v = prices ? *prices : starting_prices(source, control);
  source.list(rows, state.v.data(), state.list_size, state.lists, control);
  control.enter(Phase::solve);

  bool reversed = false;
  if (!prices) {
    reversed = bid_with_tolerance(state);
    if (!source.batched()) source.list(rows, state.v.data(), state.list_size, state.lists, control);
  }
  bidding_phase(state, 0, reversed, kExactBidsPerRow * state.n);
  augment(state);
  return take_matching(state);
}

}  // namespace sae_match
