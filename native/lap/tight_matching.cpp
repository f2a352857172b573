// A largest matching among pairs that are tight already. Where costs tie, shortest paths would be found one by one
// among many of length 0; one pass of depth-first searches that share what they have seen finds most of them at once.
#include <algorithm>

#include "lap/shortlist_state.h"

namespace sae_match {
namespace {

class TightMatching {
 public:
  explicit TightMatching(ShortlistState& state) : s_(state), seen_(static_cast<std::size_t>(s_.m), false) {
    if (s_.classes.any()) seen_members_.resize(static_cast<std::size_t>(s_.m));
    if (!s_.lists.groups().empty()) seen_list_.resize(static_cast<std::size_t>(s_.n));
  }

  // One pass; returns how many rows got a column.
  std::int64_t pass() {
    std::fill(seen_.begin(), seen_.end(), false);
    std::fill(seen_members_.begin(), seen_members_.end(), 0);
    std::fill(seen_list_.begin(), seen_list_.end(), false);
    std::int64_t gained = 0;
    for (std::int64_t k = 0; k < s_.n; ++k) {
      const auto i = static_cast<std::int32_t>(k);
      if (s_.row_to_column[i] != kFree || was_seen(i)) continue;
      s_.control.check();
      gained += search(i);
    }
    return gained;
  }

 private:
  struct Step {
    std::int32_t row;
    std::int32_t entry;  // of its list, where the search is
    double price;        // reduced cost of the row's tight entries
  };

  // Whether another row with the same list was on the way already: this one leads no further.
  bool was_seen(std::int32_t i) const { return !s_.lists.group(i).empty() && seen_list_[s_.lists.owner(i)]; }
  void see(std::int32_t i, bool seen = true) {
    if (!s_.lists.group(i).empty()) seen_list_[s_.lists.owner(i)] = seen;
  }

  bool search(std::int32_t start) {
    see(start);
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
      const std::int32_t owner = s_.column_to_row[j];
      if (was_seen(owner)) continue;
      see(owner);
      path_.push_back({owner, 0, s_.own_cost[owner] - s_.price(j)});
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
    for (; step.entry < list.exact_size; ++step.entry) {
      if (seen_[list.columns[step.entry]] || !is_tight(step, list, step.entry)) continue;
      const std::int32_t j = next_owned(list.columns[step.entry]);
      if (j >= 0) return j;
    }
    return -1;
  }

  // The next column that entry j stands for and a row owns.
  std::int32_t next_owned(std::int32_t j) {
    if (s_.classes.shared(j)) {
      const std::vector<std::int32_t>& members = s_.classes.members(j);
      for (auto k = static_cast<std::size_t>(seen_members_[j]); k < members.size(); ++k) {
        if (s_.column_to_row[members[k]] < 0) continue;
        seen_members_[j] = static_cast<std::int32_t>(k) + 1;
        return members[k];
      }
    }
    seen_[j] = true;
    return !s_.classes.shared(j) && s_.column_to_row[j] >= 0 ? j : -1;
  }

  // If the last row of the path has a tight column that nobody owns, everybody on the path moves on by one.
  bool take_free_column() {
    const Step& last = path_.back();
    const Shortlist& list = s_.lists.of(last.row);
    for (std::int32_t e = 0; e < list.exact_size; ++e) {
      if (!s_.is_free(list.columns[e]) || !is_tight(last, list, e)) continue;
      std::int32_t j = s_.column_for(list.columns[e]);
      for (std::int32_t entry = e; !path_.empty(); path_.pop_back()) {
        const std::int32_t i = path_.back().row, before = s_.row_to_column[i];
        see(i, false);  // there may be a way for its like, too
        s_.row_to_column[i] = j;
        s_.give(j, i);
        s_.own_cost[i] = s_.lists.of(i).costs[entry];
        // The row before it on the path looked at the column that this one leaves.
        j = before;
        if (path_.size() > 1) entry = path_[path_.size() - 2].entry;
      }
      return true;
    }
    return false;
  }

  ShortlistState& s_;
  std::vector<bool> seen_;                    // [columns] of list entries
  std::vector<bool> seen_list_;               // [rows] of owners of shared lists
  std::vector<std::int32_t> seen_members_;    // [columns] how many of an entry's columns
  std::vector<Step> path_;
};

}  // namespace

void match_tight_pairs(ShortlistState& state) {
  TightMatching matching(state);
  while (matching.pass() > 0) {
  }
}

}  // namespace sae_match
