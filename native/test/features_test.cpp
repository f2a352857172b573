// Exact values in the defined order of summation, the same bits on every instruction set.
#include "sae_match/features.h"

#include <random>
#include <string>

#include "check.h"
#include "core/kernels.h"
#include "rows_for_tests.h"
#include "sae_match/cpu_features.h"

using namespace sae_match;

namespace {

std::mt19937_64 generator(11);
// Values that every stored type holds exactly.
double value(std::int64_t, std::int64_t) { return (static_cast<double>(generator() % 255) - 127) / 16; }

void check_features(Dtype dtype, bool column_major, std::int64_t width) {
  const std::int64_t n = 9, m = 6;
  const OwnedMatrix a = make_matrix(n, width, dtype, column_major, value);
  const OwnedMatrix b = make_matrix(m, width, Dtype::f64, false, value);
  std::vector<double> a_scale, b_scale;
  for (std::int64_t i = 0; i < n; ++i) a_scale.push_back(1.0 / (3 + static_cast<double>(i)));
  for (std::int64_t j = 0; j < m; ++j) b_scale.push_back(0.1 * (1 + static_cast<double>(j)));
  const std::vector<std::int32_t> index{8, 3, 0};
  const Rows left{{{a.view, a_scale.data()}}, 3, index.data()};
  const Rows right{{{b.view, b_scale.data()}}, m, nullptr};

  const auto at = [&](const OwnedMatrix& matrix, std::int64_t i, std::int64_t k) {
    const std::size_t place = static_cast<std::size_t>(i * matrix.view.row_stride + k * matrix.view.column_stride);
    switch (matrix.view.dtype) {
      case Dtype::f64:
        return matrix.f64[place];
      case Dtype::f32:
        return static_cast<double>(matrix.f32[place]);
      case Dtype::bf16: {
        const std::uint32_t word = std::uint32_t{matrix.half[place]} << 16;
        float x;
        std::memcpy(&x, &word, sizeof x);
        return static_cast<double>(x);
      }
      default:
        return static_cast<double>(half_to_float(matrix.half[place]));
    }
  };
  RunControl control;
  std::vector<double> norms(3), row_norms(n), dots(n), distances(3 * m), vector(static_cast<std::size_t>(width));
  for (std::int64_t k = 0; k < width; ++k) vector[k] = 1.0 / (1 + static_cast<double>(k));
  std::vector<std::int32_t> rows, columns;
  for (std::int32_t i = 0; i < 3; ++i) {
    for (std::int32_t j = 0; j < m; ++j) {
      rows.push_back(i);
      columns.push_back(j);
    }
  }
  squared_block_norms(left, norms.data(), control);
  squared_row_norms(a.view, row_norms.data(), control);
  row_dots(a.view, vector.data(), dots.data(), control);
  pair_costs(left, right, rows.data(), columns.data(), 3 * m, distances.data(), control);

  std::vector<double> terms(static_cast<std::size_t>(width));
  for (std::int64_t i = 0; i < 3; ++i) {
    for (std::int64_t k = 0; k < width; ++k) {
      const double x = a_scale[index[i]] * at(a, index[i], k);
      terms[k] = x * x;
    }
    CHECK_EQUAL(norms[i], lane_sum(terms));
    for (std::int64_t j = 0; j < m; ++j) {
      for (std::int64_t k = 0; k < width; ++k) {
        const double d = a_scale[index[i]] * at(a, index[i], k) - b_scale[j] * at(b, j, k);
        terms[k] = d * d;
      }
      CHECK_EQUAL(distances[i * m + j], lane_sum(terms));
    }
  }
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t k = 0; k < width; ++k) terms[k] = at(a, i, k) * at(a, i, k);
    CHECK_EQUAL(row_norms[i], lane_sum(terms));
    for (std::int64_t k = 0; k < width; ++k) terms[k] = at(a, i, k) * vector[k];
    CHECK_EQUAL(dots[i], lane_sum(terms));
  }
}

// Lower bounds lie below the exact costs and upper ones above, also for norms of very different size.
void check_bounds() {
  const std::int64_t n = 40, m = 50, width = 700;
  std::normal_distribution<double> normal;
  const auto make = [&](std::int64_t rows, bool large) {
    std::vector<double> sizes;
    for (std::int64_t i = 0; i < rows; ++i) sizes.push_back(i % 3 == 0 ? (large ? 30 : 1e-4) : i % 3 == 1 ? 1 : 0);
    return make_matrix(rows, width, Dtype::f32, false,
                       [&](std::int64_t i, std::int64_t) { return sizes[i] * (0.3 + normal(generator)); });
  };
  const OwnedMatrix a = make(n, true), b = make(m, false);
  const Rows left{{{a.view, nullptr}}, n, nullptr}, right{{{b.view, nullptr}}, m, nullptr};
  RunControl control;
  std::vector<float> costs(static_cast<std::size_t>(n * m));
  cost_matrix(left, right, costs.data(), control);
  std::vector<double> exact(1);
  for (std::int32_t i = 0; i < n; ++i) {
    for (std::int32_t j = 0; j < m; ++j) {
      pair_costs(left, right, &i, &j, 1, exact.data(), control);
      std::vector<double> a_norm(static_cast<std::size_t>(n)), b_norm(static_cast<std::size_t>(m));
      squared_block_norms(left, a_norm.data(), control);
      squared_block_norms(right, b_norm.data(), control);
      const double size = std::sqrt(a_norm[i]) * std::sqrt(b_norm[j]);
      CHECK(std::fabs(costs[i * m + j] - exact[0]) <= 2 * 720 * 0x1p-24 * size + 0x1p-23 * exact[0]);
      if (failed_checks) return;
    }
  }
}

}  // namespace

int main() {
  // Every bit pattern of half precision widens alike.
  std::vector<std::uint16_t> patterns;
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) patterns.push_back(static_cast<std::uint16_t>(bits));
  for (const std::string& simd : supported_simd()) {
    CHECK(set_simd(simd));
    std::vector<double> widened(patterns.size());
    kernels().widen(patterns.data(), Dtype::f16, 1, widened.data(), static_cast<std::int64_t>(patterns.size()));
    for (const std::uint16_t bits : patterns) {
      const double expected = half_to_float(bits);
      CHECK(widened[bits] == expected || (std::isnan(widened[bits]) && std::isnan(expected)));
    }
    for (const Dtype dtype : {Dtype::f16, Dtype::bf16, Dtype::f32, Dtype::f64}) {
      for (const std::int64_t width : {1, 3, 4, 8, 11, 64, 577}) {
        check_features(dtype, false, width);
        check_features(dtype, true, width);
      }
    }
    check_bounds();
  }
  return finish();
}
