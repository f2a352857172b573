// A CUDA runtime whose devices are the calling threads: the sources of native/cuda compile against it as plain C++, so
// that tests run its kernels without a GPU. Threads of a block take turns and change over where they wait for each other
// (threads.h); one that waits where the others do not is an error. Memory is filled with NaNs when it is allocated.
//
// SAE_MATCH_CUDA_ON_CPU makes it fail: no_driver, old_driver, no_device, no_kernels, wrong (a bit of what comes back), crash,
// devices=COUNT, memory=BYTES,... (of each device; the last for all others),
// fail=CALL:ERROR:NUMBER (that call of the function of that name), slow=MILLISECONDS (of every kernel),
// slow_copies=MILLISECONDS, separated by spaces. A kernel on a stream of another device than the one in use is an error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#include "threads.h"

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __shared__ static thread_local

// ---- what kernels call ----

inline void __syncthreads() { cuda_on_cpu::wait_for_block(); }
inline void __syncwarp(unsigned = 0xffffffffu) { cuda_on_cpu::wait_for_warp(); }

template <class T>
T __shfl_xor_sync(unsigned, T x, int mask) {
  const cuda_on_cpu::Slot* slots = cuda_on_cpu::exchange(&x, sizeof x);
  T other;
  std::memcpy(&other, slots[(threadIdx.x % 32) ^ static_cast<unsigned>(mask)].bytes, sizeof other);
  return other;
}

inline unsigned __ballot_sync(unsigned, bool condition) {
  const cuda_on_cpu::Slot* slots = cuda_on_cpu::exchange(&condition, sizeof condition);
  unsigned ballot = 0;
  for (unsigned lane = 0; lane < 32; ++lane) ballot |= unsigned{slots[lane].bytes[0] != 0} << lane;
  return ballot;
}

// Threads take turns, so nothing comes between.
template <class T>
T atomicAdd(T* sum, T x) {
  return std::exchange(*sum, *sum + x);
}

template <class T>
T atomicMin(T* least, T x) {
  return std::exchange(*least, x < *least ? x : *least);
}

inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __ffs(unsigned x) { return __builtin_ffs(static_cast<int>(x)); }

// ---- the runtime ----

enum cudaError_t {
  cudaSuccess = 0,
  cudaErrorInvalidValue = 1,
  cudaErrorMemoryAllocation = 2,
  cudaErrorInitializationError = 3,
  cudaErrorInsufficientDriver = 35,
  cudaErrorNoDevice = 100,
  cudaErrorInvalidDevice = 101,
  cudaErrorNoKernelImageForDevice = 209,
  cudaErrorInvalidResourceHandle = 400,
  cudaErrorECCUncorrectable = 214,
  cudaErrorUnsupportedPtxVersion = 222,
  cudaErrorIllegalAddress = 700,
  cudaErrorLaunchTimeout = 702,
  cudaErrorContextIsDestroyed = 709,
  cudaErrorAssert = 710,
  cudaErrorHardwareStackError = 714,
  cudaErrorIllegalInstruction = 715,
  cudaErrorMisalignedAddress = 716,
  cudaErrorInvalidAddressSpace = 717,
  cudaErrorInvalidPc = 718,
  cudaErrorLaunchFailure = 719,
  cudaErrorUnknown = 999,
};
enum cudaMemcpyKind { cudaMemcpyHostToDevice = 1, cudaMemcpyDeviceToHost = 2 };
constexpr unsigned cudaStreamNonBlocking = 1, cudaEventBlockingSync = 1, cudaEventDisableTiming = 2;

using cudaStream_t = struct cuda_on_cpu_stream*;
using cudaEvent_t = struct cuda_on_cpu_event*;
struct cudaDeviceProp {
  char name[256];
  int major, minor, multiProcessorCount;
};
struct cudaFuncAttributes {
  int binaryVersion;
};
enum cudaFuncAttribute { cudaFuncAttributeMaxDynamicSharedMemorySize };

const char* cudaGetErrorName(cudaError_t);
const char* cudaGetErrorString(cudaError_t);
cudaError_t cudaGetLastError();
cudaError_t cudaDriverGetVersion(int*);
cudaError_t cudaRuntimeGetVersion(int*);
cudaError_t cudaGetDeviceCount(int*);
cudaError_t cudaSetDevice(int);
cudaError_t cudaGetDevice(int*);
cudaError_t cudaGetDeviceProperties(cudaDeviceProp*, int);
cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total);
cudaError_t cudaMalloc(void**, std::size_t);
cudaError_t cudaFree(void*);
cudaError_t cudaMallocHost(void**, std::size_t);
cudaError_t cudaMemcpyAsync(void*, const void*, std::size_t, cudaMemcpyKind, cudaStream_t);
cudaError_t cudaMemsetAsync(void*, int, std::size_t, cudaStream_t);
cudaError_t cudaStreamCreateWithFlags(cudaStream_t*, unsigned);
cudaError_t cudaStreamSynchronize(cudaStream_t);
cudaError_t cudaStreamDestroy(cudaStream_t);
cudaError_t cudaEventCreateWithFlags(cudaEvent_t*, unsigned);
cudaError_t cudaEventRecord(cudaEvent_t, cudaStream_t);
cudaError_t cudaEventSynchronize(cudaEvent_t);
cudaError_t cudaEventDestroy(cudaEvent_t);

namespace cuda_on_cpu {
// What SAE_MATCH_CUDA_ON_CPU has in mind for this call.
cudaError_t planned(const char* call);
// Whether a stream is one of the device in use.
cudaError_t check_stream(cudaStream_t stream);
}  // namespace cuda_on_cpu

template <class T>
cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, T*) {
  *attributes = {80};
  return cuda_on_cpu::planned("cudaFuncGetAttributes");
}

template <class T>
cudaError_t cudaFuncSetAttribute(T*, cudaFuncAttribute, int) {
  return cuda_on_cpu::planned("cudaFuncSetAttribute");
}

template <class... P>
cudaError_t cudaLaunchKernel(void (*kernel)(P...), dim3 grid, dim3 block, void** arguments, std::size_t shared_bytes,
                             cudaStream_t stream) {
  cudaError_t error = cuda_on_cpu::planned("cudaLaunchKernel");
  if (error == cudaSuccess) error = cuda_on_cpu::check_stream(stream);
  if (error != cudaSuccess) return error;
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    cuda_on_cpu::run(grid, block, shared_bytes, [&] { kernel(*static_cast<P*>(arguments[I])...); });
  }(std::index_sequence_for<P...>());
  return cudaSuccess;
}
