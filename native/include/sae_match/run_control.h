// How a running job is told to stop and tells how far it is.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>

namespace sae_match {

// Every failure of the core: a code of src/errors.ts and a sentence. Never crosses a C boundary.
class Error : public std::runtime_error {
 public:
  Error(std::string code, const std::string& message) : std::runtime_error(message), code_(std::move(code)) {}
  const std::string& code() const { return code_; }

 private:
  std::string code_;
};

struct RunControl {
  std::atomic<bool> cancelled{false};
  // Threads this job may use at once, the calling one included; 0 means all of the pool.
  int threads = 0;
  // Called from the job's own thread only, with monotone `done`.
  std::function<void(const char* phase, std::int64_t done, std::int64_t total)> progress;

  // Polled at row, tile and iteration boundaries. Throws Error("CANCELLED").
  void check() const {
    if (cancelled.load(std::memory_order_relaxed)) throw Error("CANCELLED", "The job was cancelled");
  }
  void report(const char* phase, std::int64_t done, std::int64_t total) const {
    if (progress) progress(phase, done, total);
  }
};

}  // namespace sae_match
