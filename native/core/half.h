// IEEE half precision to f32 in integer arithmetic, for instruction sets without a conversion of their own.
#pragma once

#include <cstdint>
#include <cstring>

namespace sae_match {

inline float half_to_float(std::uint16_t bits) {
  const std::uint32_t sign = std::uint32_t{bits & 0x8000u} << 16;
  const std::uint32_t exponent = (bits >> 10) & 0x1fu;
  const std::uint32_t fraction = bits & 0x3ffu;
  if (exponent == 0) {
    // Zero or subnormal: fraction * 2^-24 is exact in f32.
    const float magnitude = static_cast<float>(fraction) * 0x1p-24f;
    return sign ? -magnitude : magnitude;
  }
  const std::uint32_t widened = exponent == 31 ? 0xffu : exponent + (127 - 15);
  const std::uint32_t word = sign | (widened << 23) | (fraction << 13);
  float x;
  std::memcpy(&x, &word, sizeof x);
  return x;
}

}  // namespace sae_match
