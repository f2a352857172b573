#include "device/device_schedule.h"

#include <algorithm>
#include <utility>

#include "sae_match/thread_pool.h"

namespace sae_match {
namespace {

// Of what was free, this part stays so: for CUDA itself and for other programs.
constexpr std::uint64_t kPartKeptFree = 16;

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
  std::optional<int> device;
  if (line_.empty() && (device = device_with_room(bytes))) return lease(*device, bytes, whole);

  const auto while_waiting = [&] { control.check(); };
  const auto has_room = [&] { return (device = device_with_room(bytes)).has_value(); };
  std::optional<DeviceLease> found;
  const auto wait = [&] {
    line_.wait(lock, changed_, while_waiting, has_room);
    found.emplace(lease(*device, bytes, whole));
    lock.unlock();
  };
  lend_seat(wait, while_waiting);
  return std::move(*found);
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
