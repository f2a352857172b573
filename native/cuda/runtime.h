// The CUDA runtime with its errors as exceptions. The only includer of its headers. Tests put a runtime on the CPU in
// its place (native/test/cuda_on_cpu), so the library and its kernels run without a GPU, too.
#pragma once

#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>

#include "cuda/device_api.h"

namespace sae_match::cuda {

// Becomes a status and a message at the library's border.
struct DeviceError {
  sae_match_device_status status;
  std::string message;
};

// Throws what a failed call means. `call` is its text, `place` file and line.
[[noreturn]] void throw_cuda_error(cudaError_t error, const char* call, const char* place);

inline void check(cudaError_t error, const char* call, const char* place) {
  if (error != cudaSuccess) throw_cuda_error(error, call, place);
}

#define SAE_MATCH_TEXT_OF(x) #x
#define SAE_MATCH_TEXT(x) SAE_MATCH_TEXT_OF(x)
#define SAE_MATCH_CHECK(call) ::sae_match::cuda::check((call), #call, __FILE__ ":" SAE_MATCH_TEXT(__LINE__))

// Before a loop of a few rounds over an array that is to stay in registers.
#ifdef __CUDACC__
#define SAE_MATCH_UNROLL _Pragma("unroll")
#else
#define SAE_MATCH_UNROLL
#endif

// Throws if a fatal error came before, or if this process was forked from one that had used CUDA.
void require_alive();

// Starts a kernel. `name` is for messages.
template <class... P, class... A>
void launch(const char* name, void (*kernel)(P...), dim3 grid, unsigned threads, std::size_t shared_bytes,
            cudaStream_t stream, A... arguments) {
  static_assert(sizeof...(P) == sizeof...(A));
  if (grid.x == 0 || grid.y == 0) return;
  [&](P... exact) {
    void* pointers[] = {static_cast<void*>(&exact)...};
    check(cudaLaunchKernel(kernel, grid, dim3(threads), pointers, shared_bytes, stream), name, "kernel launch");
  }(static_cast<P>(arguments)...);
}

// A stream, and memory of the host that the device reads and writes directly. One thread at a time.
class Stream {
 public:
  Stream();
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  cudaStream_t get() const { return stream_; }
  // Sleeps meanwhile: other threads have the cores.
  void wait();

  // Copies `count` numbers to the device.
  template <class T>
  void upload(T* to, const T* from, std::int64_t count) {
    upload_rows(to, count * sizeof(T), 1, [&](std::int64_t) { return from; });
  }
  // Copies rows of `bytes` bytes side by side to the device; row r lies at row_at(r).
  template <class RowAt>
  void upload_rows(void* to, std::int64_t bytes, std::int64_t count, RowAt row_at);
  // Copies to the host and waits for it.
  void download(void* to, const void* from, std::size_t bytes);

 private:
  static constexpr std::int64_t kStagingBytes = std::int64_t{8} << 20;
  // A buffer that no copy reads any more.
  char* next_buffer();
  void send(char* to, std::int64_t bytes);
  void copy_in(char* to, const char* from, std::int64_t bytes);
  static const char* bytes_of(const void* row) { return static_cast<const char*>(row); }

  cudaStream_t stream_ = nullptr;
  cudaEvent_t done_ = nullptr;
  char* buffers_[2] = {};
  cudaEvent_t sent_[2] = {};
  int next_ = 0;
};

template <class RowAt>
void Stream::upload_rows(void* to, std::int64_t bytes, std::int64_t count, RowAt row_at) {
  char* at = static_cast<char*>(to);
  if (bytes <= 0) return;
  if (bytes > kStagingBytes) {
    for (std::int64_t r = 0; r < count; ++r) copy_in(at + r * bytes, bytes_of(row_at(r)), bytes);
    return;
  }
  const std::int64_t rows = kStagingBytes / bytes;
  for (std::int64_t first = 0; first < count; first += rows) {
    const std::int64_t size = count - first < rows ? count - first : rows;
    char* buffer = next_buffer();
    for (std::int64_t r = 0; r < size; ++r) {
      std::memcpy(buffer + r * bytes, bytes_of(row_at(first + r)), static_cast<std::size_t>(bytes));
    }
    send(at + first * bytes, size * bytes);
  }
}

}  // namespace sae_match::cuda
