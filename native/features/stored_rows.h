// Feature rows made ready for arithmetic: contiguous along k, with norms.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "core/kernels.h"
#include "sae_match/matrix_view.h"
#include "sae_match/run_control.h"

namespace sae_match {

// Contiguous rows over stored tensors. A block whose rows are not contiguous (a transposed view) is copied once in
// its stored type; everything else stays where it is. `Rows` must outlive this object.
class StoredRows {
 public:
  StoredRows(const Rows& rows, RunControl& control);
  // Multiplies every value by a power of two.
  void multiply_by(double factor) { factor_ *= factor; }

  std::int64_t count() const { return rows_->count; }
  std::int64_t width() const { return width_; }
  std::int64_t blocks() const { return static_cast<std::int64_t>(blocks_.size()); }
  std::int64_t block_width(std::int64_t block) const { return blocks_[block].columns; }

  // All values of row r, block after block.
  void read(const Kernels& kernels, std::int64_t r, double* out) const;
  // Values [begin, end) of row r rounded to f32.
  void read_f32(const Kernels& kernels, std::int64_t r, std::int64_t begin, std::int64_t end, float* out) const;
  // Squared distance in one block of a row given as numbers (as `read` gives them, at that block) and row r.
  double block_distance(const Kernels& kernels, std::int64_t block, const double* x, std::int64_t r) const;
  // The whole squared distance: the sums of the blocks added left to right.
  double distance(const Kernels& kernels, const double* x, std::int64_t r) const;
  // Inner product of one block of such a row with row r.
  double block_dot(const Kernels& kernels, std::int64_t block, const double* x, std::int64_t r) const;

  // A block as it lies in memory, by stored row: rows are contiguous, the scale is the caller's (null for 1).
  struct Block {
    const std::byte* data;
    Dtype dtype;
    std::int64_t columns;
    std::int64_t row_bytes;
    std::int64_t element_bytes;
    const double* scale;
    std::uint64_t identity;  // see MatrixView
    std::int64_t rows;       // stored
  };
  const std::vector<Block>& stored_blocks() const { return blocks_; }
  // The stored row of each row; null where they are the same.
  const std::int32_t* index() const { return rows_->index; }

 private:
  const void* stored(const Block& block, std::int64_t r) const {
    return block.data + rows_->stored_row(r) * block.row_bytes;
  }
  double scale(const Block& block, std::int64_t r) const {
    return block.scale ? block.scale[rows_->stored_row(r)] * factor_ : factor_;
  }

  const Rows* rows_;
  double factor_ = 1;
  std::int64_t width_ = 0;
  std::vector<Block> blocks_;
  std::vector<std::unique_ptr<std::byte[]>> copies_;
};

// Squared norms of all rows, each the sum of its blocks left to right.
std::vector<double> squared_norms(const StoredRows& rows, RunControl& control);

std::int64_t element_bytes(Dtype dtype);

// Whether the numbers of a row lie side by side.
bool has_contiguous_rows(const MatrixView& matrix);

// Rows [begin, end) of a matrix, in its stored type, one after the other.
void copy_rows(const MatrixView& matrix, std::int64_t begin, std::int64_t end, std::byte* out);

}  // namespace sae_match
