// 64-bit Arm.
#include <arm_neon.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

#include "core/half.h"
#include "core/kernels.h"

namespace sae_match {
namespace {

#include "core/loops/all.inc"

// 8 x 12: twenty-four accumulators, three registers of b, two of a.
constexpr std::int64_t kTileRows = 8, kTileColumns = 12;

#include "core/loops/f32_products.inc"

void gemm_tile(std::int64_t depth, const float* a, const float* b, float* c, std::int64_t c_stride, bool accumulate) {
  float32x4_t sum[kTileRows][3];
  for (auto& row : sum) row[0] = row[1] = row[2] = vdupq_n_f32(0);
  for (std::int64_t k = 0; k < depth; ++k, a += kTileRows, b += kTileColumns) {
    const float32x4_t b0 = vld1q_f32(b), b1 = vld1q_f32(b + 4), b2 = vld1q_f32(b + 8);
#pragma GCC unroll 8
    for (std::int64_t r = 0; r < kTileRows; ++r) {
      sum[r][0] = vfmaq_n_f32(sum[r][0], b0, a[r]);
      sum[r][1] = vfmaq_n_f32(sum[r][1], b1, a[r]);
      sum[r][2] = vfmaq_n_f32(sum[r][2], b2, a[r]);
    }
  }
#pragma GCC unroll 8
  for (std::int64_t r = 0; r < kTileRows; ++r) {
    float* out = c + r * c_stride;
    for (int part = 0; part < 3; ++part) {
      if (accumulate) sum[r][part] = vaddq_f32(sum[r][part], vld1q_f32(out + 4 * part));
      vst1q_f32(out + 4 * part, sum[r][part]);
    }
  }
}

}  // namespace

#include "core/kernel_table.inc"

const Kernels* kernels_neon() {
  static constexpr Kernels table = SAE_MATCH_KERNELS("neon");
  return &table;
}

}  // namespace sae_match
