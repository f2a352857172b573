// The arithmetic of kernels, for one thread. Everything here also runs on the CPU, where tests compare it with the
// kernels of native/core. Compiled without contraction: results must not depend on what a compiler fuses.
#pragma once

#include <math.h>

#include <cstdint>
#include <cstring>

#include "cuda/runtime.h"

namespace sae_match::cuda {

enum : std::int32_t { kF16 = 0, kBf16 = 1, kF32 = 2, kF64 = 3 };  // Dtype of sae_match/matrix_view.h

inline std::int64_t stored_bytes(std::int32_t dtype) { return dtype == kF64 ? 8 : dtype == kF32 ? 4 : 2; }

// Number k of a stored row, widened.
__host__ __device__ inline double stored_number(const void* row, std::int32_t dtype, std::int64_t k) {
  switch (dtype) {
    case kF16:
      return static_cast<double>(__half2float(static_cast<const __half*>(row)[k]));
    case kBf16: {
      const std::uint32_t word = std::uint32_t{static_cast<const std::uint16_t*>(row)[k]} << 16;
      float x;
      memcpy(&x, &word, sizeof x);
      return static_cast<double>(x);
    }
    case kF32:
      return static_cast<double>(static_cast<const float*>(row)[k]);
    default:
      return static_cast<const double*>(row)[k];
  }
}

// The lanes of an exact sum: lane l adds the terms of k = l (mod 8) in increasing k; this is their sum.
inline constexpr int kLanes = 8;
__host__ __device__ inline double sum_of_lanes(const double* s) {
  return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}

// At most x, as a number of f32; see down_to_float of native/core/loops/vectors.inc.
__host__ __device__ inline float down_to_float(double x) {
  const double rounded = x - 0x1p-23 * fabs(x);
  const double subnormal = fabs(rounded) < 0x1p-126 ? 0x1p-149 : 0.0;
  return static_cast<float>(rounded - (rounded == 0.0 ? 0.0 : subnormal));
}

// a - b rounded down; see native/core/rounding.h.
__host__ __device__ inline double subtract_down(double a, double b) {
  const double s = a - b, b_part = a - s, a_part = s + b_part;
  const double error = (a - a_part) + (b_part - b);
  return isfinite(s) && error < 0 ? nextafter(s, -static_cast<double>(INFINITY)) : s;
}

// A lower bound of a cost from an inner product; see lower_bounds of native/core/loops/product_epilogues.inc.
struct CostRule {
  bool either_sign;
  bool maximize;
};
__host__ __device__ inline float lower_bound(double product, double row_norm, double column_norm, double error,
                                             CostRule rule) {
  if (rule.either_sign) product = fabs(product);
  const double distance = (row_norm + column_norm) - 2.0 * product;
  const float bound = down_to_float((rule.maximize ? -distance : distance) - error);
  return !rule.maximize && bound < 0 ? 0.0f : bound;
}

// What the cost of a bound is at most; see row_error of the sources in native/cost.
__host__ __device__ inline double upper_bound(float bound, double row_error, double column_error) {
  const double lower = static_cast<double>(bound);
  return lower + (2 * row_error * column_error + 0x1p-21 * fabs(lower) + 0x1p-148);
}

// Bits that are ordered as the numbers are; those of -0 and 0 differ, so callers add 0 first.
__host__ __device__ inline std::uint64_t ordered_bits(double x) {
  std::uint64_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits >> 63 ? ~bits : bits | (std::uint64_t{1} << 63);
}
__host__ __device__ inline double from_ordered_bits(std::uint64_t ordered) {
  const std::uint64_t bits = ordered >> 63 ? ordered & ~(std::uint64_t{1} << 63) : ~ordered;
  double x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

// A row of norm |x| times 2^exponent has its norm in [2^13, 2^14), where f16 neither overflows nor loses digits.
__host__ __device__ inline int half_exponent(double squared_norm) {
  if (!(squared_norm > 0)) return 0;
  const int exponent = 13 - ilogb(sqrt(squared_norm));
  return exponent > 1000 ? 1000 : exponent;
}

}  // namespace sae_match::cuda
