// Feature rows in device memory: their stored numbers with a scale per row, and the operands that products read.
#pragma once

#include <vector>

#include "cuda/numbers.h"
#include "cuda/resident.h"

namespace sae_match::cuda {

struct BlockView {
  const char* data;           // stored numbers, rows side by side
  const std::int32_t* index;  // [count] the stored row of each row; null where they are the same
  const double* scale;        // [count]
  std::int64_t columns;
  std::int64_t row_bytes;
  std::int32_t dtype;
};

// What kernels see of them.
struct RowsView {
  const BlockView* blocks;
  std::int64_t block_count;
  std::int64_t count;
  const double* norms;  // [count] squared, of the rows times `factor`
  double factor;        // a power of two that all rows are multiplied by
};

enum class Product : std::int32_t { f32 = 0, f16 = 1 };

// Rows of f32 or f16, padded with zeros to `depth` columns; row r stands for unscale[r] times its numbers.
struct OperandView {
  const void* numbers;
  std::int64_t count, depth;
  const double* unscale;  // [count] powers of two
};
inline constexpr std::int64_t kDepthGrain = 32;

class DeviceRows {
 public:
  // Copies the rows in the order of their index; of blocks with an identity, all stored rows, unless they are there.
  DeviceRows(const sae_match_device_rows& rows, Product product, Arena& memory);

  std::int64_t count() const { return count_; }
  std::int64_t width() const { return width_; }
  std::int64_t depth() const { return (width_ + kDepthGrain - 1) / kDepthGrain * kDepthGrain; }
  RowsView view() const { return {blocks_.data(), block_count_, count_, norms_.data(), factor_}; }
  OperandView operand() const { return {operand_.data(), count_, depth(), unscale_.data()}; }

  // To be called once, before pack().
  void find_norms(double* norms);
  // residual[r] is at least the norm of row r, times `factor`, less what the operand has of it.
  void pack(double factor, double* residual);

 private:
  Arena& memory_;
  std::int64_t count_, width_ = 0, block_count_;
  Product product_;
  double factor_ = 1;
  std::vector<DeviceArray<char>> data_;
  DeviceArray<std::int32_t> index_;
  std::vector<DeviceArray<double>> scales_;
  DeviceArray<BlockView> blocks_;
  DeviceArray<double> norms_, unscale_;
  DeviceArray<char> operand_;
};

}  // namespace sae_match::cuda
