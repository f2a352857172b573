// Rows bid for columns with tolerance eps (a Gauss-Seidel auction); identical rows bid together.
#include <algorithm>
#include <utility>

#include "lap/shortlist_state.h"

namespace sae_match {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
// Of a source that wants its rows in batches: a batch that is worth its cost, so few rows that none is, and the lists
// that contested rows get while memory for them lasts.
constexpr std::size_t kFullBatch = 64;
constexpr std::size_t kFewParked = 8;
constexpr std::int64_t kLongList = 512;
constexpr std::int64_t kMostGrownEntries = 4 << 20;
constexpr std::int64_t kEffortOfList = 10;  // that of a bid is 1

class BiddingPhase {
 public:
  BiddingPhase(ShortlistState& state, double eps, std::vector<std::int32_t> waiting, std::int64_t effort)
      : s_(state),
        eps_(eps),
        exact_(eps == 0),
        stop_at_(spent() + effort),
        waiting_(std::move(waiting)),
        parked_twice_(static_cast<std::size_t>(state.n), false) {}

  bool run() {
    // The pool waits until it lacks several columns: its bid touches all it has.
    const std::int64_t patience = 1 + (s_.n >> 6);
    const std::int64_t steps_per_mark = std::max<std::int64_t>(256, s_.m >> 3);
    std::int64_t steps = 0;
    while (spent() < stop_at_) {
      if ((++steps & 255) == 0) s_.control.check();
      if (steps % steps_per_mark == 0) s_.history.mark(s_.v);
      const bool nobody = waiting_.empty() && parked_.empty();
      if (!exact_ && s_.pool.lack() > 0 && (nobody || s_.pool.lack() >= patience)) {
        pool_bid(s_, eps_, waiting_);
        ++s_.work.bids;
      } else if (!waiting_.empty()) {
        const std::int32_t i = waiting_.back();
        waiting_.pop_back();
        if (s_.row_to_column[i] == kFree) bid(i);
      } else if (!parked_.empty()) {
        refresh_parked();
      } else {
        return !left_free_;
      }
    }
    return false;
  }

 private:
  std::int64_t spent() const { return s_.work.bids + s_.work.raised_bounds + kEffortOfList * s_.work.refreshes; }

  void bid(std::int32_t i) {
    const std::vector<std::int32_t>& group = s_.lists.group(i);
    if (group.empty()) {
      bid_alone(i);
    } else {
      bid_together(i, group);
    }
  }

  // Whether the listed columns up to `reduced` are all there are. Otherwise the row has a new list or waits for one.
  bool list_reaches(std::int32_t i, double reduced, std::int64_t& size, bool& parked) {
    if (!(reduced > s_.lists.of(i).bound + eps_ / 2)) return true;
    if (s_.source.batched()) {
      if (raise_bound(s_, i, reduced)) return false;
      parked_.push_back({i, reduced});
      parked = true;
    } else {
      // A new list may still not do where exact costs lie above many equal lower bounds: then a longer one.
      s_.refresh({i}, size);
      size *= 2;
    }
    return false;
  }

  void bid_alone(std::int32_t i) {
    ++s_.work.bids;
    std::int64_t size = s_.list_size;
    bool parked = false;
    BestEntry best;
    const Shortlist& list = s_.lists.of(i);
    const double out = s_.pool.reduced();
    do {
      best = exact_ ? best_exact_entry(s_, i) : best_entry(s_, i);
      if (out < best.reduced && out <= list.bound) return s_.send_out(i, best.reduced);
      if (list_reaches(i, best.reduced, size, parked)) break;
    } while (!parked);
    if (parked) return;
    if (best.position < 0) throw Error("INTERNAL", "A row has no allowed column in a problem that was checked");

    const std::int32_t entry = list.columns[best.position];
    const double drop = level_after_bid(best.reduced, std::min(best.second, out), list.bound) - best.reduced;
    // A tie with somebody who holds the column: paths decide.
    if (exact_ && drop <= 0 && !s_.is_free(entry)) {
      left_free_ = true;
      return;
    }
    const double level = s_.v[entry] - drop;
    const std::int32_t j = s_.column_for(entry);
    take(i, j, list.costs[best.position]);
    s_.set_level(j, level);
    s_.settle_levels();
  }

  // What a row's best column costs it after its bid (reduced): little more than its second choice. Without one in sight
  // it need not outbid anybody by more than eps. Above its bound a row no longer knows its best column, so it stops
  // there if that still is a bid.
  double level_after_bid(double best, double second, double bound) const {
    const double level = std::min(second, bound);
    if (!(level < kInfinity)) return best + eps_;
    return std::max(std::min(level + eps_, bound), best + eps_);
  }

  void take(std::int32_t i, std::int32_t j, double cost) {
    const std::int32_t displaced = s_.assign(i, j, cost);
    if (displaced != kFree) waiting_.push_back(displaced);
    parked_twice_[i] = false;
  }

  // Identical rows want the same columns: one of them after the other would raise the price of each by little more
  // than eps. Together they take the best columns for all of them that are free, and are content with the next best.
  void bid_together(std::int32_t i, const std::vector<std::int32_t>& group) {
    std::vector<std::int32_t> bidders;
    for (const std::int32_t member : group) {
      if (s_.row_to_column[member] == kFree) bidders.push_back(member);
    }
    s_.work.bids += static_cast<std::int64_t>(bidders.size());
    const Shortlist& list = s_.lists.of(i);
    const double out = s_.pool.reduced();
    std::int64_t size = s_.list_size;
    bool parked = false;
    std::size_t taken = 0;
    do {
      taken = choose(i, bidders.size(), out);
      const double last = taken > 0 ? choices_[taken - 1].reduced : -kInfinity;
      const bool enough = taken == bidders.size();
      if (!enough && out <= list.bound) break;  // the others go out
      if (list_reaches(i, enough ? last : kInfinity, size, parked)) break;
    } while (!parked);
    if (parked) return;

    const double next = taken < choices_.size() ? choices_[taken].reduced : kInfinity;
    if (taken < bidders.size() && !(out < kInfinity)) {
      throw Error("INTERNAL", "Rows have no allowed column in a problem that was checked");
    }
    const double worst = taken > 0 ? choices_[taken - 1].reduced : std::min(list.bound, out);
    const double level = level_after_bid(worst, std::min(next, out), list.bound);
    // Everything the group has becomes as good as that.
    for (const std::int32_t member : group) {
      const std::int32_t j = s_.row_to_column[member];
      if (j >= 0) s_.set_level(j, std::min(s_.level(j), s_.own_cost[member] - level));
    }
    double best_left = std::min(list.bound, next);
    for (std::size_t b = 0; b < bidders.size(); ++b) {
      if (b < taken) {
        const auto [reduced, rank, position, j] = choices_[b];
        if (exact_ && !(reduced < level) && s_.column_to_row[j] != kFree) {
          left_free_ = true;  // a tie with somebody who holds the column
          best_left = std::min(best_left, reduced);
          continue;
        }
        take(bidders[b], j, list.costs[position]);
        s_.set_level(j, std::min(s_.level(j), list.costs[position] - level));
      } else {
        s_.send_out(bidders[b], best_left);
      }
    }
    s_.settle_levels();
  }

  // Sorts the best of the list's columns that the group does not own into choices_, one more than wanted if there is
  // one; returns how many of the wanted ones are better than going out. Exact phases make these exact.
  std::size_t choose(std::int32_t i, std::size_t wanted, double out) {
    const Shortlist& list = s_.lists.of(i);
    const std::int32_t group = s_.lists.owner(i);
    for (;;) {
      choices_.clear();
      for (std::int32_t e = 0; e < list.size; ++e) {
        const std::int32_t j = list.columns[e];
        if (s_.classes.shared(j)) {
          const std::vector<std::int32_t>& members = s_.classes.members(j);
          const std::vector<double>& levels = s_.classes.levels(j);
          for (std::size_t k = 0; k < members.size(); ++k) {
            add_choice(group, list.costs[e] - levels[k], e, members[k], wanted + 1);
          }
        } else {
          add_choice(group, list.costs[e] - s_.v[j], e, j, wanted + 1);
        }
      }
      std::sort_heap(choices_.begin(), choices_.end());
      std::size_t taken = 0;
      while (taken < std::min(choices_.size(), wanted) && choices_[taken].reduced <= out) ++taken;
      if (!exact_) return taken;
      bool changed = false;
      // In rising order an exchange moves none that is still to come.
      std::vector<std::int32_t> positions;
      for (std::size_t c = 0; c < taken; ++c) {
        if (choices_[c].position >= list.exact_size) positions.push_back(choices_[c].position);
      }
      std::sort(positions.begin(), positions.end());
      positions.erase(std::unique(positions.begin(), positions.end()), positions.end());
      for (const std::int32_t position : positions) {
        s_.make_exact(i, position);
        changed = true;
      }
      if (!changed) return taken;
    }
  }

  // Keeps the `most` best choices, as a heap with the worst of them on top.
  void add_choice(std::int32_t group, double reduced, std::int32_t position, std::int32_t j, std::size_t most) {
    if (choices_.size() == most && reduced > choices_.front().reduced) return;
    const std::int32_t owner = s_.column_to_row[j];
    if (owner >= 0 && s_.lists.owner(owner) == group) return;
    const Choice choice{reduced, owner == kFree ? 0 : 1, position, j};
    if (choices_.size() == most) {
      if (!(choice < choices_.front())) return;
      std::pop_heap(choices_.begin(), choices_.end());
      choices_.back() = choice;
    } else {
      choices_.push_back(choice);
    }
    std::push_heap(choices_.begin(), choices_.end());
  }

  // New lists for the rows that wait for one. They are long ones: a price war would ask for list after list. A few rows
  // cost as much as many, so rows whose lists will run out next come along.
  void refresh_parked() {
    if (parked_.size() <= kFewParked) raise_bounds_of_parked();
    if (parked_.empty()) return;
    std::vector<std::int32_t> batch;
    std::int64_t size = s_.lists.grown_entries() < kMostGrownEntries ? kLongList : s_.list_size;
    for (const auto& [i, level] : parked_) {
      waiting_.push_back(i);
      batch.push_back(s_.lists.owner(i));
      // A row back at once needs a longer list: its exact costs lie above many equal lower bounds.
      if (parked_twice_[i]) size = std::max(size, 2 * std::int64_t{s_.lists.of(i).size});
      parked_twice_[i] = true;
    }
    parked_.clear();
    std::sort(batch.begin(), batch.end());
    batch.erase(std::unique(batch.begin(), batch.end()), batch.end());
    if (batch.size() < kFullBatch) add_nearly_exhausted(batch);
    s_.refresh(batch, size);
  }

  // A batch of a few rows costs as much as looking at half of all columns for each of them.
  void raise_bounds_of_parked() {
    std::erase_if(parked_, [&](const Parked& row) {
      if (!raise_bound(s_, row.i, row.level, s_.m / 2)) return false;
      waiting_.push_back(row.i);
      return true;
    });
  }

  void add_nearly_exhausted(std::vector<std::int32_t>& batch) const {
    std::vector<std::pair<double, std::int32_t>> slack;
    for (const std::int32_t i : list_owners(s_)) {
      if (std::binary_search(batch.begin(), batch.end(), i) || s_.lists.of(i).size >= kLongList) continue;
      slack.emplace_back(s_.lists.of(i).bound - best_entry(s_, i).reduced, i);
    }
    const std::size_t room = std::min(kFullBatch - batch.size(), slack.size());
    std::nth_element(slack.begin(), slack.begin() + static_cast<std::ptrdiff_t>(room), slack.end());
    for (std::size_t r = 0; r < room; ++r) batch.push_back(slack[r].second);
    std::sort(batch.begin(), batch.end());
  }

  struct Parked {
    std::int32_t i;
    double level;  // above which its bound has to rise
  };

  struct Choice {
    double reduced;
    int rank;  // columns that nobody owns come first among equals
    std::int32_t position, column;
    bool operator<(const Choice& other) const {
      if (reduced != other.reduced) return reduced < other.reduced;
      if (rank != other.rank) return rank < other.rank;
      return position != other.position ? position < other.position : column < other.column;
    }
  };

  ShortlistState& s_;
  double eps_;
  bool exact_;
  std::int64_t stop_at_;
  std::vector<std::int32_t> waiting_;
  std::vector<Parked> parked_;
  std::vector<bool> parked_twice_;  // refreshed since its last bid that was placed
  bool left_free_ = false;          // a row could only tie
  std::vector<Choice> choices_;
};

}  // namespace

bool bidding_phase(ShortlistState& state, double eps, std::vector<std::int32_t> waiting, std::int64_t effort) {
  return BiddingPhase(state, eps, std::move(waiting), effort).run();
}

}  // namespace sae_match
