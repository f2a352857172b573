// The CUDA library that tests load: the one whose kernels run on the CPU (cuda_on_cpu), which fails as it is told to.
#pragma once

#include <cstdlib>
#include <string>

#ifndef CUDA_ON_CPU_LIBRARY  // scripts/gpu-check.sh has none
#define CUDA_ON_CPU_LIBRARY ""
#define OTHER_ABI_LIBRARY ""
#endif

namespace sae_match {

// What its device has and where it fails, see cuda_on_cpu/cuda_runtime.h.
inline void plan(const std::string& text) { setenv("SAE_MATCH_CUDA_ON_CPU", text.c_str(), 1); }

}  // namespace sae_match
