#include "device/device_library.h"

#include <algorithm>
#include <map>
#include <mutex>

#if defined(__unix__) || defined(__APPLE__)
#include <dlfcn.h>
#include <unistd.h>
#endif

namespace sae_match {
namespace {

const char* code_of(sae_match_device_status status) {
  switch (status) {
    case SAE_MATCH_DEVICE_NO_DRIVER:
      return "NO_DRIVER";
    case SAE_MATCH_DEVICE_DRIVER_TOO_OLD:
      return "DRIVER_TOO_OLD";
    case SAE_MATCH_DEVICE_NO_DEVICE:
      return "NO_DEVICE";
    case SAE_MATCH_DEVICE_ARCH_UNSUPPORTED:
      return "ARCH_UNSUPPORTED";
    case SAE_MATCH_DEVICE_OUT_OF_MEMORY:
      return "OUT_OF_MEMORY";
    case SAE_MATCH_DEVICE_SELF_TEST_FAILED:
      return "SELF_TEST_FAILED";
    case SAE_MATCH_DEVICE_LOST:
      return "DEVICE_LOST";
    case SAE_MATCH_DEVICE_INVALID:
      return "INTERNAL";
    default:
      return "DEVICE_FAILED";
  }
}

// "13.0" of 13000.
std::string version_text(int version) { return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10); }

#if defined(__unix__) || defined(__APPLE__)

// The library's table, in whatever version it is.
const sae_match_device_table* open_library(const std::string& path) {
  if (access(path.c_str(), F_OK) != 0) throw Error("BACKEND_LIB_NOT_FOUND", "There is no CUDA library at " + path);
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);  // never closed
  if (!library) {
    const std::string message = dlerror();
    const bool glibc = message.find("GLIBC_") != std::string::npos;
    throw Error(glibc ? "GLIBC_TOO_OLD" : "DLOPEN_FAILED", "The CUDA library could not be loaded: " + message);
  }
  const auto entry = reinterpret_cast<sae_match_device_api_function>(dlsym(library, SAE_MATCH_DEVICE_ENTRY));
  if (!entry) throw Error("ABI_MISMATCH", path + " has no function " SAE_MATCH_DEVICE_ENTRY);
  return entry();
}

#else

const sae_match_device_table* open_library(const std::string& path) {
  throw Error("BACKEND_LIB_NOT_FOUND", "On this system there is no CUDA library such as " + path);
}

#endif

const sae_match_device_table& checked_table(const std::string& path, const std::string& version) {
  const sae_match_device_table* table = open_library(path);
  if (table->abi_version != SAE_MATCH_DEVICE_ABI || table->table_bytes != sizeof(sae_match_device_table)) {
    throw Error("ABI_MISMATCH", path + " speaks version " + std::to_string(table->abi_version) +
                                    " of the interface, this addon version " + std::to_string(SAE_MATCH_DEVICE_ABI));
  }
  if (table->package_version != version) {
    throw Error("ABI_MISMATCH", path + " is of version " + table->package_version + ", this addon of version " + version);
  }
  return *table;
}

int count_devices(const sae_match_device_table& table) {
  sae_match_device_report report;
  sae_match_device_message message;
  const sae_match_device_status status = table.probe(&report, &message);
  if (status == SAE_MATCH_DEVICE_DRIVER_TOO_OLD) {
    throw Error("DRIVER_TOO_OLD", "The driver supports CUDA " + version_text(report.driver_version) +
                                      ", the CUDA library needs " + version_text(report.runtime_version) + ": " +
                                      message.text);
  }
  check_device(status, message);
  return report.devices;
}

}  // namespace

void check_device(sae_match_device_status status, const sae_match_device_message& message) {
  if (status != SAE_MATCH_DEVICE_OK) throw Error(code_of(status), message.text);
}

std::shared_ptr<Devices> Devices::load(const std::string& path, const std::string& version) {
  static std::mutex mutex;
  static auto& loaded = *new std::map<std::string, std::shared_ptr<Devices>>;  // lives as long as the library
  const std::lock_guard lock(mutex);
  std::shared_ptr<Devices>& devices = loaded[path];
  if (!devices) {
    const sae_match_device_table& table = checked_table(path, version);
    devices = std::make_shared<DeviceLibrary>(table, count_devices(table));
  }
  return devices;
}

DeviceLibrary::DeviceLibrary(const sae_match_device_table& table, int device_count)
    : table_(table),
      device_count_(device_count),
      failures_(static_cast<std::size_t>(device_count)),
      schedule_(device_count, [this](int device) { return failure_of(device) ? 0 : info(device).free_bytes; }) {}

std::optional<Error> DeviceLibrary::failure_of(int device) const {
  const std::lock_guard lock(mutex_);
  return failures_[static_cast<std::size_t>(device)];
}

DeviceInfo DeviceLibrary::info(int device) const {
  sae_match_device_message message;
  sae_match_device_info info;
  check_device(table_.info(device, &info, &message), message);
  return {info.name, info.major, info.minor, info.multiprocessors, info.total_bytes, info.free_bytes};
}

DeviceReport DeviceLibrary::report() const {
  sae_match_device_message message;
  sae_match_device_report found;
  check_device(table_.probe(&found, &message), message);
  DeviceReport report{table_.build, found.driver_version, found.runtime_version, {}};
  for (int device = 0; device < device_count_; ++device) {
    const std::optional<Error> failure = failure_of(device);
    try {
      report.devices.push_back(info(device));
    } catch (const Error&) {
      if (!failure) throw;
      report.devices.push_back({"unknown", 0, 0, 0, 0, 0});
    }
    if (failure) {
      report.devices.back().failure_code = failure->code();
      report.devices.back().failure = failure->what();
    }
  }
  return report;
}

void DeviceLibrary::self_test() const {
  std::vector<std::optional<Error>> failures(failures_.size());
  for (int device = 0; device < device_count_; ++device) {
    sae_match_device_message message;
    const sae_match_device_status status = table_.self_test(device, &message);
    if (status == SAE_MATCH_DEVICE_LOST) check_device(status, message);  // on all devices
    if (status != SAE_MATCH_DEVICE_OK) failures[static_cast<std::size_t>(device)] = Error(code_of(status), message.text);
  }
  if (std::all_of(failures.begin(), failures.end(), [](const auto& failure) { return failure.has_value(); })) {
    throw *failures.at(0);
  }
  const std::lock_guard lock(mutex_);
  failures_ = std::move(failures);
}

std::vector<ResidentTensors> DeviceLibrary::resident() const {
  std::vector<ResidentTensors> found;
  for (int device = 0; device < device_count_; ++device) {
    sae_match_device_message message;
    sae_match_device_resident resident;
    check_device(table_.resident(device, &resident, &message), message);
    found.push_back({resident.bytes, resident.tensors, resident.uploads, resident.reuses});
  }
  return found;
}

}  // namespace sae_match
