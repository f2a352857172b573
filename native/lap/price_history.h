// How far prices have fallen since a list was made.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

namespace sae_match {

// Prices only fall, and what is on no list becomes dearer with them: a bound of cost - v rises by as much as the price of
// every unlisted column has fallen. Nearly all have fallen by far more than a bound lacks; the few laggards can be looked
// at one by one. So a list that has run out seldom needs another look at its whole row.
class PriceHistory {
 public:
  // `few`: so many laggards cost less than a new list.
  PriceHistory(std::int64_t columns, std::int64_t few);

  std::int64_t few() const { return few_; }

  // Remembers these prices if a list was made since that was done last.
  void mark(const std::vector<double>& v);
  // The epoch of a list that is made at the present prices. It counts from the next mark on.
  std::int32_t now() {
    wanted_ = true;
    return first_ + static_cast<std::int32_t>(marks_.size());
  }

  // Every price but those of `columns` has fallen by at least `drop` since the epoch, in exact terms.
  struct Laggards {
    double drop;
    std::vector<std::int32_t> columns;
  };
  // Finds them for a drop above `wanted`; false if that is not known or if they are more than `most`.
  bool since(std::int32_t epoch, const std::vector<double>& v, double wanted, std::int64_t most, Laggards& found);

 private:
  struct Mark {
    std::vector<double> v;
    // The columns that had not fallen by `drop` when they were looked for.
    double drop = 0;
    std::vector<std::int32_t> slowest;
    bool looked = false;
    std::int32_t questions = 0, failures = 0;  // since then
  };
  void look_for_slowest(Mark& mark, const std::vector<double>& v);
  double drop_since(const Mark& mark, const std::vector<double>& v, std::size_t j) const;

  std::int64_t few_;
  std::size_t most_marks_;
  std::int32_t first_ = 0;  // epoch of the oldest mark
  bool wanted_ = false;
  std::deque<Mark> marks_;
  std::vector<double> drops_;
};

}  // namespace sae_match
