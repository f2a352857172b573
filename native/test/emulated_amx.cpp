// The AMX kernels with their tile instructions in plain C++, as Intel's manual describes them: what is built around the
// tiles can be tested on processors without any, if they have AVX512-BF16.
#include "emulated_amx.h"

#include <immintrin.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>

namespace {

constexpr int kRows = 16, kWords = 16;  // of 32 bits: a number of f32, or two of bf16
thread_local std::uint32_t tiles[8][kRows][kWords];

void load_tile(int tile, const void* from, long stride) {
  for (int r = 0; r < kRows; ++r) std::memcpy(tiles[tile][r], static_cast<const char*>(from) + r * stride, sizeof tiles[tile][r]);
}

void store_tile(int tile, void* to, long stride) {
  for (int r = 0; r < kRows; ++r) std::memcpy(static_cast<char*>(to) + r * stride, tiles[tile][r], sizeof tiles[tile][r]);
}

void zero_tile(int tile) { std::memset(tiles[tile], 0, sizeof tiles[tile]); }

// Subnormal operands and results count as 0.
float flushed(float x) { return std::fabs(x) < 0x1p-126f ? 0.0f : x; }
float first_of(std::uint32_t pair) { return flushed(std::bit_cast<float>(pair << 16)); }
float second_of(std::uint32_t pair) { return flushed(std::bit_cast<float>(pair & 0xffff0000)); }

// TDPBF16PS: a sum each over the first and the second of all pairs, fused, then their sum, then the total, rounded to
// nearest.
void multiply_tiles(int sum, int left, int right) {
  for (int m = 0; m < kRows; ++m) {
    float first[kWords] = {}, second[kWords] = {};
    for (int k = 0; k < kWords; ++k) {
      const float a = first_of(tiles[left][m][k]), b = second_of(tiles[left][m][k]);
      for (int n = 0; n < kWords; ++n) {
        first[n] = flushed(std::fma(a, first_of(tiles[right][k][n]), first[n]));
        second[n] = flushed(std::fma(b, second_of(tiles[right][k][n]), second[n]));
      }
    }
    for (int n = 0; n < kWords; ++n) {
      const float before = flushed(std::bit_cast<float>(tiles[sum][m][n]));
      tiles[sum][m][n] = std::bit_cast<std::uint32_t>(flushed(before + flushed(first[n] + second[n])));
    }
  }
}

// What 64 bytes tell of the tiles must be what these functions take for granted.
void configure_tiles(const void* configuration) {
  std::uint8_t bytes[64], expected[64] = {1};
  std::memcpy(bytes, configuration, sizeof bytes);
  for (int tile = 0; tile < 8; ++tile) {
    expected[16 + 2 * tile] = 4 * kWords;
    expected[48 + tile] = kRows;
  }
  if (std::memcmp(bytes, expected, sizeof bytes) != 0) std::abort();
}

}  // namespace

#undef _tile_loadconfig
#undef _tile_release
#undef _tile_loadd
#undef _tile_stored
#undef _tile_zero
#undef _tile_dpbf16ps
#define _tile_loadconfig configure_tiles
#define _tile_release() static_cast<void>(0)
#define _tile_loadd load_tile
#define _tile_stored store_tile
#define _tile_zero zero_tile
#define _tile_dpbf16ps multiply_tiles
#define kernels_amx kernels_emulated_amx
#include "core/kernels_amx.cpp"
