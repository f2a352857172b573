// Which instruction set the kernels run on.
#pragma once

#include <string>
#include <vector>

namespace sae_match {

// Names compiled in and supported by this processor, best first; "portable" is always the last.
std::vector<std::string> supported_simd();
// Names compiled in, whatever the processor.
std::vector<std::string> compiled_simd();
// The one in use. The default is the best supported one.
std::string active_simd();
// Forces one ("auto" for the default). False if the processor or the build lacks it; nothing changes then.
bool set_simd(const std::string& name);

}  // namespace sae_match
