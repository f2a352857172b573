// A largest matching among pairs that are tight already. Where costs tie, shortest paths would be found one by one
// among many of length 0; one pass of depth-first searches that share what they have seen finds most of them at once.
#include <algorithm>

#include "lap/shortlist_state.h"

namespace sae_match {
namespace {

class TightMatching {
 public:
  explicit TightMatching(ShortlistState& state) : s_(state), seen_(static_cast<std::size_t>(s_.m), false) {}

  // One pass; returns how many rows got a column.
  std::int64_t pass() {
    std::fill(seen_.begin(), seen_.end(), false);
    std::int64_t gained = 0;
    for (std::int64_t i = 0; i < s_.n; ++i) {
      if (s_.row_to_column[i] != kFree) continue;
      s_.control.check();
      gained += search(static_cast<std::int32_t>(i));
    }
    return gained;
  }

 private:
  struct Step {
    std::int32_t row;
    std::int32_t entry;  // of its list, where the search goes on
    double price;        // reduced cost of the row's tight entries
  };

  bool search(std::int32_t start) {
    const BestEntry best = best_exact_entry(s_, start);
    if (best.reduced > std::min(s_.lists.of(start).bound, s_.pool.reduced())) return false;
    path_.assign(1, {start, 0, best.reduced});
    if (take_free_column()) return true;
    while (!path_.empty()) {
      Step& step = path_.back();
      const std::int32_t j = next_tight_column(step);
      if (j < 0) {
        path_.pop_back();
        continue;
      }
      seen_[j] = true;
      const std::int32_t owner = s_.column_to_row[j];
      path_.push_back({owner, 0, s_.own_cost[owner] - s_.v[j]});
      if (take_free_column()) return true;
    }
    return false;
  }

  bool is_tight(const Step& step, const Shortlist& list, std::int32_t e) const {
    return list.costs[e] - s_.v[list.columns[e]] == step.price;
  }

  // The next tight column of the row that another row owns and nobody has looked at; -1 if there is none.
  std::int32_t next_tight_column(Step& step) {
    const Shortlist& list = s_.lists.of(step.row);
    while (step.entry < list.exact_size) {
      const std::int32_t e = step.entry++, j = list.columns[e];
      if (!seen_[j] && s_.column_to_row[j] >= 0 && is_tight(step, list, e)) return j;
    }
    return -1;
  }

  // If the last row of the path has a tight column that nobody owns, everybody on the path moves on by one.
  bool take_free_column() {
    const Step& last = path_.back();
    const Shortlist& list = s_.lists.of(last.row);
    for (std::int32_t e = 0; e < list.exact_size; ++e) {
      std::int32_t j = list.columns[e];
      if (s_.column_to_row[j] != kFree || !is_tight(last, list, e)) continue;
      for (std::int32_t entry = e; !path_.empty(); path_.pop_back()) {
        const std::int32_t i = path_.back().row, before = s_.row_to_column[i];
        s_.row_to_column[i] = j;
        s_.column_to_row[j] = i;
        s_.own_cost[i] = s_.lists.of(i).costs[entry];
        // The row before it on the path looked at the column that this one leaves.
        j = before;
        if (path_.size() > 1) entry = path_[path_.size() - 2].entry - 1;
      }
      return true;
    }
    return false;
  }

  ShortlistState& s_;
  std::vector<bool> seen_;
  std::vector<Step> path_;
};

}  // namespace

void match_tight_pairs(ShortlistState& state) {
  TightMatching matching(state);
  while (matching.pass() > 0) {
  }
}

}  // namespace sae_match
