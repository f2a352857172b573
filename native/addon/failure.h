// How a C++ exception becomes a JavaScript error: an `Error` with `code` and `message`.
#pragma once

#include <exception>
#include <string>

#include "addon/napi_setup.h"

namespace sae_match {

struct Failure {
  std::string code;  // one of src/errors.ts
  std::string message;
};

Failure describe_failure(const std::exception_ptr& exception);

Napi::Error to_error(Napi::Env env, const Failure& failure);

// Wraps an exported function, so that it may throw anything.
template <Napi::Value (*function)(const Napi::CallbackInfo&)>
Napi::Value guarded(const Napi::CallbackInfo& info) {
  try {
    return function(info);
  } catch (const Napi::Error&) {
    throw;
  } catch (...) {
    throw to_error(info.Env(), describe_failure(std::current_exception()));
  }
}

}  // namespace sae_match
