// AMX tiles of bf16 for products, AVX-512 for everything else.
//
// A number x of f32 is multiplied as hi + lo: hi is x rounded to bf16, lo is x - hi rounded to bf16. Three products of
// tiles, hi hi' + hi lo' + lo hi', are a fourth as exact as f32 (see product_error) and still several times as fast.
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

// Two by two tiles of 16 x 16 sums. A step of the depth is one tile of bf16: 32 numbers of 16 rows.
constexpr std::int64_t kTile = 16, kTileRows = 2 * kTile, kTileColumns = 2 * kTile, kDepthGrain = 32;
constexpr std::int64_t kTileFloats = 256;             // the bytes of a tile, counted in floats
constexpr std::int64_t kStepFloats = 4 * kTileFloats;  // of a panel: hi of both tiles, lo of both
constexpr std::int64_t kLine = 64;                    // bytes of a tile's row

struct Parts {
  __m512i hi, lo;  // 32 numbers of bf16
};

// What is left of f32 numbers rounded to bf16.
__m512 rest(__m512 x) {
  using Bits = std::uint32_t __attribute__((vector_size(kLine)));
  const Bits bits = reinterpret_cast<Bits>(x);
  return x - reinterpret_cast<__m512>((bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000);
}

Parts split(const float* numbers) {
  const __m512 first = _mm512_loadu_ps(numbers), second = _mm512_loadu_ps(numbers + kTile);
  return {reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(second, first)),
          reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(rest(second), rest(first)))};
}

// Of the left side: a row of a tile is 32 numbers of one row.
void place_left(const float* numbers, std::int64_t depth, std::int64_t r, float* panel) {
  float* to = panel + r / kTile * kTileFloats + r % kTile * kTile;
  for (std::int64_t k = 0; k < depth; k += kDepthGrain, to += kStepFloats) {
    const Parts parts = split(numbers + k);
    _mm512_storeu_si512(to, parts.hi);
    _mm512_storeu_si512(to + 2 * kTileFloats, parts.lo);
  }
}

// Of the right side: a row of a tile is one pair of numbers of each of 16 rows.
void place_right(const float* numbers, std::int64_t depth, std::int64_t r, float* panel) {
  using Offsets = std::int32_t __attribute__((vector_size(kLine)));
  constexpr Offsets kPairs = {0, 16, 32, 48, 64, 80, 96, 112, 128, 144, 160, 176, 192, 208, 224, 240};
  const auto stride = reinterpret_cast<__m512i>(kPairs);
  float* to = panel + r / kTile * kTileFloats + r % kTile;
  for (std::int64_t k = 0; k < depth; k += kDepthGrain, to += kStepFloats) {
    const Parts parts = split(numbers + k);
    _mm512_i32scatter_epi32(to, stride, parts.hi, sizeof(float));
    _mm512_i32scatter_epi32(to + 2 * kTileFloats, stride, parts.lo, sizeof(float));
  }
}

struct TileConfiguration {
  std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
  std::uint16_t row_bytes[16] = {kLine, kLine, kLine, kLine, kLine, kLine, kLine, kLine};
  std::uint8_t rows[16] = {kTile, kTile, kTile, kTile, kTile, kTile, kTile, kTile};
};
static_assert(sizeof(TileConfiguration) == 64);

void begin_products() {
  static constexpr TileConfiguration configuration;
  _tile_loadconfig(&configuration);
}

void end_products() { _tile_release(); }

// Sums in tiles 0 to 3, what is multiplied in 4 and 5 (left), 6 and 7 (right).
void gemm_tile(std::int64_t depth, const float* a, const float* b, float* c, std::int64_t c_stride, bool accumulate) {
  const auto c_bytes = static_cast<long>(c_stride * static_cast<std::int64_t>(sizeof(float)));
  float* below = c + kTile * c_stride;
  if (accumulate) {
    _tile_loadd(0, c, c_bytes);
    _tile_loadd(1, c + kTile, c_bytes);
    _tile_loadd(2, below, c_bytes);
    _tile_loadd(3, below + kTile, c_bytes);
  } else {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
  }
  for (std::int64_t k = 0; k < depth; k += kDepthGrain, a += kStepFloats, b += kStepFloats) {
    _tile_loadd(4, a + 2 * kTileFloats, kLine);  // lo hi'
    _tile_loadd(5, a + 3 * kTileFloats, kLine);
    _tile_loadd(6, b, kLine);
    _tile_loadd(7, b + kTileFloats, kLine);
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
    _tile_loadd(4, a, kLine);  // hi hi'
    _tile_loadd(5, a + kTileFloats, kLine);
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
    _tile_loadd(6, b + 2 * kTileFloats, kLine);  // hi lo'
    _tile_loadd(7, b + 3 * kTileFloats, kLine);
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
  _tile_stored(0, c, c_bytes);
  _tile_stored(1, c + kTile, c_bytes);
  _tile_stored(2, below, c_bytes);
  _tile_stored(3, below + kTile, c_bytes);
}

// What is left out: |x - hi| <= 2^-8 |x| and |x - hi - lo| <= 2^-16 |x|, so three terms of 2^-16 |x| |y|, one for lo lo'
// and two for what lo leaves, and smaller ones. What is added up: every tile adds sixteen products to each of two sums,
// these two, and their sum to a total that goes on from tile to tile, each addition rounded to nearest (Intel's manual,
// TDPBF16PS); the terms' magnitudes add up to less than 1.02 |x| |y|. Two more roundings are those of the operands.
double product_error(std::int64_t width, std::int64_t) {
  const std::int64_t steps = 3 * ((width + kDepthGrain - 1) / kDepthGrain);
  const double roundings = static_cast<double>(kTile + 1 + steps + 2) * 0x1p-24;
  return 3.02 * 0x1p-16 + 1.02 * roundings / (1 - roundings);
}

// Numbers below 2^-126 count as 0, in operands (beside 2 at most) and in each of some four results a term.
double product_underflow(std::int64_t width) { return static_cast<double>(width) * 0x1p-122; }

}  // namespace

#include "core/kernel_table.inc"

const Kernels* kernels_amx() {
  static constexpr Kernels table = SAE_MATCH_KERNELS("amx");
  return &table;
}

}  // namespace sae_match
