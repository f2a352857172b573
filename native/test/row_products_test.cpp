// The packed product against plain loops: equality on small integers, for every instruction set, type and orientation.
// Otherwise within the error that the kernels state.
#include "gemm/row_products.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <string>

#include "check.h"
#include "emulated_amx.h"
#include "rows_for_tests.h"
#include "sae_match/cpu_features.h"

using namespace sae_match;

namespace {

std::mt19937 generator(5);
double small_integer(std::int64_t, std::int64_t) { return static_cast<double>(generator() % 9) - 4; }

// Sums of products of integers up to 8 stay exact in f32 below a width of 2^18.
void check_product(const Kernels& kernel, std::int64_t n, std::int64_t m, std::int64_t width, Dtype dtype, bool column_major) {
  const std::int64_t first = width / 3;
  const OwnedMatrix a1 = make_matrix(n, first, dtype, column_major, small_integer);
  const OwnedMatrix a2 = make_matrix(n, width - first, Dtype::f32, false, small_integer);
  const OwnedMatrix b1 = make_matrix(m, first, Dtype::f32, !column_major, small_integer);
  const OwnedMatrix b2 = make_matrix(m, width - first, dtype, column_major, small_integer);
  std::vector<double> scale;
  for (std::int64_t i = 0; i < n; ++i) scale.push_back(i % 2 ? 2 : -1);
  std::vector<std::int32_t> index;
  for (std::int64_t j = 0; j < m; ++j) index.push_back(static_cast<std::int32_t>(m - 1 - j));
  Rows a{{{a1.view, scale.data()}, {a2.view, nullptr}}, n, nullptr};
  Rows b{{{b1.view, nullptr}, {b2.view, nullptr}}, m, index.data()};
  if (first == 0) {
    a.blocks.erase(a.blocks.begin());
    b.blocks.erase(b.blocks.begin());
  }

  RunControl control;
  const StoredRows left(a, control), right(b, control);
  std::vector<double> x(static_cast<std::size_t>(width)), y(static_cast<std::size_t>(width));
  std::vector<std::int32_t> asked;
  for (std::int64_t i = n - 1; i >= 0; i -= 2) asked.push_back(static_cast<std::int32_t>(i));
  const auto count = static_cast<std::int64_t>(asked.size());
  std::vector<float> products(static_cast<std::size_t>(count * m), -1), of_blocks(products.size(), -1);
  for (const bool packed_once : {true, false}) {
    std::atomic<std::int64_t> finished{0};
    const RightSide right_side(right, kernel, packed_once ? kMostPackedBytes : 0, control);
    CHECK_EQUAL(right_side.kept() != nullptr, packed_once);
    row_products(
        left, asked.data(), count, right_side, (packed_once ? products : of_blocks).data(),
        [&](std::int64_t, std::int64_t, std::int64_t size, float*) { finished += size; }, control);
    CHECK_EQUAL(finished.load(), count * m);
  }
  CHECK(products == of_blocks);
  for (std::int64_t p = 0; p < count; ++p) {
    left.read(kernel, asked[p], x.data());
    for (std::int64_t j = 0; j < m; ++j) {
      right.read(kernel, j, y.data());
      double sum = 0;
      for (std::int64_t k = 0; k < width; ++k) sum += x[k] * y[k];
      if (products[p * m + j] != sum) {
        CHECK_EQUAL(products[p * m + j], sum);
        std::cerr << n << " x " << m << " x " << width << " at " << p << ", " << j << std::endl;
        return;
      }
    }
  }
}

// Numbers that no type of few bits holds, of equal sign (errors add up) or not, of one magnitude or many.
void check_error(const Kernels& kernel, std::int64_t width, bool one_sign, bool one_magnitude) {
  std::normal_distribution<double> normal;
  const auto number = [&](std::int64_t, std::int64_t) {
    const double x = one_sign ? std::abs(normal(generator)) : normal(generator);
    return one_magnitude ? 1 + std::ldexp(x, -4) : std::ldexp(x, static_cast<int>(generator() % 40) - 30);
  };
  constexpr std::int64_t kRows = 40;
  const OwnedMatrix a = make_matrix(kRows, width, Dtype::f64, false, number);
  const OwnedMatrix b = make_matrix(kRows, width, Dtype::f64, false, number);
  Rows a_rows{{{a.view, nullptr}}, kRows, nullptr}, b_rows{{{b.view, nullptr}}, kRows, nullptr};
  RunControl control;
  const StoredRows left(a_rows, control), right(b_rows, control);
  std::vector<std::int32_t> every(kRows);
  std::iota(every.begin(), every.end(), 0);
  std::vector<float> products(kRows * kRows);
  row_products(
      left, every.data(), kRows, RightSide(right, kernel, kMostPackedBytes, control), products.data(),
      [](std::int64_t, std::int64_t, std::int64_t, float*) {}, control);
  const double g = product_error(kernel, width);
  std::vector<double> x(static_cast<std::size_t>(width)), y(x.size());
  double largest_share = 0;
  for (std::int64_t i = 0; i < kRows; ++i) {
    left.read(kernel, i, x.data());
    for (std::int64_t j = 0; j < kRows; ++j) {
      right.read(kernel, j, y.data());
      long double sum = 0, xx = 0, yy = 0;
      for (std::int64_t k = 0; k < width; ++k) {
        sum += static_cast<long double>(x[k]) * y[k];
        xx += static_cast<long double>(x[k]) * x[k];
        yy += static_cast<long double>(y[k]) * y[k];
      }
      const long double error = std::abs(static_cast<long double>(products[i * kRows + j]) - sum);
      largest_share = std::max(largest_share, static_cast<double>(error / (g * std::sqrt(xx * yy))));
    }
  }
  CHECK(largest_share <= 1);
  CHECK(largest_share > 1e-6);  // or the numbers were exact and show nothing
}

void check_kernels(const Kernels& kernel) {
  for (const std::int64_t n : {1, 2, 7, 13, 150, 300}) {
    for (const std::int64_t m : {1, 5, 31, 33, 97}) {
      for (const std::int64_t width : {1, 8, 257, 383, 384, 385, 800}) {
        check_product(kernel, n, m, width, static_cast<Dtype>(generator() % 4), generator() % 2 != 0);
      }
    }
  }
  for (const std::int64_t width : {3, 40, 257, 2305}) {
    for (const bool one_sign : {true, false}) {
      for (const bool one_magnitude : {true, false}) check_error(kernel, width, one_sign, one_magnitude);
    }
  }
  check_product(kernel, 1, 800, 44000, Dtype::f32, true);  // more than one block of B where it is not kept
  if (failed_checks) std::cerr << "with " << kernel.name << std::endl;
}

// Whoever sees products as they are may count on the rounding of f32.
void check_f32_kernels() {
  for (const std::int64_t chain : {1, 256, 384}) {
    CHECK(f32_kernels().product_error(10 * chain, chain) < (static_cast<double>(chain) + 14) * 0x1p-24);
  }
}

}  // namespace

int main() {
  for (const std::string& simd : supported_simd()) {
    CHECK(set_simd(simd));
    CHECK_EQUAL(std::string(kernels().name), simd);
    check_kernels(kernels());
    check_f32_kernels();
  }
  if (may_emulate_amx()) check_kernels(*kernels_emulated_amx());
  return finish();
}
