// Device memory that goes from job to job. Kernels on the CPU, see cuda_on_cpu.
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "check.h"
#include "cost/cost_source.h"
#include "cuda_library.h"
#include "rows_for_tests.h"
#include "sae_match/device.h"

using namespace sae_match;

namespace {

// Rows that own their numbers.
struct Side {
  explicit Side(std::int64_t count, unsigned seed) {
    std::minstd_rand random(seed + 1);
    matrix = make_matrix(count, 20, Dtype::f64, false,
                         [&](std::int64_t, std::int64_t) { return static_cast<double>(random() % 2000) / 1000 - 1; });
  }
  Rows rows() const { return {{RowBlock{matrix.view, nullptr}}, matrix.view.rows, nullptr}; }
  OwnedMatrix matrix;
};

std::unique_ptr<RowsCostSource> open(const Devices& devices, const Side& a, const Side& b) {
  RunControl control;
  return make_device_source(devices, a.rows(), b.rows(), false, Source::dense, 1 << 30, control);
}

std::vector<double> answers(const RowsCostSource& source) {
  std::vector<double> bounds;
  RunControl control;
  for (std::int64_t i = 0; i < source.rows(); i += 5) {
    source.look_at_row(i, [&](const double* row) { bounds.insert(bounds.end(), row, row + source.columns()); }, control);
  }
  return bounds;
}

std::uint64_t free_bytes(const Devices& devices) { return devices.report().devices.at(0).free_bytes; }

// A job of the same sizes as one that has ended asks the GPU for nothing, and gets its own answers.
void check_taking_over(const Devices& devices, const Side& a, const Side& b, const Side& c) {
  const std::uint64_t all = free_bytes(devices);
  const std::vector<double> expected = answers(*open(devices, b, c));
  CHECK_EQUAL(free_bytes(devices), all);  // nobody is at work
  {
    const auto beside = open(devices, c, a);
    const std::vector<double> before = answers(*beside);
    CHECK(answers(*open(devices, a, b)) != expected);
    const std::uint64_t kept = free_bytes(devices);
    plan("fail=cudaMalloc:2:1");
    CHECK(answers(*open(devices, b, c)) == expected);
    plan("");
    CHECK_EQUAL(free_bytes(devices), kept);
    CHECK(answers(*beside) == before);
  }
  CHECK_EQUAL(free_bytes(devices), all);
}

// What is idle goes where another job needs the memory; what is in use stays.
void check_want(const Devices& devices, const Side& a, const Side& b) {
  const Side large(300, 9);
  const std::uint64_t all = free_bytes(devices);
  const auto bytes_while = [&](const Side& x, const Side& y) {
    const auto source = open(devices, x, y);
    answers(*source);
    return all - free_bytes(devices);
  };
  const std::uint64_t of_small = bytes_while(a, b), of_large = bytes_while(large, large);
  const auto beside = open(devices, a, b);
  const std::vector<double> before = answers(*beside);
  answers(*open(devices, a, b));
  // A block that is taken over may be a little larger than what was asked for.
  plan("memory=" + std::to_string(of_small + of_large + of_small / 2));
  CHECK(free_bytes(devices) < of_large);
  CHECK_EQUAL(code_of([&] { answers(*open(devices, large, large)); }), "");
  const Side larger(400, 10);
  CHECK_EQUAL(code_of([&] { answers(*open(devices, larger, larger)); }), "OUT_OF_MEMORY");
  CHECK(answers(*beside) == before);
  plan("");
}

// Jobs that take over blocks of larger ones take hardly more than they say.
void check_sizes(const Devices& devices, const Side& a) {
  const std::uint64_t all = free_bytes(devices);
  const Side large(300, 9), smaller(285, 10);
  const auto bytes_of = [&](const Side& side) {
    const auto source = open(devices, side, side);
    return all - free_bytes(devices);
  };
  const std::uint64_t of_small = bytes_of(a), of_smaller = bytes_of(smaller);
  const auto beside = open(devices, a, a);
  { const auto first = open(devices, large, large), second = open(devices, large, large); }
  plan("memory=" + std::to_string(of_small + 3 * of_smaller + 30'000));
  std::vector<std::unique_ptr<RowsCostSource>> jobs;
  CHECK_EQUAL(code_of([&] {
                for (int j = 0; j < 3; ++j) jobs.push_back(open(devices, smaller, smaller));
              }),
              "");
  plan("");
}

// A job that begins while the last one's memory is being freed waits for it.
void check_last(const Devices& devices, const Side& a) {
  const std::uint64_t all = free_bytes(devices);
  const Side large(300, 9);
  auto last = open(devices, a, a);
  open(devices, large, large);
  plan("slow_frees=5 memory=" + std::to_string(all - free_bytes(devices)));
  std::thread end([&] { last.reset(); });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  CHECK_EQUAL(code_of([&] { open(devices, large, large); }), "");
  end.join();
  plan("");
}

// A job whose making fails half-way leaves nothing behind.
void check_failures(const Devices& devices, const Side& a, const Side& b) {
  const std::uint64_t all = free_bytes(devices);
  for (const std::string call : {"cudaMalloc:2", "cudaMemcpyAsync:1", "cudaEventCreateWithFlags:1", "cudaEventSynchronize:1",
                                 "cudaStreamCreateWithFlags:1"}) {
    for (int number = 1; number <= 4; ++number) {
      plan("fail=" + call + ":" + std::to_string(number));
      code_of([&] { answers(*open(devices, a, b)); });
      plan("");
      CHECK_EQUAL(free_bytes(devices), all);
    }
  }
}

// Jobs of several sizes at once, also where memory is short.
void check_threads(const Devices& devices, const std::vector<Side>& sides) {
  const std::uint64_t all = free_bytes(devices);
  std::vector<std::vector<double>> expected;
  for (const Side& side : sides) expected.push_back(answers(*open(devices, side, side)));
  for (const char* memory : {"", "memory=400000"}) {
    plan(memory);
    std::vector<std::thread> threads;
    std::atomic<int> wrong{0}, right{0};
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (std::size_t k = 0; k < 3 * sides.size(); ++k) {
          const std::size_t s = (k + static_cast<std::size_t>(t)) % sides.size();
          const std::string failure = code_of([&] {
            ++(answers(*open(devices, sides[s], sides[s])) == expected[s] ? right : wrong);
          });
          if (!failure.empty() && failure != "OUT_OF_MEMORY") ++wrong;
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK_EQUAL(wrong.load(), 0);
    CHECK(right.load() > 0);
    plan("");
    CHECK_EQUAL(free_bytes(devices), all);
  }
}

}  // namespace

int main() {
  const auto devices = Devices::load(CUDA_ON_CPU_LIBRARY, SAE_MATCH_PACKAGE_VERSION);
  std::vector<Side> sides;
  for (unsigned s = 0; s < 3; ++s) sides.emplace_back(40, s);
  check_taking_over(*devices, sides[0], sides[1], sides[2]);
  check_want(*devices, sides[0], sides[1]);
  check_sizes(*devices, sides[0]);
  check_last(*devices, sides[0]);
  check_failures(*devices, sides[0], sides[1]);
  sides.emplace_back(90, 3);
  sides.emplace_back(150, 4);
  check_threads(*devices, sides);
  return finish();
}
