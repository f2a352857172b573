// The node that stands for everything that may stay alone.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "lap/rising_heap.h"

namespace sae_match {

// One node for the columns - rows surplus columns, at cost 0, and for the rows that go out at cost lambda. It makes
// every shape a square problem: it owns as many columns as there are units in it, all of them at its price, which is
// no lower than any other column's (less eps in a bidding phase). A row sees it at reduced cost lambda - price. Square
// problems with infinite lambda have none.
struct Pool {
  bool active = false;
  double lambda = std::numeric_limits<double>::infinity();
  double price = 0;
  std::int64_t surplus = 0;  // columns - rows
  std::int64_t out = 0;      // rows in it
  std::vector<std::int32_t> owned;  // its columns

  std::int64_t lack() const { return active ? surplus + out - static_cast<std::int64_t>(owned.size()) : 0; }
  double reduced() const { return active ? lambda - price : std::numeric_limits<double>::infinity(); }

  void take(std::int32_t j) {
    place_[j] = static_cast<std::int32_t>(owned.size());
    owned.push_back(j);
  }
  void give_up(std::int32_t j) {
    const std::int32_t last = owned.back();
    owned[place_[j]] = last;
    place_[last] = place_[j];
    owned.pop_back();
  }
  void open(std::int64_t rows, std::int64_t columns, double unmatched_cost) {
    lambda = unmatched_cost;
    surplus = columns - rows;
    active = surplus > 0 || unmatched_cost < std::numeric_limits<double>::infinity();
    if (active) place_.resize(static_cast<std::size_t>(columns));
  }

  // For its bids: columns it does not own by falling price (keys -v), rows in it by their best reduced cost. Rows
  // prefer lower columns, so among equals the pool takes the higher one.
  RisingHeap by_price, out_rows;
  void offer(std::int32_t j, double column_price) { by_price.push(-column_price, -j); }
  std::int32_t dearest() const { return -by_price.top().number; }

 private:
  std::vector<std::int32_t> place_;  // [columns] where an owned column stands in `owned`
};

}  // namespace sae_match
