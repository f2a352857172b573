// What the processor's caches hold.
#pragma once

#include <cstdint>

#ifdef __linux__
#include <unistd.h>
#endif

namespace sae_match {

// Bytes of a core's second cache; half a megabyte where the system does not say.
inline std::int64_t second_level_cache() {
  constexpr std::int64_t kUsual = 512 << 10;
#ifdef _SC_LEVEL2_CACHE_SIZE
  const std::int64_t bytes = sysconf(_SC_LEVEL2_CACHE_SIZE);
  return bytes > 0 ? bytes : kUsual;
#else
  return kUsual;
#endif
}

}  // namespace sae_match
