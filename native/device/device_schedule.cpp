#include "device/device_schedule.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "sae_match/thread_pool.h"

namespace sae_match {
namespace {

// Of what was free, this part stays so: for CUDA itself and for other programs.
constexpr std::uint64_t kPartKeptFree = 16;
constexpr std::chrono::milliseconds kBetweenChecks(20);

}  // namespace

DeviceLease::DeviceLease(DeviceLease&& other) noexcept
    : schedule_(std::exchange(other.schedule_, nullptr)),
      device_(other.device_),
      bytes_(other.bytes_),
      whole_(other.whole_) {}

DeviceLease::~DeviceLease() {
  if (schedule_) schedule_->release(device_, bytes_);
}

DeviceSchedule::DeviceSchedule(int devices, std::function<std::uint64_t(int device)> free_bytes)
    : free_bytes_(std::move(free_bytes)), devices_(static_cast<std::size_t>(devices)) {}

DeviceLease DeviceSchedule::take(const DeviceNeed& need, const RunControl& control) {
  control.check();
  std::unique_lock lock(mutex_);
  find_capacities();
  std::uint64_t most = 0;
  for (const Device& device : devices_) most = std::max(most, device.capacity);
  const bool whole = need.bytes <= most || need.bytes <= need.least_bytes;
  const std::uint64_t bytes = std::min(most, whole ? need.bytes : need.least_bytes);
  if (queue_.empty()) {
    if (const std::optional<int> device = device_with_room(bytes)) return lease(*device, bytes, whole);
  }

  const char place = 0;  // its address is this job's mark in the queue
  queue_.push_back(&place);
  lock.unlock();
  const auto while_waiting = [&] { control.check(); };
  std::optional<DeviceLease> found;
  lend_seat([&] { found.emplace(wait_for_room(&place, bytes, whole, while_waiting)); }, while_waiting);
  return std::move(*found);
}

DeviceLease DeviceSchedule::wait_for_room(const char* place, std::uint64_t bytes, bool whole,
                                          const std::function<void()>& while_waiting) {
  std::unique_lock lock(mutex_);
  const auto leave_queue = [&] {
    std::erase(queue_, place);
    changed_.notify_all();
  };
  std::optional<int> device;
  const auto is_our_turn = [&] { return queue_.front() == place && (device = device_with_room(bytes)); };
  while (!changed_.wait_for(lock, kBetweenChecks, is_our_turn)) {
    lock.unlock();
    try {
      while_waiting();
    } catch (...) {
      lock.lock();
      leave_queue();
      throw;
    }
    lock.lock();
  }
  leave_queue();
  return lease(*device, bytes, whole);
}

void DeviceSchedule::find_capacities() {
  if (known_) return;
  for (std::size_t d = 0; d < devices_.size(); ++d) {
    const std::uint64_t free = free_bytes_(static_cast<int>(d));
    devices_[d].capacity = free - free / kPartKeptFree;
  }
  known_ = true;
}

std::optional<int> DeviceSchedule::device_with_room(std::uint64_t bytes) const {
  std::optional<int> best;
  for (std::size_t d = 0; d < devices_.size(); ++d) {
    const Device& device = devices_[d];
    if (bytes > device.capacity - device.taken) continue;
    if (!best || device.jobs < devices_[static_cast<std::size_t>(*best)].jobs) best = static_cast<int>(d);
  }
  return best;
}

DeviceLease DeviceSchedule::lease(int device, std::uint64_t bytes, bool whole) {
  devices_[static_cast<std::size_t>(device)].taken += bytes;
  ++devices_[static_cast<std::size_t>(device)].jobs;
  return {this, device, bytes, whole};
}

void DeviceSchedule::release(int device, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  devices_[static_cast<std::size_t>(device)].taken -= bytes;
  --devices_[static_cast<std::size_t>(device)].jobs;
  changed_.notify_all();
}

}  // namespace sae_match
