// Which GPU a job runs on, and when: jobs are dealt out by what they will take of the devices' memory. Host code only.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <vector>

#include "core/waiting_line.h"
#include "sae_match/run_control.h"

namespace sae_match {

// Bytes of device memory that a job takes.
struct DeviceNeed {
  std::uint64_t bytes;        // in the form that it wants
  std::uint64_t least_bytes;  // in the one that it makes do with where no device can hold the other; equal without one
};

class DeviceSchedule;

// A job's place on a device, from DeviceSchedule::take to its end.
class DeviceLease {
 public:
  DeviceLease(DeviceLease&& other) noexcept;
  DeviceLease& operator=(DeviceLease&&) = delete;
  ~DeviceLease();

  int device() const { return device_; }
  // False where the job has to make do with its `least_bytes`.
  bool whole() const { return whole_; }

 private:
  friend class DeviceSchedule;
  DeviceLease(DeviceSchedule* schedule, int device, std::uint64_t bytes, bool whole)
      : schedule_(schedule), device_(device), bytes_(bytes), whole_(whole) {}

  DeviceSchedule* schedule_;
  int device_;
  std::uint64_t bytes_;
  bool whole_;
};

// A job gets, of the devices that have room for it, the one with the fewest jobs (the first among equals); where none
// has, it waits, first come, first served.
class DeviceSchedule {
 public:
  // `free_bytes(device)` is asked once, before the first job. Of that a part stays free.
  DeviceSchedule(int devices, std::function<std::uint64_t(int device)> free_bytes);

  // Waits for room, without the thread's seat in the pool. A job that is too large for every device even so has the
  // largest for itself, and may find that it does not fit. Throws what `free_bytes` throws, and CANCELLED and TimeIsUp
  // from `control`.
  DeviceLease take(const DeviceNeed& need, const RunControl& control);

 private:
  friend class DeviceLease;
  struct Device {
    std::uint64_t capacity = 0, taken = 0;
    int jobs = 0;
  };

  void find_capacities();
  // These two with the mutex held. The first is the whole rule; a device that has a job's tensors already
  // (MatrixView::identity) is not preferred yet.
  std::optional<int> device_with_room(std::uint64_t bytes) const;
  DeviceLease lease(int device, std::uint64_t bytes, bool whole);
  void release(int device, std::uint64_t bytes);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::function<std::uint64_t(int)> free_bytes_;
  bool known_ = false;  // the capacities
  std::vector<Device> devices_;
  WaitingLine line_;
};

}  // namespace sae_match
