// The default solver: exact, and lazy about the matrix.
#include <algorithm>
#include <cmath>

#include "core/rounding.h"
#include "cost/source_parts.h"
#include "lap/feasibility.h"
#include "lap/shortlist_state.h"
#include "lap/solvers.h"

namespace sae_match {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Starting prices: a low quantile of every column over a sample of the rows. Column minima would start the columns
// that are near to many rows far too dear.
constexpr std::int64_t kSampleEntries = 256;
constexpr std::int64_t kSampleDepth = 8;

struct Sample {
  std::vector<std::int32_t> rows;
  std::int64_t depth;  // of the quantile
};

Sample take_sample(const CostSource& source) {
  const std::int64_t n = source.rows();
  // As many rows as show every column that many entries; all of them where columns have fewer.
  const double pairs = static_cast<double>(n) * static_cast<double>(source.columns());
  const double share = static_cast<double>(source.entries()) / pairs;
  const auto size = static_cast<std::int64_t>(std::min(static_cast<double>(n), kSampleEntries / share));
  std::vector<std::int32_t> rows(static_cast<std::size_t>(size));
  for (std::int64_t s = 0; s < size; ++s) rows[s] = static_cast<std::int32_t>(s * n / size);
  // Thousands of dead rows that want the same would pass for a quantile's worth of demand.
  drop_repeated_rows(source, rows);
  const auto shown = static_cast<std::int64_t>(static_cast<double>(rows.size()) * share);
  return {std::move(rows), std::max<std::int64_t>(1, shown * kSampleDepth / kSampleEntries)};
}

// Whether more than a quarter of these rows, which have lists, have several best columns.
bool mostly_ties(const ShortlistState& state, const std::vector<std::int32_t>& rows) {
  const auto tied = std::count_if(rows.begin(), rows.end(), [&](std::int32_t i) {
    const BestEntry best = best_entry(state, i);
    return best.second == best.reduced && best.reduced < kInfinity;
  });
  return 4 * static_cast<std::size_t>(tied) > rows.size();
}

// Where costs tie, prices do best to tie as well: those of the column minima. Where one least cost is that of most
// columns in the sample already, it is taken for that of all.
std::vector<double> prices_of_ties(const CostSource& source, const Sample& sample,
                                   const std::vector<std::int32_t>& every_row, RunControl& control) {
  std::vector<double> minima = source.column_quantile(sample.rows, 1, control), sorted = minima;
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
  std::nth_element(sorted.begin(), middle, sorted.end());
  if (2 * std::count(minima.begin(), minima.end(), *middle) <= std::ssize(minima)) {
    return source.column_quantile(every_row, 1, control);
  }
  std::fill(minima.begin(), minima.end(), *middle);
  return minima;
}

// Prices to begin with and every row's list at them.
void first_lists(ShortlistState& state) {
  const CostSource& source = state.source;
  std::vector<std::int32_t> every_row = all_indices(state.n);
  const Sample sample = take_sample(source);
  state.set_prices(source.column_quantile(sample.rows, sample.depth, state.control));
  const auto list = [&](const std::vector<std::int32_t>& rows) {
    source.list(rows, state.v.data(), state.list_size, state.lists, state.control);
  };
  // The sample tells ties, but sources that form products do best to form all of them at once.
  const std::vector<std::int32_t>& shown = source.exact() ? sample.rows : every_row;
  list(shown);
  if (mostly_ties(state, shown)) {
    state.set_prices(prices_of_ties(source, sample, every_row, state.control));
    list(every_row);
  } else if (shown.size() < every_row.size()) {
    std::erase_if(every_row, [&](std::int32_t i) { return std::binary_search(shown.begin(), shown.end(), i); });
    list(every_row);
  }
}

// What lies between the best entry of a list and its bound, or its dearest entry where the list is whole.
double list_width(const ShortlistState& state, std::int32_t i) {
  const Shortlist& list = state.lists.of(i);
  double end = list.bound;
  if (end == kInfinity) {
    end = -kInfinity;
    for (std::int32_t e = 0; e < list.size; ++e) end = std::max(end, list.costs[e] - state.v[list.columns[e]]);
  }
  return end - best_entry(state, i).reduced;
}

// The median of the widths: how far apart a row's choices are. Rows whose choices all tie say nothing.
double median_list_width(const ShortlistState& state) {
  std::vector<double> widths;
  for (const std::int32_t i : list_owners(state)) {
    const double width = list_width(state, i);
    if (width > 0 && width < kInfinity) widths.push_back(width);
  }
  if (widths.empty()) return 0;
  const auto middle = widths.begin() + static_cast<std::ptrdiff_t>(widths.size() / 2);
  std::nth_element(widths.begin(), middle, widths.end());
  return *middle;
}

// A power of two keeps prices of integer costs exact.
double power_of_two_below(double x) { return std::ldexp(1.0, std::ilogb(x)); }

// Tolerances of the bidding phases, in median list widths, and their budgets in bids per row. Work is counted and never
// timed, so that runs repeat.
constexpr double kFirstTolerance = 1.0 / 32;
constexpr double kFallOfTolerance = 4;
constexpr int kShortPhases = 2;
constexpr std::int64_t kShortEffort = 40;
constexpr double kLargeTolerance = 1;
constexpr double kRiseOfTolerance = 16;
constexpr int kMostRises = 8;
constexpr std::int64_t kRisingEffort = 100;
constexpr double kSmallTolerance = 1.0 / 256;
constexpr std::int64_t kLongEffort = 400;
// How hard bids with eps = 0 try before paths: at prices that nobody bid for yet, and at good ones.
struct ExactAttempt {
  std::int64_t effort;  // per row
  int pool_rounds;
};
constexpr ExactAttempt kFirstAttempt{3, 1};
constexpr ExactAttempt kGoodPrices{40, 8};
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
double bid_with_tolerance(ShortlistState& state) {
  const double width = median_list_width(state);
  if (!(width > 0)) return 0;
  double eps = power_of_two_below(width * kFirstTolerance);
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
void run_phases(ShortlistState& state, bool good_prices) {
  // Where most rows want different columns, or the given prices are good, this is nearly all there is to do.
  bool ended = find_paths(state, reduce_rows(state, good_prices ? kGoodPrices : kFirstAttempt));
  if (!ended) {
    double eps = bid_with_tolerance(state);
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
  if (prices) {
    state.set_prices(*prices);
    source.list(all_indices(state.n), state.v.data(), state.list_size, state.lists, control);
  } else {
    first_lists(state);
  }
  control.enter(Phase::solve);
  state.epoch.assign(state.epoch.size(), state.history.now());
  state.history.mark(state.v);
  try {
    open_pool(state);
    share_lists(state);
    run_phases(state, prices != nullptr);
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
