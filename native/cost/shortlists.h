// The lists of candidate columns that the shortlist solver works on.
#pragma once

#include <atomic>
#include <concepts>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "core/rounding.h"

namespace sae_match {

// One row's candidates and a bound below which no unlisted column's cost - v lies once it is rounded. Bids and searches
// only ever lower v, so a bound stays valid until v is raised or shifted.
struct Shortlist {
  std::int32_t* columns;
  double* costs;
  std::int32_t size;
  std::int32_t exact_size;  // the first so many costs are exact, the others lower bounds
  double bound;
  bool bound_is_exact;  // whether it holds for cost - v as it is, too

  // A bound that does.
  double exact_bound() const { return bound_is_exact ? bound : down(bound); }
};

// The lists of all rows. Identical rows share the list of the first of them: they want the same columns, so they act
// as one row that takes several. All lists lie in one piece of memory as long as they stay in the room they were given;
// a list that grew has its own.
class Shortlists {
 public:
  // `room(i)` entries for the list of row i.
  template <class Room>
    requires std::invocable<Room, std::int64_t>
  Shortlists(std::int64_t rows, Room room)
      : starts_(static_cast<std::size_t>(rows) + 1, 0),
        lists_(static_cast<std::size_t>(rows)),
        list_of_(static_cast<std::size_t>(rows)),
        group_of_(static_cast<std::size_t>(rows), kNoGroup),
        grown_(static_cast<std::size_t>(rows)) {
    for (std::int64_t i = 0; i < rows; ++i) starts_[i + 1] = starts_[i] + room(i);
    columns_.reset(new std::int32_t[static_cast<std::size_t>(starts_[rows])]);
    costs_.reset(new double[static_cast<std::size_t>(starts_[rows])]);
    for (std::int64_t i = 0; i < rows; ++i) {
      lists_[i] = {columns_.get() + starts_[i], costs_.get() + starts_[i], 0, 0,
                   -std::numeric_limits<double>::infinity(), true};
      list_of_[i] = static_cast<std::int32_t>(i);
    }
  }
  Shortlists(std::int64_t rows, std::int64_t capacity) : Shortlists(rows, [=](std::int64_t) { return capacity; }) {}

  Shortlist& of(std::int64_t row) { return lists_[list_of_[row]]; }
  const Shortlist& of(std::int64_t row) const { return lists_[list_of_[row]]; }
  // The row whose list is that of `row`: itself, or the first of those identical to it.
  std::int32_t owner(std::int64_t row) const { return list_of_[row]; }

  // The rows that share the list of `row`, ascending; empty where it is the only one.
  const std::vector<std::int32_t>& group(std::int64_t row) const {
    static const std::vector<std::int32_t> none;
    const std::int32_t group = group_of_[list_of_[row]];
    return group == kNoGroup ? none : groups_[group];
  }
  const std::vector<std::vector<std::int32_t>>& groups() const { return groups_; }

  // From now on `row` uses the list of `first`, which is its own and lies before it.
  void share(std::int32_t first, std::int32_t row) {
    if (group_of_[first] == kNoGroup) {
      group_of_[first] = static_cast<std::int32_t>(groups_.size());
      groups_.push_back({first});
    }
    groups_[group_of_[first]].push_back(row);
    list_of_[row] = first;
  }

  // How many entries the lists that grew have room for.
  std::int64_t grown_entries() const { return grown_entries_.load(std::memory_order_relaxed); }

  // How many entries the list of `row` has room for.
  std::int64_t room(std::int64_t row) const {
    const std::int32_t i = list_of_[row];
    return grown_[i] ? grown_[i]->capacity : starts_[i + 1] - starts_[i];
  }

  // Room for `size` entries in the list of `row`. What it held is gone if it has to move. Different lists may be asked
  // for by different threads.
  void reserve(std::int64_t row, std::int64_t size) {
    const std::int32_t i = list_of_[row];
    if (size <= room(row)) return;
    grown_entries_.fetch_add(size - (grown_[i] ? grown_[i]->capacity : 0), std::memory_order_relaxed);
    grown_[i] = std::make_unique<Grown>(size);
    lists_[i].columns = grown_[i]->columns.get();
    lists_[i].costs = grown_[i]->costs.get();
    lists_[i].size = 0;
  }

 private:
  static constexpr std::int32_t kNoGroup = -1;
  struct Grown {
    explicit Grown(std::int64_t size)
        : capacity(size),
          columns(new std::int32_t[static_cast<std::size_t>(size)]),
          costs(new double[static_cast<std::size_t>(size)]) {}
    std::int64_t capacity;
    std::unique_ptr<std::int32_t[]> columns;
    std::unique_ptr<double[]> costs;
  };
  std::vector<std::int64_t> starts_;
  std::unique_ptr<std::int32_t[]> columns_;
  std::unique_ptr<double[]> costs_;
  std::vector<Shortlist> lists_;
  std::vector<std::int32_t> list_of_, group_of_;
  std::vector<std::vector<std::int32_t>> groups_;
  std::vector<std::unique_ptr<Grown>> grown_;
  std::atomic<std::int64_t> grown_entries_{0};
};

}  // namespace sae_match
