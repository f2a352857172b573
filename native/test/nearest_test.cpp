// The nearest rows of every row against a plain search: exact, the lower index among equals, whatever the sizes.
#include <algorithm>
#include <numeric>
#include <vector>

#include "check.h"
#include "random_problems.h"
#include "sae_match/cpu_features.h"
#include "sae_match/features.h"
#include "sae_match/nearest.h"

using namespace sae_match;

namespace {

// Rows of which many are zero or alike, and nearly alike: f32 products cannot tell those apart.
std::vector<float> make_rows(std::int64_t count, std::int64_t width) {
  std::vector<float> values(static_cast<std::size_t>(count * width));
  for (float& x : values) x = static_cast<float>(uniform() - 0.5);
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t kind = below(5);
    if (kind == 0) std::fill_n(values.begin() + i * width, width, 0.0f);
    if (kind > 2) continue;
    if (kind > 0) std::copy_n(values.begin(), width, values.begin() + i * width);
    if (kind == 2) values[static_cast<std::size_t>(i * width)] *= 1 + static_cast<float>(below(4)) * 0x1p-22f;
  }
  return values;
}

Rows view(const std::vector<float>& values, std::int64_t width) {
  const auto count = static_cast<std::int64_t>(values.size()) / width;
  return {{RowBlock{MatrixView{values.data(), Dtype::f32, count, width, width, 1}, nullptr}}, count, nullptr};
}

void check_nearest(std::int64_t n, std::int64_t m, std::int64_t width) {
  const std::vector<float> x = make_rows(n, width), y = make_rows(m, width);
  const Rows a = view(x, width), b = view(y, width);
  RunControl control;
  std::vector<std::int32_t> rows, columns;
  for (std::int32_t i = 0; i < n; ++i) {
    for (std::int32_t j = 0; j < m; ++j) {
      rows.push_back(i);
      columns.push_back(j);
    }
  }
  std::vector<double> costs(rows.size());
  pair_costs(a, b, rows.data(), columns.data(), n * m, costs.data(), control);
  for (const std::int64_t count : {std::int64_t{1}, std::min<std::int64_t>(7, m), m}) {
    std::vector<std::int32_t> index(static_cast<std::size_t>(n * count));
    std::vector<double> cost(index.size());
    nearest_rows(a, b, count, index.data(), cost.data(), control);
    for (std::int64_t i = 0; i < n; ++i) {
      std::vector<std::int32_t> order(static_cast<std::size_t>(m));
      std::iota(order.begin(), order.end(), 0);
      std::stable_sort(order.begin(), order.end(), [&](std::int32_t p, std::int32_t q) { return costs[i * m + p] < costs[i * m + q]; });
      for (std::int64_t k = 0; k < count; ++k) {
        CHECK_EQUAL(index[i * count + k], order[k]);
        CHECK_EQUAL(cost[i * count + k], costs[i * m + order[k]]);
      }
    }
    if (failed_checks) return;
  }
}

}  // namespace

int main() {
  for (const std::string& simd : supported_simd()) {
    CHECK(set_simd(simd));
    for (int round = 0; round < 30 && failed_checks == 0; ++round) check_nearest(1 + below(80), 1 + below(400), 1 + below(40));
    if (failed_checks) std::cerr << "with " << simd << std::endl;
  }
  return finish();
}
