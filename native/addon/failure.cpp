#include "addon/failure.h"

#include <new>

#include "sae_match/run_control.h"

namespace sae_match {

Failure describe_failure(const std::exception_ptr& exception) {
  try {
    std::rethrow_exception(exception);
  } catch (const Error& error) {
    return {error.code(), error.what()};
  } catch (const std::bad_alloc&) {
    return {"OUT_OF_MEMORY", "The native backend could not allocate memory"};
  } catch (const std::exception& error) {
    return {"INTERNAL", std::string("The native backend failed: ") + error.what()};
  } catch (...) {
    return {"INTERNAL", "The native backend failed for an unknown reason"};
  }
}

Napi::Error to_error(Napi::Env env, const Failure& failure) {
  Napi::Error error = Napi::Error::New(env, failure.message);
  error.Set("code", failure.code);
  return error;
}

}  // namespace sae_match
