// GPUs, through the CUDA library: a shared library of its own that is loaded when it is asked for.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace sae_match {

struct DeviceInfo {
  std::string name;
  int major, minor;  // compute capability
  int multiprocessors;
  std::uint64_t total_bytes, free_bytes;
  // Why no job runs on it, a code and a sentence; empty where jobs do.
  std::string failure_code = {}, failure = {};
};

struct DeviceReport {
  std::string build;  // of the library
  int driver_version, runtime_version;
  std::vector<DeviceInfo> devices;
};

// The tensors with an identity (see MatrixView) that a GPU keeps.
struct ResidentTensors {
  std::uint64_t bytes, tensors;   // at present
  std::uint64_t uploads, reuses;  // so far: how often a job's tensor was uploaded, and was there already
};

// A loaded library and the GPUs it can use. Usable from any thread.
class Devices {
 public:
  // Loads the library at an absolute path and asks it for GPUs; it stays in the process, and the same path gives the
  // same object. It must be of this `version` of the package. Throws Error: BACKEND_LIB_NOT_FOUND, DLOPEN_FAILED,
  // GLIBC_TOO_OLD, ABI_MISMATCH, NO_DRIVER, DRIVER_TOO_OLD, NO_DEVICE, ARCH_UNSUPPORTED, OUT_OF_MEMORY, DEVICE_LOST,
  // DEVICE_FAILED.
  static std::shared_ptr<Devices> load(const std::string& path, const std::string& version);

  virtual ~Devices() = default;
  virtual DeviceReport report() const = 0;
  // Kernels against known answers, on every GPU; one that fails is passed over from now on, as long as another does not.
  // Throws Error where all fail, or CUDA itself does: SELF_TEST_FAILED and what load() throws.
  virtual void self_test() const = 0;
  // Of every GPU.
  virtual std::vector<ResidentTensors> resident() const = 0;
};

}  // namespace sae_match
