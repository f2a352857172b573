// What JavaScript sees. The types are in src/backend/addon-types.ts.
#include "addon/build_info.h"
#include "addon/failure.h"
#include "addon/operations.h"
#include "addon/promise_worker.h"

namespace sae_match {
namespace {

template <Napi::Value (*function)(const Napi::CallbackInfo&)>
void add(Napi::Object exports, const char* name) {
  exports.Set(name, Napi::Function::New<guarded<function>>(exports.Env(), name));
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  Napi::Object build = Napi::Object::New(env);
  build.Set("compiler", kBuildInfo.compiler);
  build.Set("commit", kBuildInfo.commit);
  build.Set("summary", kBuildInfo.summary);
  exports.Set("version", kBuildInfo.version);
  exports.Set("build", build);

  add<compiled_simd_names>(exports, "compiledSimd");
  add<supported_simd_names>(exports, "supportedSimd");
  add<active_simd_name>(exports, "activeSimd");
  add<force_simd>(exports, "setSimd");
  add<threads>(exports, "threadCount");
  add<limit_threads>(exports, "setThreadCount");

  add<describe_devices>(exports, "describeDevices");
  add<test_devices>(exports, "testDevices");
  add<resident_tensors>(exports, "residentTensors");
  add<new_identity>(exports, "newIdentity");

  add<start_squared_row_norms>(exports, "squaredRowNorms");
  add<start_row_dots>(exports, "rowDots");
  add<start_squared_block_norms>(exports, "squaredBlockNorms");
  add<start_pair_costs>(exports, "pairCosts");
  add<start_cost_matrix>(exports, "costMatrix");
  add<start_nearest_rows>(exports, "nearestRows");

  add<start_solve_matrix>(exports, "solveMatrix");
  add<start_solve_sparse>(exports, "solveSparse");
  add<start_solve_rows>(exports, "solveRows");
  add<solve_matrix_sync>(exports, "solveMatrixSync");
  add<solve_sparse_sync>(exports, "solveSparseSync");
  add<solve_rows_sync>(exports, "solveRowsSync");
  add<cancel_job>(exports, "cancel");
  return exports;
}

}  // namespace
}  // namespace sae_match

namespace {
Napi::Object init_module(Napi::Env env, Napi::Object exports) { return sae_match::init(env, exports); }
}  // namespace

NODE_API_MODULE(sae_match, init_module)
