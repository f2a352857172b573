// Plain C++ that every processor runs.
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

constexpr std::int64_t kTileRows = 4, kTileColumns = 8;

#include "core/loops/f32_products.inc"

void gemm_tile(std::int64_t depth, const float* a, const float* b, float* c, std::int64_t c_stride, bool accumulate) {
  float sum[kTileRows][kTileColumns] = {};
  for (std::int64_t k = 0; k < depth; ++k, a += kTileRows, b += kTileColumns) {
    for (std::int64_t r = 0; r < kTileRows; ++r) {
      for (std::int64_t s = 0; s < kTileColumns; ++s) sum[r][s] += a[r] * b[s];
    }
  }
  for (std::int64_t r = 0; r < kTileRows; ++r) {
    for (std::int64_t s = 0; s < kTileColumns; ++s) {
      c[r * c_stride + s] = accumulate ? c[r * c_stride + s] + sum[r][s] : sum[r][s];
    }
  }
}

}  // namespace

#include "core/kernel_table.inc"

const Kernels* kernels_portable() {
  static constexpr Kernels table = SAE_MATCH_KERNELS("portable");
  return &table;
}

}  // namespace sae_match
