#include "cuda/self_test.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "cuda/pair.h"

namespace sae_match::cuda {
namespace {

// More than one tile of columns, and wide enough that the product uses each part of its shared memory more than once.
constexpr std::int64_t kRows = 20, kColumns = 150, kWidth = 205, kSize = 8;

void require(bool condition, const char* what) {
  if (!condition) throw DeviceError{SAE_MATCH_DEVICE_SELF_TEST_FAILED, std::string("The GPU gave a wrong answer: ") + what};
}

// Rows that are easily told from each other, some of them zero and some alike; small multiples of 1/64, so that squared
// distances are exact in any order of summation.
std::vector<float> test_numbers(std::int64_t rows, std::uint32_t seed) {
  std::vector<float> numbers(static_cast<std::size_t>(rows * kWidth));
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t k = 0; k < kWidth; ++k) {
      seed = seed * 1664525u + 1013904223u;
      float& x = numbers[static_cast<std::size_t>(r * kWidth + k)];
      x = static_cast<float>(static_cast<std::int32_t>(seed >> 24) - 128) / 64;
      if (r % 7 == 3) x = 0;
      if (r % 11 == 5) x = numbers[static_cast<std::size_t>(k)];
    }
  }
  return numbers;
}

double distance_of(const float* x, const float* y, CostRule rule) {
  double same = 0, opposite = 0;
  for (std::int64_t k = 0; k < kWidth; ++k) {
    same += (double{x[k]} - double{y[k]}) * (double{x[k]} - double{y[k]});
    opposite += (double{x[k]} + double{y[k]}) * (double{x[k]} + double{y[k]});
  }
  const double distance = rule.either_sign ? std::min(same, opposite) : same;
  return rule.maximize ? -distance : distance;
}

// Partners: row i and column i for every even i.
void test_neighbours(Pair& pair, const std::vector<std::int32_t>& every, const std::vector<double>& exact) {
  std::vector<std::int32_t> row_to_column(kRows, -1), column_to_row(kColumns, -1);
  std::vector<double> row_cost(kRows, -INFINITY), column_cost(kColumns, -INFINITY);
  const auto cost = [&](std::int64_t i, std::int64_t j) { return exact[static_cast<std::size_t>(i * kColumns + j)]; };
  for (std::size_t i = 0; i < kRows; i += 2) {
    row_to_column[i] = column_to_row[i] = static_cast<std::int32_t>(i);
    row_cost[i] = column_cost[i] = cost(static_cast<std::int64_t>(i), static_cast<std::int64_t>(i));
  }
  pair.begin_neighbours({row_to_column.data(), column_to_row.data(), row_cost.data(), column_cost.data()});
  pair.see_columns(every.data(), kRows);
  constexpr std::int64_t kRoom = kRows * kColumns;
  std::vector<std::int32_t> index(kRows), rank(kRows), rows(kRoom), columns(kRoom), ties(kRoom), before(kColumns);
  std::vector<double> nearest(kRows), second(kRows), costs(kRoom), nearest_row(kColumns, INFINITY);
  sae_match_device_candidates candidates{kRoom, 0, rows.data(), columns.data(), ties.data(), costs.data()};
  pair.neighbours(every.data(), kRows, {index.data(), nearest.data(), second.data(), rank.data()}, candidates);
  pair.column_ranks(before.data());
  require(candidates.found >= kColumns && candidates.found <= kRoom, "candidates");
  for (std::size_t c = 0; c < static_cast<std::size_t>(candidates.found); ++c) {
    const auto j = static_cast<std::size_t>(columns[c]);
    require(costs[c] == cost(rows[c], columns[c]), "costs of candidates");
    nearest_row[j] = std::min(nearest_row[j], costs[c]);
    if (ties[c]) before[j] += costs[c] < column_cost[j] || (costs[c] == column_cost[j] && rows[c] < column_to_row[j]);
  }
  for (std::int64_t i = 0; i < kRows; ++i) {
    std::vector<std::pair<double, std::int64_t>> order;
    for (std::int64_t j = 0; j < kColumns; ++j) order.push_back({cost(i, j), j});
    std::sort(order.begin(), order.end());
    const auto at = static_cast<std::size_t>(i);
    require(index[at] == order[0].second && nearest[at] == order[0].first && second[at] == order[1].first, "nearest columns");
    require(rank[at] == (i % 2 ? -1 : std::find(order.begin(), order.end(), std::pair(cost(i, i), i)) - order.begin()),
            "ranks of columns");
  }
  for (std::int64_t j = 0; j < kColumns; ++j) {
    double least = INFINITY;
    std::int32_t rank_of_partner = 0;
    for (std::int64_t i = 0; i < kRows; ++i) {
      least = std::min(least, cost(i, j));
      const std::int32_t partner = column_to_row[static_cast<std::size_t>(j)];
      rank_of_partner += partner >= 0 && std::pair(cost(i, j), i) < std::pair(cost(partner, j), std::int64_t{partner});
    }
    require(nearest_row[static_cast<std::size_t>(j)] == least, "nearest rows");
    require(column_to_row[static_cast<std::size_t>(j)] < 0 || before[static_cast<std::size_t>(j)] == rank_of_partner,
            "ranks of rows");
  }
}

void test_soft_min(Pair& pair, const std::vector<float>& bounds) {
  constexpr double kEps = 0.5, kRowMost = 1.5, kColumnMost = -0.25, kRelaxation = 1.5;
  std::vector<double> v(kColumns, -1.0), u(kRows), expected(v);
  const auto soft_min = [](const std::vector<double>& x) {
    const double least = *std::min_element(x.begin(), x.end());
    double sum = 0;
    for (const double each : x) sum += std::exp((least - each) / kEps);
    return least - kEps * std::log(sum);
  };
  pair.soft_min({kEps, kRowMost, kColumnMost, kRelaxation, 2}, v.data());
  for (int round = 0; round < 2; ++round) {
    for (std::size_t i = 0; i < kRows; ++i) {
      std::vector<double> x;
      for (std::size_t j = 0; j < kColumns; ++j) x.push_back(double{bounds[i * kColumns + j]} - expected[j]);
      u[i] = std::min(soft_min(x), kRowMost);
    }
    for (std::size_t j = 0; j < kColumns; ++j) {
      std::vector<double> x;
      for (std::size_t i = 0; i < kRows; ++i) x.push_back(double{bounds[i * kColumns + j]} - u[i]);
      expected[j] = std::min(expected[j] + kRelaxation * (soft_min(x) - expected[j]), kColumnMost);
    }
  }
  for (std::size_t j = 0; j < kColumns; ++j) require(std::fabs(v[j] - expected[j]) <= 1e-4, "soft minima");
}

// One round from price 0 and nobody out: every column goes to who bids most for it.
void test_auction(Pair& pair, const std::vector<float>& bounds) {
  constexpr double kEps = 0.0625;
  std::vector<double> v(kColumns, 0.0), expected(v), prices(kRows);
  std::vector<std::int32_t> wanted(kRows);
  for (std::size_t i = 0; i < kRows; ++i) {
    const float* row = &bounds[i * kColumns];
    std::vector<float> sorted(row, row + kColumns);
    std::partial_sort(sorted.begin(), sorted.begin() + 2, sorted.end());
    const float* best = std::min_element(row + i, row + kColumns);  // of equals the first from the row's index on
    wanted[i] = static_cast<std::int32_t>((*best == sorted[0] ? best : std::min_element(row, row + kColumns)) - row);
    prices[i] = 0.0 - ((double{sorted[1]} - double{row[wanted[i]]}) + kEps);
  }
  std::int64_t bidden = 0;
  for (std::size_t i = 0; i < kRows; ++i) {
    double& price = expected[static_cast<std::size_t>(wanted[i])];
    bidden += price == 0;
    price = std::min(price, prices[i]);
  }
  const sae_match_device_auction_state state = pair.auction({kEps, INFINITY, 1, 1}, v.data());
  require(v == expected && state.bids == kRows && state.waiting == kRows - bidden, "an auction");
  require(pair.auction({kEps, INFINITY, 1000, 0}, v.data()).waiting == 0, "an auction to its end");
}

void test_problem(int device, CostRule rule, Product product, bool dense) {
  const std::vector<float> a = test_numbers(kRows, 1), b = test_numbers(kColumns, 2);
  const sae_match_device_block a_block{a.data(), kF32, kWidth, kWidth * 4, nullptr, 0, kRows};
  const sae_match_device_block b_block{b.data(), kF32, kWidth, kWidth * 4, nullptr, 0, kColumns};
  sae_match_device_problem problem{};
  problem.a = {&a_block, 1, kRows, nullptr};
  problem.b = {&b_block, 1, kColumns, nullptr};
  problem.device = device;
  problem.either_sign = rule.either_sign;
  problem.maximize = rule.maximize;
  problem.dense = dense;
  problem.product = static_cast<std::int32_t>(product);
  Pair pair(problem);

  std::vector<double> a_norms(kRows), b_norms(kColumns), a_residual(kRows), b_residual(kColumns);
  pair.norms(a_norms.data(), b_norms.data());
  const double factor = 0x1p-4;  // norms are below 2 then
  const sae_match_device_properties properties = pair.pack(factor, a_residual.data(), b_residual.data());
  // Generous: these are tests of indices and of order, not of the last digit.
  const double error = 16 * (properties.accumulation + 0x1p-10);
  const std::vector<double> row_errors(kRows, error), column_errors(kColumns, 1.0);
  pair.bound(row_errors.data(), column_errors.data());
  if (dense) pair.form(0, kRows);

  std::vector<double> exact(kRows * kColumns), v(kColumns);
  std::vector<std::int32_t> every(kRows), pair_rows, pair_columns, shared(kRows, 1);
  for (std::int64_t i = 0; i < kRows; ++i) {
    every[static_cast<std::size_t>(i)] = static_cast<std::int32_t>(i);
    require(a_norms[static_cast<std::size_t>(i)] ==
                distance_of(&a[static_cast<std::size_t>(i * kWidth)], std::vector<float>(kWidth, 0).data(), {false, false}),
            "norms");
    for (std::int64_t j = 0; j < kColumns; ++j) {
      exact[static_cast<std::size_t>(i * kColumns + j)] =
          factor * factor * distance_of(&a[static_cast<std::size_t>(i * kWidth)], &b[static_cast<std::size_t>(j * kWidth)], rule);
      pair_rows.push_back(static_cast<std::int32_t>(i));
      pair_columns.push_back(static_cast<std::int32_t>(j));
    }
  }
  for (std::int64_t j = 0; j < kColumns; ++j) v[static_cast<std::size_t>(j)] = -0.03125 * static_cast<double>(j % 5);

  std::vector<double> costs(exact.size());
  pair.costs(pair_rows.data(), pair_columns.data(), static_cast<std::int64_t>(costs.size()), costs.data());
  require(costs == exact, "exact costs");

  std::vector<float> bounds(exact.size());
  pair.rows(every.data(), kRows, bounds.data());
  for (std::size_t e = 0; e < exact.size(); ++e) {
    require(bounds[e] <= exact[e] && bounds[e] >= exact[e] - 2.5 * error - 0x1p-20, "bounds");
  }

  std::vector<double> quantile(kColumns);
  pair.quantile(every.data(), kRows, 3, quantile.data());
  for (std::int64_t j = 0; j < kColumns; ++j) {
    std::vector<float> column;
    for (std::int64_t i = 0; i < kRows; ++i) column.push_back(bounds[static_cast<std::size_t>(i * kColumns + j)]);
    std::nth_element(column.begin(), column.begin() + 2, column.end());
    require(quantile[static_cast<std::size_t>(j)] == static_cast<double>(column[2]), "column quantiles");
  }

  constexpr std::int64_t kStride = 2 * kSize + 1;
  std::vector<std::int32_t> columns(kRows * kStride), sizes(kRows);
  std::vector<double> listed(columns.size()), lower(kRows), least(kRows);
  pair.lists(every.data(), shared.data(), kRows, v.data(), kSize, true, kStride, columns.data(), listed.data(),
             sizes.data(), lower.data());
  pair.least_reduced(every.data(), kRows, v.data(), least.data());
  for (std::int64_t i = 0; i < kRows; ++i) {
    const double* row = &exact[static_cast<std::size_t>(i * kColumns)];
    std::vector<bool> is_listed(kColumns, false);
    const std::int32_t size = sizes[static_cast<std::size_t>(i)];
    require(size >= kSize / 2 && size <= kStride, "sizes of lists");
    for (std::int64_t e = 0; e < size; ++e) {
      const std::int32_t j = columns[static_cast<std::size_t>(i * kStride + e)];
      require(j >= 0 && j < kColumns && !is_listed[static_cast<std::size_t>(j)], "columns of lists");
      require(listed[static_cast<std::size_t>(i * kStride + e)] == row[j], "costs of lists");
      is_listed[static_cast<std::size_t>(j)] = true;
    }
    double best = INFINITY;
    for (std::int64_t j = 0; j < kColumns; ++j) {
      const double reduced = row[j] - v[static_cast<std::size_t>(j)];
      require(is_listed[static_cast<std::size_t>(j)] || reduced >= lower[static_cast<std::size_t>(i)], "bounds of lists");
      best = std::min(best, reduced);
    }
    require(least[static_cast<std::size_t>(i)] == best, "least reduced costs");
  }
  test_neighbours(pair, every, exact);
  if (dense) {
    test_soft_min(pair, bounds);
    test_auction(pair, bounds);
  }
}

}  // namespace

// Any kernel will do: all are built for the same devices.
__global__ void no_kernel() {}

void require_kernels() {
  cudaFuncAttributes attributes;
  SAE_MATCH_CHECK(cudaFuncGetAttributes(&attributes, no_kernel));
}

void self_test(int device) {
  for (const Product product : {Product::f32, Product::f16}) {
    test_problem(device, {false, false}, product, true);
    test_problem(device, {true, false}, product, false);
    test_problem(device, {false, true}, product, false);
  }
}

}  // namespace sae_match::cuda
