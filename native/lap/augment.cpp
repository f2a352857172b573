// Shortest augmenting paths over the lists: Dijkstra with a heap, lazy about exact costs and about unlisted columns.
#include <algorithm>
#include <limits>

#include "lap/shortlist_state.h"

namespace sae_match {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::size_t kRefreshBatch = 64;

// Where a label comes from or goes to, apart from rows and columns.
constexpr std::int32_t kFromPool = -1;  // as a row: the pool
constexpr std::int32_t kToPool = -1;    // as a column: the row goes out
constexpr std::int32_t kUnlisted = -2;  // as a column: whatever the row has not listed

// A way to reach a column, the pool or a row's unlisted columns, at a distance that is a lower bound unless `exact`.
struct Label {
  double distance;
  std::int32_t row, column;
  bool exact;
  // A heap's order: nearest first, then the lower column, then the lower row, so that runs repeat.
  bool operator<(const Label& other) const {
    if (distance != other.distance) return distance > other.distance;
    if (column != other.column) return column > other.column;
    return row > other.row;
  }
};

class Search {
 public:
  explicit Search(ShortlistState& state)
      : s_(state),
        tentative_(static_cast<std::size_t>(s_.m), kInfinity),
        predecessor_(static_cast<std::size_t>(s_.m), kFree),
        settled_mark_(static_cast<std::size_t>(s_.m), false),
        row_distance_(static_cast<std::size_t>(s_.n), 0),
        row_price_(static_cast<std::size_t>(s_.n), 0) {}

  // From a free row, or from the pool if `start` is kFromPool.
  void run(std::int32_t start) {
    sink_distance_ = kInfinity;
    pool_distance_ = kInfinity;
    pool_entry_ = {};
    if (start == kFromPool) {
      scan_pool(0);
    } else {
      scan_row(start, 0, start_price(start));
    }
    const std::int32_t sink = settle_until_free_column();
    update_prices();
    flip(sink);
    for (const std::int32_t j : touched_) {
      tentative_[j] = kInfinity;
      settled_mark_[j] = false;
    }
    touched_.clear();
    settled_.clear();
    heap_.clear();
  }

 private:
  // How the pool was reached: a column it owned, or a row that goes out.
  struct PoolEntry {
    std::int32_t row = kFree, column = kFree;
  };

  double start_price(std::int32_t i) const {
    return std::min({best_entry(s_, i).reduced, s_.lists[i].bound, s_.pool.reduced()});
  }

  void push(Label label) {
    heap_.push_back(label);
    std::push_heap(heap_.begin(), heap_.end());
  }

  void touch(std::int32_t j) {
    if (tentative_[j] == kInfinity) touched_.push_back(j);
  }

  // An arc into column j. Distances never fall along a path, whatever rounding says.
  void reach(std::int32_t row, std::int32_t j, double distance, bool exact) {
    if (settled_mark_[j] || !(distance < tentative_[j]) || !(distance < sink_distance_)) return;
    if (exact) {
      touch(j);
      tentative_[j] = distance;
      predecessor_[j] = row;
      if (s_.column_to_row[j] == kFree) sink_distance_ = distance;
    }
    push({distance, row, j, exact});
  }

  void scan_row(std::int32_t i, double distance, double price) {
    row_distance_[i] = distance;
    row_price_[i] = price;
    const Shortlist& list = s_.lists[i];
    for (std::int32_t e = 0; e < list.size; ++e) {
      const std::int32_t j = list.columns[e];
      reach(i, j, distance + std::max(0.0, list.costs[e] - s_.v[j] - price), e < list.exact_size);
    }
    if (list.bound < kInfinity) {
      const double unlisted = distance + std::max(0.0, list.bound - price);
      if (unlisted < sink_distance_) push({unlisted, i, kUnlisted, true});
    }
    if (s_.pool.active && pool_distance_ == kInfinity) {
      const double out = distance + std::max(0.0, s_.pool.reduced() - price);
      if (out < sink_distance_) push({out, i, kToPool, true});
    }
  }

  // The pool reaches every column, and the rows in it may leave.
  void scan_pool(double distance) {
    pool_distance_ = distance;
    for (std::int64_t j = 0; j < s_.m; ++j) {
      if (s_.column_to_row[j] == kPool) continue;
      reach(kFromPool, static_cast<std::int32_t>(j), distance + std::max(0.0, s_.pool.price - s_.v[j]), true);
    }
    if (s_.pool.out == 0) return;
    for (std::int64_t i = 0; i < s_.n; ++i) {
      if (s_.row_to_column[i] == kPool) scan_row(static_cast<std::int32_t>(i), distance, s_.pool.reduced());
    }
  }

  std::int32_t settle_until_free_column() {
    while (!heap_.empty()) {
      const Label label = heap_.front();
      std::pop_heap(heap_.begin(), heap_.end());
      heap_.pop_back();
      ++s_.work.labels;
      if ((s_.work.labels & 4095) == 0) s_.control.check();
      if (label.column == kUnlisted) {
        extend(label);
      } else if (label.column == kToPool) {
        if (pool_distance_ == kInfinity) {
          pool_entry_.row = label.row;
          scan_pool(label.distance);
        }
      } else if (!label.exact) {
        make_exact(label);
      } else if (!settled_mark_[label.column] && label.distance == tentative_[label.column]) {
        const std::int32_t j = label.column;
        const std::int32_t owner = s_.column_to_row[j];
        end_distance_ = label.distance;
        if (owner == kFree) return j;
        settled_mark_[j] = true;
        if (owner == kPool) {
          // The first of the pool's columns; all of them are as near.
          if (pool_distance_ == kInfinity) {
            pool_entry_.column = j;
            scan_pool(label.distance);
          }
        } else {
          settled_.push_back(j);
          scan_row(owner, label.distance, s_.own_cost[owner] - s_.v[j]);
        }
      }
    }
    throw Error("INTERNAL", "No augmenting path was found in a problem that was checked to be feasible");
  }

  void make_exact(const Label& label) {
    if (settled_mark_[label.column] || !(label.distance < tentative_[label.column])) return;
    const Shortlist& list = s_.lists[label.row];
    std::int32_t at = 0;
    while (list.columns[at] != label.column) ++at;
    at = s_.make_exact(label.row, at);
    const double reduced = list.costs[at] - s_.v[label.column] - row_price_[label.row];
    reach(label.row, label.column, row_distance_[label.row] + std::max(0.0, reduced), true);
  }

  // A longer list for the row. Where refreshes come in batches, other rows whose unlisted columns are next in line
  // come along.
  void extend(const Label& label) {
    std::vector<std::int32_t> rows{label.row};
    const std::int64_t size = std::max<std::int64_t>(s_.list_size, 2 * std::int64_t{s_.lists[label.row].size});
    if (s_.source.batched()) {
      std::vector<Label> waiting;
      for (const Label& other : heap_) {
        // Only rows whose lists are as short: a long list for each of them would fill the memory.
        const bool as_short = other.column == kUnlisted && s_.lists[other.row].size <= s_.lists[label.row].size;
        if (as_short && other.distance < sink_distance_) waiting.push_back(other);
      }
      const std::size_t room = std::min(waiting.size(), kRefreshBatch);
      std::partial_sort(waiting.begin(), waiting.begin() + static_cast<std::ptrdiff_t>(room), waiting.end(),
                        [](const Label& a, const Label& b) { return b < a; });
      for (std::size_t w = 0; w < room; ++w) rows.push_back(waiting[w].row);
      std::sort(rows.begin(), rows.end());
      rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
      std::erase_if(heap_, [&](const Label& other) {
        return other.column >= 0 ? !other.exact && std::binary_search(rows.begin(), rows.end(), other.row)
                                 : other.column == kUnlisted && std::binary_search(rows.begin(), rows.end(), other.row);
      });
      std::make_heap(heap_.begin(), heap_.end());
    } else if (!s_.source.exact()) {
      std::erase_if(heap_, [&](const Label& other) { return other.row == label.row && !other.exact; });
      std::make_heap(heap_.begin(), heap_.end());
    }
    s_.refresh(rows, size);
    for (const std::int32_t i : rows) scan_row(i, row_distance_[i], row_price_[i]);
  }

  void update_prices() {
    for (const std::int32_t j : settled_) s_.v[j] -= end_distance_ - tentative_[j];
    if (pool_distance_ == kInfinity) return;
    s_.pool.price -= end_distance_ - pool_distance_;
    for (std::int64_t j = 0; j < s_.m; ++j) {
      if (s_.column_to_row[j] == kPool) s_.v[j] = s_.pool.price;
    }
  }

  // Exchanges owners along the path that ends in the free column j.
  void flip(std::int32_t j) {
    for (;;) {
      const std::int32_t i = predecessor_[j];
      std::int32_t before;
      if (i == kFromPool) {
        s_.column_to_row[j] = kPool;
        s_.v[j] = s_.pool.price;  // equal but for rounding
        ++s_.pool.owned;
        before = kPool;
      } else {
        before = s_.row_to_column[i];
        if (before == kPool) --s_.pool.out;
        s_.assign(i, j, exact_cost(i, j));
      }
      if (before == kPool) {
        // The path came through the pool.
        if (pool_entry_.column != kFree) {
          --s_.pool.owned;
          before = pool_entry_.column;
        } else if (pool_entry_.row != kFree) {
          const std::int32_t leaving = pool_entry_.row;
          before = s_.row_to_column[leaving];
          s_.row_to_column[leaving] = kPool;
          ++s_.pool.out;
        } else {
          return;  // it began there
        }
      }
      if (before == kFree) return;
      j = before;
    }
  }

  double exact_cost(std::int32_t i, std::int32_t j) const {
    const Shortlist& list = s_.lists[i];
    for (std::int32_t e = 0; e < list.exact_size; ++e) {
      if (list.columns[e] == j) return list.costs[e];
    }
    return s_.source.cost(i, j);
  }

  ShortlistState& s_;
  std::vector<double> tentative_;          // [columns] nearest exact distance so far
  std::vector<std::int32_t> predecessor_;  // [columns] the row it was reached from
  std::vector<bool> settled_mark_;
  std::vector<double> row_distance_, row_price_;  // [rows] of scanned rows
  std::vector<std::int32_t> touched_, settled_;
  std::vector<Label> heap_;
  double sink_distance_ = kInfinity, end_distance_ = 0, pool_distance_ = kInfinity;
  PoolEntry pool_entry_;
};

}  // namespace

void augment(ShortlistState& state) {
  Search search(state);
  for (std::int64_t i = 0; i < state.n; ++i) {
    if (state.row_to_column[i] == kFree) search.run(static_cast<std::int32_t>(i));
    state.control.report(i + 1, state.n);
  }
  while (state.pool.lack() > 0) search.run(kFromPool);
}

}  // namespace sae_match
