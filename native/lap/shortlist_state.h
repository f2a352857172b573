// What the phases of the shortlist solver share: lists, prices, the matching, and the pool.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "cost/cost_source.h"

namespace sae_match {

// Special values of row_to_column and column_to_row.
inline constexpr std::int32_t kFree = -1;  // a row without partner that must get one; a column nobody owns
inline constexpr std::int32_t kPool = -2;  // a row that stays alone; a column owned by the pool

// The pool is one node that stands for everything that may stay alone: the columns - rows surplus columns, at cost 0,
// and rows that go out at cost lambda. It makes every shape a square problem: it owns as many columns as there are
// units in it, all of them at its price, which is no lower than any other column's (less eps in a bidding phase).
// A row sees it at reduced cost lambda - price. Square problems with infinite lambda have none.
struct Pool {
  bool active = false;
  double lambda = std::numeric_limits<double>::infinity();
  double price = 0;
  std::int64_t surplus = 0;  // columns - rows
  std::int64_t out = 0;      // rows in it
  std::int64_t owned = 0;    // columns it owns
  std::int64_t lack() const { return active ? surplus + out - owned : 0; }
  double reduced() const { return active ? lambda - price : std::numeric_limits<double>::infinity(); }
};

struct ShortlistState {
  ShortlistState(const CostSource& cost_source, double unmatched_cost, RunControl& run_control);

  const CostSource& source;
  RunControl& control;
  std::int64_t n, m;
  std::int64_t list_size;  // entries wanted in a fresh list
  Shortlists lists;
  std::vector<double> v;
  std::vector<std::int32_t> row_to_column, column_to_row;
  std::vector<double> own_cost;  // of a matched row's pair, as the phase sees it
  Pool pool;
  Work work;

  // Everybody free, prices kept.
  void drop_matching();
  void assign(std::int32_t i, std::int32_t j, double cost);
  // Takes the row's column or its place in the pool away from it. The column is nobody's then.
  void release_row(std::int32_t i);

  // New lists for these rows at the present prices.
  void refresh(const std::vector<std::int32_t>& rows, std::int64_t size);
  // The entry's cost made exact; returns its new position.
  std::int32_t make_exact(std::int32_t i, std::int32_t position);
};

// The best entry of a row at the present prices, and the second best value; ties to the lower column, those of free
// columns first.
struct BestEntry {
  std::int32_t position = -1;
  double reduced = std::numeric_limits<double>::infinity();
  double second = std::numeric_limits<double>::infinity();
};
BestEntry best_entry(const ShortlistState& state, std::int32_t i);
// The same with the best entry's cost made exact.
BestEntry best_exact_entry(ShortlistState& state, std::int32_t i);

// --- bids.cpp ---

// One auction from an empty matching: every row bids until all have a column or a place in the pool. eps = 0 is row
// reduction: it may stop with rows free. Stops early when `budget` bids are spent. Returns whether nobody is free.
bool bidding_phase(ShortlistState& state, double eps, bool reversed, std::int64_t budget);

// The pool takes the dearest columns until it owns as many as it has units, all at one price.
void pool_bid(ShortlistState& state, double eps, std::vector<std::int32_t>& displaced);

// --- augment.cpp ---

// Shortest augmenting paths until no row is free and the pool lacks nothing. Prices and matching must be complementary.
void augment(ShortlistState& state);

}  // namespace sae_match
