#include "lap/shortlist_state.h"

#include <algorithm>
#include <utility>

namespace sae_match {
namespace {

// Dense rows are cheap to look at again, so short lists do; an implicit row costs a product.
std::int64_t wanted_list_size(const CostSource& source) { return source.batched() ? 256 : 64; }

}  // namespace

ShortlistState::ShortlistState(const CostSource& cost_source, double unmatched_cost, RunControl& run_control)
    : source(cost_source),
      control(run_control),
      kernel(kernels()),
      n(source.rows()),
      m(source.columns()),
      list_size(wanted_list_size(source)),
      lists(n, [this](std::int64_t i) { return source.list_room(i, list_size); }),
      classes(source.column_representatives(control)),
      v(static_cast<std::size_t>(m), 0),
      history(m, source.entries_worth_a_list()),
      epoch(static_cast<std::size_t>(n), 0),
      row_to_column(static_cast<std::size_t>(n), kFree),
      column_to_row(static_cast<std::size_t>(m), kFree),
      own_cost(static_cast<std::size_t>(n), 0),
      on_list(static_cast<std::size_t>(m), false) {
  pool.open(n, m, unmatched_cost);
}

void ShortlistState::set_prices(std::vector<double> prices) {
  v = std::move(prices);
  for (const std::int32_t entry : classes.entries()) {
    double highest = v[entry];
    for (const std::int32_t member : classes.members(entry)) {
      highest = std::max(highest, v[member]);
      v[member] = -std::numeric_limits<double>::infinity();
    }
    v[entry] = highest;
  }
  forget_levels();
}

void ShortlistState::set_level(std::int32_t j, double level) {
  const std::int32_t entry = classes.entry(j);
  if (!classes.shared(entry)) {
    v[j] = level;
  } else {
    classes.set_level(j, level);
    if (changed_.empty() || changed_.back() != entry) changed_.push_back(entry);
  }
}

void ShortlistState::settle_levels() {
  for (const std::int32_t entry : changed_) v[entry] = classes.price(entry);
  changed_.clear();
}

void ShortlistState::give(std::int32_t j, std::int32_t owner) {
  const bool was_free = column_to_row[j] == kFree;
  column_to_row[j] = owner;
  if (was_free && classes.shared(classes.entry(j))) classes.occupy(j);
}

void ShortlistState::vacate(std::int32_t j) {
  column_to_row[j] = kFree;
  if (classes.shared(classes.entry(j))) classes.release(j);
}

void ShortlistState::forget_levels() {
  for (const std::int32_t entry : classes.entries()) classes.restart(entry, v[entry], column_to_row);
}

void ShortlistState::drop_matching() {
  std::fill(row_to_column.begin(), row_to_column.end(), kFree);
  std::fill(column_to_row.begin(), column_to_row.end(), kFree);
  forget_levels();
  open_pool(*this);
}

std::int32_t ShortlistState::assign(std::int32_t i, std::int32_t j, double cost) {
  const std::int32_t owner = column_to_row[j];
  if (owner >= 0) row_to_column[owner] = kFree;
  if (owner == kPool) {
    pool.give_up(j);
    pool.offer(j, level(j));
  }
  row_to_column[i] = j;
  give(j, i);
  own_cost[i] = cost;
  return owner >= 0 ? owner : kFree;
}

void ShortlistState::send_out(std::int32_t i, double best) {
  row_to_column[i] = kPool;
  ++pool.out;
  pool.out_rows.push(best, i);
}

void ShortlistState::release_row(std::int32_t i) {
  const std::int32_t j = row_to_column[i];
  if (j >= 0) vacate(j);
  if (j == kPool) --pool.out;
  row_to_column[i] = kFree;
}

void ShortlistState::refresh(const std::vector<std::int32_t>& rows, std::int64_t size) {
  source.list(rows, v.data(), size, lists, control);
  for (const std::int32_t i : rows) epoch[lists.owner(i)] = history.now();
  work.refreshes += static_cast<std::int64_t>(rows.size());
}

std::int32_t ShortlistState::make_exact(std::int32_t i, std::int32_t position) {
  Shortlist& list = lists.of(i);
  if (position < list.exact_size) return position;
  const std::int32_t to = list.exact_size++;
  std::swap(list.columns[position], list.columns[to]);
  std::swap(list.costs[position], list.costs[to]);
  list.costs[to] = source.cost(i, list.columns[to]);
  ++work.exact_costs;
  return to;
}

double ShortlistState::exact_cost(std::int32_t i, std::int32_t j) const {
  const Shortlist& list = lists.of(i);
  const std::int32_t entry = classes.entry(j);
  for (std::int32_t e = 0; e < list.exact_size; ++e) {
    if (list.columns[e] == entry) return list.costs[e];
  }
  return source.cost(i, entry);
}

BestEntry best_entry(const ShortlistState& state, std::int32_t i) {
  const Shortlist& list = state.lists.of(i);
  const double* v = state.v.data();
  auto [position, reduced, second] = state.kernel.two_best(list.columns, list.costs, list.size, v);
  if (second == reduced && position >= 0 && !state.is_free(list.columns[position])) {
    // Among equals an unowned column spares a displacement.
    for (std::int32_t e = position + 1; e < list.size; ++e) {
      const std::int32_t j = list.columns[e];
      if (state.is_free(j) && list.costs[e] - v[j] == reduced) {
        position = e;
        break;
      }
    }
  }
  return {position, reduced, second};
}

BestEntry best_exact_entry(ShortlistState& state, std::int32_t i) {
  for (;;) {
    BestEntry best = best_entry(state, i);
    if (best.position < state.lists.of(i).exact_size) return best;
    state.make_exact(i, best.position);
  }
}

}  // namespace sae_match
