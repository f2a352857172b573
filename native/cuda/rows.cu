#include "cuda/rows.h"

#include "cuda/exact_cost.h"

namespace sae_match::cuda {
namespace {

constexpr unsigned kThreads = 256;
constexpr unsigned kWarp = 32;

__global__ void __launch_bounds__(kThreads) norms_kernel(RowsView rows, double* norms) {
  const std::int64_t r = (std::int64_t{blockIdx.x} * kThreads + threadIdx.x) / kLanes;
  const std::int64_t last = rows.count - 1;
  const double norm = squared_norm(rows, r < last ? r : last);
  if (r <= last && lane_of_sum() == 0) norms[r] = norm;
}

__global__ void __launch_bounds__(kThreads) multiply_kernel(double* numbers, std::int64_t count, double factor) {
  const std::int64_t at = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (at < count) numbers[at] *= factor;
}

__device__ inline float put(float* to, double x) { return *to = static_cast<float>(x); }
__device__ inline float put(__half* to, double x) {
  *to = __float2half_rn(static_cast<float>(x));
  return __half2float(*to);
}

// A warp a row.
template <class Number>
__global__ void __launch_bounds__(kThreads) pack_kernel(RowsView rows, std::int64_t depth, Number* operand,
                                                        double* unscale, double* residual) {
  const std::int64_t r = (std::int64_t{blockIdx.x} * kThreads + threadIdx.x) / kWarp;
  if (r >= rows.count) return;  // the whole warp
  const int lane = static_cast<int>(threadIdx.x % kWarp);
  const int exponent = sizeof(Number) == sizeof(__half) ? half_exponent(rows.norms[r]) : 0;
  const double up = ldexp(1.0, exponent), down = ldexp(1.0, -exponent);
  Number* out = operand + r * depth;
  double sum = 0;
  std::int64_t column = 0;
  for (std::int64_t block = 0; block < rows.block_count; ++block) {
    const StoredRow x = stored_row(rows, block, r);
    const std::int64_t columns = rows.blocks[block].columns;
    for (std::int64_t k = lane; k < columns; k += kWarp) {
      const double value = x[k] * up;
      const double lost = value - static_cast<double>(put(out + column + k, value));
      sum += lost * lost;
    }
    column += columns;
  }
  for (std::int64_t k = column + lane; k < depth; k += kWarp) put(out + k, 0.0);
  for (int step = kWarp / 2; step > 0; step /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, step);
  if (lane == 0) {
    unscale[r] = down;
    // What rounding can take off sums, roots and subnormal squares is far less than what is put on here.
    residual[r] = sum > 0 ? (sqrt(sum) * (1 + 0x1p-20) + 0x1p-500) * down : 0.0;
  }
}

dim3 blocks_for(std::int64_t threads) { return dim3(static_cast<unsigned>((threads + kThreads - 1) / kThreads)); }

}  // namespace

DeviceRows::DeviceRows(const sae_match_device_rows& rows, Product product, Arena& memory)
    : memory_(memory),
      count_(rows.count),
      block_count_(rows.block_count),
      product_(product),
      index_(memory),
      blocks_(memory, rows.block_count),
      norms_(memory, rows.count),
      unscale_(memory, rows.count),
      operand_(memory) {
  Stream& stream = memory.stream();
  const auto stored = [&](std::int64_t r) { return rows.index ? std::int64_t{rows.index[r]} : r; };
  // Which rows of a resident tensor these are, uploaded where there is one.
  const auto device_index = [&]() -> const std::int32_t* {
    if (rows.index && !index_.data()) {
      index_.allocate(count_);
      stream.upload(index_.data(), rows.index, count_);
    }
    return index_.data();
  };
  std::vector<BlockView> views;
  std::vector<double> scale(static_cast<std::size_t>(count_));
  for (std::int64_t b = 0; b < block_count_; ++b) {
    const sae_match_device_block& block = rows.blocks[b];
    const std::int64_t bytes = block.columns * stored_bytes(block.dtype);
    width_ += block.columns;
    BlockView view{nullptr, nullptr, nullptr, block.columns, bytes, block.dtype};
    if (block.identity != 0) {
      const Resident tensor = resident_tensor(block, stream);
      memory.keep(tensor);
      view.data = static_cast<const char*>(tensor->data());
      view.index = device_index();
    } else {
      data_.emplace_back(memory, count_ * bytes);
      stream.upload_rows(data_.back().data(), bytes, count_, [&](std::int64_t r) {
        return static_cast<const char*>(block.data) + stored(r) * block.row_bytes;
      });
      view.data = data_.back().data();
    }
    scales_.emplace_back(memory, count_);
    for (std::int64_t r = 0; r < count_; ++r) scale[r] = block.scale ? block.scale[stored(r)] : 1.0;
    stream.upload(scales_.back().data(), scale.data(), count_);
    view.scale = scales_.back().data();
    views.push_back(view);
  }
  stream.upload(blocks_.data(), views.data(), block_count_);
  const std::size_t bytes = product_ == Product::f16 ? sizeof(__half) : sizeof(float);
  operand_.allocate(count_ * depth() * static_cast<std::int64_t>(bytes));
}

void DeviceRows::find_norms(double* norms) {
  Stream& stream = memory_.stream();
  launch("norms", norms_kernel, blocks_for(count_ * kLanes), kThreads, 0, stream.get(), view(), norms_.data());
  stream.download(norms, norms_.data(), static_cast<std::size_t>(count_) * sizeof(double));
}

void DeviceRows::pack(double factor, double* residual) {
  Stream& stream = memory_.stream();
  factor_ = factor;
  launch("norms times factor", multiply_kernel, blocks_for(count_), kThreads, 0, stream.get(), norms_.data(), count_,
         factor * factor);
  DeviceArray<double> residuals(memory_, count_);
  const dim3 grid = blocks_for(count_ * kWarp);
  if (product_ == Product::f16) {
    launch("pack to f16", pack_kernel<__half>, grid, kThreads, 0, stream.get(), view(), depth(),
           reinterpret_cast<__half*>(operand_.data()), unscale_.data(), residuals.data());
  } else {
    launch("pack to f32", pack_kernel<float>, grid, kThreads, 0, stream.get(), view(), depth(),
           reinterpret_cast<float*>(operand_.data()), unscale_.data(), residuals.data());
  }
  stream.download(residual, residuals.data(), static_cast<std::size_t>(count_) * sizeof(double));
}

}  // namespace sae_match::cuda
