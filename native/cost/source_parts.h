// What sources of every kind are made of.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <sstream>
#include <vector>

#include "sae_match/run_control.h"

namespace sae_match {

// How many rows of a matrix one thread takes at a time: fewer entries are not worth waking another.
inline std::int64_t rows_per_piece(std::int64_t columns) {
  constexpr std::int64_t kLeastRows = 16, kLeastEntries = 1 << 15;
  return std::max(kLeastRows, kLeastEntries / std::max<std::int64_t>(columns, 1));
}

// 0, 1, ..., count - 1: all rows or all columns.
inline std::vector<std::int32_t> all_indices(std::int64_t count) {
  std::vector<std::int32_t> indices(static_cast<std::size_t>(count));
  std::iota(indices.begin(), indices.end(), 0);
  return indices;
}

// The two least (cost, index) pairs seen.
struct TwoLeast {
  double cost = std::numeric_limits<double>::infinity(), second_cost = std::numeric_limits<double>::infinity();
  std::int32_t index = -1;
  void see(double c, std::int32_t at) {
    if (c < cost || (c == cost && (index < 0 || at < index))) {
      second_cost = cost;
      cost = c;
      index = at;
    } else if (c < second_cost) {
      second_cost = c;
    }
  }
  void merge(const TwoLeast& other) {
    if (other.index < 0) return;
    see(other.cost, other.index);
    second_cost = std::min(second_cost, other.second_cost);
  }
};

// Gives columns that nobody in the sample wants (at +infinity) the highest price of all: whatever takes what is left
// over takes the dearest columns first.
inline void price_unwanted_columns(std::vector<double>& prices) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  double highest = -infinity;
  for (const double price : prices) {
    if (price < infinity) highest = std::max(highest, price);
  }
  std::replace(prices.begin(), prices.end(), infinity, highest == -infinity ? 0.0 : highest);
}

// `sign` is -1 where costs are negated to maximise.
[[noreturn]] inline void throw_bad_cost(double cost, std::int64_t i, std::int64_t j, double sign) {
  std::ostringstream text;
  text << "Expected finite costs, or " << (sign > 0 ? "+Infinity" : "-Infinity") << " for a forbidden pair, got "
       << (std::isnan(cost) ? "NaN" : sign > 0 ? "-Infinity" : "+Infinity") << " at row " << i << ", column " << j;
  throw Error("COST_NAN", text.str());
}

}  // namespace sae_match
