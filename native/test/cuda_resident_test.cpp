// Tensors that stay in device memory from pair to pair: the same answers, one upload, and memory that is given back where
// it is wanted. Kernels on the CPU, see cuda_on_cpu.
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <numeric>
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

// More columns than the host works out by itself.
constexpr std::int64_t kRows = 70, kWidth = 33, kWide = 256;

std::uint64_t new_identity() {
  static std::uint64_t last = 0;
  return ++last;
}

OwnedMatrix random_matrix(std::int64_t rows, std::int64_t columns, Dtype dtype, bool column_major, unsigned seed) {
  std::minstd_rand random(seed + 1);
  return make_matrix(rows, columns, dtype, column_major, [&](std::int64_t i, std::int64_t) {
    const double size = i % 9 == 4 ? 0 : 0.25 + static_cast<double>(random() % 1000) / 250;
    return random() % 2 ? size : -size;
  });
}

// One side: a tensor with an identity and, beside it, one without.
struct Side {
  Side(std::int64_t stored, Dtype dtype, bool column_major, unsigned seed)
      : known(random_matrix(stored, kWidth, dtype, column_major, seed)),
        unknown(random_matrix(stored, 3, Dtype::f64, false, seed + 100)) {
    known.view.identity = new_identity();
  }
  // All rows, or those that an index picks; with scales or without.
  Rows rows(bool scaled, bool indexed) {
    scale.clear();
    index.clear();
    for (std::int64_t r = 0; r < known.view.rows; ++r) {
      scale.push_back(r % 4 == 0 ? -0.7 : 0.3 + 0.01 * static_cast<double>(r));
      if (r % 6 != 1) index.push_back(static_cast<std::int32_t>(known.view.rows - 1 - r));
    }
    const double* scales = scaled ? scale.data() : nullptr;
    return {{RowBlock{known.view, scales}, RowBlock{unknown.view, nullptr}},
            static_cast<std::int64_t>(indexed ? index.size() : scale.size()),
            indexed ? index.data() : nullptr};
  }
  OwnedMatrix known, unknown;
  std::vector<double> scale;
  std::vector<std::int32_t> index;
};

Rows without_identity(Rows rows) {
  for (RowBlock& block : rows.blocks) block.matrix.identity = 0;
  return rows;
}

std::unique_ptr<RowsCostSource> open(const Devices& devices, const Rows& a, const Rows& b) {
  RunControl control;
  return make_device_source(devices, a, b, false, Source::implicit, 1 << 20, control);
}

// The exact costs of every eighth row and the bounds of the last one, as the GPU gives them.
std::vector<double> answers(const RowsCostSource& source, std::int64_t rows, std::int64_t columns) {
  std::vector<double> all, row(static_cast<std::size_t>(columns));
  for (std::int64_t i = 0; i < rows; i += 8) {
    source.row(i, row.data());
    all.insert(all.end(), row.begin(), row.end());
  }
  RunControl control;
  source.look_at_row(rows - 1, [&](const double* bounds) { all.insert(all.end(), bounds, bounds + columns); }, control);
  return all;
}

ResidentTensors resident(const Devices& devices) { return devices.resident().at(0); }

// What happened to the tensors of the first GPU while a function ran.
struct Change {
  std::int64_t uploads, reuses, tensors, bytes;
};
template <class Run>
Change change_during(const Devices& devices, Run run) {
  const ResidentTensors before = resident(devices);
  run();
  const ResidentTensors after = resident(devices);
  const auto difference = [](std::uint64_t x, std::uint64_t y) { return static_cast<std::int64_t>(x - y); };
  return {difference(after.uploads, before.uploads), difference(after.reuses, before.reuses),
          difference(after.tensors, before.tensors), difference(after.bytes, before.bytes)};
}

void check_answers(const Devices& devices, Dtype dtype, bool column_major) {
  Side left(20, dtype, column_major, 1), right(90, dtype, column_major, 2);
  std::int64_t uploads = 0, reuses = 0;
  for (const bool scaled : {false, true}) {
    for (const bool indexed : {false, true}) {
      const Rows a = left.rows(scaled, indexed), b = right.rows(!scaled, indexed);
      std::vector<double> found;
      const Change change =
          change_during(devices, [&] { found = answers(*open(devices, a, b), a.count, b.count); });
      uploads += change.uploads;
      reuses += change.reuses;
      CHECK(found == answers(*open(devices, without_identity(a), without_identity(b)), a.count, b.count));
      RunControl control;
      const auto host = make_rows_source(a, b, false, Source::dense, 0, control);
      std::vector<double> row(static_cast<std::size_t>(b.count));
      for (std::int64_t i = 0; i < a.count; i += 8) {
        host->row(i, row.data());
        CHECK(std::equal(row.begin(), row.end(), found.begin() + i / 8 * b.count));
      }
    }
  }
  CHECK_EQUAL(uploads, 2);
  CHECK_EQUAL(reuses, 6);
}

// An identity of another shape or type is another tensor.
void check_shapes(const Devices& devices) {
  Side side(kRows, Dtype::f32, false, 3);
  OwnedMatrix other = random_matrix(kRows, kWidth, Dtype::f64, false, 4);
  other.view.identity = side.known.view.identity;
  MatrixView half = side.known.view;
  half.rows /= 2;
  for (const MatrixView& view : {side.known.view, other.view, half}) {
    const Rows rows{{RowBlock{view, nullptr}}, view.rows, nullptr};
    CHECK_EQUAL(change_during(devices, [&] { open(devices, rows, rows); }).uploads, 1);
  }
}

// Tensors that are alike in size, one a side.
struct Tensors {
  Tensors(int count, std::int64_t rows) {
    for (int t = 0; t < count; ++t) {
      matrices.push_back(random_matrix(rows, kWide, Dtype::f64, false, static_cast<unsigned>(t)));
      matrices.back().view.identity = new_identity();
      sides.push_back({{RowBlock{matrices.back().view, nullptr}}, rows, nullptr});
    }
  }
  const Rows& rows(int t) const { return sides[static_cast<std::size_t>(t)]; }
  std::int64_t bytes() const { return matrices[0].view.rows * kWide * 8; }
  std::vector<OwnedMatrix> matrices;
  std::vector<Rows> sides;
};

// Uploads for a pair of tensors.
std::int64_t uploads_for(const Devices& devices, const Tensors& tensors, int a, int b) {
  return change_during(devices, [&] { open(devices, tensors.rows(a), tensors.rows(b)); }).uploads;
}

// With room for three tensors in the budget, half of the memory.
void check_budget(const Devices& devices) {
  const Tensors tensors(5, 100);
  plan("memory=" + std::to_string(7 * tensors.bytes()));
  CHECK_EQUAL(uploads_for(devices, tensors, 0, 1), 2);
  CHECK_EQUAL(uploads_for(devices, tensors, 0, 2), 1);
  CHECK_EQUAL(resident(devices).tensors, 3u);  // those of earlier tests have gone
  CHECK_EQUAL(resident(devices).bytes, static_cast<std::uint64_t>(3 * tensors.bytes()));
  CHECK_EQUAL(uploads_for(devices, tensors, 0, 3), 1);  // 1 goes
  CHECK_EQUAL(uploads_for(devices, tensors, 2, 3), 0);
  CHECK_EQUAL(uploads_for(devices, tensors, 0, 1), 1);  // 2 goes: 0 was used after it
  CHECK_EQUAL(uploads_for(devices, tensors, 3, 0), 0);
  CHECK_EQUAL(uploads_for(devices, tensors, 1, 2), 1);
  // Those in use stay beyond the budget.
  const auto first = open(devices, tensors.rows(0), tensors.rows(1)), second = open(devices, tensors.rows(2), tensors.rows(3));
  CHECK_EQUAL(resident(devices).tensors, 4u);
  CHECK_EQUAL(uploads_for(devices, tensors, 0, 1) + uploads_for(devices, tensors, 2, 3), 0);
  plan("");
}

// Memory that is wanted for something else is taken from tensors that nobody uses, and only from those.
void check_want(const Devices& devices) {
  const Tensors tensors(3, 100);
  plan("memory=" + std::to_string(7 * tensors.bytes()));
  const auto used = open(devices, tensors.rows(0), tensors.rows(0));
  std::vector<double> before(100), after(100);
  used->row(7, before.data());
  open(devices, tensors.rows(1), tensors.rows(2));
  CHECK_EQUAL(resident(devices).tensors, 3u);
  const OwnedMatrix large = random_matrix(400, kWide, Dtype::f64, false, 9);
  const Rows rows{{RowBlock{large.view, nullptr}}, 400, nullptr}, few{{RowBlock{large.view, nullptr}}, 2, nullptr};
  CHECK_EQUAL(code_of([&] { open(devices, rows, few); }), "");  // 4 tensors and operands
  CHECK(resident(devices).tensors < 3u);
  CHECK_EQUAL(uploads_for(devices, tensors, 0, 0), 0);
  CHECK_EQUAL(code_of([&] { open(devices, rows, rows); }), "OUT_OF_MEMORY");
  CHECK_EQUAL(resident(devices).tensors, 1u);
  CHECK_EQUAL(uploads_for(devices, tensors, 0, 0), 0);
  used->row(7, after.data());
  CHECK(after == before);
  plan("");
}

// Pinned memory is taken over from pair to pair, too.
void check_staging(const Devices& devices) {
  const Tensors tensors(1, kRows);
  open(devices, tensors.rows(0), tensors.rows(0));
  plan("fail=cudaMallocHost:2:1");
  CHECK_EQUAL(code_of([&] { open(devices, tensors.rows(0), tensors.rows(0)); }), "");
  plan("");
}

void check_failed_uploads(const Devices& devices) {
  const Tensors tensors(2, 100);
  for (const std::string call : {"cudaMalloc:1", "cudaMemcpyAsync:1", "cudaEventSynchronize:1"}) {
    const Change change = change_during(devices, [&] {
      plan("fail=" + call + ":1");
      CHECK(code_of([&] { open(devices, tensors.rows(0), tensors.rows(1)); }) != "");
    });
    plan("");
    CHECK_EQUAL(change.uploads, 0);
    CHECK_EQUAL(change.bytes, 0);
  }
  CHECK_EQUAL(uploads_for(devices, tensors, 0, 1), 2);
}

template <class Run>
void in_threads(int count, Run run) {
  std::atomic<int> ready{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < count; ++t) {
    threads.emplace_back([&, t] {
      for (++ready; ready < count;) std::this_thread::yield();
      run(t);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

// Every pair of some tensors by several threads at once.
void use_all_pairs(const Devices& devices, const Tensors& tensors, const std::vector<std::vector<double>>& expected,
                   int threads) {
  const int count = static_cast<int>(tensors.matrices.size());
  const std::int64_t rows = tensors.matrices[0].view.rows;
  std::atomic<int> wrong{0};
  in_threads(threads, [&](int thread) {
    for (int p = 0; p < count * count; ++p) {
      const int pair = (p + thread * count) % (count * count);
      const auto source = open(devices, tensors.rows(pair / count), tensors.rows(pair % count));
      std::vector<double> row(static_cast<std::size_t>(rows));
      source->row(pair % rows, row.data());
      if (row != expected[static_cast<std::size_t>(pair)]) ++wrong;
    }
  });
  CHECK_EQUAL(wrong.load(), 0);
}

void check_threads(const Devices& devices, bool on_gpu) {
  constexpr int kCount = 4, kThreads = 3;
  const Tensors tensors(kCount, kRows);
  std::vector<std::vector<double>> expected;
  for (int pair = 0; pair < kCount * kCount; ++pair) {
    RunControl control;
    const auto host = make_rows_source(tensors.rows(pair / kCount), tensors.rows(pair % kCount), false, Source::dense, 0, control);
    expected.emplace_back(kRows);
    host->row(pair % kRows, expected.back().data());
  }
  if (!on_gpu) plan("slow_copies=2");  // so that others come while one uploads
  const Change change = change_during(devices, [&] { use_all_pairs(devices, tensors, expected, kThreads); });
  CHECK_EQUAL(change.uploads, kCount);
  CHECK_EQUAL(change.reuses, kThreads * 2 * kCount * kCount - kCount);
  if (on_gpu) return;
  // A failed upload fails one pair; those who waited for it try themselves.
  const Tensors more(1, kRows);
  plan("slow_copies=20 fail=cudaMemcpyAsync:1:1");
  std::atomic<int> failed{0};
  const Change retried = change_during(devices, [&] {
    in_threads(kThreads, [&](int) { failed += !code_of([&] { open(devices, more.rows(0), more.rows(0)); }).empty(); });
  });
  CHECK_EQUAL(failed.load(), 1);
  CHECK_EQUAL(retried.uploads, 1);
  // Tensors come and go: the budget has room for two, and pairs at once have up to four in use.
  plan("memory=" + std::to_string(5 * tensors.bytes()));
  const Change crowded = change_during(devices, [&] {
    in_threads(kThreads, [&](int thread) {
      for (int p = 0; p < kCount * kCount; ++p) {
        const int pair = (p * 5 + thread) % (kCount * kCount);
        // Where memory does not suffice for all at once, a pair fails, and nothing else happens to it.
        const std::string failure = code_of([&] {
          const auto source = open(devices, tensors.rows(pair / kCount), tensors.rows(pair % kCount));
          std::vector<double> row(static_cast<std::size_t>(kRows));
          source->row(pair % kRows, row.data());
          if (row != expected[static_cast<std::size_t>(pair)]) std::abort();
        });
        if (!failure.empty() && failure != "OUT_OF_MEMORY") std::abort();
      }
    });
  });
  CHECK(crowded.uploads > kCount);
  plan("");
}

// After a fatal error nothing of the GPU is used any more.
void check_loss(const Devices& devices) {
  const Tensors tensors(1, kRows);
  const auto used = open(devices, tensors.rows(0), tensors.rows(0));
  plan("fail=cudaLaunchKernel:700:1");
  CHECK_EQUAL(code_of([&] { open(devices, tensors.rows(0), tensors.rows(0)); }), "DEVICE_LOST");
  plan("");
  CHECK_EQUAL(code_of([&] { open(devices, tensors.rows(0), tensors.rows(0)); }), "DEVICE_LOST");
  CHECK_EQUAL(code_of([&] { devices.resident(); }), "DEVICE_LOST");
}

}  // namespace

// With a path: the CUDA library to test (a real one on a GPU); without: the one whose kernels run on the CPU.
int main(int count, char** arguments) {
  const bool on_gpu = count > 1;
  const auto devices = Devices::load(on_gpu ? arguments[1] : CUDA_ON_CPU_LIBRARY, SAE_MATCH_PACKAGE_VERSION);
  for (const Dtype dtype : {Dtype::f16, Dtype::bf16, Dtype::f32, Dtype::f64}) {
    for (const bool column_major : {false, true}) check_answers(*devices, dtype, column_major);
  }
  check_shapes(*devices);
  check_threads(*devices, on_gpu);
  if (on_gpu) return finish();
  check_budget(*devices);
  check_want(*devices);
  check_staging(*devices);
  check_failed_uploads(*devices);
  check_loss(*devices);
  return finish();
}
