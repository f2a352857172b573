// The functions that the addon exports, by topic. Their signatures are those of src/backend/addon-types.ts.
#pragma once

#include "addon/napi_setup.h"

namespace sae_match {

// processor_operations.cpp
Napi::Value compiled_simd_names(const Napi::CallbackInfo& info);
Napi::Value supported_simd_names(const Napi::CallbackInfo& info);
Napi::Value active_simd_name(const Napi::CallbackInfo& info);
Napi::Value force_simd(const Napi::CallbackInfo& info);
Napi::Value threads(const Napi::CallbackInfo& info);
Napi::Value limit_threads(const Napi::CallbackInfo& info);

// feature_operations.cpp
Napi::Value start_squared_row_norms(const Napi::CallbackInfo& info);
Napi::Value start_row_dots(const Napi::CallbackInfo& info);
Napi::Value start_squared_block_norms(const Napi::CallbackInfo& info);
Napi::Value start_pair_costs(const Napi::CallbackInfo& info);
Napi::Value start_cost_matrix(const Napi::CallbackInfo& info);
Napi::Value start_nearest_rows(const Napi::CallbackInfo& info);

// assignment_operations.cpp
Napi::Value start_solve_matrix(const Napi::CallbackInfo& info);
Napi::Value start_solve_sparse(const Napi::CallbackInfo& info);
Napi::Value start_solve_rows(const Napi::CallbackInfo& info);
Napi::Value solve_matrix_sync(const Napi::CallbackInfo& info);
Napi::Value solve_sparse_sync(const Napi::CallbackInfo& info);
Napi::Value solve_rows_sync(const Napi::CallbackInfo& info);

// device_operations.cpp
Napi::Value describe_devices(const Napi::CallbackInfo& info);
Napi::Value test_devices(const Napi::CallbackInfo& info);
Napi::Value resident_tensors(const Napi::CallbackInfo& info);
Napi::Value new_identity(const Napi::CallbackInfo& info);

}  // namespace sae_match
