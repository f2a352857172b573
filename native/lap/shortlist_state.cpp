#include "lap/shortlist_state.h"

#include <algorithm>
#include <utility>

namespace sae_match {
namespace {

// Dense rows are cheap to look at again, so short lists do; an implicit row costs a product.
std::int64_t wanted_list_size(const CostSource& source) { return source.batched() ? 64 : 32; }

}  // namespace

ShortlistState::ShortlistState(const CostSource& cost_source, double unmatched_cost, RunControl& run_control)
    : source(cost_source),
      control(run_control),
      n(source.rows()),
      m(source.columns()),
      list_size(wanted_list_size(source)),
      lists(n, std::min(m, 2 * list_size)),
      v(static_cast<std::size_t>(m), 0),
      row_to_column(static_cast<std::size_t>(n), kFree),
      column_to_row(static_cast<std::size_t>(m), kFree),
      own_cost(static_cast<std::size_t>(n), 0) {
  pool.lambda = unmatched_cost;
  pool.surplus = m - n;
  pool.active = pool.surplus > 0 || unmatched_cost < std::numeric_limits<double>::infinity();
}

void ShortlistState::drop_matching() {
  std::fill(row_to_column.begin(), row_to_column.end(), kFree);
  std::fill(column_to_row.begin(), column_to_row.end(), kFree);
  pool.out = pool.owned = 0;
}

void ShortlistState::assign(std::int32_t i, std::int32_t j, double cost) {
  row_to_column[i] = j;
  column_to_row[j] = i;
  own_cost[i] = cost;
}

void ShortlistState::release_row(std::int32_t i) {
  const std::int32_t j = row_to_column[i];
  if (j >= 0) column_to_row[j] = kFree;
  if (j == kPool) --pool.out;
  row_to_column[i] = kFree;
}

void ShortlistState::refresh(const std::vector<std::int32_t>& rows, std::int64_t size) {
  source.list(rows, v.data(), size, lists, control);
  work.refreshes += static_cast<std::int64_t>(rows.size());
}

std::int32_t ShortlistState::make_exact(std::int32_t i, std::int32_t position) {
  Shortlist& list = lists[i];
  if (position < list.exact_size) return position;
  const std::int32_t to = list.exact_size++;
  std::swap(list.columns[position], list.columns[to]);
  std::swap(list.costs[position], list.costs[to]);
  list.costs[to] = source.cost(i, list.columns[to]);
  ++work.exact_costs;
  return to;
}

BestEntry best_entry(const ShortlistState& state, std::int32_t i) {
  const Shortlist& list = state.lists[i];
  const double* v = state.v.data();
  BestEntry best;
  for (std::int32_t e = 0; e < list.size; ++e) {
    const double reduced = list.costs[e] - v[list.columns[e]];
    if (reduced < best.second) {
      if (reduced < best.reduced) {
        best.second = best.reduced;
        best.reduced = reduced;
        best.position = e;
      } else {
        best.second = reduced;
        // Among equals an unowned column spares a displacement.
        if (reduced == best.reduced && state.column_to_row[list.columns[e]] == kFree &&
            state.column_to_row[list.columns[best.position]] != kFree) {
          best.position = e;
        }
      }
    }
  }
  return best;
}

BestEntry best_exact_entry(ShortlistState& state, std::int32_t i) {
  for (;;) {
    BestEntry best = best_entry(state, i);
    if (best.position < state.lists[i].exact_size) return best;
    state.make_exact(i, best.position);
  }
}

}  // namespace sae_match
