#include "cuda/runtime.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <vector>

namespace sae_match::cuda {
namespace {

// The first fatal error of the process, which every later call reports.
std::atomic<bool> is_dead{false};
std::mutex death_mutex;
std::string& cause_of_death() {
  static std::string cause;
  return cause;
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

namespace {

// Staging memory of streams that are gone, for those to come: to make it and to free it take milliseconds each, during which
// the whole device waits. Never freed: at the end of the process CUDA may go first.
std::mutex idle_mutex;
std::vector<char*>& idle_buffers() {
  static auto& buffers = *new std::vector<char*>;
  return buffers;
}

char* take_buffer(std::size_t bytes) {
  {
    const std::lock_guard<std::mutex> lock(idle_mutex);
    if (!idle_buffers().empty()) {
      char* buffer = idle_buffers().back();
      idle_buffers().pop_back();
      return buffer;
    }
  }
  void* memory = nullptr;
  SAE_MATCH_CHECK(cudaMallocHost(&memory, bytes));
  return static_cast<char*>(memory);
}

void give_back(char* buffer) {
  const std::lock_guard<std::mutex> lock(idle_mutex);
  idle_buffers().push_back(buffer);
}

}  // namespace

Stream::Stream() {
  SAE_MATCH_CHECK(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking));
  const cudaError_t error = cudaEventCreateWithFlags(&done_, cudaEventBlockingSync | cudaEventDisableTiming);
  if (error == cudaSuccess) return;
  (void)cudaStreamDestroy(stream_);  // of what is not yet made there is no destructor
  SAE_MATCH_CHECK(error);
}

Stream::~Stream() {
  if (stream_) (void)cudaStreamSynchronize(stream_);
  for (int b = 0; b < 2; ++b) {
    if (sent_[b]) (void)cudaEventDestroy(sent_[b]);
    if (buffers_[b]) give_back(buffers_[b]);
  }
  if (done_) (void)cudaEventDestroy(done_);
  if (stream_) (void)cudaStreamDestroy(stream_);
}

void Stream::wait() {
  SAE_MATCH_CHECK(cudaEventRecord(done_, stream_));
  SAE_MATCH_CHECK(cudaEventSynchronize(done_));
}

char* Stream::next_buffer() {
  if (!sent_[next_]) {
    SAE_MATCH_CHECK(cudaEventCreateWithFlags(&sent_[next_], cudaEventBlockingSync | cudaEventDisableTiming));
  }
  if (buffers_[next_]) {
    SAE_MATCH_CHECK(cudaEventSynchronize(sent_[next_]));
  } else {
    buffers_[next_] = take_buffer(kStagingBytes);
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
