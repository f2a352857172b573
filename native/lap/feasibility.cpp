#include "lap/feasibility.h"

#include <bit>
#include <cmath>
#include <sstream>

#include "sae_match/thread_pool.h"

namespace sae_match {
namespace {

class MaximumMatching {
 public:
  MaximumMatching(const CostSource& source, RunControl& control)
      : n_(source.rows()), m_(source.columns()), words_((m_ + 63) / 64), control_(control) {
    allowed_.assign(static_cast<std::size_t>(n_ * words_), 0);
    parallel_for(n_, 16, control.threads, [&](std::int64_t begin, std::int64_t end) {
      control.check();
      std::vector<double> costs(static_cast<std::size_t>(m_));
      for (std::int64_t i = begin; i < end; ++i) {
        source.row(i, costs.data());
        for (std::int64_t j = 0; j < m_; ++j) {
          if (std::isfinite(costs[j])) allowed_[i * words_ + j / 64] |= std::uint64_t{1} << (j % 64);
        }
      }
    });
    row_to_column_.assign(static_cast<std::size_t>(n_), -1);
    column_to_row_.assign(static_cast<std::size_t>(m_), -1);
  }

  // The first row that cannot be matched, or -1. Rows and columns it reached are then marked.
  std::int64_t find_unmatched() {
    for (;;) {
      unseen_.assign(static_cast<std::size_t>(words_), ~std::uint64_t{0});
      std::int64_t gained = 0;
      bool somebody_free = false;
      for (std::int64_t i = 0; i < n_; ++i) {
        if (row_to_column_[i] >= 0) continue;
        control_.check();
        if (augment(static_cast<std::int32_t>(i))) {
          ++gained;
        } else {
          somebody_free = true;
        }
      }
      if (!somebody_free) return -1;
      if (gained == 0) break;
    }
    for (std::int64_t i = 0; i < n_; ++i) {
      if (row_to_column_[i] >= 0) continue;
      unseen_.assign(static_cast<std::size_t>(words_), ~std::uint64_t{0});
      augment(static_cast<std::int32_t>(i));
      return i;
    }
    return -1;
  }

  // The rows that compete with `start` for the columns seen in its failed search.
  std::vector<std::int64_t> competitors(std::int64_t start) const {
    std::vector<std::int64_t> rows{start};
    for (std::int64_t j = 0; j < m_; ++j) {
      if (!((unseen_[j / 64] >> (j % 64)) & 1)) rows.push_back(column_to_row_[j]);
    }
    return rows;
  }

 private:
  // Depth first over columns not seen in this phase.
  bool augment(std::int32_t start) {
    std::vector<std::pair<std::int32_t, std::int32_t>> path{{start, -1}};  // row, the column taken from it
    while (!path.empty()) {
      const std::int32_t i = path.back().first;
      std::int32_t j = -1;
      for (std::int64_t w = 0; w < words_ && j < 0; ++w) {
        const std::uint64_t open = allowed_[i * words_ + w] & unseen_[w];
        if (open) j = static_cast<std::int32_t>(w * 64 + std::countr_zero(open));
      }
      if (j < 0) {
        path.pop_back();
        continue;
      }
      unseen_[j / 64] &= ~(std::uint64_t{1} << (j % 64));
      path.back().second = j;
      if (column_to_row_[j] >= 0) {
        path.emplace_back(column_to_row_[j], -1);
        continue;
      }
      for (const auto& [row, column] : path) {
        row_to_column_[row] = column;
        column_to_row_[column] = row;
      }
      return true;
    }
    return false;
  }

  std::int64_t n_, m_, words_;
  RunControl& control_;
  std::vector<std::uint64_t> allowed_, unseen_;
  std::vector<std::int32_t> row_to_column_, column_to_row_;
};

}  // namespace

void require_feasible(const CostSource& source, const char* row_word, const char* column_word, RunControl& control) {
  if (!source.has_forbidden()) return;
  MaximumMatching matching(source, control);
  const std::int64_t row = matching.find_unmatched();
  if (row < 0) return;
  const std::vector<std::int64_t> rows = matching.competitors(row);
  std::ostringstream text;
  text << "No full assignment exists: " << row_word << " " << row;
  if (rows.size() == 1) {
    text << " has no allowed " << column_word;
  } else {
    text << " and " << rows.size() - 1 << " other " << row_word << "s (among them";
    for (std::size_t r = 1; r < rows.size() && r <= 5; ++r) text << (r > 1 ? ", " : " ") << rows[r];
    text << ") together have only " << rows.size() - 1 << " allowed " << column_word << "s";
  }
  throw Error("INFEASIBLE", text.str());
}

}  // namespace sae_match
