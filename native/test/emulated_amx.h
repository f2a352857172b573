// The kernels for AMX on processors without it.
#pragma once

#include "core/kernels.h"

namespace sae_match {

// Call them where may_emulate_amx().
const Kernels* kernels_emulated_amx();

// Where this build has them and the processor has AVX512-BF16, which the rest of these kernels needs.
inline bool may_emulate_amx() {
#ifdef SAE_MATCH_EMULATED_AMX
  return __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq");
#else
  return false;
#endif
}

}  // namespace sae_match
