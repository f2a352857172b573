// Tags of the native handles JavaScript may hold. A value without the right tag is refused instead of being read as
// what it is not. All tags stand here so that the set is visible; the numbers are random.
#pragma once

#include "addon/napi_setup.h"

namespace sae_match {

inline constexpr napi_type_tag kJobTag = {0x6d1f0c5e52b94a87, 0x9a3cf1e07b2d4e66};

}  // namespace sae_match
