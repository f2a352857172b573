#include "addon/arguments.h"
#include "addon/operations.h"
#include "addon/promise_worker.h"
#include "sae_match/features.h"
#include "sae_match/nearest.h"

namespace sae_match {
namespace {

// Results go into the array that the caller gave, the last argument.
Napi::Value start(const Napi::CallbackInfo& info, Napi::Function on_progress, Arguments& arguments,
                  std::function<void(RunControl&)> execute) {
  return PromiseWorker::start(info.Env(), on_progress, arguments.take_held(), std::move(execute));
}

std::int64_t block_count(const Rows& rows) { return static_cast<std::int64_t>(rows.blocks.size()); }

}  // namespace

Napi::Value start_squared_row_norms(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const MatrixView matrix = arguments.matrix("matrix");
  double* out = arguments.elements<double>("out", matrix.rows);
  return start(info, {}, arguments, [=](RunControl& control) { squared_row_norms(matrix, out, control); });
}

Napi::Value start_row_dots(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const MatrixView matrix = arguments.matrix("matrix");
  const double* vector = arguments.elements<double>("vector", matrix.columns);
  double* out = arguments.elements<double>("out", matrix.rows);
  return start(info, {}, arguments, [=](RunControl& control) { row_dots(matrix, vector, out, control); });
}

Napi::Value start_squared_block_norms(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const Rows rows = arguments.rows("rows");
  double* out = arguments.elements<double>("out", rows.count * block_count(rows));
  return start(info, {}, arguments, [=](RunControl& control) { squared_block_norms(rows, out, control); });
}

Napi::Value start_pair_costs(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const auto [a, b] = arguments.row_pair();
  const std::int64_t pairs = arguments.integer("pairs", 0, std::int64_t{1} << 32);
  const std::int32_t* a_index = arguments.row_numbers("aIndex", pairs, a.count);
  const std::int32_t* b_index = arguments.row_numbers("bIndex", pairs, b.count);
  double* out = arguments.elements<double>("out", pairs * block_count(a));
  return start(info, {}, arguments,
               [=, a = a, b = b](RunControl& control) { pair_costs(a, b, a_index, b_index, pairs, out, control); });
}

Napi::Value start_cost_matrix(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const Napi::Function on_progress = arguments.function("onProgress");
  const auto [a, b] = arguments.row_pair();
  float* out = arguments.elements<float>("out", a.count * b.count);
  return start(info, on_progress, arguments,
               [=, a = a, b = b](RunControl& control) { cost_matrix(a, b, out, control); });
}

Napi::Value start_nearest_rows(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const Napi::Function on_progress = arguments.function("onProgress");
  const auto [a, b] = arguments.row_pair();
  const std::int64_t count = arguments.integer("count", 0, b.count);
  const Sign sign = static_cast<Sign>(arguments.integer("sign", 0, 1));
  const std::shared_ptr<Devices> devices = arguments.devices();
  std::int32_t* index = arguments.elements<std::int32_t>("index", a.count * count);
  double* cost = arguments.elements<double>("cost", a.count * count);
  return start(info, on_progress, arguments, [=, a = a, b = b](RunControl& control) {
    nearest_rows(a, b, count, index, cost, control, sign, devices.get());
  });
}

}  // namespace sae_match
