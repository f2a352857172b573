// Bidding: rows bid for columns with tolerance eps, the pool for what stays alone.
#include <algorithm>
#include <functional>

#include "lap/shortlist_state.h"

namespace sae_match {
namespace {

// Rows are refreshed together where a source prefers it: so many at most.
constexpr std::size_t kRefreshBatch = 256;

class BiddingPhase {
 public:
  BiddingPhase(ShortlistState& state, double eps, std::int64_t budget)
      : s_(state),
        eps_(eps),
        stop_at_(state.work.bids + budget),
        parked_twice_(static_cast<std::size_t>(state.n), false) {}

  bool run(bool reversed) {
    s_.drop_matching();
    if (s_.pool.active) {
      s_.pool.price = *std::max_element(s_.v.begin(), s_.v.end());
      if (s_.pool.lack() > 0) pool_bid(s_, eps_, free_);
    }
    for (std::int64_t i = 0; i < s_.n; ++i) free_.push_back(static_cast<std::int32_t>(reversed ? i : s_.n - 1 - i));
    while (s_.work.bids < stop_at_) {
      if (!free_.empty()) {
        const std::int32_t i = free_.back();
        free_.pop_back();
        bid_until_placed(i);
      } else if (!parked_.empty()) {
        refresh_parked();
      } else if (s_.pool.lack() > 0) {
        pool_bid(s_, eps_, free_);
        leave_pool();
        ++s_.work.bids;
      } else {
        return true;
      }
      if ((s_.work.bids & 1023) == 0) s_.control.check();
    }
    return false;
  }

 private:
  // The row bids, then whoever it displaced, and so on until somebody gets a column that was nobody's.
  void bid_until_placed(std::int32_t i) {
    while (i >= 0 && s_.work.bids < stop_at_) {
      std::int32_t displaced = kFree;
      if (!bid(i, displaced)) return;
      i = displaced;
    }
    if (i >= 0) free_.push_back(i);
  }

  // False if the row was parked to wait for a new list.
  bool bid(std::int32_t i, std::int32_t& displaced) {
    ++s_.work.bids;
    const bool exact = eps_ == 0;
    std::int64_t size = s_.list_size;
    for (;;) {
      const BestEntry best = exact ? best_exact_entry(s_, i) : best_entry(s_, i);
      const Shortlist& list = s_.lists[i];
      const double out = s_.pool.reduced();
      if (out < best.reduced && out <= list.bound) {
        s_.row_to_column[i] = kPool;
        ++s_.pool.out;
        return true;
      }
      if (best.reduced > list.bound + eps_ / 2) {
        if (s_.source.batched()) {
          parked_.push_back(i);
          return false;
        }
        // A new list may still not do where exact costs lie above many equal lower bounds: then a longer one.
        s_.refresh({i}, size);
        size *= 2;
        continue;
      }
      const std::int32_t j = list.columns[best.position];
      const double second = std::min({best.second, list.bound, out});
      // Without a second choice in sight the row need not outbid anybody by more than eps.
      const double drop = second < std::numeric_limits<double>::infinity() ? second - best.reduced + eps_ : eps_;
      const std::int32_t owner = s_.column_to_row[j];
      // A tie with somebody who holds the column: paths decide.
      if (exact && drop <= 0 && owner != kFree) return true;
      s_.v[j] -= drop;
      if (owner >= 0) {
        s_.row_to_column[owner] = kFree;
        displaced = owner;
      } else if (owner == kPool) {
        --s_.pool.owned;
      }
      s_.assign(i, j, list.costs[best.position]);
      parked_twice_[i] = false;
      return true;
    }
  }

  // New lists for the rows that wait; a batch is filled up with the rows whose lists will run out next.
  void refresh_parked() {
    std::vector<std::int32_t> batch;
    std::int64_t size = s_.list_size;
    while (!parked_.empty() && batch.size() < kRefreshBatch) {
      const std::int32_t i = parked_.back();
      parked_.pop_back();
      free_.push_back(i);
      batch.push_back(i);
      // A row back at once needs a longer list: its exact costs lie above many equal lower bounds.
      if (parked_twice_[i]) size = std::max(size, 2 * std::int64_t{s_.lists[i].size});
      parked_twice_[i] = true;
    }
    if (size == s_.list_size) add_nearly_exhausted(batch);
    s_.refresh(batch, size);
  }

  void add_nearly_exhausted(std::vector<std::int32_t>& batch) {
    std::vector<bool> in_batch(static_cast<std::size_t>(s_.n), false);
    for (const std::int32_t i : batch) in_batch[i] = true;
    std::vector<std::pair<double, std::int32_t>> slack;
    for (std::int32_t i = 0; i < s_.n; ++i) {
      if (in_batch[i] || s_.lists[i].size == s_.m) continue;
      const BestEntry best = best_entry(s_, i);
      slack.emplace_back(s_.lists[i].bound - best.reduced, i);
    }
    const std::size_t room = std::min(kRefreshBatch - batch.size(), slack.size());
    std::nth_element(slack.begin(), slack.begin() + static_cast<std::ptrdiff_t>(room), slack.end());
    for (std::size_t r = 0; r < room; ++r) batch.push_back(slack[r].second);
  }

  // After the pool's price fell, rows in it may prefer a column again; columns it does not need are nobody's.
  void leave_pool() {
    if (s_.pool.out > 0) {
      for (std::int32_t i = 0; i < s_.n; ++i) {
        if (s_.row_to_column[i] != kPool) continue;
        if (std::min(best_entry(s_, i).reduced, s_.lists[i].bound) + eps_ < s_.pool.reduced()) {
          s_.release_row(i);
          free_.push_back(i);
        }
      }
    }
    for (std::int64_t j = s_.m - 1; j >= 0 && s_.pool.lack() < 0; --j) {
      if (s_.column_to_row[j] != kPool) continue;
      s_.column_to_row[j] = kFree;
      --s_.pool.owned;
    }
  }

  ShortlistState& s_;
  double eps_;
  std::int64_t stop_at_;
  std::vector<std::int32_t> free_, parked_;
  std::vector<bool> parked_twice_;  // refreshed since its last bid that was placed
};

}  // namespace

void pool_bid(ShortlistState& state, double eps, std::vector<std::int32_t>& displaced) {
  Pool& pool = state.pool;
  const std::int64_t need = pool.surplus + pool.out;
  std::vector<double> prices(state.v);
  // The price of the dearest column it does without; with all columns, their least price.
  const std::int64_t next = std::min(need, state.m - 1);
  std::nth_element(prices.begin(), prices.begin() + next, prices.end(), std::greater<>());
  const double price = prices[next];
  const auto take = [&](std::int64_t j) {
    const std::int32_t owner = state.column_to_row[j];
    if (owner >= 0) {
      state.row_to_column[owner] = kFree;
      displaced.push_back(owner);
    }
    if (owner != kPool) ++pool.owned;
    state.column_to_row[j] = kPool;
  };
  for (std::int64_t j = 0; j < state.m; ++j) {
    if (state.v[j] > price) take(j);
  }
  // Among columns at that very price: its own, then nobody's, then those of rows; the last first, since rows prefer
  // the lower index.
  for (const int preferred : {1, 2}) {
    for (std::int64_t j = state.m - 1; j >= 0 && pool.lack() > 0; --j) {
      const std::int32_t owner = state.column_to_row[j];
      const int kind = owner == kPool ? 0 : owner == kFree ? 1 : 2;
      if (kind == preferred && state.v[j] == price) take(j);
    }
  }
  pool.price = price - eps;
  for (std::int64_t j = 0; j < state.m; ++j) {
    if (state.column_to_row[j] == kPool) state.v[j] = std::min(state.v[j], pool.price);
  }
}

bool bidding_phase(ShortlistState& state, double eps, bool reversed, std::int64_t budget) {
  return BiddingPhase(state, eps, budget).run(reversed);
}

}  // namespace sae_match
