// A hash of a few words, for finding what is alike before it is compared.
#pragma once

#include <bit>
#include <cstdint>

namespace sae_match {

inline std::uint64_t hash_with(std::uint64_t hash, std::uint64_t word) {
  hash = (hash ^ word) * 0x9e3779b97f4a7c15;
  return hash ^ hash >> 29;
}
inline std::uint64_t hash_with(std::uint64_t hash, double x) { return hash_with(hash, std::bit_cast<std::uint64_t>(x)); }

}  // namespace sae_match
