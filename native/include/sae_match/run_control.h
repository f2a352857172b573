// How a running job is told to stop and tells how far it is.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
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

// Thrown where a job finds that its deadline has passed. Whoever catches it lifts the deadline and makes do.
struct TimeIsUp {};

// The parts of a job, in their order.
enum class Phase : std::int32_t { cost = 0, solve = 1, verify = 2 };

struct RunControl {
  std::atomic<bool> cancelled{false};
  // Threads this job may use at once, the calling one included; 0 means all of the pool.
  int threads = 0;
  // Called from the job's own thread only, with the phase's name; phases come in order and `done` never falls.
  std::function<void(const char* phase, std::int64_t done, std::int64_t total)> progress;

  std::optional<std::chrono::steady_clock::time_point> deadline;
  // How long the job has waited for others to leave a GPU: no time of its own.
  std::chrono::steady_clock::duration waited{0};

  // Polled at row, tile and iteration boundaries. Throws Error("CANCELLED"), TimeIsUp.
  void check() const {
    if (cancelled.load(std::memory_order_relaxed)) throw Error("CANCELLED", "The job was cancelled");
    if (deadline && std::chrono::steady_clock::now() >= *deadline) throw TimeIsUp{};
  }
  // What is reported from now on belongs to this phase. A job that repeats an earlier phase stays where it is.
  void enter(Phase phase) {
    if (phase <= phase_) return;
    phase_ = phase;
    last_done_ = 0;
  }
  void report(std::int64_t done, std::int64_t total) {
    static constexpr const char* names[] = {"cost", "solve", "verify"};
    if (!progress || done < last_done_) return;
    last_done_ = done;
    progress(names[static_cast<int>(phase_)], done, total);
  }

 private:
  Phase phase_ = Phase::cost;
  std::int64_t last_done_ = 0;
};

}  // namespace sae_match
