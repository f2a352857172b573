// Shortest augmenting paths over the lists: Dijkstra with a heap, lazy about exact costs and about unlisted columns.
#include <algorithm>
#include <limits>

#include "lap/shortlist_state.h"

namespace sae_match {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::size_t kRefreshBatch = 64;
// A list that would grow beyond this is not made: the whole row is looked at instead.
constexpr std::int64_t kLongestList = 1024;

constexpr std::int32_t kFromPool = -1;  // where a label comes from, instead of a row
// Where a label goes to, instead of a column. They are last among equals: at the same distance a listed column may
// end the search for less.
constexpr std::int32_t kToPool = std::numeric_limits<std::int32_t>::max() - 1;    // the row goes out
constexpr std::int32_t kUnlisted = std::numeric_limits<std::int32_t>::max();  // whatever the row has not listed

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
  // Searches stop when `effort` is spent: 1 for a label settled; where rows come in batches also 10 for a new list and
  // 160 for a row that is looked at alone.
  Search(ShortlistState& state, std::int64_t effort)
      : s_(state),
        batched_(state.source.batched()),
        tentative_(static_cast<std::size_t>(s_.m), kInfinity),
        predecessor_(static_cast<std::size_t>(s_.m), kFree),
        settled_mark_(static_cast<std::size_t>(s_.m), false),
        row_distance_(static_cast<std::size_t>(s_.n), 0),
        row_price_(static_cast<std::size_t>(s_.n), 0),
        group_mark_(static_cast<std::size_t>(s_.n), false) {
    if (effort < kWithoutEnd) stop_at_ = spent() + effort;
  }

  // From a free row, or from the pool if `start` is kFromPool. Returns whether a path was found before the effort was
  // spent; prices and matching are as they were if not.
  bool run(std::int32_t start) {
    if (spent() >= stop_at_) return false;
    s_.control.check();
    sink_distance_ = kInfinity;
    pool_distance_ = kInfinity;
    pool_entry_ = {};
    if (start == kFromPool) {
      scan_pool(0);
    } else {
      reach_row(start, 0, start_price(start));
    }
    const std::int32_t sink = settle_until_free_column();
    if (sink != kFree) {
      update_prices();
      flip(sink);
    }
    for (const std::int32_t j : touched_) {
      tentative_[j] = kInfinity;
      settled_mark_[j] = false;
    }
    for (const std::int32_t i : groups_) group_mark_[s_.lists.owner(i)] = false;
    touched_.clear();
    settled_.clear();
    groups_.clear();
    heap_.clear();
    return sink != kFree;
  }

 private:
  // How the pool was reached: a column it owned, or a row that goes out.
  struct PoolEntry {
    std::int32_t row = kFree, column = kFree;
  };

  double start_price(std::int32_t i) const {
    // What others of its group have, which may lie above the bound of their list by now.
    for (const std::int32_t member : s_.lists.group(i)) {
      const std::int32_t j = s_.row_to_column[member];
      if (j >= 0) return s_.own_cost[member] - s_.price(j);
      if (j == kPool) return s_.pool.reduced();
    }
    return std::min({best_entry(s_, i).reduced, s_.lists.of(i).bound, s_.pool.reduced()});
  }

  void push(Label label) {
    heap_.push_back(label);
    std::push_heap(heap_.begin(), heap_.end());
  }

  // An arc into column j. Distances never fall along a path, whatever rounding says.
  void reach(std::int32_t row, std::int32_t j, double distance, bool exact) {
    if (settled_mark_[j] || !(distance < tentative_[j]) || !(distance < sink_distance_)) return;
    if (exact) {
      if (tentative_[j] == kInfinity) touched_.push_back(j);
      tentative_[j] = distance;
      predecessor_[j] = row;
      if (s_.is_free(j)) sink_distance_ = distance;
    }
    push({distance, row, j, exact});
  }

  // Settles a row at `distance` with the reduced cost `price` of what it has. Identical rows are all there at once,
  // and none of their columns leads anywhere else.
  void reach_row(std::int32_t i, double distance, double price) {
    const std::int32_t first = s_.lists.owner(i);
    if (!s_.lists.group(i).empty()) {
      if (group_mark_[first]) return;
      group_mark_[first] = true;
      groups_.push_back(i);
    }
    row_distance_[i] = distance;
    row_price_[i] = price;
    scan_list(i);
    if (s_.pool.active && pool_distance_ == kInfinity) {
      const double out = distance + std::max(0.0, s_.pool.reduced() - price);
      if (out < sink_distance_) push({out, i, kToPool, true});
    }
  }

  bool owned_by_its_group(std::int32_t i, std::int32_t j) const {
    if (s_.classes.shared(j)) return false;  // others may have such a column
    const std::int32_t owner = s_.column_to_row[j];
    return owner >= 0 && s_.lists.owner(owner) == s_.lists.owner(i);
  }

  void scan_list(std::int32_t i) {
    const Shortlist& list = s_.lists.of(i);
    const double distance = row_distance_[i], price = row_price_[i];
    const bool grouped = !s_.lists.group(i).empty();
    for (std::int32_t e = 0; e < list.size; ++e) {
      const std::int32_t j = list.columns[e];
      if (grouped && owned_by_its_group(i, j)) continue;
      reach(i, j, distance + std::max(0.0, list.costs[e] - s_.v[j] - price), e < list.exact_size);
    }
    if (list.bound < kInfinity && unlisted_distance(i) < sink_distance_) {
      push({unlisted_distance(i), i, kUnlisted, true});
    }
  }

  double unlisted_distance(std::int32_t i) const {
    return row_distance_[i] + std::max(0.0, s_.lists.of(i).bound - row_price_[i]);
  }

  // The pool reaches every column, and the rows in it may leave.
  void scan_pool(double distance) {
    pool_distance_ = distance;
    looks_of_pool_ += s_.m;
    for (std::int64_t j = 0; j < s_.m; ++j) {
      if (s_.column_to_row[j] == kPool) continue;
      const std::int32_t entry = s_.classes.entry(static_cast<std::int32_t>(j));
      reach(kFromPool, entry, distance + std::max(0.0, s_.pool.price - s_.v[entry]), true);
    }
    if (s_.pool.out == 0) return;
    for (std::int64_t i = 0; i < s_.n; ++i) {
      if (s_.row_to_column[i] != kPool) continue;
      if ((i & 255) == 0) s_.control.check();
      reach_row(static_cast<std::int32_t>(i), distance, s_.pool.reduced());
    }
  }

  // Every column the pool looked at counts as an eighth of a label.
  std::int64_t spent() const {
    const std::int64_t lists = batched_ ? 10 * s_.work.refreshes + 150 * whole_rows_ : 0;
    return s_.work.labels + looks_of_pool_ / 8 + lists;
  }

  // kFree if the effort is spent before.
  std::int32_t settle_until_free_column() {
    while (!heap_.empty()) {
      if (spent() >= stop_at_) return kFree;
      const Label label = heap_.front();
      std::pop_heap(heap_.begin(), heap_.end());
      heap_.pop_back();
      ++s_.work.labels;
      if ((s_.work.labels & 255) == 0) s_.control.check();
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
        end_distance_ = label.distance;
        if (s_.is_free(j)) return s_.column_for(j);
        settled_mark_[j] = true;
        settled_.push_back(j);
        if (s_.classes.shared(j)) {
          for (const std::int32_t member : s_.classes.members(j)) reach_owner(member, label.distance);
        } else {
          reach_owner(j, label.distance);
        }
      }
    }
    throw Error("INTERNAL", "No augmenting path was found in a problem that was checked to be feasible");
  }

  // Whoever has column j may leave it.
  void reach_owner(std::int32_t j, double distance) {
    const std::int32_t owner = s_.column_to_row[j];
    if (owner != kPool) return reach_row(owner, distance, s_.own_cost[owner] - s_.price(j));
    // The first of the pool's columns; all of them are as near.
    if (pool_distance_ < kInfinity) return;
    pool_entry_.column = j;
    scan_pool(distance);
  }

  void make_exact(const Label& label) {
    if (settled_mark_[label.column] || !(label.distance < tentative_[label.column])) return;
    const Shortlist& list = s_.lists.of(label.row);
    std::int32_t at = 0;
    while (list.columns[at] != label.column) ++at;
    at = s_.make_exact(label.row, at);
    const double reduced = list.costs[at] - s_.v[label.column] - row_price_[label.row];
    reach(label.row, label.column, row_distance_[label.row] + std::max(0.0, reduced), true);
  }

  // The nearest unlisted column of a row may be next: its list is made anew at the present prices, longer if that
  // does not do, and if not even that does all of the row is looked at. Where refreshes come in batches, other rows
  // whose unlisted columns are next in line come along.
  void extend(const Label& label) {
    if (raise_bound(s_, label.row, row_price_[label.row] + (label.distance - row_distance_[label.row]))) {
      if (!s_.source.exact()) forget_labels({label.row});
      return scan_list(label.row);
    }
    const std::int64_t listed = s_.lists.of(label.row).size;
    const std::int64_t size = std::max(s_.list_size, s_.source.batched() ? 2 * listed : s_.list_size);
    if (size > std::max(s_.list_size, kLongestList)) return scan_whole_row(label.row);
    std::vector<std::int32_t> rows{label.row};
    if (s_.source.batched()) add_next_in_line(label, rows);
    if (s_.source.batched() || !s_.source.exact()) forget_labels(rows);
    s_.refresh(rows, size);
    for (const std::int32_t i : rows) {
      if (i == label.row && !s_.source.batched() && !(unlisted_distance(i) > label.distance)) {
        scan_whole_row(i);
      } else {
        scan_list(i);
      }
    }
  }

  void add_next_in_line(const Label& label, std::vector<std::int32_t>& rows) const {
    std::vector<Label> waiting;
    for (const Label& other : heap_) {
      // Only rows whose lists are as short: a long list for each of them would fill the memory.
      const bool as_short = other.column == kUnlisted && s_.lists.of(other.row).size <= s_.lists.of(label.row).size;
      if (as_short && other.distance < sink_distance_) waiting.push_back(other);
    }
    const std::size_t room = std::min(waiting.size(), kRefreshBatch);
    std::partial_sort(waiting.begin(), waiting.begin() + static_cast<std::ptrdiff_t>(room), waiting.end(),
                      [](const Label& a, const Label& b) { return b < a; });
    for (std::size_t w = 0; w < room; ++w) rows.push_back(waiting[w].row);
    std::sort(rows.begin(), rows.end());
    rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
  }

  // Takes the labels off the heap that these rows' new lists will put there again.
  void forget_labels(const std::vector<std::int32_t>& rows) {
    std::erase_if(heap_, [&](const Label& other) {
      const bool again = other.column == kUnlisted || (other.column != kToPool && !other.exact);
      return again && std::binary_search(rows.begin(), rows.end(), other.row);
    });
    std::make_heap(heap_.begin(), heap_.end());
  }

  void scan_whole_row(std::int32_t i) {
    ++s_.work.refreshes;
    ++whole_rows_;
    const double distance = row_distance_[i], price = row_price_[i];
    const bool grouped = !s_.lists.group(i).empty();
    s_.source.look_at_row(i, [&](const double* listed) {
      std::vector<std::int32_t> nearer;
      for (std::int64_t c = 0; c < s_.m; ++c) {
        const auto j = static_cast<std::int32_t>(c);
        const double reached = distance + std::max(0.0, listed[j] - s_.v[j] - price);
        if (settled_mark_[j] || !(reached < tentative_[j]) || !(reached < sink_distance_)) continue;
        if (grouped && owned_by_its_group(i, j)) continue;
        if (s_.source.exact()) {
          reach(i, j, reached, true);
        } else {
          nearer.push_back(j);
        }
      }
      std::vector<double> exact(nearer.size());
      s_.source.costs(i, nearer.data(), static_cast<std::int64_t>(nearer.size()), exact.data());
      s_.work.exact_costs += static_cast<std::int64_t>(nearer.size());
      for (std::size_t k = 0; k < nearer.size(); ++k) {
        reach(i, nearer[k], distance + std::max(0.0, exact[k] - s_.v[nearer[k]] - price), true);
      }
    }, s_.control);
  }

  void update_prices() {
    for (const std::int32_t j : settled_) {
      const bool moves_with_owner = !s_.classes.shared(j) && moves_with_group_or_pool(s_.column_to_row[j]);
      if (!moves_with_owner) s_.v[j] -= end_distance_ - tentative_[j];
    }
    for (const std::int32_t i : groups_) {
      for (const std::int32_t member : s_.lists.group(i)) {
        const std::int32_t j = s_.row_to_column[member];
        if (j >= 0 && !s_.classes.shared(s_.classes.entry(j))) s_.v[j] -= end_distance_ - row_distance_[i];
      }
    }
    if (pool_distance_ == kInfinity) return;
    set_pool_price(s_.pool.price - (end_distance_ - pool_distance_));
  }

  bool moves_with_group_or_pool(std::int32_t owner) const {
    return owner == kPool || group_mark_[s_.lists.owner(owner)];
  }

  void set_pool_price(double price) {
    if (price == s_.pool.price) return;
    s_.pool.price = price;
    for (const std::int32_t j : s_.pool.owned) s_.v[s_.classes.entry(j)] = price;
  }

  // Exchanges owners along the path that ends in the free column j.
  void flip(std::int32_t j) {
    for (;;) {
      const std::int32_t i = predecessor_[s_.classes.entry(j)];
      std::int32_t before;
      if (i == kFromPool) {
        s_.give(j, kPool);
        s_.pool.take(j);
        // Its price is that of the pool but for rounding. All of the pool's columns have one price, and none may rise.
        set_pool_price(std::min(s_.pool.price, s_.price(j)));
        s_.v[s_.classes.entry(j)] = s_.pool.price;
        before = kPool;
      } else {
        before = s_.row_to_column[i];
        if (before == kPool) --s_.pool.out;
        // Whoever had the column gets another one further along the path.
        s_.row_to_column[i] = j;
        s_.give(j, i);
        s_.own_cost[i] = s_.exact_cost(i, j);
      }
      if (before == kPool) {
        // The path came through the pool.
        if (pool_entry_.column != kFree) {
          before = pool_entry_.column;
          s_.pool.give_up(before);
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

  ShortlistState& s_;
  bool batched_;
  std::vector<double> tentative_;          // [columns] nearest exact distance so far
  std::vector<std::int32_t> predecessor_;  // [columns] the row it was reached from
  std::vector<bool> settled_mark_;
  std::vector<double> row_distance_, row_price_;  // [rows] of scanned rows
  std::vector<bool> group_mark_;                  // [rows] lists shared by several rows that were reached
  std::vector<std::int32_t> touched_, settled_, groups_;
  std::vector<Label> heap_;
  double sink_distance_ = kInfinity, end_distance_ = 0, pool_distance_ = kInfinity;
  PoolEntry pool_entry_;
  std::int64_t looks_of_pool_ = 0, whole_rows_ = 0;
  std::int64_t stop_at_ = kWithoutEnd;
};

}  // namespace

bool augment(ShortlistState& state, std::int64_t effort) {
  state.history.mark(state.v);
  Search search(state, effort);
  for (std::int64_t i = 0; i < state.n; ++i) {
    if (state.row_to_column[i] == kFree && !search.run(static_cast<std::int32_t>(i))) return false;
    state.control.report(i + 1, state.n);
  }
  while (state.pool.lack() > 0) {
    if (!search.run(kFromPool)) return false;
  }
  return true;
}

}  // namespace sae_match
