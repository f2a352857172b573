// Which columns of a row go on its list.
#pragma once

#include <algorithm>
#include <limits>
#include <vector>

#include "core/kernels.h"
#include "core/rounding.h"
#include "cost/shortlists.h"

namespace sae_match {

inline std::int64_t scan_blocks(std::int64_t columns) { return (columns + kScanBlock - 1) / kScanBlock; }

// Makes lists. Columns come in blocks; one of the smaller block minima is the cut, and everything at or below it is
// listed: that costs little more than one look at every entry. Scratch of one thread.
class Selection {
 public:
  explicit Selection(std::int64_t columns)
      : columns_(columns),
        minima_(static_cast<std::size_t>(scan_blocks(columns))),
        sorted_(minima_.size()),
        found_(static_cast<std::size_t>(columns)) {}

  // Fills the list of row i, whose costs are `row`, with about `size` entries and one more for every row that shares
  // it. `exact`: whether these are the exact costs.
  template <class T>
  void fill(const Kernels& kernel, const ScanRow<T>& row, std::int32_t i, const double* v, std::int64_t size,
            bool exact, Shortlists& lists) {
    const auto shared = static_cast<std::int64_t>(lists.group(i).size());
    const std::int64_t capacity = std::min(columns_, 2 * size + shared);
    // What is not at the cut or below it once rounded lies above it in exact terms.
    Bound bound{std::numeric_limits<double>::infinity(), true};
    double cut = std::numeric_limits<double>::max();
    block_minima(kernel, row, v);
    sorted_ = minima_;
    const auto cut_block = static_cast<std::size_t>(size * 3 / 5 + shared);
    if (cut_block < minima_.size() && columns_ > capacity) {
      const double least = block_minimum(cut_block, minima_.size());
      // Where even this block is forbidden, everything allowed is listed.
      if (least < bound.value) bound.value = cut = least;
    }
    std::int64_t count = collect(kernel, row, v, cut);
    if (count > capacity) {
      // Good columns that lie side by side need fewer blocks.
      std::size_t most = std::min(cut_block, minima_.size()), least_rank = 0;
      while (count > capacity && most - least_rank > 1) {
        const auto guess = static_cast<std::size_t>(static_cast<std::int64_t>(most) * size / count);
        const std::size_t rank = least_rank == 0 ? std::max<std::size_t>(guess, 1) : (least_rank + most) / 2;
        const double lower = block_minimum(rank, most);
        if (!(lower < cut)) break;
        const std::int64_t fewer = collect(kernel, row, v, lower);
        if (fewer < size / 2 + shared) {
          least_rank = rank;
          continue;
        }
        bound.value = cut = lower;
        count = fewer;
        most = rank;
      }
      if (count > capacity) {
        bound = drop_dearest(row, i, v, collect(kernel, row, v, cut), capacity);
        count = capacity;
      } else {
        count = collect(kernel, row, v, cut);
      }
    }
    lists.reserve(i, count);
    Shortlist& list = lists.of(i);
    list.size = static_cast<std::int32_t>(count);
    list.exact_size = exact ? list.size : 0;
    list.bound = bound.value;
    list.bound_is_exact = bound.is_exact;
    for (std::int32_t e = 0; e < list.size; ++e) {
      list.columns[e] = found_[e];
      list.costs[e] = row.sign * row.cost[found_[e]];
    }
  }

 private:
  struct Bound {
    double value;
    bool is_exact;
  };

  void block_minima(const Kernels& kernel, const ScanRow<float>& row, const double* v) {
    kernel.block_minima_f32(row, v, minima_.data());
  }
  void block_minima(const Kernels& kernel, const ScanRow<double>& row, const double* v) {
    kernel.block_minima_f64(row, v, minima_.data());
  }
  std::int64_t collect(const Kernels& kernel, const ScanRow<float>& row, const double* v, double cut) {
    return kernel.collect_f32(row, v, minima_.data(), cut, found_.data());
  }
  std::int64_t collect(const Kernels& kernel, const ScanRow<double>& row, const double* v, double cut) {
    return kernel.collect_f64(row, v, minima_.data(), cut, found_.data());
  }

  // The block minimum of that rank, which must be among the `known` least that a call before put in front.
  double block_minimum(std::size_t rank, std::size_t known) {
    const auto at = sorted_.begin() + static_cast<std::ptrdiff_t>(rank);
    std::nth_element(sorted_.begin(), at, sorted_.begin() + static_cast<std::ptrdiff_t>(known));
    return *at;
  }

  // Keeps the `keep` least of the found columns, ascending; returns what bounds the rest. Columns that tie with that
  // come last, those from the row's own index on before the others: then rows with the same costs do not all list the
  // same few columns, nor in the same order.
  template <class T>
  Bound drop_dearest(const ScanRow<T>& row, std::int32_t i, const double* v, std::int64_t count, std::int64_t keep) {
    reduced_.resize(static_cast<std::size_t>(count));
    for (std::int64_t e = 0; e < count; ++e) reduced_[e] = row.sign * row.cost[found_[e]] - v[found_[e]];
    ranked_ = reduced_;
    std::nth_element(ranked_.begin(), ranked_.begin() + static_cast<std::ptrdiff_t>(keep - 1), ranked_.end());
    const double last = ranked_[static_cast<std::size_t>(keep - 1)];
    std::int64_t kept = 0;
    ties_.clear();
    for (std::int64_t e = 0; e < count; ++e) {
      const std::int32_t j = found_[e];
      if (reduced_[e] < last) found_[kept++] = j;
      if (reduced_[e] == last) ties_.push_back(j);
    }
    // Columns ascend, so the first from the row's own index on begins the order.
    std::rotate(ties_.begin(), std::lower_bound(ties_.begin(), ties_.end(), i), ties_.end());
    const auto dropped = ties_.begin() + static_cast<std::ptrdiff_t>(keep - kept);
    std::copy(ties_.begin(), dropped, found_.begin() + static_cast<std::ptrdiff_t>(kept));
    const bool is_exact = std::none_of(dropped, ties_.end(), [&](std::int32_t j) {
      return error_of_difference(row.sign * row.cost[j], v[j]) < 0;
    });
    return {last, is_exact};
  }

  std::int64_t columns_;
  std::vector<double> minima_, sorted_;
  std::vector<std::int32_t> found_, ties_;
  std::vector<double> reduced_, ranked_;
};

}  // namespace sae_match
