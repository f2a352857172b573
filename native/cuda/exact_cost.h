// Exact sums over stored rows. Eight neighbouring threads are the lanes of one sum (see numbers.h); all threads of a warp
// call these together.
#pragma once

#include "cuda/rows.h"

namespace sae_match::cuda {

__device__ inline int lane_of_sum() { return static_cast<int>(threadIdx.x) % kLanes; }

__device__ inline double add_lanes(double s) {
  for (int step = kLanes / 2; step > 0; step /= 2) s += __shfl_xor_sync(0xffffffffu, s, step);
  return s;
}

// One block of a row.
struct StoredRow {
  const char* numbers;
  double scale;
  std::int32_t dtype;
  __device__ double operator[](std::int64_t k) const { return scale * stored_number(numbers, dtype, k); }
};
__device__ inline StoredRow stored_row(const RowsView& rows, std::int64_t block, std::int64_t r) {
  const BlockView& view = rows.blocks[block];
  const std::int64_t stored = view.index ? view.index[r] : r;
  return {view.data + stored * view.row_bytes, view.scale[r] * rows.factor, view.dtype};
}

__device__ inline double squared_norm(const RowsView& rows, std::int64_t r) {
  double total = 0;
  for (std::int64_t block = 0; block < rows.block_count; ++block) {
    const StoredRow x = stored_row(rows, block, r);
    double s = 0;
    for (std::int64_t k = lane_of_sum(); k < rows.blocks[block].columns; k += kLanes) {
      const double value = x[k];
      s += value * value;
    }
    total += add_lanes(s);
  }
  return total;
}

// |x - y|^2, or |-x - y|^2; 0 where nobody looks.
__device__ inline double squared_distance(const RowsView& a, std::int64_t i, const RowsView& b, std::int64_t j,
                                          bool opposite, bool looked_at) {
  double total = 0;
  for (std::int64_t block = 0; block < a.block_count; ++block) {
    StoredRow x = stored_row(a, block, i);
    const StoredRow y = stored_row(b, block, j);
    if (opposite) x.scale = -x.scale;
    double s = 0;
    const std::int64_t columns = looked_at ? a.blocks[block].columns : 0;
    for (std::int64_t k = lane_of_sum(); k < columns; k += kLanes) {
      const double difference = x[k] - y[k];
      s += difference * difference;
    }
    total += add_lanes(s);
  }
  return total;
}

// The exact cost of a pair of rows, with the bits that native/cost/rows_source.cpp gives it.
__device__ inline double exact_cost(const RowsView& a, std::int64_t i, const RowsView& b, std::int64_t j,
                                    CostRule rule) {
  // |0 - y|^2 is |y|^2, term by term.
  const bool looked_at = a.norms[i] != 0 && b.norms[j] != 0;
  double distance = squared_distance(a, i, b, j, false, looked_at);
  if (rule.either_sign) distance = fmin(distance, squared_distance(a, i, b, j, true, looked_at));
  if (a.norms[i] == 0) {
    distance = b.norms[j];
  } else if (b.norms[j] == 0) {
    distance = a.norms[i];
  }
  return rule.maximize ? -distance : distance;
}

}  // namespace sae_match::cuda
