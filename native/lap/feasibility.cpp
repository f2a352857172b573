#include "lap/feasibility.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <sstream>
#include <utility>

#include "sae_match/thread_pool.h"

namespace sae_match {
namespace {

constexpr std::int32_t kNone = -1;

class ColumnSet {
 public:
  explicit ColumnSet(std::int64_t columns) : words_(static_cast<std::size_t>((columns + 63) / 64), 0), columns_(columns) {}
  void fill() {
    std::fill(words_.begin(), words_.end(), ~std::uint64_t{0});
    if (columns_ % 64) words_.back() = (std::uint64_t{1} << (columns_ % 64)) - 1;
  }
  bool has(std::int64_t j) const { return (words_[j / 64] >> (j % 64)) & 1; }
  void remove(std::int64_t j) { words_[j / 64] &= ~(std::uint64_t{1} << (j % 64)); }
  std::uint64_t word(std::int64_t w) const { return words_[w]; }

 private:
  std::vector<std::uint64_t> words_;
  std::int64_t columns_;
};

// The allowed columns of rows, a bit for every pair.
class BitRows {
 public:
  BitRows(const CostSource& source, RunControl& control) : words_((source.columns() + 63) / 64) {
    bits_.assign(static_cast<std::size_t>(source.rows() * words_), 0);
    parallel_for(source.rows(), 16, control.threads, [&](std::int64_t begin, std::int64_t end) {
      control.check();
      std::vector<double> costs(static_cast<std::size_t>(source.columns()));
      for (std::int64_t i = begin; i < end; ++i) {
        source.row(i, costs.data());
        for (std::int64_t j = 0; j < source.columns(); ++j) {
          if (std::isfinite(costs[j])) bits_[i * words_ + j / 64] |= std::uint64_t{1} << (j % 64);
        }
      }
    });
  }
  // The next column of row i that is in the set, and the cursor (0 at first) behind it; kNone if there is none.
  std::int32_t next(std::int64_t i, const ColumnSet& set, std::int64_t& cursor) const {
    std::uint64_t untried = ~std::uint64_t{0} << (cursor % 64);
    for (std::int64_t w = cursor / 64; w < words_; ++w, untried = ~std::uint64_t{0}) {
      const std::uint64_t found = bits_[i * words_ + w] & set.word(w) & untried;
      if (!found) continue;
      const std::int64_t j = w * 64 + std::countr_zero(found);
      cursor = j + 1;
      return static_cast<std::int32_t>(j);
    }
    cursor = words_ * 64;
    return kNone;
  }

 private:
  std::int64_t words_;
  std::vector<std::uint64_t> bits_;
};

// The same over lists.
class ListedRows {
 public:
  explicit ListedRows(const AllowedColumns& allowed) : allowed_(allowed) {}
  std::int32_t next(std::int64_t i, const ColumnSet& set, std::int64_t& cursor) const {
    const std::int64_t end = allowed_.starts[i + 1];
    for (std::int64_t e = allowed_.starts[i] + cursor; e < end; ++e) {
      const std::int32_t j = allowed_.columns[e];
      if (!set.has(j)) continue;
      cursor = e + 1 - allowed_.starts[i];
      return j;
    }
    cursor = end - allowed_.starts[i];
    return kNone;
  }

 private:
  AllowedColumns allowed_;
};

// -1 where alone.
struct Partners {
  std::vector<std::int32_t> row_to_column, column_to_row;
};

// Hopcroft and Karp: layers of shortest alternating paths, then as many disjoint ones of them as there are.
template <class AllowedRows>
class MaximumMatching {
 public:
  // Begins with the given pairs, and leaves there what it makes of them.
  MaximumMatching(const AllowedRows& allowed, Partners& partners, RunControl& control)
      : allowed_(allowed),
        control_(control),
        row_to_column_(partners.row_to_column),
        column_to_row_(partners.column_to_row),
        open_(static_cast<std::int64_t>(column_to_row_.size())),
        level_(row_to_column_.size()),
        cursor_(row_to_column_.size()) {}

  // Rows that together have fewer columns than they are; empty if every row is matched.
  std::vector<std::int32_t> run() {
    std::vector<std::int32_t> unmatched;
    for (std::size_t i = 0; i < row_to_column_.size(); ++i) {
      if (row_to_column_[i] == kNone) unmatched.push_back(static_cast<std::int32_t>(i));
    }
    while (!unmatched.empty()) {
      if (!layer(unmatched)) {
        layer({unmatched.front()});
        return reached_;
      }
      open_.fill();
      std::fill(cursor_.begin(), cursor_.end(), 0);
      std::erase_if(unmatched, [&](std::int32_t i) {
        control_.check();
        return augment(i);
      });
    }
    return {};
  }

 private:
  // Breadth first from `starts`: the rows reached, with the number of pairs on the way, no further than to the first
  // free column. Returns whether there is one.
  bool layer(const std::vector<std::int32_t>& starts) {
    open_.fill();
    std::fill(level_.begin(), level_.end(), kNone);
    for (const std::int32_t i : starts) level_[i] = 0;
    reached_ = starts;
    std::int32_t last_level = std::numeric_limits<std::int32_t>::max();
    bool found = false;
    for (std::size_t head = 0; head < reached_.size() && level_[reached_[head]] <= last_level; ++head) {
      const std::int32_t i = reached_[head];
      if ((head & 255) == 0) control_.check();
      std::int64_t cursor = 0;
      for (std::int32_t j; (j = allowed_.next(i, open_, cursor)) != kNone;) {
        open_.remove(j);
        const std::int32_t owner = column_to_row_[j];
        if (owner == kNone) {
          found = true;
          last_level = level_[i];
        } else {
          level_[owner] = level_[i] + 1;
          reached_.push_back(owner);
        }
      }
    }
    return found;
  }

  // Depth first along the layers over columns that no other path of this phase has tried.
  bool augment(std::int32_t start) {
    path_.assign(1, {start, kNone});
    while (!path_.empty()) {
      const std::int32_t i = path_.back().row;
      const std::int32_t j = allowed_.next(i, open_, cursor_[i]);
      if (j == kNone) {
        path_.pop_back();
        continue;
      }
      const std::int32_t owner = column_to_row_[j];
      if (owner != kNone && level_[owner] != level_[i] + 1) continue;
      open_.remove(j);
      path_.back().column = j;
      if (owner != kNone) {
        path_.push_back({owner, kNone});
        continue;
      }
      for (const Step& step : path_) {
        row_to_column_[step.row] = step.column;
        column_to_row_[step.column] = step.row;
      }
      return true;
    }
    return false;
  }

  struct Step {
    std::int32_t row, column;  // the column the row takes
  };

  const AllowedRows& allowed_;
  RunControl& control_;
  std::vector<std::int32_t>&row_to_column_, &column_to_row_;
  ColumnSet open_;
  std::vector<std::int32_t> level_, reached_;
  std::vector<std::int64_t> cursor_;  // [rows] see next()
  std::vector<Step> path_;
};

std::vector<std::int32_t> maximum_matching(const CostSource& source, Partners& partners, RunControl& control) {
  if (const std::optional<AllowedColumns> lists = source.allowed_columns()) {
    return MaximumMatching(ListedRows(*lists), partners, control).run();
  }
  return MaximumMatching(BitRows(source, control), partners, control).run();
}

}  // namespace

void require_feasible(const CostSource& source, const char* row_word, const char* column_word, RunControl& control) {
  if (!source.has_forbidden()) return;
  Partners nobody{std::vector<std::int32_t>(static_cast<std::size_t>(source.rows()), kNone),
                  std::vector<std::int32_t>(static_cast<std::size_t>(source.columns()), kNone)};
  const std::vector<std::int32_t> rows = maximum_matching(source, nobody, control);
  if (rows.empty()) return;
  std::ostringstream text;
  text << "No full assignment exists: " << row_word << " " << rows.front();
  if (rows.size() == 1) {
    text << " has no allowed " << column_word;
  } else {
    text << " and " << rows.size() - 1 << " other " << row_word << "s (among them";
    for (std::size_t r = 1; r < rows.size() && r <= 5; ++r) text << (r > 1 ? ", " : " ") << rows[r];
    text << ") together have only " << rows.size() - 1 << " allowed " << column_word << "s";
  }
  throw Error("INFEASIBLE", text.str());
}

void complete_matching(const CostSource& source, std::vector<std::int32_t>& row_to_column,
                       std::vector<std::int32_t>& column_to_row, RunControl& control) {
  if (!source.has_forbidden()) {
    // Any column will do.
    std::size_t j = 0;
    for (std::size_t i = 0; i < row_to_column.size(); ++i) {
      if (row_to_column[i] >= 0) continue;
      while (column_to_row[j] >= 0) ++j;
      row_to_column[i] = static_cast<std::int32_t>(j);
      column_to_row[j] = static_cast<std::int32_t>(i);
    }
    return;
  }
  Partners partners{std::move(row_to_column), std::move(column_to_row)};
  maximum_matching(source, partners, control);
  row_to_column = std::move(partners.row_to_column);
  column_to_row = std::move(partners.column_to_row);
}

}  // namespace sae_match
