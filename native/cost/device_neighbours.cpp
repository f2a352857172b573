#include "cost/device_neighbours.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "core/memory.h"
#include "cost/scanned_source.h"
#include "cost/source_parts.h"

namespace sae_match {
namespace {

constexpr std::int64_t kCandidates = 1 << 20;  // of one call
constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Nearest and ranks of rows, which the GPU knows, and of columns, from candidates.
bool find(const DevicePair& pair, std::int64_t rows, std::int64_t columns, std::int64_t most_rows,
          const AuditRequest& request, Audit& result, RunControl& control) {
  const auto n = static_cast<std::size_t>(rows), m = static_cast<std::size_t>(columns);
  std::vector<double> row_cost(n, -kInfinity), column_cost(m, -kInfinity);
  for (std::size_t i = 0; i < n; ++i) {
    const std::int32_t j = request.row_to_column[i];
    if (j >= 0) row_cost[i] = column_cost[static_cast<std::size_t>(j)] = result.partner_cost[i];
  }
  const sae_match_device_partners partners{request.row_to_column, request.column_to_row, row_cost.data(),
                                           column_cost.data()};
  const std::vector<std::int32_t> every = all_indices(rows);
  pair.call(&sae_match_device_table::begin_neighbours, &partners);
  for (std::int64_t first = 0; first < rows; first += most_rows) {
    control.check();
    pair.call(&sae_match_device_table::see_columns, every.data() + first, std::min(most_rows, rows - first));
  }
  result.row = {std::vector<std::int32_t>(n), std::vector<double>(n), std::vector<double>(n)};
  result.rank_in_row.resize(n);
  std::vector<std::int32_t> before(m);
  pair.call(&sae_match_device_table::column_ranks, before.data());
  std::vector<TwoLeast> least(m);
  const Array<std::int32_t> found_rows = allocate<std::int32_t>(kCandidates),
                            found_columns = allocate<std::int32_t>(kCandidates), ties = allocate<std::int32_t>(kCandidates);
  const Array<double> costs = allocate<double>(kCandidates);
  for (std::int64_t first = 0; first < rows; first += most_rows) {
    control.check();
    const sae_match_device_neighbours out{result.row.index.data() + first, result.row.cost.data() + first,
                                          result.row.second_cost.data() + first, result.rank_in_row.data() + first};
    sae_match_device_candidates candidates{kCandidates, 0, found_rows.get(), found_columns.get(), ties.get(), costs.get()};
    pair.call(&sae_match_device_table::neighbours, every.data() + first, std::min(most_rows, rows - first), &out, &candidates);
    if (candidates.found > candidates.room) return false;
    // All of this is independent of the order.
    for (std::int64_t c = 0; c < candidates.found; ++c) {
      const std::int32_t i = found_rows[c], j = found_columns[c];
      least[j].see(costs[c], i);
      if (ties[c]) {
        before[j] += costs[c] < column_cost[j] || (costs[c] == column_cost[j] && i < request.column_to_row[j]);
      }
    }
  }
  result.column = {std::vector<std::int32_t>(m), std::vector<double>(m), std::vector<double>(m)};
  result.rank_in_column.assign(m, -1);
  for (std::size_t j = 0; j < m; ++j) {
    result.column.index[j] = least[j].index;
    result.column.cost[j] = least[j].cost;
    result.column.second_cost[j] = least[j].second_cost;
    if (request.column_to_row[j] >= 0) result.rank_in_column[j] = before[j];
  }
  return true;
}

}  // namespace

bool find_device_neighbours(const DevicePair& pair, std::int64_t rows, std::int64_t columns, std::int64_t most_rows,
                            const AuditRequest& request, Audit& result, RunControl& control) {
  try {
    return find(pair, rows, columns, most_rows, request, result, control);
  } catch (const Error& error) {
    if (error.code() != "OUT_OF_MEMORY") throw;
    return false;
  }
}

}  // namespace sae_match
