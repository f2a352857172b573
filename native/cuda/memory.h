// Device memory: blocks of one owner, and arenas, whose blocks go from job to job.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "cuda/runtime.h"

namespace sae_match::cuda {

// Device memory that is freed with its owner. To free it the whole device is waited for.
class DeviceBlock {
 public:
  // On the current device. Frees what nobody uses there, idle blocks and then resident tensors, as long as there is too little
  // memory. Throws OUT_OF_MEMORY with the asked and the free bytes.
  explicit DeviceBlock(std::size_t bytes);
  DeviceBlock(DeviceBlock&& other) noexcept { swap(other); }
  DeviceBlock& operator=(DeviceBlock&& other) noexcept {
    swap(other);
    return *this;
  }
  ~DeviceBlock();

  void* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }

 private:
  void swap(DeviceBlock& other) {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
  }
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
};

// The device memory of a job, all of whose work is on one stream. Its blocks stay idle for the next jobs when it ends, and
// are freed once there is no job on the device.
class Arena {
 public:
  // On the current device.
  explicit Arena(Stream& stream);
  // Waits for the stream.
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  Stream& stream() const { return stream_; }

  // Throws OUT_OF_MEMORY.
  void* take(std::size_t bytes);
  // For this job to take again: work on the stream that uses it comes first.
  void give_back(void* memory) noexcept;
  // Holds memory that others may read, too, until the job's work is done.
  void keep(std::shared_ptr<const DeviceBlock> block) { kept_.push_back(std::move(block)); }

 private:
  Stream& stream_;
  int device_;
  std::vector<DeviceBlock> taken_, spare_;
  std::vector<std::shared_ptr<const DeviceBlock>> kept_;
};

// Numbers in an arena, which outlives them.
template <class T>
class DeviceArray {
 public:
  explicit DeviceArray(Arena& arena) : arena_(&arena) {}
  DeviceArray(Arena& arena, std::int64_t count) : arena_(&arena) { allocate(count); }
  DeviceArray(DeviceArray&& other) noexcept : arena_(other.arena_) { swap(other); }
  DeviceArray& operator=(DeviceArray&& other) noexcept {
    swap(other);
    return *this;
  }
  ~DeviceArray() { free(); }

  T* data() const { return data_; }
  std::int64_t size() const { return size_; }
  // What it held is gone.
  void allocate(std::int64_t count) {
    free();
    data_ = static_cast<T*>(arena_->take(static_cast<std::size_t>(count < 1 ? 1 : count) * sizeof(T)));
    size_ = count;
  }
  // Room for at least so many; what it held is gone if it had to grow.
  void reserve(std::int64_t count) {
    if (count > size_) allocate(count);
  }

 private:
  void free() {
    if (data_) arena_->give_back(data_);
    data_ = nullptr;
    size_ = 0;
  }
  void swap(DeviceArray& other) {
    std::swap(arena_, other.arena_);
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
  }
  Arena* arena_;
  T* data_ = nullptr;
  std::int64_t size_ = 0;
};

}  // namespace sae_match::cuda
