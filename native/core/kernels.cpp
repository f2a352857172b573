#include "core/kernels.h"

#include "sae_match/cpu_features.h"

namespace sae_match {

#ifndef SAE_MATCH_HAVE_AVX2
const Kernels* kernels_avx2() { return nullptr; }
#endif
#ifndef SAE_MATCH_HAVE_AVX512
const Kernels* kernels_avx512() { return nullptr; }
#endif
#ifndef SAE_MATCH_HAVE_NEON
const Kernels* kernels_neon() { return nullptr; }
#endif

const Kernels& kernels() {
  const std::string name = active_simd();
  for (const Kernels* candidate : {kernels_avx512(), kernels_avx2(), kernels_neon()}) {
    if (candidate && name == candidate->name) return *candidate;
  }
  return *kernels_portable();
}

}  // namespace sae_match
