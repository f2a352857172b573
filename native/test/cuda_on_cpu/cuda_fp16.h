// Half precision in integer arithmetic.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#include "core/half.h"

struct __half {
  std::uint16_t bits;
};

inline float __half2float(__half x) { return sae_match::half_to_float(x.bits); }

// To nearest, ties to even.
inline __half __float2half_rn(float x) {
  std::uint32_t word;
  std::memcpy(&word, &x, sizeof word);
  const auto sign = static_cast<std::uint16_t>((word >> 16) & 0x8000u);
  const float magnitude = std::fabs(x);
  if (std::isnan(x)) return {static_cast<std::uint16_t>(sign | 0x7e00u)};
  if (magnitude >= 65520.0f) return {static_cast<std::uint16_t>(sign | 0x7c00u)};
  if (magnitude < 0x1p-14f) {
    return {static_cast<std::uint16_t>(sign | static_cast<std::uint16_t>(std::nearbyint(magnitude * 0x1p24f)))};
  }
  // Ten digits of the fraction stay; a carry goes over into the exponent by itself.
  const std::uint32_t rounded = (word & 0x7fffffffu) + 0xfffu + ((word >> 13) & 1u);
  return {static_cast<std::uint16_t>(sign | ((rounded - ((127u - 15u) << 23)) >> 13))};
}
