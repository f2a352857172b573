// The CUDA library as the core uses it: failures are Errors.
#pragma once

#include <atomic>

#include "cuda/device_api.h"
#include "sae_match/device.h"
#include "sae_match/run_control.h"

namespace sae_match {

class DeviceLibrary final : public Devices {
 public:
  DeviceLibrary(const sae_match_device_table& table, int device_count) : table_(table), device_count_(device_count) {}

  DeviceReport report() const override;
  void self_test() const override;
  std::vector<ResidentTensors> resident() const override;

  const sae_match_device_table& table() const { return table_; }
  // The GPU for the next job: they take turns.
  int next_device() const { return static_cast<int>(jobs_.fetch_add(1) % static_cast<unsigned>(device_count_)); }

 private:
  const sae_match_device_table& table_;
  int device_count_;
  mutable std::atomic<unsigned> jobs_{0};
};

// Throws what a status other than OK means.
void check_device(sae_match_device_status status, const sae_match_device_message& message);

}  // namespace sae_match
