#include "cuda/soft_min.h"

#include <cfloat>

namespace sae_match::cuda {
namespace {

constexpr int kAtOnce = 8;  // numbers that are read before any of them is looked at

// Adds numbers to a sum. f32 does: prices to start from need not be exact.
struct SoftSum : SoftPart {
  __device__ SoftSum() : SoftPart{FLT_MAX, 0} {}

  __device__ void see(SoftPart other, float scale) {
    const float lower = fminf(least, other.least);
    sum = sum * exp2f((lower - least) * scale) + other.sum * exp2f((lower - other.least) * scale);
    least = lower;
  }
  __device__ void see(const float (&x)[kAtOnce], float scale) {
    float lower = least;
    SAE_MATCH_UNROLL
    for (const float each : x) lower = fminf(lower, each);
    sum *= exp2f((lower - least) * scale);
    SAE_MATCH_UNROLL
    for (const float each : x) sum += exp2f((lower - each) * scale);
    least = lower;
  }
  // Sees number(first), number(first + step), ... below `end`.
  template <class Number>
  __device__ void see_all(std::int64_t first, std::int64_t end, std::int64_t step, float scale, Number number) {
    std::int64_t k = first;
    for (; k + (kAtOnce - 1) * step < end; k += kAtOnce * step) {
      float x[kAtOnce];
      SAE_MATCH_UNROLL
      for (int t = 0; t < kAtOnce; ++t) x[t] = number(k + t * step);
      see(x, scale);
    }
    for (; k < end; k += step) see(SoftPart{number(k), 1}, scale);
  }
  // -eps log sum e^(-x / eps)
  __device__ float soft_min(float eps) const { return least - eps * logf(sum); }
};

__device__ float scale_of(float eps) { return 1.44269504f / eps; }

// A block of threads a row.
__global__ void __launch_bounds__(kScanThreads) soft_rows_kernel(SoftMinArguments p) {
  __shared__ SoftPart of_warps[kWarps];
  const std::int64_t i = blockIdx.x;
  const float* row = p.bounds + i * p.columns;
  const float scale = scale_of(p.eps);
  SoftSum sum;
  sum.see_all(threadIdx.x, p.columns, kScanThreads, scale, [&](std::int64_t j) { return row[j] - p.v[j]; });
  for (int step = kWarp / 2; step > 0; step /= 2) {
    const float other_least = __shfl_xor_sync(0xffffffffu, sum.least, step);
    const float other_sum = __shfl_xor_sync(0xffffffffu, sum.sum, step);
    sum.see(SoftPart{other_least, other_sum}, scale);
  }
  if (lane_of_warp() == 0) of_warps[warp_of_block()] = sum;
  __syncthreads();
  if (threadIdx.x != 0) return;
  for (int w = 1; w < kWarps; ++w) sum.see(of_warps[w], scale);
  p.u[i] = fminf(sum.soft_min(p.eps), p.row_most);
}

// A thread a column, over one part of the rows.
__global__ void __launch_bounds__(kScanThreads) soft_parts_kernel(SoftMinArguments p) {
  const std::int64_t j = std::int64_t{blockIdx.x} * kScanThreads + threadIdx.x, part = blockIdx.y;
  if (j >= p.columns) return;
  const std::int64_t first = part * kSoftMinRows;
  const std::int64_t end = first + kSoftMinRows < p.rows ? first + kSoftMinRows : p.rows;
  SoftSum sum;
  sum.see_all(first, end, 1, scale_of(p.eps), [&](std::int64_t i) { return p.bounds[i * p.columns + j] - p.u[i]; });
  p.parts[part * p.columns + j] = sum;
}

// A thread a column, over its parts.
__global__ void __launch_bounds__(kScanThreads) soft_columns_kernel(SoftMinArguments p, std::int64_t parts) {
  const std::int64_t j = std::int64_t{blockIdx.x} * kScanThreads + threadIdx.x;
  if (j >= p.columns) return;
  const float scale = scale_of(p.eps);
  SoftSum sum;
  for (std::int64_t part = 0; part < parts; ++part) sum.see(p.parts[part * p.columns + j], scale);
  p.v[j] = fminf(p.v[j] + p.relaxation * (sum.soft_min(p.eps) - p.v[j]), p.column_most);
}

}  // namespace

void soft_min_round(const SoftMinArguments& round, cudaStream_t stream) {
  const auto columns = static_cast<unsigned>((round.columns + kScanThreads - 1) / kScanThreads);
  const std::int64_t parts = soft_min_parts(round.rows);
  launch("soft minima of rows", soft_rows_kernel, dim3(static_cast<unsigned>(round.rows)), kScanThreads, 0, stream, round);
  launch("sums of columns", soft_parts_kernel, dim3(columns, static_cast<unsigned>(parts)), kScanThreads, 0, stream, round);
  launch("soft minima of columns", soft_columns_kernel, dim3(columns), kScanThreads, 0, stream, round, parts);
}

}  // namespace sae_match::cuda
