// Textbook dense Jonker-Volgenant.
#include <algorithm>
#include <limits>
#include <optional>

#include "core/kernels.h"
#include "core/memory.h"
#include "cost/source_parts.h"
#include "lap/solvers.h"
#include "sae_match/thread_pool.h"

namespace sae_match {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::int32_t kNone = -1;

// Whole rows of exact costs in f64, none above lambda, each padded with +infinity to `width` columns. They are read where
// the source has them, if that is what they look like there.
class PaddedRows {
 public:
  PaddedRows(const CostSource& source, double unmatched_cost, RunControl& control)
      : width_((source.columns() + kPaddedColumns - 1) / kPaddedColumns * kPaddedColumns), stride_(width_) {
    const std::int64_t n = source.rows(), m = source.columns();
    if (m == width_ && unmatched_cost == kInfinity) costs_ = source.stored_rows(&stride_);
    if (costs_) return;
    copy_ = allocate<double>(n * width_);
    costs_ = copy_.get();
    stride_ = width_;
    parallel_for(n, rows_per_piece(m), control.threads, [&](std::int64_t begin, std::int64_t end) {
      control.check();
      for (std::int64_t i = begin; i < end; ++i) {
        double* row = copy_.get() + i * width_;
        source.row(i, row);
        // A pair dearer than lambda is as good as none: with costs min(c, lambda) a full assignment is the answer.
        if (unmatched_cost < kInfinity) {
          for (std::int64_t j = 0; j < m; ++j) row[j] = std::min(row[j], unmatched_cost);
        }
        std::fill(row + m, row + width_, kInfinity);
      }
    });
  }
  const double* row(std::int64_t i) const { return costs_ + i * stride_; }
  std::int64_t width() const { return width_; }

 private:
  std::int64_t width_, stride_;
  const double* costs_ = nullptr;
  Array<double> copy_;
};

class JonkerVolgenant {
 public:
  JonkerVolgenant(std::int64_t n, std::int64_t m, const PaddedRows& costs, RunControl& control)
      : n_(n), m_(m), costs_(costs), control_(control), v_(static_cast<std::size_t>(costs.width()), 0) {
    matching_.row_to_column.assign(static_cast<std::size_t>(n), kNone);
    matching_.column_to_row.assign(static_cast<std::size_t>(m), kNone);
    for (std::int64_t i = n - 1; i >= 0; --i) free_.push_back(static_cast<std::int32_t>(i));
  }

  // Nothing if its searches would settle more columns than that.
  std::optional<Matching> run(std::int64_t most_labels) {
    // A column that stays free must keep price 0, so columns get prices only by being taken unless all are taken.
    if (n_ == m_) {
      reduce_columns();
      transfer_reductions();
    }
    for (int round = 0; round < 2; ++round) reduce_rows();
    if (!free_.empty()) prepare_search();
    while (!free_.empty()) {
      control_.check();
      if (matching_.work.labels > most_labels) return std::nullopt;
      augment(free_.back());
      free_.pop_back();
      control_.report(n_ - static_cast<std::int64_t>(free_.size()), n_);
    }
    v_.resize(static_cast<std::size_t>(m_));
    matching_.v = std::move(v_);
    return std::move(matching_);
  }

 private:
  const double* row(std::int64_t i) const { return costs_.row(i); }
  std::int64_t width() const { return costs_.width(); }

  // Every column's least cost as its price; from the last column to the first, rows take a column they are least in.
  void reduce_columns() {
    std::vector<std::int64_t> least_row(static_cast<std::size_t>(width()), 0);
    std::fill(v_.begin(), v_.end(), kInfinity);
    for (std::int64_t i = 0; i < n_; ++i) kernel_.lower_to_row(row(i), i, width(), v_.data(), least_row.data());
    std::fill(v_.begin() + m_, v_.end(), 0.0);
    // Among equals the row of the column's own number: a constant matrix gives the identity.
    for (std::int64_t j = 0; j < m_; ++j) {
      if (row(j)[j] == v_[j]) least_row[j] = j;
    }
    taken_twice_.assign(static_cast<std::size_t>(n_), false);
    for (std::int64_t j = m_ - 1; j >= 0; --j) {
      const std::int64_t i = least_row[j];
      if (matching_.row_to_column[i] == kNone) {
        assign(static_cast<std::int32_t>(i), static_cast<std::int32_t>(j));
      } else {
        taken_twice_[i] = true;
      }
    }
  }

  // A row that took one column and was least in no other can lower that column's price to its second choice.
  void transfer_reductions() {
    free_.clear();
    for (std::int64_t i = n_ - 1; i >= 0; --i) {
      const std::int32_t own = matching_.row_to_column[i];
      if (own == kNone) {
        free_.push_back(static_cast<std::int32_t>(i));
      } else if (!taken_twice_[i]) {
        const double price = v_[own];
        v_[own] = -kInfinity;  // out of the choice
        const double other = kernel_.two_best_of_row(row(i), v_.data(), width()).best;
        v_[own] = other < kInfinity ? price - (other - (row(i)[own] - price)) : price;
      }
    }
  }

  // Augmenting row reduction: free rows take their best column and lower its price to their second choice; whoever
  // held it is free. Chains follow a strict gain only, and their number is bounded, since in floating point a gain
  // can be too small to see an end.
  void reduce_rows() {
    std::vector<std::int32_t> waiting(free_.rbegin(), free_.rend()), left;
    std::int64_t steps = 0;
    const std::int64_t most_steps = 8 * n_ + 64;
    std::size_t next = 0;
    while (next < waiting.size()) {
      if ((steps & 255) == 0) control_.check();
      const std::int32_t i = waiting[next];
      const TwoBest found = kernel_.two_best_of_row(row(i), v_.data(), width());
      ++matching_.work.bids;
      std::int32_t j = found.position;
      std::int32_t owner = matching_.column_to_row[j];
      const bool gain = found.best < found.second && found.second < kInfinity;
      if (gain) {
        v_[j] -= found.second - found.best;
      } else if (owner != kNone && found.second == found.best) {
        const std::int32_t other = free_column_at(i, found.best);
        if (other != kNone) {
          j = other;
          owner = kNone;
        }
      }
      ++next;
      if (owner == kNone) {
        assign(i, j);
      } else if (gain && ++steps < most_steps) {
        matching_.row_to_column[owner] = kNone;
        assign(i, j);
        waiting[--next] = owner;
      } else if (gain) {
        // The price has moved, so the row must take the column.
        matching_.row_to_column[owner] = kNone;
        assign(i, j);
        left.push_back(owner);
      } else {
        left.push_back(i);
      }
    }
    free_.assign(left.rbegin(), left.rend());
  }

  // The first column without a row at the given cost less price.
  std::int32_t free_column_at(std::int64_t i, double reduced) const {
    const double* c = row(i);
    for (std::int64_t j = 0; j < m_; ++j) {
      if (c[j] - v_[j] == reduced && matching_.column_to_row[j] == kNone) return static_cast<std::int32_t>(j);
    }
    return kNone;
  }

  void prepare_search() {
    const auto size = static_cast<std::size_t>(width());
    distance_.resize(size);
    predecessor_.resize(size);
    taken_.assign(size, kInfinity);
    for (std::int64_t j = 0; j < m_; ++j) {
      if (matching_.column_to_row[j] == kNone) taken_[j] = 0;
    }
  }

  // Shortest augmenting path from a free row over all columns.
  void augment(std::int32_t start) {
    struct Closed {
      std::int32_t column;
      double distance;
    };
    std::vector<Closed> closed;
    std::fill(distance_.begin(), distance_.end(), kInfinity);
    double minimum = -kInfinity, base = 0;
    for (std::int32_t i = start;;) {
      const Relaxed found = kernel_.relax(row(i), v_.data(), base, i, width(), taken_.data(), distance_.data(),
                                          predecessor_.data());
      // Rounding can bring a distance below those that are closed.
      minimum = std::max(minimum, found.least);
      if (found.least_free <= minimum) break;
      const std::int32_t j = found.position;
      closed.push_back({j, distance_[j]});
      distance_[j] = -kInfinity;
      ++matching_.work.labels;
      i = matching_.column_to_row[j];
      base = row(i)[j] - v_[j] - minimum;
    }
    std::int32_t sink = 0;
    while (taken_[sink] != 0 || distance_[sink] > minimum) ++sink;
    taken_[sink] = kInfinity;
    for (const auto& [column, distance] : closed) v_[column] -= minimum - distance;
    for (std::int32_t j = sink; j != kNone;) {
      const auto i = static_cast<std::int32_t>(predecessor_[j]);
      const std::int32_t before = matching_.row_to_column[i];
      assign(i, j);
      j = i == start ? kNone : before;
    }
  }

  void assign(std::int32_t i, std::int32_t j) {
    matching_.row_to_column[i] = j;
    matching_.column_to_row[j] = i;
  }

  std::int64_t n_, m_;
  const PaddedRows& costs_;
  RunControl& control_;
  const Kernels& kernel_ = kernels();
  Matching matching_;
  std::vector<double> v_;           // [width]
  std::vector<std::int32_t> free_;  // last first
  std::vector<bool> taken_twice_;
  std::vector<double> distance_, taken_;   // [width]
  std::vector<std::int64_t> predecessor_;  // [width]
};

}  // namespace

std::optional<Matching> try_jv(const CostSource& source, double unmatched_cost, std::int64_t most_labels,
                               RunControl& control) {
  const std::int64_t n = source.rows(), m = source.columns();
  const PaddedRows costs(source, unmatched_cost, control);
  control.enter(Phase::solve);
  std::optional<Matching> matching = JonkerVolgenant(n, m, costs, control).run(most_labels);
  if (matching && unmatched_cost < kInfinity) {
    const double dearest = *std::max_element(matching->v.begin(), matching->v.end());
    for (double& price : matching->v) price -= dearest;
    for (std::int64_t i = 0; i < n; ++i) {
      std::int32_t& j = matching->row_to_column[i];
      // A pair at exactly lambda may stay. A column that goes free is one of the dearest, but for rounding.
      if (source.cost(i, j) > unmatched_cost) {
        matching->column_to_row[j] = kNone;
        matching->v[j] = 0;
        j = kNone;
      }
    }
  }
  return matching;
}

Matching solve_jv(const CostSource& source, double unmatched_cost, std::int64_t memory_budget, RunControl& control) {
  const double bytes = static_cast<double>(source.rows()) * static_cast<double>(source.columns()) * sizeof(double);
  if (bytes > static_cast<double>(memory_budget)) {
    throw Error("SOLVER_UNAVAILABLE", "Solver jv needs the whole cost matrix in memory, which is over the memory budget; "
                                      "solver shortlist does not");
  }
  return *try_jv(source, unmatched_cost, std::numeric_limits<std::int64_t>::max(), control);
}

}  // namespace sae_match
