#include "sae_match/features.h"

#include <vector>

#include "features/stored_rows.h"
#include "sae_match/thread_pool.h"

namespace sae_match {
namespace {

constexpr std::int64_t kRowsPerTask = 64;

// Calls use(row, place, scratch) for every row of a matrix, contiguous in its stored type; `scratch` has room for one
// row of doubles. Of a matrix whose rows are not contiguous only those of one task are copied at a time.
template <class Use>
void for_each_row(const MatrixView& matrix, RunControl& control, Use use) {
  const std::int64_t bytes = element_bytes(matrix.dtype);
  const bool contiguous = has_contiguous_rows(matrix);
  parallel_for(matrix.rows, kRowsPerTask, control.threads, [&](std::int64_t begin, std::int64_t end) {
    control.check();
    std::vector<double> scratch(static_cast<std::size_t>(matrix.columns));
    std::vector<std::byte> copy;
    const std::byte* rows = static_cast<const std::byte*>(matrix.data) + begin * matrix.row_stride * bytes;
    std::int64_t row_bytes = matrix.row_stride * bytes;
    if (!contiguous) {
      copy.resize(static_cast<std::size_t>((end - begin) * matrix.columns * bytes));
      copy_rows(matrix, begin, end, copy.data());
      rows = copy.data();
      row_bytes = matrix.columns * bytes;
    }
    for (std::int64_t r = begin; r < end; ++r) use(rows + (r - begin) * row_bytes, r, scratch.data());
  });
}

}  // namespace

void squared_row_norms(const MatrixView& matrix, double* out, RunControl& control) {
  const Kernels& kernel = kernels();
  for_each_row(matrix, control, [&](const std::byte* row, std::int64_t r, double* scratch) {
    kernel.widen(row, matrix.dtype, 1, scratch, matrix.columns);
    out[r] = kernel.dot(scratch, row, matrix.dtype, 1, matrix.columns);
  });
}

void row_dots(const MatrixView& matrix, const double* vector, double* out, RunControl& control) {
  const Kernels& kernel = kernels();
  for_each_row(matrix, control, [&](const std::byte* row, std::int64_t r, double*) {
    out[r] = kernel.dot(vector, row, matrix.dtype, 1, matrix.columns);
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
