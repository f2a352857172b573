// What the product and the scans of the CUDA library do at the borders of their tiles, blocks and arithmetic. Kernels on the
// CPU, see cuda_on_cpu.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

#include "check.h"
#include "open_pair.h"

using namespace sae_match;

namespace {

using Table = sae_match_device_table;
const Table& table = *sae_match_device_api();
std::mt19937_64 generator(11);
double normal() { return std::normal_distribution<double>()(generator); }

// Sums of positive numbers that tensor cores cut off at every step stay within what the library says of them, and use a
// good part of it: an error that adds up.
void check_accumulation() {
  const std::int64_t n = 3, width = 1153;
  std::vector<float> numbers(n * width);
  // Eleven digits each: nothing is lost when operands are made, and products have 22. Sums are large from the first on.
  for (std::size_t e = 0; e < numbers.size(); ++e) {
    numbers[e] = static_cast<float>(1025 + 2 * (generator() % 512)) / (e % width == 0 ? 2048 : 65536);
  }
  const OpenPair pair(table, {numbers.data(), n}, {numbers.data(), n}, width, false);
  std::vector<double> norms(n), residual(n), other(n), exact(n), no_errors(n, 0);
  sae_match_device_properties properties;
  pair.call(&Table::norms, norms.data(), other.data());
  pair.call(&Table::pack, 1.0, residual.data(), other.data(), &properties);
  CHECK(residual == std::vector<double>(n, 0));
  pair.call(&Table::bound, no_errors.data(), no_errors.data());
  const std::vector<std::int32_t> rows{0, 1, 2}, columns{1, 2, 0};
  std::vector<float> bounds(n * n);
  pair.call(&Table::rows, rows.data(), n, bounds.data());
  pair.call(&Table::costs, rows.data(), columns.data(), n, exact.data());
  for (std::int64_t i = 0; i < n; ++i) {
    const double said = 2 * properties.accumulation * std::sqrt(norms[rows[i]] * norms[columns[i]]);
    const double error = double{bounds[i * n + columns[i]]} - exact[i];
    CHECK(error <= said);
    CHECK(error >= 0.1 * said);
  }
}

// Every tile of the product is formed, and once, where there is more than one band of tiles and none is full.
void check_tiles() {
  const std::int64_t n = 2200, m = 300, width = 3;
  std::vector<float> numbers(n * width);
  for (float& x : numbers) x = static_cast<float>(generator() % 64) / 128;
  for (const std::int32_t product : {0, 1}) {
    const OpenPair pair(table, {numbers.data(), n}, {numbers.data(), m}, width, false, product);
    std::vector<double> a(n), b(m);
    sae_match_device_properties properties;
    pair.call(&Table::norms, a.data(), b.data());
    pair.call(&Table::pack, 1.0, a.data(), b.data(), &properties);
    CHECK_EQUAL(properties.most_rows, n);
    std::fill(a.begin(), a.end(), 0x1p-12);
    std::fill(b.begin(), b.end(), 1);
    pair.call(&Table::bound, a.data(), b.data());
    std::vector<std::int32_t> rows(n);
    std::iota(rows.begin(), rows.end(), 0);
    std::vector<float> bounds(n * m);
    pair.call(&Table::rows, rows.data(), n, bounds.data());
    std::int64_t wrong = 0;
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t j = 0; j < m; ++j) {
        double cost = 0;
        for (std::int64_t k = 0; k < width; ++k) {
          const double difference = double{numbers[i * width + k]} - double{numbers[j * width + k]};
          cost += difference * difference;
        }
        const double bound = bounds[i * m + j];
        wrong += !(bound <= cost && bound >= cost - 0x1p-11);
      }
    }
    CHECK_EQUAL(wrong, 0);
  }
}

// So many columns that blocks of columns are wider than a warp, the last of them not full.
void check_wide_rows() {
  const std::int64_t n = 2, m = 33001, width = 3, size = 8, stride = 2 * size;
  std::vector<float> numbers(m * width);
  for (float& x : numbers) x = static_cast<float>(normal());
  const OpenPair pair(table, {numbers.data(), n}, {numbers.data(), m}, width, true);
  std::vector<double> a(n), b(m), v(m), exact(n * m), costs(n * stride), lower(n), least(n);
  sae_match_device_properties properties;
  pair.call(&Table::norms, a.data(), b.data());
  pair.call(&Table::pack, 0x1p-4, a.data(), b.data(), &properties);
  std::fill(a.begin(), a.end(), 0x1p-8);
  std::fill(b.begin(), b.end(), 1);
  pair.call(&Table::bound, a.data(), b.data());
  pair.call(&Table::form, std::int64_t{0}, n);
  for (double& price : v) price = -0.01 * std::fabs(normal());
  v[m - 1] = 1;  // the best of all, in the last place
  std::vector<std::int32_t> rows, columns(m), listed(n * stride), sizes(n), shared(n, 0);
  std::iota(columns.begin(), columns.end(), 0);
  std::vector<float> bounds(n * m);
  for (std::int32_t i = 0; i < n; ++i) {
    const std::vector<std::int32_t> row(m, i);
    rows.push_back(i);
    pair.call(&Table::costs, row.data(), columns.data(), m, exact.data() + i * m);
  }
  pair.call(&Table::rows, rows.data(), n, bounds.data());
  pair.call(&Table::lists, rows.data(), shared.data(), n, v.data(), size, 0, stride, listed.data(), costs.data(),
            sizes.data(), lower.data());
  pair.call(&Table::least_reduced, rows.data(), n, v.data(), least.data());
  for (std::int64_t i = 0; i < n; ++i) {
    CHECK(sizes[i] >= size / 2 && sizes[i] <= stride);
    std::vector<bool> is_listed(m, false);
    for (std::int64_t e = 0; e < sizes[i]; ++e) is_listed[listed[i * stride + e]] = true;
    CHECK(is_listed[m - 1]);
    double expected = std::numeric_limits<double>::infinity();
    std::int64_t wrong = 0;
    for (std::int64_t j = 0; j < m; ++j) {
      const double reduced = double{bounds[i * m + j]} - v[j];
      wrong += is_listed[j] ? reduced > lower[i] : reduced < lower[i];
      expected = std::min(expected, exact[i * m + j] - v[j]);
    }
    CHECK_EQUAL(wrong, 0);
    CHECK(least[i] <= expected && least[i] >= std::nextafter(expected, -std::numeric_limits<double>::infinity()));
  }
}

// Where all columns are alike, a row lists those from its own index on.
void check_ties() {
  const std::int64_t n = 6, m = 40;
  const std::vector<float> zeros(m * 3, 0);
  const OpenPair pair(table, {zeros.data(), n}, {zeros.data(), m}, 3, false);
  std::vector<double> a(n), b(m, 0), v(m, 0), costs(4 * n), lower(n);
  sae_match_device_properties properties;
  pair.call(&Table::norms, a.data(), b.data());
  pair.call(&Table::pack, 1.0, a.data(), b.data(), &properties);
  pair.call(&Table::bound, a.data(), b.data());
  const std::vector<std::int32_t> rows{0, 1, 2, 3, 4, 5}, shared(n, 0);
  std::vector<std::int32_t> columns(4 * n), sizes(n);
  v[3] = 1;  // better than all others
  v[38] = -std::numeric_limits<double>::infinity();  // on no list
  pair.call(&Table::lists, rows.data(), shared.data(), n, v.data(), std::int64_t{2}, 1, std::int64_t{4}, columns.data(),
            costs.data(), sizes.data(), lower.data());
  const std::vector<std::int32_t> expected{3, 0, 1, 2, 3, 1, 2, 4, 3, 2, 4, 5, 3, 4, 5, 6, 3, 4, 5, 6, 3, 5, 6, 7};
  CHECK(columns == expected);
  CHECK(sizes == std::vector<std::int32_t>(n, 4));
  CHECK(lower == std::vector<double>(n, 0));
}

}  // namespace

int main() {
  check_accumulation();
  check_tiles();
  check_wide_rows();
  check_ties();
  return finish();
}
