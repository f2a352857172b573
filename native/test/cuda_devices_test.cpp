// Many pairs over several GPUs (kernels on the CPU, see cuda_on_cpu): the same answers as over one, whatever the GPUs
// have of memory, and what a lost GPU leaves behind.
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "check.h"
#include "cuda_library.h"
#include "device/device_library.h"
#include "sae_match/assignment.h"
#include "sae_match/thread_pool.h"

using namespace sae_match;

namespace {

constexpr std::int64_t kRows = 60, kColumns = 70, kWidth = 24;
constexpr int kPairs = 8;

std::vector<float> numbers(std::int64_t count, unsigned seed) {
  std::vector<float> values(static_cast<std::size_t>(count * kWidth));
  for (std::size_t e = 0; e < values.size(); ++e) {
    values[e] = static_cast<float>((e * 7919 + seed * 104729) % 1009) / 1009;
  }
  return values;
}

Solution solve_pair(unsigned pair, const Devices& devices, RunControl& control) {
  const std::vector<float> a = numbers(kRows, pair), b = numbers(kColumns, pair + 100);
  const auto rows = [](const std::vector<float>& values, std::int64_t count) {
    return Rows{{RowBlock{MatrixView{values.data(), Dtype::f32, count, kWidth, kWidth, 1}, nullptr}}, count, nullptr};
  };
  SolveOptions options;
  options.neighbours = true;
  return solve(rows(a, kRows), rows(b, kColumns), {{}, 1 << 20, Sign::same, &devices}, options, control);
}
Solution solve_pair(unsigned pair, const Devices& devices) {
  RunControl control;
  return solve_pair(pair, devices, control);
}

// All pairs at once, on threads with seats as the addon's jobs have them. What fails leaves its code.
struct Outcome {
  std::optional<Solution> solution;
  std::string code;
};
std::vector<Outcome> solve_all(const Devices& devices) {
  std::vector<Outcome> outcomes(kPairs);
  std::vector<std::thread> jobs;
  for (unsigned pair = 0; pair < kPairs; ++pair) {
    jobs.emplace_back([&, pair] {
      try {
        const Seat seat([] {});
        outcomes[pair].solution = solve_pair(pair, devices);
      } catch (const Error& error) {
        outcomes[pair].code = error.code();
      }
    });
  }
  for (std::thread& job : jobs) job.join();
  return outcomes;
}

void check_same(const Solution& left, const Solution& right) {
  CHECK(left.row_to_column == right.row_to_column);
  CHECK(left.u == right.u && left.v == right.v);
  CHECK(left.cost == right.cost);
  CHECK(left.source == right.source);
  CHECK(left.neighbours->nearest_column == right.neighbours->nearest_column);
  CHECK(left.neighbours->rank_in_column == right.neighbours->rank_in_column);
}

DeviceSchedule& schedule_of(const Devices& devices) { return static_cast<const DeviceLibrary&>(devices).schedule(); }

std::vector<DeviceLease> take_all(const Devices& devices, const std::vector<std::uint64_t>& free) {
  std::vector<DeviceLease> leases;
  RunControl control;
  control.deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  for (const std::uint64_t bytes : free) {
    leases.push_back(schedule_of(devices).take({bytes - bytes / 16, bytes - bytes / 16}, control));
  }
  return leases;
}

// Whether no job has left anything behind: each device can be had whole.
void check_all_free(const Devices& devices, const std::vector<std::uint64_t>& free) { take_all(devices, free); }

// What a job waits for other jobs is no time of its own: however slow the machine is, the rest of the time is what its parts
// add up to at most.
void check_waiting(const Devices& devices, const std::vector<std::uint64_t>& free) {
  using Milliseconds = std::chrono::duration<double, std::milli>;
  std::vector<DeviceLease> leases = take_all(devices, free);
  RunControl control;
  Solution solution;
  Milliseconds all{0};
  std::thread job([&] {
    const auto start = std::chrono::steady_clock::now();
    solution = solve_pair(0, devices, control);
    all = std::chrono::steady_clock::now() - start;
  });
  std::this_thread::sleep_for(Milliseconds(300));
  leases.clear();
  job.join();
  const Milliseconds waited = control.waited;
  CHECK(waited > Milliseconds(100));
  const double parts = solution.cost_milliseconds + solution.solve_milliseconds + solution.verify_milliseconds;
  CHECK(parts <= (all - waited).count());
}

}  // namespace

int main() {
  set_thread_count(kPairs);
  // A pair takes 88,944 bytes: three, two and one fit, and two have to wait.
  const std::vector<std::uint64_t> memory{300'000, 200'000, 150'000};
  const std::string three = "devices=3 memory=300000,200000,150000";
  plan(three);
  const auto devices = Devices::load(CUDA_ON_CPU_LIBRARY, SAE_MATCH_PACKAGE_VERSION);
  const DeviceReport report = devices->report();
  CHECK_EQUAL(report.devices.size(), 3u);
  CHECK_EQUAL(report.devices[1].total_bytes, 200'000u);

  std::vector<Solution> alone;
  for (unsigned pair = 0; pair < kPairs; ++pair) {
    alone.push_back(solve_pair(pair, *devices));  // on the first
    CHECK(alone.back().certificate.optimal && alone.back().source == Source::dense);
  }
  for (int round = 0; round < 3; ++round) {
    const std::vector<Outcome> together = solve_all(*devices);
    for (int pair = 0; pair < kPairs; ++pair) {
      CHECK_EQUAL(together[pair].code, "");
      if (together[pair].solution) check_same(*together[pair].solution, alone[static_cast<std::size_t>(pair)]);
    }
  }
  check_all_free(*devices, memory);
  check_waiting(*devices, memory);

  // A GPU that is lost takes the process's others with it, as CUDA says: what is done by then is right.
  plan(three + " fail=cudaLaunchKernel:700:40");
  int lost = 0;
  for (const Outcome& outcome : solve_all(*devices)) {
    if (outcome.solution) {
      CHECK(outcome.solution->certificate.optimal);
    } else {
      CHECK_EQUAL(outcome.code, "DEVICE_LOST");
      ++lost;
    }
  }
  CHECK(lost >= 1);
  plan("");
  for (const Outcome& outcome : solve_all(*devices)) CHECK_EQUAL(outcome.code, "DEVICE_LOST");
  check_all_free(*devices, memory);
  return finish();
}
