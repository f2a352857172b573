// Greedy assignment: the cheapest pair first, then the cheapest of what is left; ties to the lower row.
#include <algorithm>
#include <limits>

#include "cost/source_parts.h"
#include "lap/rising_heap.h"
#include "lap/solvers.h"

namespace sae_match {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::int64_t kListSize = 32;

// Every waiting row offers its cheapest free column. Costs of free columns only leave, so offers only rise.
class Greedy {
 public:
  Greedy(const CostSource& source, RunControl& control)
      : source_(source),
        control_(control),
        list_size_(source.batched() ? 4 * kListSize : kListSize),
        lists_(source.rows(), [this](std::int64_t i) { return source_.list_room(i, list_size_); }),
        hidden_(static_cast<std::size_t>(source.columns()), 0),
        offered_(static_cast<std::size_t>(source.rows()), kNone) {
    matching_.row_to_column.assign(static_cast<std::size_t>(source.rows()), kNone);
    matching_.column_to_row.assign(static_cast<std::size_t>(source.columns()), kNone);
    matching_.v.assign(static_cast<std::size_t>(source.columns()), 0);
  }

  Matching run(double unmatched_cost) {
    make_lists(all_indices(source_.rows()));
    std::int64_t made = 0;
    while (!offers_.empty() && offers_.top().key <= unmatched_cost) {
      const auto [key, i] = offers_.top();
      const std::int32_t j = offered_[i];
      if (j == kNone) {
        // Its list has run out, and nothing unlisted is cheaper than this.
        make_lists(rows_in_need(i));
      } else if (is_free(j)) {
        offers_.pop();
        matching_.row_to_column[i] = j;
        matching_.column_to_row[j] = i;
        // At a price of -infinity no list holds it.
        hidden_[j] = -kInfinity;
        if ((++made & 255) == 0) control_.report(made, source_.rows());
      } else {
        offers_.pop();
        offer(i);
      }
      if ((++steps_ & 255) == 0) control_.check();
    }
    matching_.work.bids = steps_;
    return std::move(matching_);
  }

 private:
  static constexpr std::int32_t kNone = -1;

  bool is_free(std::int32_t j) const { return hidden_[j] == 0; }

  void make_lists(std::vector<std::int32_t> rows) {
    // A new list offers nothing where its exact costs lie above many equal lower bounds: then a longer one.
    for (std::int64_t size = list_size_; !rows.empty(); size *= 2) {
      control_.check();
      source_.list(rows, hidden_.data(), size, lists_, control_);
      matching_.work.refreshes += static_cast<std::int64_t>(rows.size());
      std::erase_if(rows, [&](std::int32_t i) {
        const double least = find_offer(i);
        if (offered_[i] == kNone && least < kInfinity) return false;
        push_offer(i, least);
        return true;
      });
    }
  }

  // Takes off the heap the row on top, and where lists are made in batches every other row whose list has run out.
  std::vector<std::int32_t> rows_in_need(std::int32_t top) {
    std::vector<std::int32_t> rows{top};
    offers_.pop();
    if (!source_.batched()) return rows;
    offers_.erase_if([&](const RisingHeap::Item& item) {
      const bool needs = offered_[item.number] == kNone;
      if (needs) rows.push_back(item.number);
      return needs;
    });
    std::sort(rows.begin(), rows.end());
    return rows;
  }

  // Puts row i on the heap with its cheapest free column; with the bound of its list if that is all that is known.
  void offer(std::int32_t i) { push_offer(i, find_offer(i)); }

  void push_offer(std::int32_t i, double least) {
    if (least < kInfinity) offers_.push(least, i);
  }

  double find_offer(std::int32_t i) {
    Shortlist& list = lists_.of(i);
    double least = kInfinity;
    offered_[i] = kNone;
    for (std::int32_t e = 0; e < list.size; ++e) {
      if (!is_free(list.columns[e]) || !(list.costs[e] <= least)) continue;
      std::int32_t at = e;
      if (e >= list.exact_size) {
        at = list.exact_size++;
        std::swap(list.columns[e], list.columns[at]);
        std::swap(list.costs[e], list.costs[at]);
        list.costs[at] = source_.cost(i, list.columns[at]);
        ++matching_.work.exact_costs;
      }
      if (list.costs[at] < least || (list.costs[at] == least && list.columns[at] < offered_[i])) {
        least = list.costs[at];
        offered_[i] = list.columns[at];
      }
    }
    if (least > list.bound) {
      offered_[i] = kNone;
      least = list.bound;
    }
    return least;
  }

  const CostSource& source_;
  RunControl& control_;
  std::int64_t list_size_;
  Shortlists lists_;
  std::vector<double> hidden_;         // [columns] 0 where free
  std::vector<std::int32_t> offered_;  // [rows]
  RisingHeap offers_;
  std::int64_t steps_ = 0;
  Matching matching_;
};

}  // namespace

Matching solve_greedy(const CostSource& source, double unmatched_cost, RunControl& control) {
  return Greedy(source, control).run(unmatched_cost);
}

}  // namespace sae_match
