// The lists of candidate columns that the shortlist solver works on.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

namespace sae_match {

// One row's candidates and a bound below which no unlisted column's cost - v lies. Bids and searches only ever lower
// v, so a bound stays valid until v is raised or shifted.
struct Shortlist {
  std::int32_t* columns;
  double* costs;
  std::int32_t size;
  std::int32_t exact_size;  // the first so many costs are exact, the others lower bounds
  double bound;
};

// All lists, in one piece of memory as long as they are short; a list that grew has its own.
class Shortlists {
 public:
  Shortlists(std::int64_t rows, std::int64_t capacity)
      : capacity_(capacity),
        columns_(new std::int32_t[static_cast<std::size_t>(rows * capacity)]),
        costs_(new double[static_cast<std::size_t>(rows * capacity)]),
        lists_(static_cast<std::size_t>(rows)) {
    for (std::int64_t i = 0; i < rows; ++i) {
      lists_[i] = {columns_.get() + i * capacity, costs_.get() + i * capacity, 0, 0,
                   -std::numeric_limits<double>::infinity()};
    }
    grown_.resize(static_cast<std::size_t>(rows));
  }

  Shortlist& operator[](std::int64_t i) { return lists_[i]; }
  const Shortlist& operator[](std::int64_t i) const { return lists_[i]; }

  // Room for `size` entries in row i. What the list held is gone if it has to move. Different rows may be asked for
  // by different threads.
  void reserve(std::int64_t i, std::int64_t size) {
    const std::int64_t room = grown_[i] ? grown_[i]->capacity : capacity_;
    if (size <= room) return;
    grown_[i] = std::make_unique<Grown>(size);
    lists_[i].columns = grown_[i]->columns.get();
    lists_[i].costs = grown_[i]->costs.get();
    lists_[i].size = 0;
  }

 private:
  struct Grown {
    explicit Grown(std::int64_t size)
        : capacity(size),
          columns(new std::int32_t[static_cast<std::size_t>(size)]),
          costs(new double[static_cast<std::size_t>(size)]) {}
    std::int64_t capacity;
    std::unique_ptr<std::int32_t[]> columns;
    std::unique_ptr<double[]> costs;
  };
  std::int64_t capacity_;
  std::unique_ptr<std::int32_t[]> columns_;
  std::unique_ptr<double[]> costs_;
  std::vector<Shortlist> lists_;
  std::vector<std::unique_ptr<Grown>> grown_;
};

}  // namespace sae_match
