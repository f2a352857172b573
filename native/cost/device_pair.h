// Two sides of feature rows on a GPU: a place there, an open pair, and calls of the CUDA library about it.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>

#include "device/device_library.h"
#include "features/stored_rows.h"
#include "sae_match/assignment.h"
#include "sae_match/run_control.h"

namespace sae_match {

// Of lists that a call brings to the host.
inline constexpr std::int64_t kListEntries = 4 << 20;

// What is asked of the costs of a pair; see make_device_source.
struct DeviceAsk {
  bool maximize;
  std::optional<Source> kind;
  std::int64_t memory_budget;
  Sign sign;
};

class DevicePair {
 public:
  // Waits for room on a GPU and copies both sides there.
  DevicePair(const DeviceLibrary& library, const StoredRows& a, const StoredRows& b, const DeviceAsk& ask,
             RunControl& control);

  // Calls a function of the table, one at a time. Throws Error.
  template <class Function, class... A>
  void call(Function sae_match_device_table::* function, A... arguments) const {
    const std::lock_guard lock(mutex_);
    sae_match_device_message message;
    check_device((table_.*function)(pair_.get(), arguments..., &message), message);
  }

 private:
  struct Close {
    const sae_match_device_table* table;
    void operator()(sae_match_device_pair* pair) const { table->close(pair); }
  };

  const sae_match_device_table& table_;
  mutable std::mutex mutex_;
  DeviceLease lease_;  // ends after the pair
  std::unique_ptr<sae_match_device_pair, Close> pair_;
};

}  // namespace sae_match
