#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <map>
#include <mutex>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "cuda_runtime.h"

namespace {

struct Plan {
  std::string text;
  bool no_driver = false, old_driver = false, no_device = false, no_kernels = false, wrong = false, crash = false;
  std::vector<std::size_t> memory = {std::size_t{1} << 34};
  int devices = 1, slow = 0, slow_copies = 0, slow_frees = 0;
  std::string fails;
  int error = 0, number = 0;

  std::size_t memory_of(int device) const {
    return memory[std::min(static_cast<std::size_t>(device), memory.size() - 1)];
  }
};

struct Allocation {
  std::size_t bytes;
  int device;
};

std::mutex mutex;
std::map<std::string, int> calls;       // so far, under the present plan
std::map<void*, Allocation> allocated;
std::map<int, std::size_t> used;  // by device
thread_local cudaError_t last_error = cudaSuccess;
thread_local int current_device = 0;
// A fatal error stays, as it does on a GPU.
cudaError_t fatal_error = cudaSuccess;

const Plan& plan() {
  static Plan current;
  const char* variable = std::getenv("SAE_MATCH_CUDA_ON_CPU");
  const std::string text = variable ? variable : "";
  if (text == current.text) return current;
  current = Plan{};
  current.text = text;
  calls.clear();
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    const std::string value = word.substr(word.find('=') + 1);
    if (word == "no_driver") current.no_driver = true;
    if (word == "old_driver") current.old_driver = true;
    if (word == "no_device") current.no_device = true;
    if (word == "no_kernels") current.no_kernels = true;
    if (word == "wrong") current.wrong = true;
    if (word == "crash") current.crash = true;
    if (word.starts_with("memory=")) {
      current.memory.clear();
      std::istringstream sizes(value);
      for (std::string size; std::getline(sizes, size, ',');) current.memory.push_back(std::stoull(size));
    }
    if (word.starts_with("devices=")) current.devices = std::stoi(value);
    if (word.starts_with("slow=")) current.slow = std::stoi(value);
    if (word.starts_with("slow_copies=")) current.slow_copies = std::stoi(value);
    if (word.starts_with("slow_frees=")) current.slow_frees = std::stoi(value);
    if (word.starts_with("fail=")) {
      const std::size_t first = value.find(':'), second = value.find(':', first + 1);
      current.fails = value.substr(0, first);
      current.error = std::stoi(value.substr(first + 1));
      current.number = std::stoi(value.substr(second + 1));
    }
  }
  return current;
}

// All streams of a device are one, known by its address.
cudaStream_t stream_of(int device) {
  static char streams[64];
  return reinterpret_cast<cudaStream_t>(&streams[device]);
}

cudaError_t result(cudaError_t error) {
  if (error != cudaSuccess) last_error = error;
  if (error >= cudaErrorIllegalAddress) fatal_error = error;
  return error;
}

}  // namespace

cudaError_t cuda_on_cpu::planned(const char* call) {
  int slow = 0;
  cudaError_t error = cudaSuccess;
  {
    const std::lock_guard lock(mutex);
    const Plan& now = plan();
    const int number = ++calls[call];
    if (now.no_driver || now.old_driver) error = cudaErrorInsufficientDriver;
    if (now.no_device) error = cudaErrorNoDevice;
    if (now.no_kernels && std::string(call) != "cudaGetDeviceCount") error = cudaErrorNoKernelImageForDevice;
    if (now.fails == call && now.number == number) error = static_cast<cudaError_t>(now.error);
    if (fatal_error != cudaSuccess) error = fatal_error;
    if (std::string(call) == "cudaLaunchKernel") slow = now.slow;
    if (std::string(call) == "cudaMemcpyAsync") slow = now.slow_copies;
    if (std::string(call) == "cudaFree") slow = now.slow_frees;
    if (now.crash && std::string(call) == "cudaLaunchKernel") std::abort();
    error = result(error);
  }
  if (slow > 0) std::this_thread::sleep_for(std::chrono::milliseconds(slow));
  return error;
}

cudaError_t cuda_on_cpu::check_stream(cudaStream_t stream) {
  return result(stream == nullptr || stream == stream_of(current_device) ? cudaSuccess : cudaErrorInvalidResourceHandle);
}

using cuda_on_cpu::planned;

const char* cudaGetErrorName(cudaError_t error) {
  switch (error) {
    case cudaErrorMemoryAllocation:
      return "cudaErrorMemoryAllocation";
    case cudaErrorInsufficientDriver:
      return "cudaErrorInsufficientDriver";
    case cudaErrorNoDevice:
      return "cudaErrorNoDevice";
    case cudaErrorInvalidDevice:
      return "cudaErrorInvalidDevice";
    case cudaErrorNoKernelImageForDevice:
      return "cudaErrorNoKernelImageForDevice";
    case cudaErrorIllegalAddress:
      return "cudaErrorIllegalAddress";
    default:
      return "cudaError";
  }
}
const char* cudaGetErrorString(cudaError_t) { return "as planned by the test"; }
cudaError_t cudaGetLastError() { return std::exchange(last_error, cudaSuccess); }

cudaError_t cudaDriverGetVersion(int* version) {
  const std::lock_guard lock(mutex);
  *version = plan().no_driver ? 0 : plan().old_driver ? 12000 : 13000;
  return cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = 13000;
  return cudaSuccess;
}
cudaError_t cudaGetDeviceCount(int* count) {
  *count = 0;
  const cudaError_t error = planned("cudaGetDeviceCount");
  if (error != cudaSuccess) return error;
  const std::lock_guard lock(mutex);
  *count = plan().devices;
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int device) {
  const cudaError_t error = planned("cudaSetDevice");
  if (error != cudaSuccess) return error;
  const std::lock_guard lock(mutex);
  if (device < 0 || device >= plan().devices) return result(cudaErrorInvalidDevice);
  current_device = device;
  return cudaSuccess;
}
cudaError_t cudaGetDevice(int* device) {
  *device = current_device;
  return planned("cudaGetDevice");
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  *properties = {"", 8, 0, 1};
  std::snprintf(properties->name, sizeof properties->name, "CPU in place of GPU %d", device);
  return planned("cudaGetDeviceProperties");
}
cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
  const cudaError_t error = planned("cudaMemGetInfo");
  const std::lock_guard lock(mutex);
  *total = plan().memory_of(current_device);
  *free = *total > used[current_device] ? *total - used[current_device] : 0;
  return error;
}

cudaError_t cudaMalloc(void** memory, std::size_t bytes) {
  *memory = nullptr;
  const cudaError_t error = planned("cudaMalloc");
  if (error != cudaSuccess) return error;
  const std::lock_guard lock(mutex);
  if (used[current_device] + bytes > plan().memory_of(current_device)) return result(cudaErrorMemoryAllocation);
  *memory = std::malloc(bytes);
  std::memset(*memory, 0xff, bytes);
  allocated[*memory] = {bytes, current_device};
  used[current_device] += bytes;
  return cudaSuccess;
}
cudaError_t cudaFree(void* memory) {
  (void)planned("cudaFree");  // what is to be freed is freed
  const std::lock_guard lock(mutex);
  const auto found = allocated.find(memory);
  if (found == allocated.end()) return result(cudaErrorInvalidValue);
  used[found->second.device] -= found->second.bytes;
  allocated.erase(found);
  std::free(memory);
  return cudaSuccess;
}
cudaError_t cudaMallocHost(void** memory, std::size_t bytes) {
  *memory = nullptr;
  const cudaError_t error = planned("cudaMallocHost");
  if (error == cudaSuccess) *memory = std::malloc(bytes);
  return error;
}
cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind, cudaStream_t) {
  const cudaError_t error = planned("cudaMemcpyAsync");
  if (error == cudaSuccess) std::memcpy(to, from, bytes);
  const std::lock_guard lock(mutex);
  if (kind == cudaMemcpyDeviceToHost && plan().wrong) static_cast<unsigned char*>(to)[bytes / 2] ^= 1;
  return error;
}

cudaError_t cudaMemsetAsync(void* to, int value, std::size_t bytes, cudaStream_t) {
  const cudaError_t error = planned("cudaMemsetAsync");
  if (error == cudaSuccess) std::memset(to, value, bytes);
  return error;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  *stream = stream_of(current_device);
  return planned("cudaStreamCreateWithFlags");
}
cudaError_t cudaStreamSynchronize(cudaStream_t) { return planned("cudaStreamSynchronize"); }
cudaError_t cudaStreamDestroy(cudaStream_t) { return cudaSuccess; }
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  *event = nullptr;
  return planned("cudaEventCreateWithFlags");
}
cudaError_t cudaEventRecord(cudaEvent_t, cudaStream_t) { return planned("cudaEventRecord"); }
cudaError_t cudaEventSynchronize(cudaEvent_t) { return planned("cudaEventSynchronize"); }
cudaError_t cudaEventDestroy(cudaEvent_t) { return cudaSuccess; }
