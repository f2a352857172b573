// Bertsekas' auction with eps-scaling, over whole rows: all free rows bid at once (Jacobi). The solver to compare the
// others with, and the one whose work threads can share.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "lap/solvers.h"
#include "lap/starting_prices.h"

namespace sae_match {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
// A round's rows. The same whatever the number of threads, which share a round's looks at rows.
constexpr std::size_t kMostBidders = 2048;
// The two best columns of a row stand among so many.
constexpr std::int64_t kListed = 4;
// Tolerances, in median distances of a row's second choice from its first, and a phase's budget in bids per row. Work is
// counted and never timed, so that runs repeat. What a phase leaves undone the exact finish does.
constexpr double kFirstTolerance = 64, kFallOfTolerance = 4, kLastTolerance = 1.0 / 16;
constexpr double kToleranceOfSoftMinima = 1.0 / 8;  // prices that begin near to optimal ones want one phase
constexpr std::int64_t kMostBids = 100;
// Of a source whose rows all bid at once: bids per row between two looks at what has come of them, and rounds.
constexpr std::int64_t kBidsAtOnce = 4, kMostRoundsAtOnce = 64;
constexpr std::int32_t kFree = -1;

struct Bid {
  std::int32_t row, column;
  double price;  // what the column would cost after it
};

class Auction {
 public:
  Auction(const CostSource& source, RunControl& control)
      : source_(source),
        control_(control),
        n_(source.rows()),
        m_(source.columns()),
        v(static_cast<std::size_t>(m_), 0),
        lists_(n_, [&](std::int64_t i) { return source.list_room(i, kListed); }),
        column_to_row_(static_cast<std::size_t>(m_)) {}

  // The median of what a second choice costs more than the first, over a sample of the rows at the present prices.
  double median_spread() {
    std::vector<std::int32_t> sample;
    constexpr std::int64_t kSampleRows = 256;
    const std::int64_t size = std::min(n_, kSampleRows);
    for (std::int64_t s = 0; s < size; ++s) sample.push_back(static_cast<std::int32_t>(s * n_ / size));
    look(sample);
    std::vector<double> spreads;
    for (const std::int32_t i : sample) {
      const Choice choice = best_of(i);
      const double spread = choice.second - choice.best;
      if (spread > 0 && spread < kInfinity) spreads.push_back(spread);
    }
    if (spreads.empty()) return 0;
    const auto middle = spreads.begin() + static_cast<std::ptrdiff_t>(spreads.size() / 2);
    std::nth_element(spreads.begin(), middle, spreads.end());
    return *middle;
  }

  // From an empty matching until every row has a column or the budget is spent.
  void phase(double eps, double unmatched_cost) {
    if (const PriceSweeps* sweeps = source_.price_sweeps()) return phase_at_once(*sweeps, eps, unmatched_cost);
    std::fill(column_to_row_.begin(), column_to_row_.end(), kFree);
    std::vector<std::int32_t> waiting(static_cast<std::size_t>(n_)), bidders;
    std::iota(waiting.rbegin(), waiting.rend(), 0);
    const std::int64_t stop_at = work.bids + kMostBids * n_;
    while (!waiting.empty() && work.bids < stop_at) {
      control_.check();
      const std::size_t count = std::min(waiting.size(), kMostBidders);
      bidders.assign(waiting.end() - static_cast<std::ptrdiff_t>(count), waiting.end());
      waiting.resize(waiting.size() - count);
      look(bidders);
      std::vector<Bid> bids;
      for (const std::int32_t i : bidders) {
        const Choice choice = best_of(i);
        // A row that would rather stay alone is out of the auction.
        if (choice.column < 0 || choice.best > unmatched_cost) continue;
        const double second = std::min(choice.second, unmatched_cost);
        const double rise = (second < kInfinity ? second - choice.best : 0) + eps;
        bids.push_back({i, choice.column, v[choice.column] - rise});
      }
      work.bids += static_cast<std::int64_t>(count);
      settle(bids, waiting);
    }
  }

  Work work;

 private:
  // The same with the rounds of the source.
  void phase_at_once(const PriceSweeps& sweeps, double eps, double unmatched_cost) {
    PriceSweeps::AuctionState state{n_, 0};
    while (state.waiting > 0 && state.bids < kMostBids * n_) {
      control_.check();
      const std::int64_t rounds = std::min(kMostRoundsAtOnce, kBidsAtOnce * n_ / state.waiting);
      state = sweeps.auction({eps, unmatched_cost, rounds, state.bids == 0}, v);
    }
    work.bids += state.bids;
  }

  struct Choice {
    std::int32_t column = -1;
    double best = kInfinity, second = kInfinity;
  };

  void look(const std::vector<std::int32_t>& rows) {
    source_.list(rows, v.data(), kListed, lists_, control_);
    work.refreshes += static_cast<std::int64_t>(rows.size());
  }

  Choice best_of(std::int32_t i) const {
    const Shortlist& list = lists_.of(i);
    Choice choice;
    for (std::int32_t e = 0; e < list.size; ++e) {
      const double reduced = list.costs[e] - v[list.columns[e]];
      if (reduced < choice.best) {
        choice = {list.columns[e], reduced, choice.best};
      } else {
        choice.second = std::min(choice.second, reduced);
      }
    }
    choice.second = std::min(choice.second, list.bound);
    return choice;
  }

  // Every column goes to who bids most for it, the lower row among equals; the others wait.
  void settle(std::vector<Bid>& bids, std::vector<std::int32_t>& waiting) {
    std::sort(bids.begin(), bids.end(), [](const Bid& a, const Bid& b) {
      if (a.column != b.column) return a.column < b.column;
      return a.price != b.price ? a.price < b.price : a.row < b.row;
    });
    for (std::size_t b = 0; b < bids.size(); ++b) {
      const auto [i, j, price] = bids[b];
      if (b > 0 && bids[b - 1].column == j) {
        waiting.push_back(i);
        continue;
      }
      if (column_to_row_[j] != kFree) waiting.push_back(column_to_row_[j]);
      column_to_row_[j] = i;
      v[j] = price;
    }
  }

  const CostSource& source_;
  RunControl& control_;
  std::int64_t n_, m_;

 public:
  std::vector<double> v;  // [columns] prices

 private:
  Shortlists lists_;
  std::vector<std::int32_t> column_to_row_;
};

}  // namespace

Matching solve_auction(const CostSource& source, double unmatched_cost, RunControl& control) {
  Auction auction(source, control);
  double first = kFirstTolerance;
  if (std::optional<std::vector<double>> prices = soft_prices(source, unmatched_cost, control)) {
    auction.v = std::move(*prices);
    first = kToleranceOfSoftMinima;
  }
  const double spread = auction.median_spread();
  control.enter(Phase::solve);
  if (spread > 0) {
    // A power of two keeps prices of integer costs exact.
    for (double eps = std::ldexp(1.0, std::ilogb(first * spread)); eps > kLastTolerance * spread;
         eps /= kFallOfTolerance) {
      auction.phase(eps, unmatched_cost);
    }
  }
  Matching matching = solve_shortlist(source, unmatched_cost, &auction.v, control);
  matching.work.bids += auction.work.bids;
  matching.work.refreshes += auction.work.refreshes;
  return matching;
}

}  // namespace sae_match
