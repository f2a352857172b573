#include "cuda/memory.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <string>

#include "cuda/resident.h"

namespace sae_match::cuda {
namespace {

// The blocks of one device that no job uses.
class IdleBlocks {
 public:
  void begin_job() {
    const std::lock_guard<std::mutex> lock(mutex_);
    ++jobs_;
  }
  void end_job(std::vector<DeviceBlock>& taken, std::vector<DeviceBlock>& spare) {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (std::vector<DeviceBlock>* blocks : {&taken, &spare}) {
      for (DeviceBlock& block : *blocks) blocks_.emplace(block.bytes(), std::move(block));
    }
    if (--jobs_ == 0) free_all();
  }

  // A block of at least so many bytes and of not many more, if there is one. What jobs take beyond what they said they would
  // (device/device_schedule.h) must be far less than what is left free.
  bool take(std::size_t bytes, std::vector<DeviceBlock>& to) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = blocks_.lower_bound(bytes);
    if (found == blocks_.end() || !is_near(found->first, bytes)) return false;
    to.push_back(std::move(found->second));
    blocks_.erase(found);
    return true;
  }
  static bool is_near(std::size_t has, std::size_t wants) {
    constexpr std::size_t kLittle = 4096;
    return has >= wants && has - wants <= std::max(wants / 64, kLittle);
  }

  std::uint64_t frees() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return frees_;
  }
  // Whether it is worth trying again to allocate: frees all blocks, unless another thread has freed some since `frees`.
  bool free_unless_changed(std::uint64_t& frees) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (frees == frees_ && blocks_.empty()) return false;
    free_all();
    frees = frees_;
    return true;
  }

 private:
  // Under the lock: who comes after it can rely on the memory.
  void free_all() {
    if (blocks_.empty()) return;
    blocks_.clear();
    ++frees_;
  }

  std::mutex mutex_;
  std::multimap<std::size_t, DeviceBlock> blocks_;
  int jobs_ = 0;
  std::uint64_t frees_ = 0;
};

// Never destroyed: at the end of the process CUDA may go first.
IdleBlocks& idle_blocks(int device) {
  static std::mutex mutex;
  static auto& devices = *new std::map<int, IdleBlocks>;
  const std::lock_guard<std::mutex> lock(mutex);
  return devices[device];
}

int current_device() {
  int device = 0;
  SAE_MATCH_CHECK(cudaGetDevice(&device));
  return device;
}

}  // namespace

DeviceBlock::DeviceBlock(std::size_t bytes) : bytes_(bytes) {
  IdleBlocks& idle = idle_blocks(current_device());
  std::uint64_t frees = idle.frees(), evictions = resident_evictions();
  cudaError_t error = cudaMalloc(&data_, bytes);
  while (error == cudaErrorMemoryAllocation && (idle.free_unless_changed(frees) || evict_resident(evictions))) {
    (void)cudaGetLastError();
    error = cudaMalloc(&data_, bytes);
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
}

DeviceBlock::~DeviceBlock() {
  if (data_) (void)cudaFree(data_);
}

Arena::Arena(Stream& stream) : stream_(stream), device_(current_device()) { idle_blocks(device_).begin_job(); }

Arena::~Arena() {
  (void)cudaStreamSynchronize(stream_.get());
  idle_blocks(device_).end_job(taken_, spare_);
}

void* Arena::take(std::size_t bytes) {
  taken_.reserve(taken_.size() + 1);
  spare_.reserve(taken_.size() + spare_.size() + 1);  // giving back cannot fail
  const auto near = std::find_if(spare_.begin(), spare_.end(),
                                 [&](const DeviceBlock& block) { return IdleBlocks::is_near(block.bytes(), bytes); });
  if (near != spare_.end()) {
    taken_.push_back(std::move(*near));
    spare_.erase(near);
  } else if (!idle_blocks(device_).take(bytes, taken_)) {
    taken_.emplace_back(bytes);
  }
  return taken_.back().data();
}

void Arena::give_back(void* memory) noexcept {
  const auto block = std::find_if(taken_.begin(), taken_.end(),
                                  [&](const DeviceBlock& each) { return each.data() == memory; });
  spare_.push_back(std::move(*block));
  taken_.erase(block);
}

}  // namespace sae_match::cuda
