#include "features/stored_rows.h"

#include <algorithm>
#include <cstring>

#include "sae_match/thread_pool.h"

namespace sae_match {
namespace {

constexpr std::int64_t kRowsPerTask = 64;

// The same for one width of number, through squares that lie together: with a stride of a power of two, which is usual,
// the numbers of a column share a few sets of the cache, so each is read once, with its neighbours.
template <class Word>
void copy_words(const MatrixView& matrix, std::int64_t begin, std::int64_t end, Word* out) {
  constexpr std::int64_t kSquare = 64;
  Word square[kSquare * kSquare];
  const Word* in = static_cast<const Word*>(matrix.data);
  for (std::int64_t i0 = begin; i0 < end; i0 += kSquare) {
    const std::int64_t height = std::min(kSquare, end - i0);
    for (std::int64_t k0 = 0; k0 < matrix.columns; k0 += kSquare) {
      const std::int64_t width = std::min(kSquare, matrix.columns - k0);
      for (std::int64_t k = 0; k < width; ++k) {
        const Word* column = in + i0 * matrix.row_stride + (k0 + k) * matrix.column_stride;
        for (std::int64_t i = 0; i < height; ++i) square[k * kSquare + i] = column[i * matrix.row_stride];
      }
      for (std::int64_t i = 0; i < height; ++i) {
        Word* row = out + (i0 - begin + i) * matrix.columns + k0;
        for (std::int64_t k = 0; k < width; ++k) row[k] = square[k * kSquare + i];
      }
    }
  }
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

void copy_rows(const MatrixView& matrix, std::int64_t begin, std::int64_t end, std::byte* out) {
  switch (element_bytes(matrix.dtype)) {
    case 2:
      return copy_words(matrix, begin, end, reinterpret_cast<std::uint16_t*>(out));
    case 4:
      return copy_words(matrix, begin, end, reinterpret_cast<std::uint32_t*>(out));
    default:
      return copy_words(matrix, begin, end, reinterpret_cast<std::uint64_t*>(out));
  }
}

bool has_contiguous_rows(const MatrixView& matrix) { return matrix.column_stride == 1 || matrix.columns <= 1; }

StoredRows::StoredRows(const Rows& rows, RunControl& control) : rows_(&rows), width_(rows.width()) {
  for (const RowBlock& block : rows.blocks) {
    const MatrixView& matrix = block.matrix;
    const std::int64_t bytes = element_bytes(matrix.dtype);
    Block made{static_cast<const std::byte*>(matrix.data), matrix.dtype, matrix.columns, matrix.row_stride * bytes,
               bytes, block.scale, matrix.identity, matrix.rows};
    if (!has_contiguous_rows(matrix) && matrix.rows > 0) {
      copies_.emplace_back(new std::byte[static_cast<std::size_t>(matrix.rows * matrix.columns * bytes)]);
      std::byte* copy = copies_.back().get();
      parallel_for(matrix.rows, kRowsPerTask, control.threads, [&](std::int64_t begin, std::int64_t end) {
        control.check();
        copy_rows(matrix, begin, end, copy + begin * matrix.columns * bytes);
      });
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
