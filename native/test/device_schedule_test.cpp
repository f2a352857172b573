// Jobs dealt out to devices that a table made here pretends to have: no CUDA, and no kernel runs.
#include "device/device_schedule.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "check.h"
#include "cost/cost_source.h"
#include "cost/source_parts.h"
#include "device/device_library.h"
#include "sae_match/thread_pool.h"

using namespace sae_match;

namespace {

constexpr int kMostDevices = 4;

// What the devices have, and what the table sees of its callers.
std::array<std::uint64_t, kMostDevices> free_bytes{};
std::atomic<int> infos{0}, opened{0};
std::atomic<sae_match_device_status> info_status{SAE_MATCH_DEVICE_OK}, open_status{SAE_MATCH_DEVICE_OK};
std::array<sae_match_device_status, kMostDevices> test_status{};
sae_match_device_problem last_problem{};

sae_match_device_status tell(sae_match_device_status status, sae_match_device_message* message) {
  std::snprintf(message->text, sizeof message->text, "%s", status == SAE_MATCH_DEVICE_OK ? "" : "as planned");
  return status;
}

sae_match_device_table fake_table() {
  sae_match_device_table table{};
  table.info = [](std::int32_t device, sae_match_device_info* info, sae_match_device_message* message) {
    ++infos;
    *info = {};
    info->free_bytes = free_bytes[static_cast<std::size_t>(device)];
    return tell(info_status, message);
  };
  table.build = "for tests";
  table.probe = [](sae_match_device_report* report, sae_match_device_message* message) {
    *report = {};
    return tell(SAE_MATCH_DEVICE_OK, message);
  };
  table.self_test = [](std::int32_t device, sae_match_device_message* message) {
    return tell(test_status[static_cast<std::size_t>(device)], message);
  };
  table.open = [](const sae_match_device_problem* problem, sae_match_device_pair** pair,
                  sae_match_device_message* message) {
    ++opened;
    last_problem = *problem;
    *pair = nullptr;
    return tell(open_status, message);
  };
  table.close = [](sae_match_device_pair*) {};
  return table;
}
const sae_match_device_table devices_table = fake_table();

// Devices of which jobs may have so many bytes: a part of what is free stays so.
struct TestDevices {
  DeviceLibrary library;

  TestDevices(std::initializer_list<std::uint64_t> usable) : library(devices_table, static_cast<int>(usable.size())) {
    std::size_t d = 0;
    for (const std::uint64_t bytes : usable) free_bytes[d++] = bytes + bytes / 15;
  }
  DeviceSchedule& schedule() const { return library.schedule(); }
  DeviceLease take(std::uint64_t bytes) const { return take({bytes, bytes}); }
  // A job that would have to wait is an error of the test.
  DeviceLease take(const DeviceNeed& need) const {
    RunControl control;
    control.deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    return schedule().take(need, control);
  }
  // Until a job waits: then even one that takes nothing has to.
  void wait_for_queue() const {
    while (has_room(0)) std::this_thread::yield();
  }
  bool has_room(std::uint64_t bytes) const {
    RunControl control;
    control.deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(100);
    try {
      schedule().take({bytes, bytes}, control);
      return true;
    } catch (const TimeIsUp&) {
      return false;
    }
  }
};

void jobs_go_to_the_device_with_fewest() {
  const TestDevices devices{150, 1500, 150};
  infos = 0;
  std::vector<std::optional<DeviceLease>> leases;
  std::vector<int> order;
  for (int job = 0; job < 5; ++job) {
    leases.emplace_back(devices.take(60));
    order.push_back(leases.back()->device());
  }
  CHECK(order == std::vector<int>({0, 1, 2, 0, 1}));
  CHECK_EQUAL(devices.take(90).device(), 2);  // has one job, and room for this one
  leases.emplace_back(devices.take(60));
  CHECK_EQUAL(leases.back()->device(), 2);
  CHECK_EQUAL(devices.take(60).device(), 1);  // the others are full
  leases[0].reset();                          // of device 0
  CHECK_EQUAL(devices.take(60).device(), 0);
  CHECK_EQUAL(infos.load(), 3);
}

void forms() {
  const TestDevices devices{150, 1500};
  // What fits somewhere is whole, and goes nowhere else.
  {
    const DeviceLease large = devices.take({1000, 10});
    CHECK(large.whole());
    CHECK_EQUAL(large.device(), 1);
    CHECK(!devices.has_room(1000));
    CHECK(devices.has_room(500));
  }
  // What fits nowhere makes do with less, at once.
  {
    const DeviceLease tiled = devices.take({1501, 10});
    CHECK(!tiled.whole());
    CHECK_EQUAL(tiled.device(), 0);
    CHECK(devices.has_room(140));
  }
  // What is too large even so, or cannot do with less, has the largest device for itself.
  for (const DeviceNeed need : {DeviceNeed{9000, 8000}, DeviceNeed{8000, 8000}}) {
    const DeviceLease alone = devices.take(need);
    CHECK_EQUAL(alone.whole(), need.bytes == need.least_bytes);
    CHECK_EQUAL(alone.device(), 1);
    CHECK(!devices.has_room(151));
    CHECK(devices.has_room(150));
  }
  const TestDevices none{0, 0};
  CHECK_EQUAL(none.take(100).device(), 0);
}

void jobs_wait_first_come_first_served() {
  const TestDevices devices{100};
  std::optional<DeviceLease> first(devices.take(60));
  std::atomic<int> begun{0};
  std::array<int, 3> order{};
  std::vector<std::thread> jobs;
  for (int job = 0; job < 3; ++job) {
    jobs.emplace_back([&, job] {
      // The first needs the whole device; the small ones behind it would have had room all the time.
      const DeviceLease lease = devices.take(job == 0 ? 100 : 30);
      order[static_cast<std::size_t>(job)] = ++begun;
    });
    if (job == 0) devices.wait_for_queue();
  }
  CHECK_EQUAL(begun.load(), 0);
  CHECK(!devices.has_room(1));
  first.reset();
  for (std::thread& job : jobs) job.join();
  CHECK_EQUAL(order[0], 1);
  CHECK(devices.has_room(100));
}

void waiting_ends_with_cancel_and_deadline() {
  const TestDevices devices{100};
  const DeviceLease all = devices.take(100);
  RunControl cancelled;
  std::string code;
  std::thread waiting([&] { code = code_of([&] { devices.schedule().take({50, 50}, cancelled); }); });
  devices.wait_for_queue();
  cancelled.cancelled = true;
  waiting.join();
  CHECK_EQUAL(code, "CANCELLED");
  CHECK(devices.has_room(0));  // the queue is empty
  RunControl before;
  before.cancelled = true;
  CHECK_EQUAL(code_of([&] { devices.schedule().take({0, 0}, before); }), "CANCELLED");
}

// One seat, and a job that waits for a device while another needs the seat to make room there.
void waiting_jobs_lend_their_seat() {
  set_thread_count(1);
  const TestDevices devices{100};
  std::optional<DeviceLease> held(devices.take(100));
  std::atomic<bool> waits{false}, worked{false}, got{false};
  std::thread waiting([&] {
    const Seat seat([] {});
    waits = true;
    const DeviceLease lease = devices.take(100);
    CHECK(worked);
    got = true;
    // The seat is this thread's again: another waits for it.
    std::atomic<bool> refused{false};
    std::thread([&] {
      refused = !code_of([&] { const Seat other([] { throw Error("CANCELLED", "no seat"); }); }).empty();
    }).join();
    CHECK(refused);
  });
  while (!waits) std::this_thread::yield();
  std::thread([&] {
    const Seat seat([] {});
    worked = true;
    held.reset();
  }).join();
  waiting.join();
  CHECK(got);
  // Called off, it has its seat as well, and gives it back.
  const DeviceLease all = devices.take(100);
  std::thread([&] {
    const Seat seat([] {});
    RunControl control;
    control.deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(50);
    CHECK_EQUAL(code_of([&] { devices.schedule().take({1, 1}, control); }), "TimeIsUp");
  }).join();
  const Seat free([] { throw Error("CANCELLED", "no seat"); });
  set_thread_count(0);
}

void many_threads() {
  const TestDevices devices{100, 300, 50};
  const std::array<std::uint64_t, 3> usable{100, 300, 50};
  std::array<std::atomic<std::int64_t>, 3> taken{};
  std::atomic<int> done{0};
  std::vector<std::thread> jobs;
  for (unsigned thread = 0; thread < 12; ++thread) {
    jobs.emplace_back([&, thread] {
      std::mt19937 random(thread);
      for (int round = 0; round < 200; ++round) {
        const std::uint64_t bytes = random() % 320;
        RunControl control;
        if (random() % 8 == 0) control.deadline = std::chrono::steady_clock::now() + std::chrono::microseconds(200);
        code_of([&] {
          const DeviceLease lease = devices.schedule().take({bytes, std::min<std::uint64_t>(bytes, 20)}, control);
          const auto device = static_cast<std::size_t>(lease.device());
          const std::int64_t mine = static_cast<std::int64_t>(lease.whole() ? bytes : 20);
          const std::int64_t all = taken[device].fetch_add(mine) + mine;
          CHECK(all <= static_cast<std::int64_t>(usable[device]));
          std::this_thread::yield();
          taken[device] -= mine;
        });
        ++done;
      }
    });
  }
  for (std::thread& job : jobs) job.join();
  CHECK_EQUAL(done.load(), 12 * 200);
  const DeviceLease whole[] = {devices.take(300), devices.take(100), devices.take(50)};
  CHECK(whole[0].device() == 1 && whole[1].device() == 0 && whole[2].device() == 2);
}

// ---- through a cost source, whose pair cannot be opened ----

constexpr std::int64_t kStored = 3'000'000, kCount = 10'000;

// The first 10,000 of 3,000,000 stored numbers.
Rows rows_of(std::uint64_t identity) {
  static const std::vector<float> numbers(kStored, 1.0f);
  static const std::vector<std::int32_t> first = all_indices(kCount);
  MatrixView stored{numbers.data(), Dtype::f32, kStored, 1, 1, 1};
  stored.identity = identity;
  return {{RowBlock{stored, nullptr}}, kCount, first.data()};
}

// Of 10,000 rows a side: the matrix takes 400 MB, tiles of it 268 MB, all else 51 MB, and 24 MB more where all stored rows
// go up.
std::string open_source(const TestDevices& devices, std::optional<Source> kind, std::int64_t memory_budget = 1 << 30,
                        std::uint64_t identity = 0) {
  const Rows rows = rows_of(identity);
  return code_of([&] {
    RunControl control;
    make_device_source(devices.library, rows, rows, false, kind, memory_budget, control);
  });
}

void a_source_that_fails_gives_its_place_back() {
  const TestDevices devices{1 << 20};
  const std::uint64_t all = 1 << 20;
  for (const auto& [status, code] : {std::pair(SAE_MATCH_DEVICE_OUT_OF_MEMORY, "OUT_OF_MEMORY"),
                                    std::pair(SAE_MATCH_DEVICE_LOST, "DEVICE_LOST"),
                                    std::pair(SAE_MATCH_DEVICE_FAILED, "DEVICE_FAILED")}) {
    open_status = status;
    for (int job = 0; job < 3; ++job) CHECK_EQUAL(open_source(devices, {}), code);
    CHECK(devices.has_room(all));
  }
  // Nor is anything taken where the device cannot be asked for its memory; the next job asks again.
  const TestDevices unknown{1 << 20};
  info_status = SAE_MATCH_DEVICE_FAILED;
  CHECK_EQUAL(open_source(unknown, {}), "DEVICE_FAILED");
  info_status = SAE_MATCH_DEVICE_OK;
  CHECK(unknown.has_room(all));
}

// A device that fails its test is passed over; that all fail is an error, and so is a loss, which is one of the process.
void devices_that_fail_their_test() {
  const TestDevices devices{150, 1500, 150};
  test_status = {SAE_MATCH_DEVICE_OK, SAE_MATCH_DEVICE_SELF_TEST_FAILED, SAE_MATCH_DEVICE_OUT_OF_MEMORY};
  devices.library.self_test();
  std::vector<std::string> codes;
  for (const DeviceInfo& device : devices.library.report().devices) codes.push_back(device.failure_code);
  CHECK(codes == std::vector<std::string>({"", "SELF_TEST_FAILED", "OUT_OF_MEMORY"}));
  {
    const DeviceLease first = devices.take(60);
    CHECK_EQUAL(first.device(), 0);
    CHECK_EQUAL(devices.take(60).device(), 0);
    CHECK(!devices.has_room(100));
  }
  CHECK(!devices.take({1000, 10}).whole());

  const TestDevices others{150, 150};
  test_status = {SAE_MATCH_DEVICE_OUT_OF_MEMORY, SAE_MATCH_DEVICE_SELF_TEST_FAILED};
  CHECK_EQUAL(code_of([&] { others.library.self_test(); }), "OUT_OF_MEMORY");
  test_status = {SAE_MATCH_DEVICE_OK, SAE_MATCH_DEVICE_LOST};
  CHECK_EQUAL(code_of([&] { others.library.self_test(); }), "DEVICE_LOST");
  test_status = {};
}

void a_source_asks_for_its_form() {
  open_status = SAE_MATCH_DEVICE_FAILED;
  const auto dense_of = [](const TestDevices& devices, std::optional<Source> kind,
                           std::int64_t memory_budget = 1 << 30) {
    opened = 0;
    open_source(devices, kind, memory_budget);
    CHECK_EQUAL(opened.load(), 1);
    return last_problem.dense;
  };
  {
    const TestDevices large{460'000'000};
    CHECK_EQUAL(dense_of(large, {}), -1);
    CHECK_EQUAL(dense_of(large, Source::dense), 1);
    CHECK_EQUAL(dense_of(large, Source::implicit), 0);
    // Where the caller allows no matrix, its place is left to others.
    const DeviceLease other = large.take(140'000'000);
    CHECK_EQUAL(dense_of(large, {}, 399'999'999), -1);
    CHECK_EQUAL(last_problem.dense_bytes, 399'999'999u);
  }
  {
    const TestDevices enough{500'000'000};
    open_source(enough, {}, 1 << 30, 1);
    CHECK_EQUAL(last_problem.dense, -1);
    const TestDevices less{470'000'000};
    open_source(less, {}, 1 << 30, 1);
    CHECK_EQUAL(last_problem.dense, 0);
  }
  const TestDevices small{440'000'000};
  CHECK_EQUAL(dense_of(small, {}), 0);
  CHECK_EQUAL(dense_of(small, Source::dense), 1);
  CHECK_EQUAL(dense_of(small, Source::implicit), 0);
}

}  // namespace

int main() {
  jobs_go_to_the_device_with_fewest();
  forms();
  jobs_wait_first_come_first_served();
  waiting_ends_with_cancel_and_deadline();
  waiting_jobs_lend_their_seat();
  many_threads();
  a_source_that_fails_gives_its_place_back();
  devices_that_fail_their_test();
  a_source_asks_for_its_form();
  return finish();
}
