// What the phases of the shortlist solver share: lists, prices, the matching, and the pool.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "core/kernels.h"
#include "cost/cost_source.h"
#include "lap/column_classes.h"
#include "lap/pool.h"
#include "lap/price_history.h"

namespace sae_match {

// Special values of row_to_column and column_to_row.
inline constexpr std::int32_t kFree = -1;  // a row without partner that must get one; a column nobody owns
inline constexpr std::int32_t kPool = -2;  // a row that stays alone; a column owned by the pool

struct ShortlistState {
  ShortlistState(const CostSource& cost_source, double unmatched_cost, RunControl& run_control);

  const CostSource& source;
  RunControl& control;
  const Kernels& kernel;
  std::int64_t n, m;
  std::int64_t list_size;  // entries wanted in a fresh list
  Shortlists lists;
  ColumnClasses classes;
  // Prices of list entries. Columns that another one stands for have -infinity, so that no list takes them.
  std::vector<double> v;
  PriceHistory history;
  std::vector<std::int32_t> epoch;  // [rows] of each list
  std::vector<std::int32_t> row_to_column, column_to_row;
  std::vector<double> own_cost;  // of a matched row's pair, as the phase sees it
  Pool pool;
  int auctions = 0;
  Work work;
  // Scratch of raise_bound.
  PriceHistory::Laggards laggards;
  std::vector<bool> on_list;  // [columns], all false in between

  // Starting prices of all columns.
  void set_prices(std::vector<double> prices);
  // What the entry for column j costs, and what column j itself does while rows bid.
  double price(std::int32_t j) const { return v[classes.entry(j)]; }
  double level(std::int32_t j) const { return classes.shared(classes.entry(j)) ? classes.level(j) : v[j]; }
  // After the last of several, settle_levels() brings the entries' prices up to date.
  void set_level(std::int32_t j, double level);
  void settle_levels();
  // The column that a row gets for entry j, and whether nobody has it.
  std::int32_t column_for(std::int32_t j) { return classes.shared(j) ? classes.cheapest(j) : j; }
  bool is_free(std::int32_t j) const { return classes.shared(j) ? classes.has_free(j) : column_to_row[j] == kFree; }
  // Column j gets an owner (a row or kPool), or has none any more.
  void give(std::int32_t j, std::int32_t owner);
  void vacate(std::int32_t j);
  // What owners of identical columns bid counts no more: all of them cost what their entry does.
  void forget_levels();

  // Everybody free, prices kept.
  void drop_matching();
  // Whoever or whatever owned column j loses it to row i; returns the row that did, or kFree.
  std::int32_t assign(std::int32_t i, std::int32_t j, double cost);
  // Row i, whose best column costs `best` (reduced), goes out.
  void send_out(std::int32_t i, double best);
  // Takes the row's column or its place in the pool away from it. The column is nobody's then.
  void release_row(std::int32_t i);

  // New lists for these rows at the present prices.
  void refresh(const std::vector<std::int32_t>& rows, std::int64_t size);
  // The entry's cost made exact; returns its new position.
  std::int32_t make_exact(std::int32_t i, std::int32_t position);
  // The exact cost of a pair, from the row's list if it is there.
  double exact_cost(std::int32_t i, std::int32_t j) const;

 private:
  std::vector<std::int32_t> changed_;  // shared entries with new levels
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

// --- raise_bound.cpp ---

// Raises the bound of row i's list above `level`, if what is known of falling prices allows that. The list gains columns
// whose prices fell little, of which it looks at no more than `most`, and loses those at the bound or above it.
bool raise_bound(ShortlistState& state, std::int32_t i, double level, std::int64_t most);
inline bool raise_bound(ShortlistState& state, std::int32_t i, double level) {
  return raise_bound(state, i, level, state.history.few());
}

// --- row_groups.cpp ---

// Leaves only the first of identical rows.
void drop_repeated_rows(const CostSource& source, std::vector<std::int32_t>& rows);
// Lets identical rows share a list. Fresh lists of all rows must be there.
void share_lists(ShortlistState& state);
// Where some of identical rows stay out, makes what the others have as dear as that: the pool's price may have fallen
// since they bid. If meanwhile some other column has become better than staying out, nobody of them does any more.
void level_with_pool(ShortlistState& state);
// The rows whose lists are not another's.
std::vector<std::int32_t> list_owners(const ShortlistState& state);

// --- bids.cpp ---

// An auction: the rows of `waiting`, the last one first, bid until everybody has a column or a place in the pool.
// eps = 0 is row reduction: it may leave rows free. Stops early when `effort` is spent: 1 for a bid, 10 for a new list.
// Returns whether nobody is left.
bool bidding_phase(ShortlistState& state, double eps, std::vector<std::int32_t> waiting, std::int64_t effort);

// --- pool_bids.cpp ---

// Empties the pool; its price becomes the highest of all.
void open_pool(ShortlistState& state);
// The pool gives up columns until it has no more than it has units.
void shrink_pool(ShortlistState& state);
// Puts the columns that the pool does not own in order of price, for pool_bid.
void order_by_price(ShortlistState& state);
// The pool takes the dearest columns, or sends rows back for which some column has become better than staying out,
// until it lacks nothing. Its price falls to what it would take next, less eps. Rows that have lost their column or
// came back are added to `waiting`.
void pool_bid(ShortlistState& state, double eps, std::vector<std::int32_t>& waiting);

// --- tight_matching.cpp ---

// Gives free rows a column wherever pairs that are tight allow it.
void match_tight_pairs(ShortlistState& state);

// --- augment.cpp ---

inline constexpr std::int64_t kWithoutEnd = std::numeric_limits<std::int64_t>::max();

// Shortest augmenting paths until no row is free and the pool lacks nothing. Prices and matching must be complementary.
// Stops early when `effort` is spent, 1 for a label settled and more for lists (augment.cpp): prices and matching are
// complementary then, too. Returns whether nothing is left.
bool augment(ShortlistState& state, std::int64_t effort = kWithoutEnd);

}  // namespace sae_match
