#include "sae_match/features.h"

#include <vector>

#include "features/stored_rows.h"
#include "sae_match/thread_pool.h"

namespace sae_match {
namespace {

constexpr std::int64_t kRowsPerTask = 64;

// One block without scale over all rows of a matrix.
Rows whole(const MatrixView& matrix) { return Rows{{RowBlock{matrix, nullptr}}, matrix.rows, nullptr}; }

}  // namespace

void squared_row_norms(const MatrixView& matrix, double* out, RunControl& control) {
  squared_block_norms(whole(matrix), out, control);
}

void row_dots(const MatrixView& matrix, const double* vector, double* out, RunControl& control) {
  const Kernels& kernel = kernels();
  const Rows rows = whole(matrix);
  const StoredRows stored(rows, control);
  parallel_for(rows.count, kRowsPerTask, control.threads, [&](std::int64_t begin, std::int64_t end) {
    control.check();
    for (std::int64_t r = begin; r < end; ++r) out[r] = stored.block_dot(kernel, 0, vector, r);
  });
}

void squared_block_norms(const Rows& rows, double* out, RunControl& control) {
  const Kernels& kernel = kernels();
  const StoredRows stored(rows, control);
  const std::int64_t blocks = stored.blocks();
  parallel_for(rows.count, kRowsPerTask, control.threads, [&](std::int64_t begin, std::int64_t end) {
    control.check();
    std::vector<double> values(static_cast<std::size_t>(stored.width()));
    for (std::int64_t r = begin; r < end; ++r) {
      stored.read(kernel, r, values.data());
      const double* at = values.data();
      for (std::int64_t b = 0; b < blocks; ++b) {
        out[r * blocks + b] = stored.block_dot(kernel, b, at, r);
        at += stored.block_width(b);
      }
    }
  });
}

void pair_costs(const Rows& a, const Rows& b, const std::int32_t* a_index, const std::int32_t* b_index,
                std::int64_t pairs, double* out, RunControl& control) {
  const Kernels& kernel = kernels();
  const StoredRows left(a, control), right(b, control);
  const std::int64_t blocks = left.blocks();
  parallel_for(pairs, kRowsPerTask, control.threads, [&](std::int64_t begin, std::int64_t end) {
    control.check();
    std::vector<double> values(static_cast<std::size_t>(left.width()));
    for (std::int64_t p = begin; p < end; ++p) {
      left.read(kernel, a_index[p], values.data());
      const double* at = values.data();
      for (std::int64_t block = 0; block < blocks; ++block) {
        out[p * blocks + block] = right.block_distance(kernel, block, at, b_index[p]);
        at += left.block_width(block);
      }
    }
  });
}

}  // namespace sae_match
