// A caller's lists of allowed pairs as a cost source. Nothing here takes time or memory in proportion to all pairs, but
// for the whole rows that solver jv asks for.
#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <mutex>
#include <sstream>
#include <tuple>
#include <utility>

#include "cost/cost_source.h"
#include "core/rounding.h"
#include "cost/source_parts.h"
#include "sae_match/thread_pool.h"

namespace sae_match {
namespace {

constexpr std::int64_t kRowsPerPiece = 4096;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

// What a look at every entry finds.
struct Contents {
  bool forbidden = false;  // some listed pair is forbidden
  bool in_order = true;    // every row's columns ascend
  double largest = 0;      // largest finite magnitude
};

[[noreturn]] void throw_bad_column(std::int32_t j, std::int64_t i, std::int64_t columns) {
  std::ostringstream text;
  text << "Expected columns below " << columns << " for `indices`, got " << j << " in row " << i;
  throw Error("INVALID_ARGUMENT", text.str());
}

void require_distinct(const std::int32_t* begin, const std::int32_t* end, std::int64_t i) {
  std::vector<std::int32_t> sorted(begin, end);
  std::sort(sorted.begin(), sorted.end());
  const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
  if (twice == sorted.end()) return;
  std::ostringstream text;
  text << "Expected every column of a row once in `indices`, got column " << *twice << " twice in row " << i;
  throw Error("COST_DUPLICATE", text.str());
}

template <class T>
Contents check_entries(const SparseCosts& costs, double sign, RunControl& control) {
  const T* data = static_cast<const T*>(costs.data);
  std::mutex mutex;
  Contents all;
  parallel_for(costs.rows, kRowsPerPiece, control.threads, [&](std::int64_t begin, std::int64_t end) {
    control.check();
    Contents found;
    for (std::int64_t i = begin; i < end; ++i) {
      bool ascending = true;
      std::int32_t before = -1;
      for (std::int64_t e = costs.indptr[i]; e < costs.indptr[i + 1]; ++e) {
        const std::int32_t j = costs.indices[e];
        if (j < 0 || j >= costs.columns) throw_bad_column(j, i, costs.columns);
        ascending &= j > before;
        before = j;
        const auto size = static_cast<double>(std::abs(data[e]));
        if (size <= std::numeric_limits<double>::max()) {
          found.largest = std::max(found.largest, size);
        } else if (sign * data[e] == kInfinity) {
          found.forbidden = true;
        } else {
          throw_bad_cost(data[e], i, j, sign);
        }
      }
      if (ascending) continue;
      found.in_order = false;
      require_distinct(costs.indices + costs.indptr[i], costs.indices + costs.indptr[i + 1], i);
    }
    std::lock_guard lock(mutex);
    all.forbidden |= found.forbidden;
    all.in_order &= found.in_order;
    all.largest = std::max(all.largest, found.largest);
  });
  return all;
}

template <class T>
class SparseSource final : public CostSource {
 public:
  SparseSource(const SparseCosts& costs, bool maximize, RunControl& control)
      : rows_(std::min(costs.rows, costs.columns)),
        columns_(std::max(costs.rows, costs.columns)),
        sign_(maximize ? -1 : 1),
        starts_(costs.indptr),
        indices_(costs.indices),
        data_(static_cast<const T*>(costs.data)) {
    const Contents contents = check_entries<T>(costs, sign_, control);
    largest_ = contents.largest;
    if (costs.rows > costs.columns) {
      transpose(costs, control);
    } else if (contents.forbidden || !contents.in_order) {
      put_in_order(costs, control);
    }
  }

  std::int64_t rows() const override { return rows_; }
  std::int64_t columns() const override { return columns_; }
  Source kind() const override { return Source::sparse; }
  bool exact() const override { return true; }
  bool has_forbidden() const override { return entries() < rows_ * columns_; }
  double largest() const override { return largest_; }
  std::int64_t entries() const override { return starts_[rows_]; }
  bool batched() const override { return false; }

  void costs(std::int64_t i, const std::int32_t* columns, std::int64_t count, double* out) const override {
    const std::int32_t *begin = indices_ + starts_[i], *end = indices_ + starts_[i + 1];
    for (std::int64_t c = 0; c < count; ++c) {
      const std::int32_t* at = std::lower_bound(begin, end, columns[c]);
      out[c] = at != end && *at == columns[c] ? cost_at(at - indices_) : kInfinity;
    }
  }
  void row(std::int64_t i, double* out) const override {
    std::fill_n(out, columns_, kInfinity);
    for (std::int64_t e = starts_[i]; e < starts_[i + 1]; ++e) out[indices_[e]] = cost_at(e);
  }
  void look_at_row(std::int64_t i, const std::function<void(const double* listed)>& visitor,
                   RunControl&) const override {
    std::vector<double> whole(static_cast<std::size_t>(columns_));
    row(i, whole.data());
    visitor(whole.data());
  }
  bool same_row(std::int64_t i, std::int64_t other) const override {
    const std::int64_t begin = starts_[i], end = starts_[i + 1], from = starts_[other];
    return end - begin == starts_[other + 1] - from && std::equal(indices_ + begin, indices_ + end, indices_ + from) &&
           std::equal(data_ + begin, data_ + end, data_ + from);
  }

  std::vector<double> column_quantile(const std::vector<std::int32_t>& rows, std::int64_t depth,
                                      RunControl& control) const override;

  std::optional<AllowedColumns> allowed_columns() const override { return AllowedColumns{starts_, indices_}; }

  // All of a row is on its list, so no list is ever made anew.
  std::int64_t list_room(std::int64_t i, std::int64_t) const override { return starts_[i + 1] - starts_[i]; }
  void list(const std::vector<std::int32_t>& rows, const double*, std::int64_t, Shortlists& lists,
            RunControl& control) const override {
    parallel_for(static_cast<std::int64_t>(rows.size()), kRowsPerPiece, control.threads,
                 [&](std::int64_t begin, std::int64_t end) {
                   control.check();
                   for (std::int64_t p = begin; p < end; ++p) fill(rows[p], lists);
                 });
  }

  Audit audit(const AuditRequest& request, RunControl& control) const override;

 private:
  double cost_at(std::int64_t e) const { return sign_ * data_[e]; }

  void fill(std::int32_t i, Shortlists& lists) const {
    const std::int64_t begin = starts_[i], size = starts_[i + 1] - begin;
    lists.reserve(i, size);
    Shortlist& list = lists.of(i);
    list.size = list.exact_size = static_cast<std::int32_t>(size);
    list.bound = kInfinity;
    list.bound_is_exact = true;
    std::copy_n(indices_ + begin, size, list.columns);
    for (std::int64_t e = 0; e < size; ++e) list.costs[e] = cost_at(begin + e);
  }

  bool allowed(const SparseCosts& costs, std::int64_t e) const {
    return std::isfinite(static_cast<const T*>(costs.data)[e]);
  }

  // Memory for a copy whose row i has counts[i + 1] entries; counts become its starts.
  void allocate_copy(std::vector<std::int64_t>&& counts) {
    for (std::int64_t i = 0; i < rows_; ++i) counts[i + 1] += counts[i];
    own_starts_ = std::move(counts);
    own_indices_.reset(new std::int32_t[static_cast<std::size_t>(own_starts_[rows_])]);
    own_data_.reset(new T[static_cast<std::size_t>(own_starts_[rows_])]);
    starts_ = own_starts_.data();
    indices_ = own_indices_.get();
    data_ = own_data_.get();
  }

  // The caller's columns become rows, by a counting sort: then each row's columns ascend, too.
  void transpose(const SparseCosts& costs, RunControl& control) {
    std::vector<std::int64_t> counts(static_cast<std::size_t>(rows_) + 1, 0);
    for (std::int64_t e = 0; e < costs.indptr[costs.rows]; ++e) counts[costs.indices[e] + 1] += allowed(costs, e);
    allocate_copy(std::move(counts));
    std::vector<std::int64_t> next(own_starts_);
    for (std::int64_t j = 0; j < costs.rows; ++j) {
      if (j % kRowsPerPiece == 0) control.check();
      for (std::int64_t e = costs.indptr[j]; e < costs.indptr[j + 1]; ++e) {
        if (!allowed(costs, e)) continue;
        const std::int64_t to = next[costs.indices[e]]++;
        own_indices_[to] = static_cast<std::int32_t>(j);
        own_data_[to] = static_cast<const T*>(costs.data)[e];
      }
    }
  }

  // A copy of the allowed entries with the columns of every row ascending.
  void put_in_order(const SparseCosts& costs, RunControl& control) {
    std::vector<std::int64_t> counts(static_cast<std::size_t>(rows_) + 1, 0);
    for (std::int64_t i = 0; i < rows_; ++i) {
      for (std::int64_t e = costs.indptr[i]; e < costs.indptr[i + 1]; ++e) counts[i + 1] += allowed(costs, e);
    }
    allocate_copy(std::move(counts));
    parallel_for(rows_, kRowsPerPiece, control.threads, [&](std::int64_t begin, std::int64_t end) {
      control.check();
      std::vector<std::pair<std::int32_t, T>> sorted;
      for (std::int64_t i = begin; i < end; ++i) {
        sorted.clear();
        for (std::int64_t e = costs.indptr[i]; e < costs.indptr[i + 1]; ++e) {
          if (allowed(costs, e)) sorted.emplace_back(costs.indices[e], static_cast<const T*>(costs.data)[e]);
        }
        std::sort(sorted.begin(), sorted.end());
        for (std::size_t k = 0; k < sorted.size(); ++k) {
          const std::size_t to = static_cast<std::size_t>(own_starts_[i]) + k;
          std::tie(own_indices_[to], own_data_[to]) = sorted[k];
        }
      }
    });
  }

  // Calls visitor(i, j, cost) for every allowed pair, row by row.
  template <class Visitor>
  void for_each_entry(RunControl& control, Visitor visitor) const {
    for (std::int64_t i = 0; i < rows_; ++i) {
      if (i % kRowsPerPiece == 0) control.check();
      for (std::int64_t e = starts_[i]; e < starts_[i + 1]; ++e) {
        visitor(static_cast<std::int32_t>(i), indices_[e], cost_at(e));
      }
    }
  }

  std::int64_t rows_, columns_;
  double sign_;
  // Compressed sparse rows: the caller's or the copy, columns ascending.
  const std::int64_t* starts_;
  const std::int32_t* indices_;
  const T* data_;
  double largest_ = 0;
  std::vector<std::int64_t> own_starts_;
  std::unique_ptr<std::int32_t[]> own_indices_;
  std::unique_ptr<T[]> own_data_;
};

template <class T>
std::vector<double> SparseSource<T>::column_quantile(const std::vector<std::int32_t>& rows, std::int64_t depth,
                                                     RunControl& control) const {
  // smallest[j * depth ...]: the least costs of column j so far, ascending.
  std::vector<double> smallest(static_cast<std::size_t>(columns_ * depth), kInfinity);
  for (std::size_t r = 0; r < rows.size(); ++r) {
    if (r % kRowsPerPiece == 0) control.check();
    for (std::int64_t e = starts_[rows[r]]; e < starts_[rows[r] + 1]; ++e) {
      double* first = smallest.data() + indices_[e] * depth;
      double* at = first + depth - 1;
      const double cost = cost_at(e);
      if (!(cost < *at)) continue;
      for (; at > first && cost < at[-1]; --at) *at = at[-1];
      *at = cost;
    }
  }
  std::vector<double> quantile(static_cast<std::size_t>(columns_), kInfinity);
  for (std::int64_t j = 0; j < columns_; ++j) {
    for (std::int64_t t = depth - 1; t >= 0 && quantile[j] == kInfinity; --t) quantile[j] = smallest[j * depth + t];
  }
  price_unwanted_columns(quantile);
  return quantile;
}

template <class T>
Audit SparseSource<T>::audit(const AuditRequest& request, RunControl& control) const {
  const std::size_t n = static_cast<std::size_t>(rows_), m = static_cast<std::size_t>(columns_);
  Audit result;
  result.least_reduced.assign(n, kInfinity);
  result.partner_cost.assign(n, 0);
  if (request.neighbours) {
    result.row = {std::vector<std::int32_t>(n, -1), std::vector<double>(n, kInfinity), std::vector<double>(n, kInfinity)};
    result.rank_in_row.assign(n, -1);
  }
  parallel_for(rows_, kRowsPerPiece, control.threads, [&](std::int64_t begin, std::int64_t end) {
    control.check();
    for (std::int64_t i = begin; i < end; ++i) {
      double least = kInfinity;
      for (std::int64_t e = starts_[i]; e < starts_[i + 1]; ++e) {
        const double c = cost_at(e), price = request.v[indices_[e]];
        // What rounds to more than the least so far does not lie below it when rounded down.
        if (c - price <= least) least = std::min(least, subtract_down(c, price));
      }
      result.least_reduced[i] = least;
      const std::int32_t partner = request.row_to_column[i];
      if (partner >= 0) result.partner_cost[i] = cost(i, partner);
      if (!request.neighbours) continue;

      TwoLeast nearest;
      std::int32_t before = 0;
      for (std::int64_t e = starts_[i]; e < starts_[i + 1]; ++e) {
        const double c = cost_at(e), own = result.partner_cost[i];
        nearest.see(c, indices_[e]);
        before += c < own || (c == own && indices_[e] < partner);
      }
      result.row.index[i] = nearest.index;
      result.row.cost[i] = nearest.cost;
      result.row.second_cost[i] = nearest.second_cost;
      if (partner >= 0) result.rank_in_row[i] = before;
    }
  });
  if (!request.neighbours) return result;

  std::vector<TwoLeast> nearest(m);
  result.rank_in_column.assign(m, -1);
  for (std::size_t j = 0; j < m; ++j) {
    if (request.column_to_row[j] >= 0) result.rank_in_column[j] = 0;
  }
  for_each_entry(control, [&](std::int32_t i, std::int32_t j, double c) {
    nearest[j].see(c, i);
    const std::int32_t partner = request.column_to_row[j];
    if (partner < 0) return;
    const double own = result.partner_cost[partner];
    result.rank_in_column[j] += c < own || (c == own && i < partner);
  });
  result.column = {std::vector<std::int32_t>(m), std::vector<double>(m), std::vector<double>(m)};
  for (std::size_t j = 0; j < m; ++j) {
    result.column.index[j] = nearest[j].index;
    result.column.cost[j] = nearest[j].cost;
    result.column.second_cost[j] = nearest[j].second_cost;
  }
  return result;
}

}  // namespace

std::unique_ptr<CostSource> make_sparse_source(const SparseCosts& costs, bool maximize, RunControl& control) {
  if (costs.dtype == Dtype::f32) return std::make_unique<SparseSource<float>>(costs, maximize, control);
  return std::make_unique<SparseSource<double>>(costs, maximize, control);
}

}  // namespace sae_match
