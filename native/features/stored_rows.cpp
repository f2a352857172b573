#include "features/stored_rows.h"

#include <algorithm>
#include <cstring>

#include "sae_match/thread_pool.h"

namespace sae_match {
namespace {

constexpr std::int64_t kRowsPerTask = 64;

// Copies a strided matrix into contiguous rows, in square pieces that stay in cache on both sides.
template <class Word>
void copy_rows(const MatrixView& matrix, Word* out, RunControl& control) {
  constexpr std::int64_t kPiece = 64;
  const Word* in = static_cast<const Word*>(matrix.data);
  parallel_for(matrix.rows, kPiece, control.threads, [&](std::int64_t begin, std::int64_t end) {
    control.check();
    for (std::int64_t k0 = 0; k0 < matrix.columns; k0 += kPiece) {
      const std::int64_t k1 = std::min(matrix.columns, k0 + kPiece);
      for (std::int64_t i = begin; i < end; ++i) {
        for (std::int64_t k = k0; k < k1; ++k) {
          out[i * matrix.columns + k] = in[i * matrix.row_stride + k * matrix.column_stride];
        }
      }
    }
  });
}

}  // namespace

std::int64_t element_bytes(Dtype dtype) {
  switch (dtype) {
    case Dtype::f64:
      return 8;
    case Dtype::f32:
      return 4;
    default:
      return 2;
  }
}

StoredRows::StoredRows(const Rows& rows, RunControl& control) : rows_(&rows), width_(rows.width()) {
  for (const RowBlock& block : rows.blocks) {
    const MatrixView& matrix = block.matrix;
    const std::int64_t bytes = element_bytes(matrix.dtype);
    Block made{static_cast<const std::byte*>(matrix.data), matrix.dtype, matrix.columns, matrix.row_stride * bytes,
               bytes, block.scale};
    if (matrix.column_stride != 1 && matrix.columns > 1 && matrix.rows > 0) {
      copies_.emplace_back(new std::byte[static_cast<std::size_t>(matrix.rows * matrix.columns * bytes)]);
      std::byte* copy = copies_.back().get();
      switch (bytes) {
        case 2:
          copy_rows(matrix, reinterpret_cast<std::uint16_t*>(copy), control);
          break;
        case 4:
          copy_rows(matrix, reinterpret_cast<std::uint32_t*>(copy), control);
          break;
        default:
          copy_rows(matrix, reinterpret_cast<std::uint64_t*>(copy), control);
      }
      made.data = copy;
      made.row_bytes = matrix.columns * bytes;
    }
    blocks_.push_back(made);
  }
}

void StoredRows::read(const Kernels& kernels, std::int64_t r, double* out) const {
  for (const Block& block : blocks_) {
    kernels.widen(stored(block, r), block.dtype, scale(block, r), out, block.columns);
    out += block.columns;
  }
}

void StoredRows::read_f32(const Kernels& kernels, std::int64_t r, std::int64_t begin, std::int64_t end,
                          float* out) const {
  std::int64_t first = 0;  // where the block starts in the row
  for (const Block& block : blocks_) {
    const std::int64_t from = std::max(begin, first), to = std::min(end, first + block.columns);
    if (from < to) {
      const auto* at = static_cast<const std::byte*>(stored(block, r)) + (from - first) * block.element_bytes;
      kernels.narrow(at, block.dtype, scale(block, r), out + (from - begin), to - from);
    }
    first += block.columns;
  }
}

double StoredRows::block_distance(const Kernels& kernels, std::int64_t block, const double* x, std::int64_t r) const {
  const Block& b = blocks_[block];
  return kernels.squared_distance(x, stored(b, r), b.dtype, scale(b, r), b.columns);
}

double StoredRows::distance(const Kernels& kernels, const double* x, std::int64_t r) const {
  double sum = 0;
  for (std::int64_t b = 0; b < blocks(); ++b) {
    sum += block_distance(kernels, b, x, r);
    x += blocks_[b].columns;
  }
  return sum;
}

double StoredRows::block_dot(const Kernels& kernels, std::int64_t block, const double* x, std::int64_t r) const {
  const Block& b = blocks_[block];
  return kernels.dot(x, stored(b, r), b.dtype, scale(b, r), b.columns);
}

std::vector<double> squared_norms(const StoredRows& rows, RunControl& control) {
  const Kernels& kernel = kernels();
  std::vector<double> norms(static_cast<std::size_t>(rows.count()));
  parallel_for(rows.count(), kRowsPerTask, control.threads, [&](std::int64_t begin, std::int64_t end) {
    control.check();
    std::vector<double> values(static_cast<std::size_t>(rows.width()));
    for (std::int64_t r = begin; r < end; ++r) {
      rows.read(kernel, r, values.data());
      const double* at = values.data();
      double sum = 0;
      for (std::int64_t b = 0; b < rows.blocks(); ++b) {
        sum += rows.block_dot(kernel, b, at, r);
        at += rows.block_width(b);
      }
      norms[r] = sum;
    }
  });
  return norms;
}

}  // namespace sae_match
