// Feature rows on a GPU (its kernels on the CPU, see cuda_on_cpu) as a cost source: the same optimum and certificate as
// the core's own source, and the failures of loading.
#include <cmath>
#include <cstdlib>
#include <numeric>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "cost/cost_source.h"
#include "cuda_library.h"
#include "sae_match/nearest.h"

using namespace sae_match;

namespace {

std::mt19937_64 generator(5);
double normal() { return std::normal_distribution<double>()(generator); }

// Some rows zero, some alike, some opposite to others.
struct TestRows {
  TestRows(std::int64_t count_, std::int64_t width_) : count(count_), width(width_) {
    values.resize(static_cast<std::size_t>(count * width));
    for (std::int64_t i = 0; i < count; ++i) {
      for (std::int64_t k = 0; k < width; ++k) {
        float& x = values[static_cast<std::size_t>(i * width + k)];
        x = static_cast<float>(i % 4 == 3 ? 0 : 0.3 + normal());
        if (i % 5 == 0) x = (i % 2 == 0 ? 1.0f : -1.0f) * std::fabs(values[static_cast<std::size_t>(k)]);
      }
    }
    view = {{RowBlock{MatrixView{values.data(), Dtype::f32, count, width, width, 1}, nullptr}}, count, nullptr};
  }
  std::int64_t count, width;
  std::vector<float> values;
  Rows view;
};

void check_nearest_of(const Nearest& left, const Nearest& right) {
  CHECK(left.index == right.index);
  CHECK(left.cost == right.cost);
  CHECK(left.second_cost == right.second_cost);
}

void check_source(const Devices& devices, std::int64_t n, std::int64_t m, bool maximize, Sign sign, std::optional<Source> kind) {
  const std::int64_t width = n < 100 ? 33 : 333;
  const TestRows a(n, width), b(m, width);
  RunControl control;
  const auto device = make_device_source(devices, a.view, b.view, maximize, kind, 1 << 20, control, sign);
  const auto host = make_rows_source(a.view, b.view, maximize, Source::dense, 0, control, sign);
  CHECK(device->kind() == kind.value_or(Source::dense));
  CHECK((device->price_sweeps() != nullptr) == (device->kind() == Source::dense));
  CHECK_EQUAL(device->cost_factor(), host->cost_factor());
  CHECK_EQUAL(device->largest(), host->largest());
  CHECK(device->column_representatives(control) == host->column_representatives(control));
  std::vector<double> left(static_cast<std::size_t>(m)), right(left);
  for (std::int64_t i = 0; i < n; ++i) {
    device->row(i, left.data());
    host->row(i, right.data());
    CHECK(left == right);
    device->look_at_row(i, [&](const double* listed) { for (std::int64_t j = 0; j < m; ++j) CHECK(listed[j] <= right[j]); }, control);
    CHECK_EQUAL(device->same_row(i, 0), host->same_row(i, 0));
  }
  for (double& price : left) price = -std::fabs(normal());
  std::vector<std::int32_t> row_to_column(static_cast<std::size_t>(n), -1), column_to_row(static_cast<std::size_t>(m), -1);
  for (std::int64_t i = 0; i < n; i += 2) {
    row_to_column[i] = static_cast<std::int32_t>(i);
    column_to_row[i] = static_cast<std::int32_t>(i);
  }
  for (const bool neighbours : {false, true}) {
    const AuditRequest request{left.data(), row_to_column.data(), column_to_row.data(), neighbours};
    const Audit found = device->audit(request, control), expected = host->audit(request, control);
    CHECK(found.least_reduced == expected.least_reduced);
    CHECK(found.partner_cost == expected.partner_cost);
    CHECK(found.rank_in_row == expected.rank_in_row);
    CHECK(found.rank_in_column == expected.rank_in_column);
    check_nearest_of(found.row, expected.row);
    check_nearest_of(found.column, expected.column);
  }
  // Groups with longer lists, and without.
  Shortlists lists(n, std::min(m, std::int64_t{16}));
  for (std::int64_t i = 7; i < n; i += 4) lists.share(3, static_cast<std::int32_t>(i));
  std::vector<std::int32_t> rows;
  for (std::int64_t i = 0; i < n; ++i) {
    if (lists.owner(i) == i) rows.push_back(static_cast<std::int32_t>(i));
  }
  device->list(rows, left.data(), 4, lists, control);
  for (const std::int32_t i : rows) {
    host->row(i, right.data());
    const Shortlist& list = lists.of(i);
    const auto shared = static_cast<std::int64_t>(lists.group(i).size());
    CHECK(list.size >= std::min(m, 2 + shared) && list.size <= std::min(m, 8 + shared));
    std::vector<bool> listed(static_cast<std::size_t>(m), false);
    for (std::int32_t e = 0; e < list.size; ++e) {
      listed[static_cast<std::size_t>(list.columns[e])] = true;
      CHECK_EQUAL(list.costs[e], right[static_cast<std::size_t>(list.columns[e])]);
    }
    for (std::int64_t j = 0; j < m; ++j) {
      if (!listed[j]) CHECK(right[j] - left[j] >= list.bound);
    }
  }
}

void check_solutions(const Devices& devices, std::int64_t n, std::int64_t m, Sign sign) {
  const TestRows a(n, 20), b(m, 20);
  for (const double unmatched_cost : {std::numeric_limits<double>::infinity(), 20.0}) {
    for (const std::optional<Source> kind : {std::optional(Source::dense), std::optional(Source::implicit)}) {
      for (const Solver solver : {Solver::shortlist, Solver::auction, Solver::jv, Solver::greedy}) {
        SolveOptions options;
        options.unmatched_cost = unmatched_cost;
        options.solver = solver;
        options.neighbours = solver == Solver::shortlist;
        RowsOptions rows_options{kind, 1 << 20, sign, &devices};
        RunControl control;
        const Solution found = solve(a.view, b.view, rows_options, options, control);
        rows_options.devices = nullptr;
        const Solution expected = solve(a.view, b.view, rows_options, options, control);
        CHECK_EQUAL(found.certificate.optimal, expected.certificate.optimal);
        CHECK(found.source == *kind);
        if (solver == Solver::greedy) continue;
        CHECK(found.certificate.optimal && found.certificate.proof == Proof::full);
        CHECK(std::fabs(found.cost - expected.cost) <=
              found.certificate.rounding_bound + expected.certificate.rounding_bound);
        if (options.neighbours) CHECK(found.neighbours->nearest_row == expected.neighbours->nearest_row);
      }
    }
  }
  const std::int64_t count = std::min<std::int64_t>(5, m);
  std::vector<std::int32_t> index(static_cast<std::size_t>(n * count)), other_index(index);
  std::vector<double> cost(index.size()), other_cost(cost);
  RunControl control;
  nearest_rows(a.view, b.view, count, index.data(), cost.data(), control, sign, &devices);
  nearest_rows(a.view, b.view, count, other_index.data(), other_cost.data(), control, sign);
  CHECK(index == other_index);
  CHECK(cost == other_cost);
}

// What the GPU does to prices, in problems of every kind: certified, and the same bits every time.
void check_prices(const Devices& devices, std::int64_t rows, std::int64_t columns) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  struct Family {
    const char* name;
    double (*value)(std::int64_t i, std::int64_t k);
  };
  const Family families[] = {
      {"normal", [](std::int64_t, std::int64_t) { return normal(); }},
      {"a third zero", [](std::int64_t i, std::int64_t) { return i % 3 == 0 ? 0 : normal(); }},
      {"all alike", [](std::int64_t, std::int64_t k) { return static_cast<double>(k); }},
      {"few values", [](std::int64_t, std::int64_t k) { return k < 2 ? std::round(normal()) : 0; }},
      {"one long row", [](std::int64_t i, std::int64_t) { return (i == 1 ? 1e6 : 1) * normal(); }},
      {"in line", [](std::int64_t i, std::int64_t k) { return k == 0 ? static_cast<double>(i * i % 101) : 0; }},
  };
  for (const Family& family : families) {
    TestRows sides[] = {TestRows(rows, 12), TestRows(columns, 12)};
    for (TestRows& side : sides) {
      for (std::int64_t e = 0; e < side.count * 12; ++e) side.values[e] = static_cast<float>(family.value(e / 12, e % 12));
    }
    for (const bool maximize : {false, true}) {
      for (const double unmatched_cost : {infinity, 8.0}) {
        if (maximize && unmatched_cost < infinity) continue;
        for (const Solver solver : {Solver::shortlist, Solver::auction}) {
          SolveOptions options;
          options.solver = solver;
          options.maximize = maximize;
          options.unmatched_cost = unmatched_cost;
          RowsOptions rows_options{Source::dense, 1 << 20, maximize ? Sign::either : Sign::same, &devices};
          RunControl control;
          const Solution found = solve(sides[0].view, sides[1].view, rows_options, options, control);
          rows_options.devices = nullptr;
          const Solution expected = solve(sides[0].view, sides[1].view, rows_options, options, control);
          CHECK(found.certificate.optimal && found.certificate.proof == Proof::full);
          CHECK(std::fabs(found.cost - expected.cost) <=
                found.certificate.rounding_bound + expected.certificate.rounding_bound);
          if (rows == columns) {
            rows_options.devices = &devices;
            const Solution again = solve(sides[0].view, sides[1].view, rows_options, options, control);
            CHECK(found.row_to_column == again.row_to_column);
            CHECK(found.v == again.v);
            CHECK_EQUAL(found.work.bids, again.work.bids);
          }
          if (failed_checks) std::cerr << "with " << family.name << ", " << rows << " x " << columns << std::endl;
        }
      }
    }
  }
}

template <class Call>
std::string failure_of(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error.code() + ": " + error.what();
  }
  return "";
}

#define CHECK_BEGINS(text, beginning)                                    \
  do {                                                                   \
    const std::string got = (text), expected = (beginning);              \
    if (got.substr(0, expected.size()) != expected) CHECK_EQUAL(got, expected); \
  } while (false)

void check_loading(const std::string& library) {
  const auto load = [](const std::string& path, const std::string& version) {
    return failure_of([&] { Devices::load(path, version); });
  };
  CHECK_BEGINS(load("/nowhere/lib.so", SAE_MATCH_PACKAGE_VERSION), "BACKEND_LIB_NOT_FOUND: There is no CUDA library at /nowhere");
  CHECK_BEGINS(load("/proc/self/status", SAE_MATCH_PACKAGE_VERSION), "DLOPEN_FAILED: ");
  CHECK_BEGINS(load("/lib/x86_64-linux-gnu/libm.so.6", SAE_MATCH_PACKAGE_VERSION), "ABI_MISMATCH: ");
  CHECK_BEGINS(load(OTHER_ABI_LIBRARY, SAE_MATCH_PACKAGE_VERSION), "ABI_MISMATCH: " OTHER_ABI_LIBRARY " speaks version 4711 of the interface");
  CHECK_BEGINS(load(library, "0.0.0"), "ABI_MISMATCH: " + library + " is of version " SAE_MATCH_PACKAGE_VERSION ", this addon of version 0.0.0");
  plan("no_driver");
  CHECK_BEGINS(load(library, SAE_MATCH_PACKAGE_VERSION), "NO_DRIVER: cudaErrorInsufficientDriver");
  plan("old_driver");
  CHECK_BEGINS(load(library, SAE_MATCH_PACKAGE_VERSION), "DRIVER_TOO_OLD: The driver supports CUDA 12.0, the CUDA library needs 13.0");
  plan("no_device");
  CHECK_BEGINS(load(library, SAE_MATCH_PACKAGE_VERSION), "NO_DEVICE: ");
  plan("");
}

void check_failures(const Devices& devices) {
  const TestRows a(40, 20), b(60, 20);
  const auto solving = [&](std::optional<Source> kind) {
    return failure_of([&] {
      RunControl control;
      solve(a.view, b.view, {kind, 1 << 20, Sign::same, &devices}, {}, control);
    });
  };
  plan("memory=30000");  // without the matrix of 9,600 bytes there is room for some rows
  CHECK_BEGINS(solving(Source::dense), "OUT_OF_MEMORY: Asked the GPU for ");
  // With little memory a job takes more and smaller steps, or says that there is not enough.
  std::int64_t solved = 0, refused = 0;
  for (std::int64_t memory = 20000; memory <= 200000; memory += 12000) {
    plan("memory=" + std::to_string(memory));
    SolveOptions options;
    options.neighbours = true;
    const std::string failure = failure_of([&] {
      RunControl control;
      const Solution solution = solve(a.view, b.view, {{}, 1 << 20, Sign::same, &devices}, options, control);
      CHECK(solution.certificate.optimal && solution.neighbours);
      ++solved;
    });
    if (!failure.empty()) {
      CHECK_BEGINS(failure, "OUT_OF_MEMORY: Asked the GPU for ");
      ++refused;
    }
  }
  CHECK(solved >= 3 && refused >= 1);
  plan("");
  RunControl cancelled;
  cancelled.cancelled = true;
  CHECK_BEGINS(failure_of([&] { solve(a.view, b.view, {{}, 1 << 20, Sign::same, &devices}, {}, cancelled); }), "CANCELLED: ");
  // A process forked from this one says so instead of hanging.
  const pid_t child = fork();
  if (child == 0) _exit(solving({}).substr(0, 12) == "DEVICE_LOST:" ? 0 : 1);
  int status = 1;
  waitpid(child, &status, 0);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  // After a fatal error nothing works any more.
  plan("fail=cudaLaunchKernel:700:4");
  CHECK_BEGINS(solving({}), "DEVICE_LOST: cudaErrorIllegalAddress (700)");
  plan("");
  CHECK_BEGINS(solving({}), "DEVICE_LOST: After an earlier fatal error: cudaErrorIllegalAddress (700)");
}

}  // namespace

// With a path: the CUDA library to test (a real one on a GPU), and `small` for no large problems; without: the one whose
// kernels run on the CPU.
int main(int count, char** arguments) {
  const bool on_gpu = count > 1;
  const std::string library = on_gpu ? arguments[1] : CUDA_ON_CPU_LIBRARY;
  if (!on_gpu) check_loading(library);
  const auto devices = Devices::load(library, SAE_MATCH_PACKAGE_VERSION);
  CHECK(Devices::load(library, SAE_MATCH_PACKAGE_VERSION) == devices);
  CHECK(!devices->report().devices.empty());
  devices->self_test();
  for (const Sign sign : {Sign::same, Sign::either}) {
    check_source(*devices, 20, 90, false, sign, Source::dense);
    check_source(*devices, 24, 40, true, sign, Source::implicit);
    check_source(*devices, 20, 50, false, sign, {});
    check_solutions(*devices, 30, 40, sign);
    check_solutions(*devices, 50, 30, sign);
  }
  check_solutions(*devices, 1, 1, Sign::same);
  check_prices(*devices, 20, 20);
  check_prices(*devices, 16, 26);
  if (on_gpu && count == 2) {
    for (const Source kind : {Source::dense, Source::implicit}) check_source(*devices, 2200, 2300, false, Sign::same, kind);
    check_solutions(*devices, 900, 1000, Sign::same);
  }
  // Several jobs at once.
  std::vector<std::thread> jobs;
  for (int job = 0; job < 3; ++job) {
    jobs.emplace_back([&] {
      std::vector<float> values(40 * 8);
      for (std::size_t e = 0; e < values.size(); ++e) values[e] = static_cast<float>(e * 37 % 101) / 101;
      const Rows rows{{RowBlock{MatrixView{values.data(), Dtype::f32, 40, 8, 8, 1}, nullptr}}, 40, nullptr};
      RunControl control;
      const Solution solution = solve(rows, rows, {{}, 1 << 20, Sign::same, devices.get()}, {}, control);
      if (solution.cost != 0 || !solution.certificate.optimal) std::abort();
    });
  }
  for (std::thread& job : jobs) job.join();
  if (!on_gpu) check_failures(*devices);
  return finish();
}
