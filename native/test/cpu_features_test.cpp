#include "sae_match/cpu_features.h"

#include <algorithm>

#include "check.h"

int main() {
  const std::vector<std::string> compiled = sae_match::compiled_simd(), supported = sae_match::supported_simd();
  CHECK(!supported.empty());
  CHECK_EQUAL(compiled.back(), "portable");
  CHECK_EQUAL(supported.back(), "portable");
  CHECK(std::includes(compiled.begin(), compiled.end(), supported.begin(), supported.end(),
                      [&](const std::string& a, const std::string& b) {
                        return std::find(compiled.begin(), compiled.end(), a) <
                               std::find(compiled.begin(), compiled.end(), b);
                      }));
  CHECK_EQUAL(sae_match::active_simd(), supported.front());

  for (const std::string name : {"amx", "avx512", "avx2", "neon", "portable", "", "AVX2", "sse"}) {
    const std::string before = sae_match::active_simd();
    const bool expected = std::find(supported.begin(), supported.end(), name) != supported.end();
    CHECK_EQUAL(sae_match::set_simd(name), expected);
    CHECK_EQUAL(sae_match::active_simd(), expected ? name : before);
  }
  CHECK(sae_match::set_simd("auto"));
  CHECK_EQUAL(sae_match::active_simd(), supported.front());
  return finish();
}
