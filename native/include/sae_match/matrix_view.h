// Strided views of stored numbers and the feature rows built from them. Nothing here owns or copies tensors.
#pragma once

#include <cstdint>
#include <vector>

namespace sae_match {

// How numbers are stored. The order is the one of src/backend/addon-types.ts.
enum class Dtype : std::int32_t { f16 = 0, bf16 = 1, f32 = 2, f64 = 3 };

// Element (i, k) is data[i * row_stride + k * column_stride]; strides count elements. Views of one identity other than 0
// hold the same numbers for the life of the process: nobody writes to them.
struct MatrixView {
  const void* data = nullptr;
  Dtype dtype = Dtype::f32;
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::int64_t row_stride = 0;
  std::int64_t column_stride = 1;
  std::uint64_t identity = 0;
};

// A part of every feature row: scale[i] * matrix(i, k), the product rounded once to f64. scale may be null (1).
struct RowBlock {
  MatrixView matrix;
  const double* scale = nullptr;
};

// Feature rows: blocks side by side. Row r consists of row index[r] of every block (row r where index is null).
struct Rows {
  std::vector<RowBlock> blocks;
  std::int64_t count = 0;
  const std::int32_t* index = nullptr;

  std::int64_t width() const {
    std::int64_t sum = 0;
    for (const RowBlock& block : blocks) sum += block.matrix.columns;
    return sum;
  }
  std::int64_t stored_row(std::int64_t r) const { return index ? index[r] : r; }
};

// Whether rows are compared as they are, by |x - y|^2, or up to their sign, by the lesser of |x - y|^2 and |x + y|^2.
enum class Sign { same, either };

}  // namespace sae_match
