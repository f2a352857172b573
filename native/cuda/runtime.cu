#include "cuda/runtime.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <vector>

#include "cuda/resident.h"

namespace sae_match::cuda {
namespace {

// The first fatal error of the process, which every later call reports.
std::atomic<bool> is_dead{false};
std::mutex death_mutex;
std::string& cause_of_death() {
  static std::string cause;
  return cause;
}

// Staging buffers that no stream has at present: pinning takes longer than what a pair of resident tensors uploads. Pinned
// memory is good for every device. Never destroyed: at the end of the process CUDA may go first.
struct SpareBuffers {
  std::mutex mutex;
  std::vector<char*> buffers;
};
SpareBuffers& spare_buffers() {
  static auto& spare = *new SpareBuffers;
  return spare;
}

// After these the process's context is beyond repair.
bool is_fatal(cudaError_t error) {
  switch (error) {
    case cudaErrorIllegalAddress:
    case cudaErrorLaunchTimeout:
    case cudaErrorAssert:
    case cudaErrorHardwareStackError:
    case cudaErrorIllegalInstruction:
    case cudaErrorMisalignedAddress:
    case cudaErrorInvalidAddressSpace:
    case cudaErrorInvalidPc:
    case cudaErrorLaunchFailure:
    case cudaErrorECCUncorrectable:
    case cudaErrorContextIsDestroyed:
    case cudaErrorUnknown:
      return true;
    default:
      return false;
  }
}

sae_match_device_status status_of(cudaError_t error) {
  if (is_fatal(error)) return SAE_MATCH_DEVICE_LOST;
  switch (error) {
    case cudaErrorInsufficientDriver: {
      // Without a driver the version is 0.
      int version = 0;
      cudaDriverGetVersion(&version);
      return version == 0 ? SAE_MATCH_DEVICE_NO_DRIVER : SAE_MATCH_DEVICE_DRIVER_TOO_OLD;
    }
    case cudaErrorUnsupportedPtxVersion:
      return SAE_MATCH_DEVICE_DRIVER_TOO_OLD;
    case cudaErrorNoDevice:
    case cudaErrorInvalidDevice:
      return SAE_MATCH_DEVICE_NO_DEVICE;
    case cudaErrorNoKernelImageForDevice:
      return SAE_MATCH_DEVICE_ARCH_UNSUPPORTED;
    case cudaErrorMemoryAllocation:
      return SAE_MATCH_DEVICE_OUT_OF_MEMORY;
    default:
      return SAE_MATCH_DEVICE_FAILED;
  }
}

}  // namespace

void throw_cuda_error(cudaError_t error, const char* call, const char* place) {
  const std::string message = std::string(cudaGetErrorName(error)) + " (" + std::to_string(static_cast<int>(error)) +
                              "): " + cudaGetErrorString(error) + ", in " + call + " at " + place;
  const sae_match_device_status status = status_of(error);
  (void)cudaGetLastError();  // what is not fatal must not be reported a second time
  if (status == SAE_MATCH_DEVICE_LOST) {
    const std::lock_guard<std::mutex> lock(death_mutex);
    if (!is_dead.exchange(true)) cause_of_death() = message;
  }
  throw DeviceError{status, message};
}

void require_alive() {
  // CUDA does not survive a fork.
  static const pid_t started_in = getpid();
  if (getpid() != started_in) {
    throw DeviceError{SAE_MATCH_DEVICE_LOST, "This process was forked from one that had used CUDA already"};
  }
  if (!is_dead) return;
  const std::lock_guard<std::mutex> lock(death_mutex);
  throw DeviceError{SAE_MATCH_DEVICE_LOST, "After an earlier fatal error: " + cause_of_death()};
}

void* allocate_bytes(std::size_t bytes) {
  void* memory = nullptr;
  std::uint64_t evictions = resident_evictions();
  cudaError_t error = cudaMalloc(&memory, bytes);
  while (error == cudaErrorMemoryAllocation && evict_resident(evictions)) {
    (void)cudaGetLastError();
    error = cudaMalloc(&memory, bytes);
  }
  if (error == cudaErrorMemoryAllocation) {
    (void)cudaGetLastError();
    std::size_t free = 0, total = 0;
    SAE_MATCH_CHECK(cudaMemGetInfo(&free, &total));
    throw DeviceError{SAE_MATCH_DEVICE_OUT_OF_MEMORY, "Asked the GPU for " + std::to_string(bytes) + " bytes, " +
                                                          std::to_string(free) + " of " + std::to_string(total) +
                                                          " are free"};
  }
  check(error, "cudaMalloc", __FILE__ ":" SAE_MATCH_TEXT(__LINE__));
  return memory;
}

void free_bytes(void* memory) noexcept {
  if (memory) (void)cudaFree(memory);
}

Stream::Stream() {
  SAE_MATCH_CHECK(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking));
}

Stream::~Stream() {
  if (stream_) (void)cudaStreamSynchronize(stream_);
  for (int b = 0; b < 2; ++b) {
    if (sent_[b]) (void)cudaEventDestroy(sent_[b]);
  }
  SpareBuffers& spare = spare_buffers();
  const std::lock_guard<std::mutex> lock(spare.mutex);
  for (char* buffer : buffers_) {
    if (buffer) spare.buffers.push_back(buffer);
  }
  if (stream_) (void)cudaStreamDestroy(stream_);
}

void Stream::wait() const { SAE_MATCH_CHECK(cudaStreamSynchronize(stream_)); }

char* Stream::take_buffer() {
  SpareBuffers& spare = spare_buffers();
  {
    const std::lock_guard<std::mutex> lock(spare.mutex);
    if (!spare.buffers.empty()) {
      char* buffer = spare.buffers.back();
      spare.buffers.pop_back();
      return buffer;
    }
  }
  void* memory = nullptr;
  SAE_MATCH_CHECK(cudaMallocHost(&memory, kStagingBytes));
  return static_cast<char*>(memory);
}

char* Stream::next_buffer() {
  if (!buffers_[next_]) {
    SAE_MATCH_CHECK(cudaEventCreateWithFlags(&sent_[next_], cudaEventDisableTiming));
    buffers_[next_] = take_buffer();
  } else {
    SAE_MATCH_CHECK(cudaEventSynchronize(sent_[next_]));
  }
  return buffers_[next_];
}

void Stream::send(char* to, std::int64_t bytes) {
  SAE_MATCH_CHECK(cudaMemcpyAsync(to, buffers_[next_], static_cast<std::size_t>(bytes), cudaMemcpyHostToDevice, stream_));
  SAE_MATCH_CHECK(cudaEventRecord(sent_[next_], stream_));
  next_ = 1 - next_;
}

void Stream::copy_in(char* to, const char* from, std::int64_t bytes) {
  for (std::int64_t first = 0; first < bytes; first += kStagingBytes) {
    const std::int64_t size = std::min(kStagingBytes, bytes - first);
    std::memcpy(next_buffer(), from + first, static_cast<std::size_t>(size));
    send(to + first, size);
  }
}

void Stream::download(void* to, const void* from, std::size_t bytes) {
  if (bytes > 0) SAE_MATCH_CHECK(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, stream_));
  wait();
}

}  // namespace sae_match::cuda
