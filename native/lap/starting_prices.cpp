#include "lap/starting_prices.h"

#include <algorithm>

#include "cost/source_parts.h"

namespace sae_match {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Starting prices: a low quantile of every column over a sample of the rows. Column minima would start the columns
// that are near to many rows far too dear.
constexpr std::int64_t kSampleEntries = 256;
constexpr std::int64_t kSampleDepth = 8;

struct Sample {
  std::vector<std::int32_t> rows;
  std::vector<double> quantiles;  // of columns
};

// They become the state's prices.
Sample take_sample(ShortlistState& state) {
  const CostSource& source = state.source;
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
  const std::int64_t depth = std::max<std::int64_t>(1, shown * kSampleDepth / kSampleEntries);
  std::vector<double> quantiles = source.column_quantile(rows, depth, state.control);
  state.set_prices(quantiles);
  return {std::move(rows), std::move(quantiles)};
}

void make_lists(ShortlistState& state, const std::vector<std::int32_t>& rows) {
  state.source.list(rows, state.v.data(), state.list_size, state.lists, state.control);
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
std::vector<double> prices_of_ties(const CostSource& source, const std::vector<std::int32_t>& sampled_rows,
                                   const std::vector<std::int32_t>& every_row, RunControl& control) {
  std::vector<double> minima = source.column_quantile(sampled_rows, 1, control), sorted = minima;
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
  std::nth_element(sorted.begin(), middle, sorted.end());
  if (2 * std::count(minima.begin(), minima.end(), *middle) <= std::ssize(minima)) {
    return source.column_quantile(every_row, 1, control);
  }
  std::fill(minima.begin(), minima.end(), *middle);
  return minima;
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

// Temperatures of soft minima, in median list widths, and how many rounds each is worth.
constexpr double kFirstTemperature = 1.0 / 4, kLastTemperature = 1.0 / 256, kFallOfTemperature = 2;
constexpr std::int64_t kRoundsOfTemperature = 6;
constexpr double kRelaxation = 1.5;

// Prices near to optimal ones from a sample whose rows have lists; none where the source has no sweeps or all choices tie.
std::optional<std::vector<double>> soften_prices(const ShortlistState& state, const Sample& sample) {
  const PriceSweeps* sweeps = state.source.price_sweeps();
  const double width = sweeps ? median_list_width(state, sample.rows) : 0;
  if (!(width > 0)) return std::nullopt;
  std::vector<double> prices = sample.quantiles;
  // With a pool the dearest columns may stay alone: no price is above 0, and no row pays more than staying out costs.
  const bool pool = state.pool.active;
  if (pool) {
    const double highest = *std::max_element(prices.begin(), prices.end());
    for (double& price : prices) price -= highest;
  }
  for (double part = kFirstTemperature; part >= kLastTemperature; part /= kFallOfTemperature) {
    state.control.check();
    sweeps->soft_minima({part * width, state.pool.lambda, pool ? 0 : kInfinity, kRelaxation, kRoundsOfTemperature}, prices);
  }
  return prices;
}

}  // namespace

double median_list_width(const ShortlistState& state, const std::vector<std::int32_t>& rows) {
  std::vector<double> widths;
  for (const std::int32_t i : rows) {
    const double width = list_width(state, i);
    if (width > 0 && width < kInfinity) widths.push_back(width);
  }
  if (widths.empty()) return 0;
  const auto middle = widths.begin() + static_cast<std::ptrdiff_t>(widths.size() / 2);
  std::nth_element(widths.begin(), middle, widths.end());
  return *middle;
}

std::optional<std::vector<double>> soft_prices(const CostSource& source, double unmatched_cost, RunControl& control) {
  if (!source.price_sweeps()) return std::nullopt;
  ShortlistState state(source, unmatched_cost, control);
  const Sample sample = take_sample(state);
  make_lists(state, sample.rows);
  return mostly_ties(state, sample.rows) ? std::nullopt : soften_prices(state, sample);
}

StartingPrices first_lists(ShortlistState& state) {
  const CostSource& source = state.source;
  std::vector<std::int32_t> every_row = all_indices(state.n);
  const Sample sample = take_sample(state);
  // The sample tells ties, but sources that form products do best to form all of them at once.
  const std::vector<std::int32_t>& shown = source.exact() || source.price_sweeps() ? sample.rows : every_row;
  make_lists(state, shown);
  if (mostly_ties(state, shown)) {
    state.set_prices(prices_of_ties(source, sample.rows, every_row, state.control));
    make_lists(state, every_row);
  } else if (const auto prices = soften_prices(state, sample)) {
    state.set_prices(*prices);
    make_lists(state, every_row);
    return StartingPrices::soft_minima;
  } else if (shown.size() < every_row.size()) {
    std::erase_if(every_row, [&](std::int32_t i) { return std::binary_search(shown.begin(), shown.end(), i); });
    make_lists(state, every_row);
  }
  return StartingPrices::quantiles;
}

}  // namespace sae_match
