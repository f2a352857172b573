#include <atomic>

#include "addon/arguments.h"
#include "addon/operations.h"
#include "sae_match/run_control.h"

namespace sae_match {
namespace {

std::shared_ptr<Devices> required_devices(const Napi::CallbackInfo& info) {
  std::shared_ptr<Devices> devices = Arguments(info).devices();
  if (!devices) throw Error("INVALID_ARGUMENT", "Expected a path for `cudaLibrary`");
  return devices;
}

}  // namespace

Napi::Value describe_devices(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const DeviceReport report = required_devices(info)->report();
  Napi::Array devices = Napi::Array::New(env, report.devices.size());
  for (std::uint32_t d = 0; d < report.devices.size(); ++d) {
    const DeviceInfo& device = report.devices[d];
    Napi::Object entry = Napi::Object::New(env);
    entry.Set("name", device.name);
    entry.Set("computeCapability", std::to_string(device.major) + "." + std::to_string(device.minor));
    entry.Set("multiprocessors", device.multiprocessors);
    entry.Set("totalBytes", static_cast<double>(device.total_bytes));
    entry.Set("freeBytes", static_cast<double>(device.free_bytes));
    entry.Set("failure", env.Null());
    if (!device.failure_code.empty()) {
      Napi::Object failure = Napi::Object::New(env);
      failure.Set("code", device.failure_code);
      failure.Set("message", device.failure);
      entry.Set("failure", failure);
    }
    devices.Set(d, entry);
  }
  Napi::Object result = Napi::Object::New(env);
  result.Set("build", report.build);
  result.Set("driverVersion", report.driver_version);
  result.Set("runtimeVersion", report.runtime_version);
  result.Set("devices", devices);
  return result;
}

Napi::Value test_devices(const Napi::CallbackInfo& info) {
  required_devices(info)->self_test();
  return info.Env().Undefined();
}

Napi::Value resident_tensors(const Napi::CallbackInfo& info) {
  const std::vector<ResidentTensors> found = required_devices(info)->resident();
  Napi::Array devices = Napi::Array::New(info.Env(), found.size());
  for (std::uint32_t d = 0; d < found.size(); ++d) {
    Napi::Object entry = Napi::Object::New(info.Env());
    entry.Set("bytes", static_cast<double>(found[d].bytes));
    entry.Set("tensors", static_cast<double>(found[d].tensors));
    entry.Set("uploads", static_cast<double>(found[d].uploads));
    entry.Set("reuses", static_cast<double>(found[d].reuses));
    devices.Set(d, entry);
  }
  return devices;
}

// The addon stays in the process when the worker thread that loaded it ends, so numbers are not given twice. Nor by another
// copy of the addon: each counts from its page in memory, and a page has 65,536 numbers.
Napi::Value new_identity(const Napi::CallbackInfo& info) {
  static std::atomic<std::int64_t> last{reinterpret_cast<std::intptr_t>(&last) / 4096 * 65536};
  return Napi::Number::New(info.Env(), static_cast<double>(++last));
}

}  // namespace sae_match
