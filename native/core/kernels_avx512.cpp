// AVX-512 (F, BW, DQ, VL).
#include <immintrin.h>

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

// 12 x 32: twenty-four accumulators, two registers of b, the rest for the broadcasts of a.
constexpr std::int64_t kTileRows = 12, kTileColumns = 32;

#include "core/loops/f32_products.inc"

void gemm_tile(std::int64_t depth, const float* a, const float* b, float* c, std::int64_t c_stride, bool accumulate) {
  __m512 sum[kTileRows][2];
  for (auto& row : sum) row[0] = row[1] = _mm512_setzero_ps();
  // The entries lie far apart and are needed last: they can come while sums are formed.
  for (std::int64_t r = 0; r < kTileRows; ++r) {
    _mm_prefetch(reinterpret_cast<const char*>(c + r * c_stride), _MM_HINT_T0);
    _mm_prefetch(reinterpret_cast<const char*>(c + r * c_stride + kTileColumns / 2), _MM_HINT_T0);
    _mm_prefetch(reinterpret_cast<const char*>(c + r * c_stride + kTileColumns - 1), _MM_HINT_T0);
  }
  for (std::int64_t k = 0; k < depth; ++k, a += kTileRows, b += kTileColumns) {
    const __m512 b0 = _mm512_load_ps(b), b1 = _mm512_load_ps(b + 16);
#pragma GCC unroll 12
    for (std::int64_t r = 0; r < kTileRows; ++r) {
      const __m512 x = _mm512_set1_ps(a[r]);
      sum[r][0] = _mm512_fmadd_ps(x, b0, sum[r][0]);
      sum[r][1] = _mm512_fmadd_ps(x, b1, sum[r][1]);
    }
  }
#pragma GCC unroll 12
  for (std::int64_t r = 0; r < kTileRows; ++r) {
    float* out = c + r * c_stride;
    if (accumulate) {
      sum[r][0] = _mm512_add_ps(sum[r][0], _mm512_loadu_ps(out));
      sum[r][1] = _mm512_add_ps(sum[r][1], _mm512_loadu_ps(out + 16));
    }
    _mm512_storeu_ps(out, sum[r][0]);
    _mm512_storeu_ps(out + 16, sum[r][1]);
  }
}

}  // namespace

#include "core/kernel_table.inc"

const Kernels* kernels_avx512() {
  static constexpr Kernels table = SAE_MATCH_KERNELS("avx512");
  return &table;
}

}  // namespace sae_match
