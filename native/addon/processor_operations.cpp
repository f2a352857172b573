#include "addon/arguments.h"
#include "addon/operations.h"
#include "sae_match/cpu_features.h"
#include "sae_match/thread_pool.h"

namespace sae_match {
namespace {

Napi::Array to_array(Napi::Env env, const std::vector<std::string>& names) {
  Napi::Array array = Napi::Array::New(env, names.size());
  for (std::uint32_t i = 0; i < names.size(); ++i) array.Set(i, names[i]);
  return array;
}

}  // namespace

Napi::Value compiled_simd_names(const Napi::CallbackInfo& info) { return to_array(info.Env(), compiled_simd()); }

Napi::Value supported_simd_names(const Napi::CallbackInfo& info) { return to_array(info.Env(), supported_simd()); }

Napi::Value active_simd_name(const Napi::CallbackInfo& info) { return Napi::String::New(info.Env(), active_simd()); }

Napi::Value force_simd(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), set_simd(Arguments(info).string("name")));
}

Napi::Value threads(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), thread_count()); }

Napi::Value limit_threads(const Napi::CallbackInfo& info) {
  set_thread_count(static_cast<int>(Arguments(info).integer("count", 1, 65536)));
  return info.Env().Undefined();
}

}  // namespace sae_match
