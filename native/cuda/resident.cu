#include "cuda/resident.h"

#include <condition_variable>
#include <map>
#include <mutex>
#include <tuple>

#include "cuda/numbers.h"

namespace sae_match::cuda {
namespace {

constexpr std::uint64_t kBudgetShare = 2;  // the budget is the device's memory divided by this

using Key = std::tuple<std::uint64_t, std::int32_t, std::int64_t, std::int64_t>;  // identity, dtype, rows, columns

struct Entry {
  Resident tensor;  // null while a thread uploads it
  std::int64_t bytes;
  std::uint64_t last_use;
};

// The tensors of one device.
class Cache {
 public:
  Resident use(const sae_match_device_block& block, Stream& stream) {
    const Key key{block.identity, block.dtype, block.rows, block.columns};
    const std::int64_t bytes = block.rows * block.columns * stored_bytes(block.dtype);
    {
      std::unique_lock<std::mutex> lock(mutex_);
      for (auto found = entries_.find(key); found != entries_.end(); found = entries_.find(key)) {
        if (found->second.tensor) {
          found->second.last_use = ++uses_;
          ++reuses_;
          return found->second.tensor;
        }
        settled_.wait(lock);  // where the upload fails, the entry goes, and this thread tries
      }
      for (const std::uint64_t most = budget(); bytes_ + static_cast<std::uint64_t>(bytes) > most && evict();) {
      }
      entries_[key] = {nullptr, bytes, ++uses_};
      bytes_ += static_cast<std::uint64_t>(bytes);
    }
    try {
      const Resident tensor = upload(block, bytes, stream);
      const std::lock_guard<std::mutex> lock(mutex_);
      ++uploads_;
      entries_[key].tensor = tensor;
      settled_.notify_all();
      return tensor;
    } catch (...) {
      const std::lock_guard<std::mutex> lock(mutex_);
      remove(entries_.find(key));
      settled_.notify_all();
      throw;
    }
  }

  std::uint64_t evictions() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return evictions_;
  }
  bool evict_unless_changed(std::uint64_t& evictions) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const bool changed = evictions_ != evictions || evict();
    evictions = evictions_;
    return changed;
  }

  sae_match_device_resident describe() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return {bytes_, entries_.size(), uploads_, reuses_};
  }

 private:
  static std::uint64_t budget() {
    std::size_t free = 0, total = 0;
    SAE_MATCH_CHECK(cudaMemGetInfo(&free, &total));
    return total / kBudgetShare;
  }

  using Entries = std::map<Key, Entry>;

  // Waits for the copy: other threads read the tensor from other streams.
  static Resident upload(const sae_match_device_block& block, std::int64_t bytes, Stream& stream) {
    auto tensor = std::make_shared<DeviceBlock>(static_cast<std::size_t>(bytes));
    const auto* data = static_cast<const char*>(block.data);
    const std::int64_t row_bytes = block.rows > 0 ? bytes / block.rows : 0;
    if (block.row_bytes == row_bytes) {
      stream.upload(static_cast<char*>(tensor->data()), data, bytes);
    } else {
      stream.upload_rows(tensor->data(), row_bytes, block.rows, [&](std::int64_t r) { return data + r * block.row_bytes; });
    }
    stream.wait();
    return tensor;
  }

  // False if every tensor is in use. Under the mutex nobody begins to use one.
  bool evict() {
    auto least = entries_.end();
    for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
      if (entry->second.tensor.use_count() != 1) continue;
      if (least == entries_.end() || entry->second.last_use < least->second.last_use) least = entry;
    }
    if (least == entries_.end()) return false;
    remove(least);
    ++evictions_;
    return true;
  }
  void remove(Entries::iterator entry) {
    bytes_ -= static_cast<std::uint64_t>(entry->second.bytes);
    entries_.erase(entry);
  }

  std::mutex mutex_;
  std::condition_variable settled_;  // an upload has ended, well or not
  Entries entries_;
  std::uint64_t bytes_ = 0, uses_ = 0, uploads_ = 0, reuses_ = 0, evictions_ = 0;
};

// Never destroyed: at the end of the process CUDA may go first.
Cache& cache_of(int device) {
  static std::mutex mutex;
  static auto& caches = *new std::map<int, Cache>;
  const std::lock_guard<std::mutex> lock(mutex);
  return caches[device];
}

Cache& current_cache() {
  int device = 0;
  SAE_MATCH_CHECK(cudaGetDevice(&device));
  return cache_of(device);
}

}  // namespace

Resident resident_tensor(const sae_match_device_block& block, Stream& stream) {
  return current_cache().use(block, stream);
}

std::uint64_t resident_evictions() { return current_cache().evictions(); }
bool evict_resident(std::uint64_t& evictions) { return current_cache().evict_unless_changed(evictions); }

sae_match_device_resident describe_resident(int device) { return cache_of(device).describe(); }

}  // namespace sae_match::cuda
