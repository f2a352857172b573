// How the pool bids for columns.
#include <algorithm>

#include "lap/shortlist_state.h"

namespace sae_match {
namespace {

constexpr double kNothing = -std::numeric_limits<double>::infinity();

// The highest price among columns the pool does not own; their column is on top of by_price then.
double highest_price(ShortlistState& s) {
  RisingHeap& heap = s.pool.by_price;
  while (!heap.empty()) {
    const double key = heap.top().key;
    const std::int32_t j = s.pool.dearest();
    if (s.column_to_row[j] == kPool) {
      heap.pop();
    } else if (key < -s.level(j)) {
      heap.raise_top(-s.level(j));
    } else {
      return s.level(j);
    }
  }
  return kNothing;
}

// The price of the pool below which some row in it would rather have a column again.
double price_of_return(ShortlistState& s) {
  RisingHeap& heap = s.pool.out_rows;
  while (!heap.empty()) {
    const auto [key, i] = heap.top();
    if (s.row_to_column[i] != kPool) {
      heap.pop();
      continue;
    }
    const double best = std::min(best_entry(s, i).reduced, s.lists.of(i).bound);
    if (best <= key) return s.pool.lambda - best;
    heap.raise_top(best);
  }
  return kNothing;
}

}  // namespace

void open_pool(ShortlistState& s) {
  if (!s.pool.active) return;
  s.pool.owned.clear();
  s.pool.out = 0;
  s.pool.out_rows.clear();
  s.pool.price = *std::max_element(s.v.begin(), s.v.end());
}

void shrink_pool(ShortlistState& s) {
  while (s.pool.lack() < 0) {
    const std::int32_t j = s.pool.owned.back();
    s.pool.give_up(j);
    s.vacate(j);
  }
}

void order_by_price(ShortlistState& s) {
  s.pool.by_price.clear();
  for (std::int64_t j = 0; j < s.m; ++j) {
    if (s.column_to_row[j] != kPool) s.pool.offer(static_cast<std::int32_t>(j), s.level(static_cast<std::int32_t>(j)));
  }
}

void pool_bid(ShortlistState& s, double eps, std::vector<std::int32_t>& waiting) {
  Pool& pool = s.pool;
  double lowest = pool.price;
  while (pool.lack() > 0) {
    const double price = highest_price(s);
    if (price_of_return(s) > price) {
      const std::int32_t i = pool.out_rows.top().number;
      pool.out_rows.pop();
      s.release_row(i);
      waiting.push_back(i);
    } else {
      const std::int32_t j = pool.dearest();
      pool.by_price.pop();
      lowest = price;
      const std::int32_t owner = s.column_to_row[j];
      if (owner >= 0) {
        s.row_to_column[owner] = kFree;
        waiting.push_back(owner);
      }
      s.give(j, kPool);
      pool.take(j);
    }
  }
  const double next = std::max(highest_price(s), price_of_return(s));
  pool.price = std::min(pool.price, next == kNothing ? lowest : next - eps);
  for (const std::int32_t j : pool.owned) s.set_level(j, pool.price);
  s.settle_levels();
}

}  // namespace sae_match
