// Bounds of the CUDA library hold, and its certificates with them, for rows that are chosen to break them: lengths and numbers
// far apart, norms near the ends of f64, rounding errors that all point the same way.
// usage: cuda_bounds_test [ROUNDS [LIBRARY]], such as a real library on a GPU
#include <cmath>
#include <cstdlib>
#include <random>
#include <vector>

#include "check.h"
#include "cost/cost_source.h"
#include "cuda_library.h"
#include "sae_match/assignment.h"
#include "sae_match/device.h"

using namespace sae_match;

namespace {

std::mt19937_64 generator(3);
double normal() { return std::normal_distribution<double>()(generator); }
double power_of_ten(double least, double most) {
  return std::pow(10, std::uniform_real_distribution<double>(least, most)(generator));
}

enum Kind { ordinary, far_rows, far_numbers, far_sides, tiny, steps, same_way, kKinds };

// One side: some rows twice, some zero.
std::vector<double> numbers_of(Kind kind, std::int64_t count, std::int64_t width) {
  std::vector<double> numbers(static_cast<std::size_t>(count * width), 0.0);
  const double side = kind == far_sides ? power_of_ten(-150, 150) : 1;
  for (std::int64_t i = 0; i < count; ++i) {
    const double row = kind == far_rows ? power_of_ten(-30, 30) : side;
    // As far above a number of f16 as it goes, at every k.
    const double above = 1 + 0x1p-11 * std::uniform_real_distribution<double>(0.9, 0.999)(generator);
    for (std::int64_t k = 0; k < width && i % 7 != 5; ++k) {
      double& x = numbers[static_cast<std::size_t>(i * width + k)];
      x = row * normal();
      if (kind == far_numbers) x *= power_of_ten(-8, 8);
      if (kind == tiny) x *= power_of_ten(-170, -150);
      if (kind == steps) x = k == 0 ? 1 + 0.1 * std::fabs(x) : 0x1p-13 * (1 + std::fabs(x));
      if (kind == same_way) x = above;
      if (i % 5 == 4) x = numbers[static_cast<std::size_t>(k)];
    }
  }
  return numbers;
}

void check_round(const Devices& devices, Kind kind) {
  const auto draw = [](std::int64_t count) { return static_cast<std::int64_t>(generator() % static_cast<std::uint64_t>(count)); };
  const std::int64_t n = 1 + draw(10), m = n + draw(20), width = std::vector<std::int64_t>{1, 7, 32, 33, 161, 500}[draw(6)];
  const std::vector<double> a_numbers = numbers_of(kind, n, width), b_numbers = numbers_of(kind, m, width);
  const Rows a{{RowBlock{MatrixView{a_numbers.data(), Dtype::f64, n, width, width, 1}, nullptr}}, n, nullptr};
  const Rows b{{RowBlock{MatrixView{b_numbers.data(), Dtype::f64, m, width, width, 1}, nullptr}}, m, nullptr};
  const Sign sign = draw(2) == 0 ? Sign::same : Sign::either;
  const Source source = draw(2) == 0 ? Source::dense : Source::implicit;
  const bool maximize = draw(3) == 0;
  RunControl control;
  const auto device = make_device_source(devices, a, b, maximize, source, 1 << 20, control, sign);
  const auto host = make_rows_source(a, b, maximize, Source::dense, 0, control, sign);
  std::vector<double> exact(static_cast<std::size_t>(m)), expected(exact);
  for (std::int64_t i = 0; i < n; ++i) {
    device->row(i, exact.data());
    host->row(i, expected.data());
    CHECK(exact == expected);
    const auto compare = [&](const double* bounds) {
      for (std::int64_t j = 0; j < m; ++j) CHECK(bounds[j] <= exact[static_cast<std::size_t>(j)]);
    };
    device->look_at_row(i, compare, control);
  }
  SolveOptions options;
  options.maximize = maximize;
  options.neighbours = true;
  RowsOptions rows_options{source, 1 << 20, sign, &devices};
  const Solution found = solve(a, b, rows_options, options, control);
  rows_options.devices = nullptr;
  const Solution other = solve(a, b, rows_options, options, control);
  CHECK(found.certificate.optimal);
  CHECK(std::fabs(found.cost - other.cost) <= found.certificate.rounding_bound + other.certificate.rounding_bound);
  CHECK(found.neighbours->nearest_row == other.neighbours->nearest_row);
  CHECK(found.neighbours->nearest_column == other.neighbours->nearest_column);
  if (failed_checks) std::cerr << "with rows of kind " << kind << ", " << n << " x " << m << " x " << width << std::endl;
}

}  // namespace

int main(int count, char** arguments) {
  const int rounds = count > 1 ? std::atoi(arguments[1]) : 28;
  const auto devices = Devices::load(count > 2 ? arguments[2] : CUDA_ON_CPU_LIBRARY, SAE_MATCH_PACKAGE_VERSION);
  for (int round = 0; round < rounds; ++round) check_round(*devices, static_cast<Kind>(round % kKinds));
  return finish();
}
