// Greedy assignment: the cheapest pair first, then the cheapest of what is left.
#include <algorithm>
#include <limits>

#include "lap/solvers.h"

namespace sae_match {
namespace {

struct Pair {
  double cost;
  std::int32_t row, column;
  bool operator<(const Pair& other) const {
    if (cost != other.cost) return cost < other.cost;
    return row != other.row ? row < other.row : column < other.column;
  }
};

constexpr std::int64_t kListSize = 32;

}  // namespace

Matching solve_greedy(const CostSource& source, double unmatched_cost, RunControl& control) {
  const std::int64_t n = source.rows(), m = source.columns();
  Matching matching;
  matching.row_to_column.assign(static_cast<std::size_t>(n), -1);
  matching.column_to_row.assign(static_cast<std::size_t>(m), -1);
  matching.v.assign(static_cast<std::size_t>(m), 0);

  // Taken columns get a price of -infinity: then no list holds them.
  std::vector<double> hidden(static_cast<std::size_t>(m), 0);
  std::vector<std::int32_t> waiting;
  for (std::int32_t i = 0; i < n; ++i) waiting.push_back(i);
  Shortlists lists(n, std::min(m, 2 * kListSize));
  while (!waiting.empty()) {
    source.list(waiting, hidden.data(), kListSize, lists, control);
    matching.work.refreshes += static_cast<std::int64_t>(waiting.size());
    // A pair is the cheapest that is left only if no unlisted pair of any waiting row can be cheaper.
    double least_unlisted = std::numeric_limits<double>::infinity();
    std::vector<Pair> pairs;
    for (const std::int32_t i : waiting) {
      const Shortlist& list = lists[i];
      std::vector<double> costs(static_cast<std::size_t>(list.size));
      source.costs(i, list.columns, list.size, costs.data());
      for (std::int32_t e = 0; e < list.size; ++e) pairs.push_back({costs[e], i, list.columns[e]});
      if (list.size > 0) least_unlisted = std::min(least_unlisted, std::max(list.bound, list.costs[0]));
    }
    std::sort(pairs.begin(), pairs.end());
    std::size_t made = 0;
    for (const Pair& pair : pairs) {
      if (pair.cost > unmatched_cost || (made > 0 && pair.cost > least_unlisted)) break;
      if (matching.row_to_column[pair.row] >= 0 || matching.column_to_row[pair.column] >= 0) continue;
      matching.row_to_column[pair.row] = pair.column;
      matching.column_to_row[pair.column] = pair.row;
      hidden[pair.column] = -std::numeric_limits<double>::infinity();
      ++made;
    }
    if (made == 0) break;  // what is left is dearer than lambda, or forbidden
    std::erase_if(waiting, [&](std::int32_t i) { return matching.row_to_column[i] >= 0; });
  }
  return matching;
}

}  // namespace sae_match
