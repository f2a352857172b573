// The CUDA library as the core uses it: failures are Errors.
#pragma once

#include <mutex>
#include <optional>
#include <vector>

#include "cuda/device_api.h"
#include "device/device_schedule.h"
#include "sae_match/device.h"
#include "sae_match/run_control.h"

namespace sae_match {

class DeviceLibrary final : public Devices {
 public:
  DeviceLibrary(const sae_match_device_table& table, int device_count);

  DeviceReport report() const override;
  void self_test() const override;
  std::vector<ResidentTensors> resident() const override;

  const sae_match_device_table& table() const { return table_; }
  DeviceSchedule& schedule() const { return schedule_; }

 private:
  DeviceInfo info(int device) const;
  std::optional<Error> failure_of(int device) const;

  const sae_match_device_table& table_;
  int device_count_;
  mutable std::mutex mutex_;
  mutable std::vector<std::optional<Error>> failures_;  // of the self-test, by device
  mutable DeviceSchedule schedule_;
};

// Throws what a status other than OK means.
void check_device(sae_match_device_status status, const sae_match_device_message& message);

}  // namespace sae_match
