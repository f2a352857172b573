// A library from another time.
#include "cuda/device_api.h"

extern "C" const sae_match_device_table* sae_match_device_api(void) {
  static const struct {
    uint32_t abi_version = 4711, table_bytes = 8;
  } table;
  return reinterpret_cast<const sae_match_device_table*>(&table);
}
