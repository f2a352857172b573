#include "sae_match/cpu_features.h"

#include <algorithm>
#include <atomic>

#if defined(SAE_MATCH_HAVE_AVX2) || defined(SAE_MATCH_HAVE_AVX512)
#include <cpuid.h>
#endif
#if defined(SAE_MATCH_HAVE_AMX) && defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include "core/kernels.h"

namespace sae_match {
namespace {

struct InstructionSet {
  const Kernels* (*kernels)();
  bool (*supported)();
  const char* name() const { return kernels()->name; }
};

#if defined(SAE_MATCH_HAVE_AVX2) || defined(SAE_MATCH_HAVE_AVX512)
// Not every compiler knows "f16c" in __builtin_cpu_supports: CPUID leaf 1, ECX bit 29.
bool has_f16c() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  return __get_cpuid(1, &eax, &ebx, &ecx, &edx) && (ecx >> 29 & 1);
}

bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c(); }
#endif

#ifdef SAE_MATCH_HAVE_AVX512
bool has_avx512() {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}
#endif

#ifdef SAE_MATCH_HAVE_AMX
// The system saves the tiles of those who ask; it may say no.
bool may_use_tiles() {
#ifdef __linux__
  constexpr long kRequestPermission = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
#else
  return false;
#endif
}

// CPUID leaf 7: EDX bits 22 (AMX-BF16) and 24 (AMX-TILE) of subleaf 0, EAX bit 5 (AVX512-BF16) of subleaf 1.
bool has_amx() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  if (!has_avx512() || !__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) return false;
  if (!(edx >> 22 & 1) || !(edx >> 24 & 1)) return false;
  if (!__get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) || !(eax >> 5 & 1)) return false;
  static const bool allowed = may_use_tiles();
  return allowed;
}
#endif

bool always() { return true; }

// Compiled in, best first.
constexpr InstructionSet kInstructionSets[] = {
#ifdef SAE_MATCH_HAVE_AMX
    {kernels_amx, has_amx},
#endif
#ifdef SAE_MATCH_HAVE_AVX512
    {kernels_avx512, has_avx512},
#endif
#ifdef SAE_MATCH_HAVE_AVX2
    {kernels_avx2, has_avx2},
#endif
#ifdef SAE_MATCH_HAVE_NEON
    {kernels_neon, always},  // part of the architecture
#endif
    {kernels_portable, always},
};

const InstructionSet* best_supported() {
  static const InstructionSet* const best =
      std::find_if(std::begin(kInstructionSets), std::end(kInstructionSets),
                   [](const InstructionSet& instruction_set) { return instruction_set.supported(); });
  return best;
}

std::atomic<const InstructionSet*> forced{nullptr};

}  // namespace

std::vector<std::string> supported_simd() {
  std::vector<std::string> names;
  for (const InstructionSet& instruction_set : kInstructionSets) {
    if (instruction_set.supported()) names.emplace_back(instruction_set.name());
  }
  return names;
}

std::vector<std::string> compiled_simd() {
  std::vector<std::string> names;
  for (const InstructionSet& instruction_set : kInstructionSets) names.emplace_back(instruction_set.name());
  return names;
}

const Kernels& kernels() {
  const InstructionSet* choice = forced.load(std::memory_order_relaxed);
  return *(choice ? choice : best_supported())->kernels();
}

const Kernels& f32_kernels() {
#ifdef SAE_MATCH_HAVE_AMX
  if (&kernels() == kernels_amx()) return *kernels_avx512();
#endif
  return kernels();
}

std::string active_simd() { return kernels().name; }

bool set_simd(const std::string& name) {
  if (name == "auto") {
    forced.store(nullptr, std::memory_order_relaxed);
    return true;
  }
  for (const InstructionSet& instruction_set : kInstructionSets) {
    if (name == instruction_set.name() && instruction_set.supported()) {
      forced.store(&instruction_set, std::memory_order_relaxed);
      return true;
    }
  }
  return false;
}

}  // namespace sae_match
