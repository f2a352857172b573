// How a block of threads scans a row of bounds: the minima of blocks of columns first, then only blocks that matter.
#pragma once

#include "cuda/numbers.h"
#include "cuda/runtime.h"

namespace sae_match::cuda {

inline constexpr unsigned kScanThreads = 256;
inline constexpr int kWarp = 32, kWarps = kScanThreads / kWarp;
inline constexpr int kMostMinima = 1024;  // of a row

// Some asked rows of bounds.
struct BoundRows {
  const float* base;
  std::int64_t columns;
  const std::int32_t* rows;  // position p lies at row rows[p] of base, at row p where rows is null
  __device__ const float* row(std::int64_t position) const {
    return base + (rows ? rows[position] : position) * columns;
  }
};

__device__ inline int lane_of_warp() { return static_cast<int>(threadIdx.x) % kWarp; }
__device__ inline int warp_of_block() { return static_cast<int>(threadIdx.x) / kWarp; }

// What the threads of a block share; `Sum` and the rest are to be called by all of them together.
struct BlockScratch {
  double numbers[kWarps];
  std::int64_t counts[kWarps];
};

__device__ inline std::int64_t sum_of_block(std::int64_t x, BlockScratch& scratch) {
  for (int step = kWarp / 2; step > 0; step /= 2) x += __shfl_xor_sync(0xffffffffu, x, step);
  __syncthreads();
  if (lane_of_warp() == 0) scratch.counts[warp_of_block()] = x;
  __syncthreads();
  std::int64_t sum = 0;
  for (int w = 0; w < kWarps; ++w) sum += scratch.counts[w];
  return sum;
}

__device__ inline double least_of_warp(double x) {
  for (int step = kWarp / 2; step > 0; step /= 2) x = fmin(x, __shfl_xor_sync(0xffffffffu, x, step));
  return x;
}

__device__ inline double least_of_block(double x, BlockScratch& scratch) {
  x = least_of_warp(x);
  __syncthreads();
  if (lane_of_warp() == 0) scratch.numbers[warp_of_block()] = x;
  __syncthreads();
  double least = scratch.numbers[0];
  for (int w = 1; w < kWarps; ++w) least = fmin(least, scratch.numbers[w]);
  return least;
}

// A row's costs less prices and the minima of its blocks of `width` columns. Warp w has the blocks
// [first_block, last_block), in which its lanes stand side by side.
struct RowScan {
  const float* costs;
  const double* v;
  std::int64_t columns, width, blocks;
  const double* minima;

  // Adding 0 makes -0 and 0 the same.
  __device__ double reduced(std::int64_t j) const { return (static_cast<double>(costs[j]) - v[j]) + 0.0; }
  __device__ std::int64_t first_block() const { return blocks * warp_of_block() / kWarps; }
  __device__ std::int64_t last_block() const { return blocks * (warp_of_block() + 1) / kWarps; }

  // Calls body(j, reduced cost, whether j is a column) for all lanes of the warp together, where a block's minimum is at
  // most `cut`. Columns ascend.
  template <class Body>
  __device__ void each(double cut, Body body) const {
    for (std::int64_t block = first_block(); block < last_block(); ++block) {
      if (!(minima[block] <= cut)) continue;
      const std::int64_t end = (block + 1) * width < columns ? (block + 1) * width : columns;
      for (std::int64_t j0 = block * width; j0 < end; j0 += kWarp) {
        const std::int64_t j = j0 + lane_of_warp();
        body(j, j < end ? reduced(j) : INFINITY, j < end);
      }
    }
  }
};

// Columns a block of such a row has: 32, or as many as keep the number of blocks below kMostMinima.
__host__ __device__ inline std::int64_t scan_width(std::int64_t columns) {
  std::int64_t width = kWarp;
  while ((columns + width - 1) / width > kMostMinima) width *= 2;
  return width;
}

// `minima`: shared memory for kMostMinima numbers.
__device__ inline RowScan scan_row(const float* costs, const double* v, std::int64_t columns, double* minima) {
  RowScan scan{costs, v, columns, scan_width(columns), 0, minima};
  scan.blocks = (columns + scan.width - 1) / scan.width;
  for (std::int64_t block = scan.first_block(); block < scan.last_block(); ++block) {
    const std::int64_t end = (block + 1) * scan.width < columns ? (block + 1) * scan.width : columns;
    double least = INFINITY;
    for (std::int64_t j = block * scan.width + lane_of_warp(); j < end; j += kWarp) {
      least = fmin(least, scan.reduced(j));
    }
    least = least_of_warp(least);
    if (lane_of_warp() == 0) minima[block] = least;
  }
  __syncthreads();
  return scan;
}

struct DigitCounts {
  unsigned counts[kScanThreads];  // of the values of eight bits
  unsigned digit;
  std::int64_t rank;  // among those that have this digit
};

// For a warp: finds the digit of the number of a rank. Every lane adds up eight digits.
__device__ inline void find_digit(std::int64_t rank, DigitCounts& digits) {
  constexpr unsigned kEach = kScanThreads / kWarp;
  const unsigned first = static_cast<unsigned>(lane_of_warp()) * kEach;
  unsigned sum = 0;
  for (unsigned e = 0; e < kEach; ++e) sum += digits.counts[first + e];
  unsigned before = 0, all = sum;  // of the lanes below, of those that have been added up
  for (int step = 1; step < kWarp; step *= 2) {
    const unsigned other = __shfl_xor_sync(0xffffffffu, all, step);
    if (lane_of_warp() & step) before += other;
    all += other;
  }
  rank -= before;
  if (rank < 1 || rank > sum) return;  // it is in the digits of another lane
  unsigned digit = first;
  while (rank > digits.counts[digit]) rank -= digits.counts[digit++];
  digits.digit = digit;
  digits.rank = rank;
}

// The rank-th least, from 1 on, of the numbers that the threads of a block show: each(see) calls see(x) for those of this
// thread. Digit after digit of eight bits is found by counting. All threads get the same.
template <class Each>
__device__ inline double number_of_rank(std::int64_t rank, DigitCounts& digits, Each each) {
  std::uint64_t found = 0;
  for (int shift = 56; shift >= 0; shift -= 8) {
    __syncthreads();
    digits.counts[threadIdx.x] = 0;
    __syncthreads();
    each([&](double x) {
      const std::uint64_t bits = ordered_bits(x);
      if (shift == 56 || bits >> (shift + 8) == found) atomicAdd(&digits.counts[bits >> shift & 255], 1u);
    });
    __syncthreads();
    if (warp_of_block() == 0) find_digit(rank, digits);
    __syncthreads();
    rank = digits.rank;
    found = found << 8 | digits.digit;
  }
  return from_ordered_bits(found);
}

}  // namespace sae_match::cuda
