// The default solver: exact, and lazy about the matrix.
#include <algorithm>
#include <cmath>

#include "core/rounding.h"
#include "cost/source_parts.h"
#include "lap/feasibility.h"
#include "lap/shortlist_state.h"
#include "lap/solvers.h"
#include "lap/starting_prices.h"

namespace sae_match {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// A power of two keeps prices of integer costs exact.
double power_of_two_below(double x) { return std::ldexp(1.0, std::ilogb(x)); }

// Tolerances of the bidding phases, in median list widths, and their budgets in bids per row. Work is counted and never
// timed, so that runs repeat.
constexpr double kFallOfTolerance = 4;
constexpr int kShortPhases = 2;
constexpr std::int64_t kShortEffort = 40;
constexpr double kLargeTolerance = 1;
constexpr double kRiseOfTolerance = 16;
constexpr int kMostRises = 8;
constexpr std::int64_t kRisingEffort = 100;
constexpr double kSmallTolerance = 1.0 / 256;
constexpr std::int64_t kLongEffort = 400;
// How hard bids with eps = 0 try before paths.
struct ExactAttempt {
  std::int64_t effort;  // per row
  int pool_rounds;
};
constexpr ExactAttempt kGoodPrices{40, 8};
// How to go on from prices that nobody bid for yet: the first attempt, and in median list widths the first tolerance of
// bidding phases where that is not enough.
struct Start {
  ExactAttempt attempt;
  double tolerance;
};
constexpr Start start_from(StartingPrices prices) {
  switch (prices) {
    case StartingPrices::quantiles:
      return {{3, 1}, 1.0 / 32};
    case StartingPrices::soft_minima:
      return {{10, 1}, 1.0 / 128};
    default:
      return {kGoodPrices, 1.0 / 32};
  }
}
// With more paths than this share of the rows left after row reduction, another phase is cheaper.
constexpr double kManyPaths = 1.0 / 16;
// Where rows have few allowed columns, paths may be long: then also when they settle more than about a label a row.
constexpr double kManyPathsOverFewColumns = 1.0 / 128;
constexpr double kFewPaths = 64;
constexpr std::int64_t kLeastEffortOfPaths = 1024;
// Where rows come in batches, a search that wants list after list is dearer than another phase.
constexpr std::int64_t kEffortOfPathsInBatches = 4;  // per row
constexpr int kMostFurtherPhases = 8;

// One auction from an empty matching. Every other one takes the rows in reversed order.
bool auction(ShortlistState& state, double eps, std::int64_t effort) {
  state.drop_matching();
  if (state.pool.active) order_by_price(state);
  std::vector<std::int32_t> waiting = all_indices(state.n);
  if (state.auctions++ % 2 == 0) std::reverse(waiting.begin(), waiting.end());
  return bidding_phase(state, eps, std::move(waiting), effort * state.n);
}

// Brings the prices near to optimal ones; returns the last tolerance, 0 if there was no phase.
//
// Most problems need two short phases from a small tolerance. Where the first price war does not end within its
// budget, the costs are of a kind that wants the whole scale: a tolerance so large that it does end, then smaller ones.
double bid_with_tolerance(ShortlistState& state, double first_tolerance) {
  const double width = median_list_width(state, list_owners(state));
  if (!(width > 0)) return 0;
  double eps = power_of_two_below(width * first_tolerance);
  bool ended = auction(state, eps, kShortEffort);
  for (int phase = 1; phase < kShortPhases && ended; ++phase) {
    eps /= kFallOfTolerance;
    ended = auction(state, eps, kShortEffort);
  }
  if (ended) return eps;
  eps = power_of_two_below(width * kLargeTolerance);
  for (int rise = 0; !auction(state, eps, kRisingEffort) && rise < kMostRises; ++rise) eps *= kRiseOfTolerance;
  while (eps / kFallOfTolerance > width * kSmallTolerance) {
    eps /= kFallOfTolerance;
    auction(state, eps, kLongEffort);
  }
  return eps;
}

// Lists whose best entry lies above their bound, made anew in one go until every list knows its row's best column.
void make_lists_current(ShortlistState& state) {
  std::vector<std::int32_t> rows = list_owners(state);
  state.history.mark(state.v);
  for (std::int64_t size = state.list_size;; size *= 2) {
    std::erase_if(rows, [&](std::int32_t i) {
      for (;;) {
        const double best = std::min(best_exact_entry(state, i).reduced, state.pool.reduced());
        if (!(best > state.lists.of(i).bound)) return true;
        if (!raise_bound(state, i, best)) return false;
      }
    });
    if (rows.empty()) return;
    state.control.check();
    state.refresh(rows, size);
  }
}

// Parts every pair that is not its row's best choice. Identical rows are parted altogether: the least difference
// between the prices they pay would part nearly all. Returns the rows without partner, the last one first.
std::vector<std::int32_t> part_loose_pairs(ShortlistState& state) {
  std::vector<std::int32_t> waiting;
  for (std::int64_t k = state.n - 1; k >= 0; --k) {
    const auto i = static_cast<std::int32_t>(k);
    if ((k & 255) == 0) state.control.check();
    const std::int32_t j = state.row_to_column[i];
    const double out = state.pool.reduced();
    const double best = std::min({best_exact_entry(state, i).reduced, state.lists.of(i).bound, out});
    double own = kInfinity;
    if (j >= 0) {
      state.own_cost[i] = state.exact_cost(i, j);
      own = state.own_cost[i] - state.price(j);
    } else if (j == kPool) {
      own = out;
    }
    if (own <= best && state.lists.group(i).empty()) continue;
    state.release_row(i);
    waiting.push_back(i);
  }
  return waiting;
}

// Makes prices and matching complementary: pairs that are not tight are parted, rows bid once more with eps = 0, and
// among tight pairs everybody gets a partner who can. Returns how many paths are left to be found.
std::int64_t reduce_rows(ShortlistState& state, const ExactAttempt& attempt) {
  Pool& pool = state.pool;
  if (pool.active) {
    for (double& price : state.v) price = std::min(price, pool.price);
  }
  state.forget_levels();
  make_lists_current(state);
  std::vector<std::int32_t> waiting = part_loose_pairs(state);
  shrink_pool(state);
  // Rows may take columns back from the pool, which then bids again.
  for (int round = 0; round == 0 || (pool.lack() > 0 && round < attempt.pool_rounds); ++round) {
    if (pool.lack() > 0) {
      order_by_price(state);
      pool_bid(state, 0, waiting);
    }
    bidding_phase(state, 0, std::move(waiting), attempt.effort * state.n);
    waiting.clear();
  }
  level_with_pool(state);
  shrink_pool(state);
  match_tight_pairs(state);
  return std::count(state.row_to_column.begin(), state.row_to_column.end(), kFree) + pool.lack();
}

// Finds the paths that are left, unless another phase is cheaper. Returns whether nothing is left.
bool find_paths(ShortlistState& state, std::int64_t paths) {
  const bool few_columns = state.source.entries() < state.n * state.m;
  const auto n = static_cast<double>(state.n);
  const double many = few_columns ? std::max(kFewPaths, kManyPathsOverFewColumns * n) : kManyPaths * n;
  if (static_cast<double>(paths) > many) return false;
  if (few_columns) return augment(state, kLeastEffortOfPaths + state.n);
  return augment(state, state.source.batched() ? kLeastEffortOfPaths + kEffortOfPathsInBatches * state.n : kWithoutEnd);
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
  if (state.pool.surplus == 0 && state.pool.owned.empty()) return *std::max_element(state.v.begin(), state.v.end());
  return state.pool.price;
}

// The least exact cost - v on the list of row i, rounded down.
double least_listed(ShortlistState& state, std::int32_t i) {
  const double rounded = best_exact_entry(state, i).reduced;
  const Shortlist& list = state.lists.of(i);
  double least = rounded;
  for (std::int32_t e = 0; e < list.size; ++e) {
    const double price = state.v[list.columns[e]];
    if (list.costs[e] - price == rounded) least = std::min(least, subtract_down(list.costs[e], price));
  }
  return least;
}

Matching take_matching(ShortlistState& state) {
  Matching matching;
  for (std::int32_t j = 0; j < state.m; ++j) state.v[j] = state.price(j);
  const double shift = price_shift(state);
  // Unlisted columns may have been shifted to a price that rounding left too high.
  double excess = 0;
  for (double& price : state.v) {
    excess = std::max(excess, -error_of_difference(price, shift));
    price -= shift;
  }
  // What the lists and bounds prove without another sweep.
  matching.least_reduced.resize(static_cast<std::size_t>(state.n));
  for (const std::int32_t first : list_owners(state)) {
    const double bound = subtract_down(add_down(state.lists.of(first).exact_bound(), shift), excess);
    matching.least_reduced[first] = std::min(least_listed(state, first), bound);
  }
  for (std::int32_t i = 0; i < state.n; ++i) matching.least_reduced[i] = matching.least_reduced[state.lists.owner(i)];
  matching.row_to_column = std::move(state.row_to_column);
  matching.column_to_row = std::move(state.column_to_row);
  for (std::int32_t& j : matching.row_to_column) j = std::max(j, -1);
  for (std::int32_t& i : matching.column_to_row) i = std::max(i, -1);
  matching.v = std::move(state.v);
  matching.work = state.work;
  return matching;
}

// Everything from the first exact attempt on. Lists of all rows must be there.
void run_phases(ShortlistState& state, const Start& start) {
  // Where most rows want different columns, or the given prices are good, this is nearly all there is to do.
  bool ended = find_paths(state, reduce_rows(state, start.attempt));
  if (!ended) {
    double eps = bid_with_tolerance(state, start.tolerance);
    ended = find_paths(state, reduce_rows(state, kGoodPrices));
    for (int phase = 0; !ended && eps > 0 && phase < kMostFurtherPhases; ++phase) {
      eps /= kFallOfTolerance;
      auction(state, eps, kLongEffort);
      ended = find_paths(state, reduce_rows(state, kGoodPrices));
    }
  }
  if (!ended) augment(state);
}

// Makes the most of what there is: rows without partner get the cheapest column on their list that no row has.
void make_do(ShortlistState& state) {
  const bool may_stay_alone = state.pool.lambda < kInfinity;
  for (std::int32_t i = 0; i < state.n; ++i) {
    if (may_stay_alone && state.row_to_column[i] >= 0 && state.own_cost[i] > state.pool.lambda) state.release_row(i);
  }
  for (std::int32_t i = 0; i < state.n; ++i) {
    if (state.row_to_column[i] >= 0) continue;
    const Shortlist& list = state.lists.of(i);
    std::int32_t best = -1;
    for (std::int32_t e = 0; e < list.size; ++e) {
      const std::int32_t j = list.columns[e];
      const bool owned_by_row = state.classes.shared(j) ? !state.classes.has_free(j) : state.column_to_row[j] >= 0;
      const double cost = list.costs[e];
      if (!owned_by_row && cost <= state.pool.lambda && (best < 0 || cost < list.costs[best])) best = e;
    }
    if (best >= 0) state.assign(i, state.column_for(list.columns[best]), list.costs[best]);
  }
}

}  // namespace

Matching solve_shortlist(const CostSource& source, double unmatched_cost, const std::vector<double>* prices,
                         RunControl& control) {
  ShortlistState state(source, unmatched_cost, control);
  StartingPrices start = StartingPrices::given;
  if (prices) {
    state.set_prices(*prices);
    source.list(all_indices(state.n), state.v.data(), state.list_size, state.lists, control);
  } else {
    start = first_lists(state);
  }
  control.enter(Phase::solve);
  state.epoch.assign(state.epoch.size(), state.history.now());
  state.history.mark(state.v);
  try {
    open_pool(state);
    share_lists(state);
    run_phases(state, start_from(start));
  } catch (const TimeIsUp&) {
    control.deadline.reset();
    make_do(state);
    Matching matching = take_matching(state);
    if (!(unmatched_cost < kInfinity)) {
      complete_matching(source, matching.row_to_column, matching.column_to_row, control);
    }
    // Prices may have been set anew for which not every list has been made.
    matching.least_reduced.clear();
    matching.timed_out = true;
    return matching;
  }
  return take_matching(state);
}

}  // namespace sae_match
