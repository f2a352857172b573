// Textbook dense Jonker-Volgenant.
#include <algorithm>
#include <limits>
#include <memory>

#include "lap/solvers.h"
#include "sae_match/thread_pool.h"

namespace sae_match {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::int32_t kNone = -1;

class JonkerVolgenant {
 public:
  JonkerVolgenant(std::int64_t n, std::int64_t m, const double* costs, RunControl& control)
      : n_(n), m_(m), costs_(costs), control_(control) {
    matching_.row_to_column.assign(static_cast<std::size_t>(n), kNone);
    matching_.column_to_row.assign(static_cast<std::size_t>(m), kNone);
    matching_.v.assign(static_cast<std::size_t>(m), 0);
    for (std::int64_t i = n - 1; i >= 0; --i) free_.push_back(static_cast<std::int32_t>(i));
  }

  Matching run() {
    // A column that stays free must keep price 0, so columns get prices only by being taken unless all are taken.
    if (n_ == m_) {
      reduce_columns();
      transfer_reductions();
    }
    for (int round = 0; round < 2; ++round) reduce_rows();
    while (!free_.empty()) {
      control_.check();
      augment(free_.back());
      free_.pop_back();
      control_.report(n_ - static_cast<std::int64_t>(free_.size()), n_);
    }
    return std::move(matching_);
  }

 private:
  const double* row(std::int64_t i) const { return costs_ + i * m_; }

  // Every column's least cost as its price; from the last column to the first, rows take a column they are least in.
  void reduce_columns() {
    std::vector<double>& v = matching_.v;
    std::vector<std::int32_t> least_row(static_cast<std::size_t>(m_), 0);
    std::fill(v.begin(), v.end(), kInfinity);
    for (std::int64_t i = 0; i < n_; ++i) {
      const double* c = row(i);
      for (std::int64_t j = 0; j < m_; ++j) {
        if (c[j] < v[j]) {
          v[j] = c[j];
          least_row[j] = static_cast<std::int32_t>(i);
        }
      }
    }
    // Among equals the row of the column's own number: a constant matrix gives the identity.
    for (std::int64_t j = 0; j < m_; ++j) {
      if (row(j)[j] == v[j]) least_row[j] = static_cast<std::int32_t>(j);
    }
    taken_twice_.assign(static_cast<std::size_t>(n_), false);
    for (std::int64_t j = m_ - 1; j >= 0; --j) {
      const std::int32_t i = least_row[j];
      if (matching_.row_to_column[i] == kNone) {
        assign(i, static_cast<std::int32_t>(j));
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
        const double* c = row(i);
        double second = kInfinity;
        for (std::int64_t j = 0; j < m_; ++j) {
          if (j != own) second = std::min(second, c[j] - matching_.v[j]);
        }
        if (second < kInfinity) matching_.v[own] -= second - (c[own] - matching_.v[own]);
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
      const double* c = row(i);
      double best = kInfinity, second = kInfinity;
      std::int32_t j1 = kNone, j2 = kNone;
      for (std::int64_t j = 0; j < m_; ++j) {
        const double reduced = c[j] - matching_.v[j];
        if (reduced < second) {
          if (reduced < best) {
            second = best;
            j2 = j1;
            best = reduced;
            j1 = static_cast<std::int32_t>(j);
          } else {
            second = reduced;
            j2 = static_cast<std::int32_t>(j);
          }
        }
      }
      ++matching_.work.bids;
      std::int32_t owner = matching_.column_to_row[j1];
      const bool gain = best < second && second < kInfinity;
      if (gain) {
        matching_.v[j1] -= second - best;
      } else if (owner != kNone && j2 != kNone && second == best && matching_.column_to_row[j2] == kNone) {
        j1 = j2;
        owner = kNone;
      }
      ++next;
      if (owner == kNone) {
        assign(i, j1);
      } else if (gain && ++steps < most_steps) {
        matching_.row_to_column[owner] = kNone;
        assign(i, j1);
        waiting[--next] = owner;
      } else if (gain) {
        // The price has moved, so the row must take the column.
        matching_.row_to_column[owner] = kNone;
        assign(i, j1);
        left.push_back(owner);
      } else {
        left.push_back(i);
      }
    }
    free_.assign(left.rbegin(), left.rend());
  }

  // Shortest augmenting path from a free row over all columns; columns at the present minimum are scanned before the
  // next minimum is sought.
  void augment(std::int32_t start) {
    std::vector<double>& v = matching_.v;
    distance_.resize(static_cast<std::size_t>(m_));
    predecessor_.assign(static_cast<std::size_t>(m_), start);
    order_.resize(static_cast<std::size_t>(m_));
    const double* c = row(start);
    for (std::int64_t j = 0; j < m_; ++j) {
      distance_[j] = c[j] - v[j];
      order_[j] = static_cast<std::int32_t>(j);
    }
    // order_: [0, scanned) done, [scanned, reached) at the present minimum, [reached, m) further away.
    std::int64_t scanned = 0, reached = 0;
    double minimum = 0;
    std::int32_t sink = kNone;
    while (sink == kNone) {
      if (scanned == reached) {
        minimum = distance_[order_[reached]];
        for (std::int64_t p = reached; p < m_; ++p) {
          const double d = distance_[order_[p]];
          if (d > minimum) continue;
          if (d < minimum) {
            minimum = d;
            reached = scanned;
          }
          std::swap(order_[p], order_[reached++]);
        }
        for (std::int64_t p = scanned; p < reached && sink == kNone; ++p) {
          if (matching_.column_to_row[order_[p]] == kNone) sink = order_[p];
        }
        if (sink != kNone) break;
      }
      const std::int32_t j0 = order_[scanned++];
      const std::int32_t i = matching_.column_to_row[j0];
      ++matching_.work.labels;
      const double* costs = row(i);
      const double base = costs[j0] - v[j0] - minimum;
      for (std::int64_t p = reached; p < m_; ++p) {
        const std::int32_t j = order_[p];
        const double d = costs[j] - v[j] - base;
        if (d >= distance_[j]) continue;
        distance_[j] = d;
        predecessor_[j] = i;
        if (d <= minimum) {
          if (matching_.column_to_row[j] == kNone) {
            sink = j;
            break;
          }
          std::swap(order_[p], order_[reached]);
          ++reached;
        }
      }
    }
    for (std::int64_t p = 0; p < scanned; ++p) v[order_[p]] -= minimum - distance_[order_[p]];
    for (std::int32_t j = sink; j != kNone;) {
      const std::int32_t i = predecessor_[j];
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
  const double* costs_;
  RunControl& control_;
  Matching matching_;
  std::vector<std::int32_t> free_;  // last first
  std::vector<bool> taken_twice_;
  std::vector<double> distance_;
  std::vector<std::int32_t> predecessor_, order_;
};

}  // namespace

Matching solve_jv(const CostSource& source, double unmatched_cost, std::int64_t memory_budget, RunControl& control) {
  const std::int64_t n = source.rows(), m = source.columns();
  if (static_cast<double>(n) * static_cast<double>(m) * sizeof(double) > static_cast<double>(memory_budget)) {
    throw Error("SOLVER_UNAVAILABLE", "Solver jv needs the whole cost matrix in memory, which is over the memory budget; "
                                      "solver shortlist does not");
  }
  std::unique_ptr<double[]> costs(new double[static_cast<std::size_t>(n * m)]);
  // A pair dearer than lambda is as good as none: with costs min(c, lambda) a full assignment is the answer.
  parallel_for(n, 8, control.threads, [&](std::int64_t begin, std::int64_t end) {
    control.check();
    for (std::int64_t i = begin; i < end; ++i) {
      double* row = costs.get() + i * m;
      source.row(i, row);
      if (unmatched_cost < kInfinity) {
        for (std::int64_t j = 0; j < m; ++j) row[j] = std::min(row[j], unmatched_cost);
      }
    }
  });
  control.enter(Phase::solve);
  Matching matching = JonkerVolgenant(n, m, costs.get(), control).run();
  if (unmatched_cost < kInfinity) {
    const double dearest = *std::max_element(matching.v.begin(), matching.v.end());
    for (double& price : matching.v) price -= dearest;
    for (std::int64_t i = 0; i < n; ++i) {
      std::int32_t& j = matching.row_to_column[i];
      // A pair at exactly lambda may stay. A column that goes free is one of the dearest, but for rounding.
      if (source.cost(i, j) > unmatched_cost) {
        matching.column_to_row[j] = kNone;
        matching.v[j] = 0;
        j = kNone;
      }
    }
  }
  return matching;
}

}  // namespace sae_match
