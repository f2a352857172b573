// A caller's matrix as a cost source.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <memory>

#include "core/hash.h"
#include "cost/scanned_source.h"
#include "cost/source_parts.h"
#include "sae_match/thread_pool.h"

namespace sae_match {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// What a look at every entry finds.
struct Contents {
  bool forbidden = false;  // some pair is forbidden
  double largest = 0;      // largest finite magnitude
};

double largest_finite(const Kernels& kernel, const float* row, std::int64_t columns) {
  return kernel.largest_finite_f32(row, columns);
}
double largest_finite(const Kernels& kernel, const double* row, std::int64_t columns) {
  return kernel.largest_finite_f64(row, columns);
}

template <class T>
Contents check_entries(const CostMatrix& costs, double sign, RunControl& control) {
  const T* data = static_cast<const T*>(costs.data);
  const Kernels& kernel = kernels();
  std::mutex mutex;
  Contents all;
  parallel_for(costs.rows, 4 * rows_per_piece(costs.columns), control.threads, [&](std::int64_t begin, std::int64_t end) {
    control.check();
    Contents found;
    for (std::int64_t i = begin; i < end; ++i) {
      const T* row = data + i * costs.row_stride;
      const double largest = largest_finite(kernel, row, costs.columns);
      if (!std::isnan(largest)) {
        found.largest = std::max(found.largest, largest);
        continue;
      }
      for (std::int64_t j = 0; j < costs.columns; ++j) {
        if (std::isnan(row[j]) || sign * row[j] == -kInfinity) throw_bad_cost(row[j], i, j, sign);
        if (std::isinf(row[j])) {
          found.forbidden = true;
        } else {
          found.largest = std::max(found.largest, static_cast<double>(std::abs(row[j])));
        }
      }
    }
    std::lock_guard lock(mutex);
    all.forbidden |= found.forbidden;
    all.largest = std::max(all.largest, found.largest);
  });
  return all;
}

// The first column with the same entries as each; empty where all differ. Those that agree in a sample of the rows are
// compared, rows in blocks, so that memory is read in its order.
template <class T>
std::vector<std::int32_t> identical_columns(const T* data, std::int64_t stride, std::int64_t rows, std::int64_t columns,
                                            RunControl& control) {
  constexpr std::int64_t kSample = 16, kBlock = 64;
  // A column, and from the sorting on the first one of the same hash.
  struct Column {
    std::uint64_t hash;
    std::int32_t column, first;
  };
  std::vector<Column> alike;
  for (std::int32_t j = 0; j < columns; ++j) alike.push_back({0, j, j});
  for (std::int64_t s = 0; s < std::min(rows, kSample); ++s) {
    const T* row = data + s * rows / std::min(rows, kSample) * stride;
    for (std::int64_t j = 0; j < columns; ++j) {
      // Zeros of either sign are equal.
      alike[j].hash = hash_with(alike[j].hash, static_cast<double>(row[j]) + 0.0);
    }
  }
  std::sort(alike.begin(), alike.end(), [](const Column& a, const Column& b) {
    return a.hash != b.hash ? a.hash < b.hash : a.column < b.column;
  });
  for (std::size_t k = 1; k < alike.size(); ++k) {
    if (alike[k].hash == alike[k - 1].hash) alike[k].first = alike[k - 1].first;
  }
  std::erase_if(alike, [](const Column& each) { return each.first == each.column; });
  std::sort(alike.begin(), alike.end(), [](const Column& a, const Column& b) { return a.column < b.column; });
  for (std::int64_t begin = 0; begin < rows && !alike.empty(); begin += kBlock) {
    control.check();
    std::vector<bool> differs(alike.size(), false);
    for (std::int64_t i = begin; i < std::min(rows, begin + kBlock); ++i) {
      const T* row = data + i * stride;
      for (std::size_t k = 0; k < alike.size(); ++k) {
        if (row[alike[k].column] != row[alike[k].first]) differs[k] = true;
      }
    }
    std::size_t kept = 0;
    for (std::size_t k = 0; k < alike.size(); ++k) {
      if (!differs[k]) alike[kept++] = alike[k];
    }
    alike.resize(kept);
  }
  std::vector<std::int32_t> representatives;
  if (alike.empty()) return representatives;
  representatives = all_indices(columns);
  for (const Column& each : alike) representatives[each.column] = each.first;
  return representatives;
}

template <class T>
class MatrixSource final : public ScannedSource<T> {
 public:
  MatrixSource(const CostMatrix& costs, bool maximize, RunControl& control)
      : ScannedSource<T>(std::min(costs.rows, costs.columns), std::max(costs.rows, costs.columns), maximize ? -1.0 : 1.0),
        data_(static_cast<const T*>(costs.data)),
        stride_(costs.row_stride) {
    const Contents contents = check_entries<T>(costs, this->sign_, control);
    largest_ = contents.largest;
    forbidden_ = contents.forbidden;
    if (costs.rows > costs.columns) transpose(costs, control);
  }

  Source kind() const override { return Source::dense; }
  bool exact() const override { return true; }
  bool has_forbidden() const override { return forbidden_; }
  double largest() const override { return largest_; }
  bool batched() const override { return false; }

  void costs(std::int64_t i, const std::int32_t* columns, std::int64_t count, double* out) const override {
    const T* row = data_ + i * stride_;
    for (std::int64_t c = 0; c < count; ++c) out[c] = this->sign_ * row[columns[c]];
  }
  void row(std::int64_t i, double* out) const override {
    const T* row = data_ + i * stride_;
    for (std::int64_t j = 0; j < this->columns_; ++j) out[j] = this->sign_ * row[j];
  }
  const double* stored_rows(std::int64_t* stride) const override {
    if constexpr (std::is_same_v<T, double>) {
      *stride = stride_;
      return this->sign_ == 1 ? data_ : nullptr;
    }
    return nullptr;
  }
  std::vector<std::int32_t> column_representatives(RunControl& control) const override {
    return identical_columns(data_, stride_, this->rows_, this->columns_, control);
  }
  bool same_row(std::int64_t i, std::int64_t other) const override {
    const T* row = data_ + i * stride_;
    return std::equal(row, row + this->columns_, data_ + other * stride_);
  }

 protected:
  void visit(const std::vector<std::int32_t>& rows, Sharpness, const RowVisitor<T>& visitor,
             RunControl& control) const override {
    parallel_for(static_cast<std::int64_t>(rows.size()), rows_per_piece(this->columns_), control.threads,
                 [&](std::int64_t begin, std::int64_t end) {
                   control.check();
                   visitor({begin, end, data_, rows.data(), 0, stride_});
                 });
  }
  RowError row_error(std::int64_t) const override { return {}; }

 private:
  void transpose(const CostMatrix& costs, RunControl& control) {
    constexpr std::int64_t kPiece = 32;
    copy_.reset(new T[static_cast<std::size_t>(costs.rows * costs.columns)]);
    parallel_for(costs.columns, kPiece, control.threads, [&](std::int64_t begin, std::int64_t end) {
      control.check();
      for (std::int64_t i0 = 0; i0 < costs.rows; i0 += kPiece) {
        const std::int64_t i1 = std::min(costs.rows, i0 + kPiece);
        for (std::int64_t j = begin; j < end; ++j) {
          for (std::int64_t i = i0; i < i1; ++i) copy_[j * costs.rows + i] = data_[i * costs.row_stride + j];
        }
      }
    });
    data_ = copy_.get();
    stride_ = costs.rows;
  }

  const T* data_;
  std::int64_t stride_;
  bool forbidden_ = false;
  double largest_ = 0;
  std::unique_ptr<T[]> copy_;
};

}  // namespace

std::unique_ptr<CostSource> make_matrix_source(const CostMatrix& costs, bool maximize, RunControl& control) {
  if (costs.dtype == Dtype::f32) return std::make_unique<MatrixSource<float>>(costs, maximize, control);
  return std::make_unique<MatrixSource<double>>(costs, maximize, control);
}

}  // namespace sae_match
