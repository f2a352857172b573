// The nearest rows of every row, from the lists that an implicit source makes in one sweep.
#include "sae_match/nearest.h"

#include <algorithm>
#include <vector>

#include "cost/cost_source.h"
#include "cost/source_parts.h"
#include "sae_match/thread_pool.h"

namespace sae_match {
namespace {

constexpr std::int64_t kRowsPerPiece = 16;
// What makes up for the errors of the bounds that lists are chosen by.
constexpr std::int64_t kSpare = 16;

struct Found {
  double cost;
  std::int32_t column;
  bool operator<(const Found& other) const { return cost != other.cost ? cost < other.cost : column < other.column; }
};

class NearestRows {
 public:
  NearestRows(const CostSource& source, std::int64_t count, double cost_factor, std::int32_t* index, double* cost)
      : source_(source), count_(count), cost_factor_(cost_factor), index_(index), cost_(cost) {}

  void run(RunControl& control) const {
    Shortlists lists(source_.rows(), std::min(source_.columns(), 2 * (count_ + kSpare)));
    const std::vector<double> no_prices(static_cast<std::size_t>(source_.columns()), 0.0);
    std::vector<std::int32_t> rows = all_indices(source_.rows());
    // Where more columns lie within the errors of their bounds than a list holds, or are as near, it takes a longer one.
    for (std::int64_t size = count_ + kSpare; !rows.empty(); size *= 4) {
      source_.list(rows, no_prices.data(), size, lists, control);
      std::vector<char> done(rows.size(), 0);
      parallel_for(static_cast<std::int64_t>(rows.size()), kRowsPerPiece, control.threads,
                   [&](std::int64_t begin, std::int64_t end) {
                     control.check();
                     std::vector<Found> found;
                     for (std::int64_t r = begin; r < end; ++r) done[r] = take_nearest(rows[r], lists.of(rows[r]), found);
                   });
      std::size_t kept = 0;
      for (std::size_t r = 0; r < rows.size(); ++r) {
        if (!done[r]) rows[kept++] = rows[r];
      }
      rows.resize(kept);
    }
  }

 private:
  // Whether the list tells the nearest columns for certain: what is not on it costs at least its bound.
  bool take_nearest(std::int32_t i, const Shortlist& list, std::vector<Found>& found) const {
    if (list.size < count_) return false;
    std::vector<double> costs(static_cast<std::size_t>(list.size));
    source_.costs(i, list.columns, list.size, costs.data());
    found.clear();
    for (std::int32_t e = 0; e < list.size; ++e) found.push_back({costs[e], list.columns[e]});
    std::partial_sort(found.begin(), found.begin() + count_, found.end());
    if (!(found[count_ - 1].cost < list.bound)) return false;
    for (std::int64_t k = 0; k < count_; ++k) {
      index_[i * count_ + k] = found[k].column;
      cost_[i * count_ + k] = found[k].cost / cost_factor_;
    }
    return true;
  }

  const CostSource& source_;
  std::int64_t count_;
  double cost_factor_;
  std::int32_t* index_;
  double* cost_;
};

}  // namespace

void nearest_rows(const Rows& a, const Rows& b, std::int64_t count, std::int32_t* index, double* cost, RunControl& control,
                  Sign sign, const Devices* devices) {
  if (a.count == 0 || count == 0) return;
  const auto source = devices ? make_device_source(*devices, a, b, false, Source::implicit, 0, control, sign)
                              : make_rows_source(a, b, false, Source::implicit, 0, control, sign);
  NearestRows(*source, count, source->cost_factor(), index, cost).run(control);
}

}  // namespace sae_match
