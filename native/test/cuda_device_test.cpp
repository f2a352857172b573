// The CUDA library with its kernels on the CPU: exact values have the bits of the core, bounds hold, lists are what
// native/cost/selection.h promises, and every failure has its status.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "check.h"
#include "cuda/device_api.h"
#include "cuda_library.h"
#include "features/stored_rows.h"
#include "rows_for_tests.h"
#include "sae_match/features.h"

using namespace sae_match;

namespace {

const sae_match_device_table& table = *sae_match_device_api();
std::mt19937_64 generator(11);
double normal() { return std::normal_distribution<double>()(generator); }

// Feature rows of four blocks of different types and orientations, with scales and an index; some rows zero, some alike,
// lengths from `smallest` to 1. So wide that the product uses its shared memory more than once.
struct TestRows {
  TestRows(std::int64_t count, double smallest) {
    const std::int64_t stored = count + 5;
    const auto value = [&](std::int64_t i, std::int64_t) {
      const double size = i % 3 == 0 ? 1 : i % 3 == 1 ? smallest : std::sqrt(smallest);
      return i % 7 == 3 ? 0.0 : i % 5 == 0 ? 0.25 : size * normal();
    };
    const auto half_value = [&](std::int64_t i, std::int64_t k) {
      const double x = value(i, k);
      return std::fabs(x) < 1e-4 || std::fabs(x) > 1e4 ? 0.0 : x;
    };
    matrices.push_back(make_matrix(stored, 165, Dtype::f32, true, value));
    matrices.push_back(make_matrix(stored, 11, Dtype::f16, false, half_value));
    matrices.push_back(make_matrix(stored, 20, Dtype::bf16, false, half_value));
    matrices.push_back(make_matrix(stored, 1, Dtype::f64, false, value));
    for (std::int64_t i = 0; i < stored; ++i) scale.push_back(i % 4 == 0 ? -0.7 : 0.3 + 0.01 * static_cast<double>(i));
    for (std::int64_t i = 0; i < count; ++i) index.push_back(static_cast<std::int32_t>((i * 3) % stored));
    for (std::size_t b = 0; b < matrices.size(); ++b) {
      rows.blocks.push_back({matrices[b].view, b % 2 == 0 ? scale.data() : nullptr});
    }
    rows.count = count;
    rows.index = index.data();
  }
  std::vector<OwnedMatrix> matrices;
  std::vector<double> scale;
  std::vector<std::int32_t> index;
  Rows rows;
};

// One side as the library takes it.
struct DeviceSide {
  explicit DeviceSide(const StoredRows& stored) {
    for (const StoredRows::Block& block : stored.stored_blocks()) {
      blocks.push_back({block.data, static_cast<std::int32_t>(block.dtype), block.columns, block.row_bytes, block.scale,
                        block.identity, block.rows});
    }
    rows = {blocks.data(), stored.blocks(), stored.count(), stored.index()};
  }
  std::vector<sae_match_device_block> blocks;
  sae_match_device_rows rows;
};

// Rounds of Sinkhorn's scaling in f64.
std::vector<double> softened(const sae_match_device_soft_min& ask, const std::vector<float>& bounds, std::int64_t n,
                             std::vector<double> v) {
  const std::int64_t m = std::ssize(v);
  const auto soft_min = [&](const std::vector<double>& x) {
    const double least = *std::min_element(x.begin(), x.end());
    double sum = 0;
    for (const double each : x) sum += std::exp((least - each) / ask.eps);
    return least - ask.eps * std::log(sum);
  };
  std::vector<double> u(n);
  for (std::int64_t round = 0; round < ask.rounds; ++round) {
    for (std::int64_t i = 0; i < n; ++i) {
      std::vector<double> x(v);
      for (std::int64_t j = 0; j < m; ++j) x[j] = double{bounds[i * m + j]} - v[j];
      u[i] = std::min(soft_min(x), ask.row_most);
    }
    for (std::int64_t j = 0; j < m; ++j) {
      std::vector<double> x(u);
      for (std::int64_t i = 0; i < n; ++i) x[i] = double{bounds[i * m + j]} - u[i];
      v[j] = std::min(v[j] + ask.relaxation * (soft_min(x) - v[j]), ask.column_most);
    }
  }
  return v;
}

void check_soft_minima(sae_match_device_pair* pair, bool dense, const std::vector<float>& bounds, std::int64_t n,
                       std::int64_t m) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  sae_match_device_message message;
  for (const double eps : {1.0, 0.01}) {
    for (const double most : {infinity, 0.0}) {
      const sae_match_device_soft_min ask{eps, most + 0.5, most, 1.5, 3};
      std::vector<double> v(m);
      for (std::int64_t j = 0; j < m; ++j) v[j] = static_cast<float>(-0.01 * static_cast<double>(j % 7));
      std::vector<double> again(v);
      const std::vector<double> expected = softened(ask, bounds, n, v);
      CHECK_EQUAL(table.soft_min(pair, &ask, v.data(), &message), dense ? SAE_MATCH_DEVICE_OK : SAE_MATCH_DEVICE_INVALID);
      if (!dense) continue;
      // f32: numbers of about 4, and logarithms times eps.
      for (std::int64_t j = 0; j < m; ++j) CHECK(std::fabs(v[j] - expected[j]) <= 1e-5);
      CHECK_EQUAL(table.soft_min(pair, &ask, again.data(), &message), SAE_MATCH_DEVICE_OK);
      CHECK(again == v);
    }
  }
}

// The same auction, one row after another.
struct PlainAuction {
  const std::vector<float>& bounds;
  std::int64_t n, m;
  std::vector<double> v;
  std::vector<std::int32_t> column_to_row = std::vector<std::int32_t>(m, -1);
  std::vector<std::int32_t> waiting = std::vector<std::int32_t>(n);
  std::int64_t bids = 0;

  void round(double eps, double unmatched_cost) {
    std::vector<std::int32_t> next;
    std::vector<std::int32_t> winner(m, -1);
    std::vector<double> price(m, 0);
    std::sort(waiting.begin(), waiting.end());
    bids += std::ssize(waiting);
    for (const std::int32_t i : waiting) {
      double best = std::numeric_limits<double>::infinity(), second = best;
      std::int64_t column = -1;
      for (std::int64_t turned = 0; turned < m; ++turned) {
        const std::int64_t j = (i + turned) % m;
        const double reduced = double{bounds[i * m + j]} - v[j];
        if (reduced < best) {
          second = best;
          best = reduced;
          column = j;
        } else {
          second = std::min(second, reduced);
        }
      }
      if (best > unmatched_cost) continue;
      second = std::min(second, unmatched_cost);
      const double bid = v[column] - ((std::isfinite(second) ? second - best : 0) + eps);
      if (winner[column] < 0 || bid < price[column]) {
        if (winner[column] >= 0) next.push_back(winner[column]);
        winner[column] = i;
        price[column] = bid;
      } else {
        next.push_back(i);
      }
    }
    for (std::int64_t j = 0; j < m; ++j) {
      if (winner[j] < 0) continue;
      if (column_to_row[j] >= 0) next.push_back(column_to_row[j]);
      column_to_row[j] = winner[j];
      v[j] = price[j];
    }
    waiting = next;
  }
};

void check_auction(sae_match_device_pair* pair, bool dense, const std::vector<float>& bounds, std::int64_t n,
                   std::int64_t m) {
  const float least = *std::min_element(bounds.begin(), bounds.end());
  const float most = *std::max_element(bounds.begin(), bounds.end());
  sae_match_device_message message;
  for (const double eps : {0.25, 1e-4}) {
    for (const double unmatched_cost : {std::numeric_limits<double>::infinity(), (double{least} + most) / 2}) {
      PlainAuction plain{bounds, n, m, std::vector<double>(m, 0)};
      std::iota(plain.waiting.begin(), plain.waiting.end(), 0);
      std::vector<double> v(plain.v);
      sae_match_device_auction_state state;
      for (const std::int64_t rounds : {0, 1, 1, 2, 5, 30}) {
        const sae_match_device_auction ask{eps, unmatched_cost, rounds, rounds == 0};
        CHECK_EQUAL(table.auction(pair, &ask, v.data(), &state, &message),
                    dense ? SAE_MATCH_DEVICE_OK : SAE_MATCH_DEVICE_INVALID);
        if (!dense) return;
        for (std::int64_t r = 0; r < rounds; ++r) plain.round(eps, unmatched_cost);
        CHECK(v == plain.v);
        CHECK_EQUAL(state.waiting, std::ssize(plain.waiting));
        CHECK_EQUAL(state.bids, plain.bids);
      }
    }
  }
  // Columns that nobody may have.
  std::vector<double> none(m, -std::numeric_limits<double>::infinity());
  const sae_match_device_auction ask{1, std::numeric_limits<double>::infinity(), 2, 1};
  sae_match_device_auction_state state;
  CHECK_EQUAL(table.auction(pair, &ask, none.data(), &state, &message), SAE_MATCH_DEVICE_OK);
  CHECK_EQUAL(state.waiting, 0);
}

struct Case {
  double smallest;
  bool either_sign, maximize, dense;
  std::int32_t product;
};

void check_pair(const Case& test) {
  const std::int64_t n = 24, m = 140;
  TestRows left(n, test.smallest), right(m, test.smallest);
  RunControl control;
  const Kernels& kernel = kernels();
  StoredRows a(left.rows, control), b(right.rows, control);
  const DeviceSide a_side(a), b_side(b);
  sae_match_device_problem problem{};
  problem.a = a_side.rows;
  problem.b = b_side.rows;
  problem.either_sign = test.either_sign;
  problem.maximize = test.maximize;
  problem.dense = test.dense;
  problem.product = test.product;
  sae_match_device_message message;
  sae_match_device_pair* pair = nullptr;
  const auto ok = [&](sae_match_device_status status) {
    CHECK_EQUAL(std::string(message.text), "");
    CHECK_EQUAL(status, SAE_MATCH_DEVICE_OK);
  };
  ok(table.open(&problem, &pair, &message));

  std::vector<double> a_norms(n), b_norms(m);
  ok(table.norms(pair, a_norms.data(), b_norms.data(), &message));
  CHECK(a_norms == squared_norms(a, control));
  CHECK(b_norms == squared_norms(b, control));
  const double factor = std::ldexp(1.0, -std::ilogb(std::sqrt(*std::max_element(b_norms.begin(), b_norms.end()))) - 1);
  a.multiply_by(factor);
  b.multiply_by(factor);
  for (double& norm : a_norms) norm *= factor * factor;
  for (double& norm : b_norms) norm *= factor * factor;

  std::vector<double> a_residual(n), b_residual(m);
  sae_match_device_properties properties;
  ok(table.pack(pair, factor, a_residual.data(), b_residual.data(), &properties, &message));
  for (std::int64_t i = 0; i < n; ++i) {
    CHECK(a_residual[i] <= std::sqrt(a_norms[i]) * (test.product == 0 ? 0x1p-24 : 0x1p-11) * 1.01);
    CHECK(a_norms[i] > 0 || a_residual[i] == 0);
  }

  // The bounds that rows_source would ask for.
  double residual = 0;
  for (std::int64_t j = 0; j < m; ++j) {
    if (b_norms[j] > 0) residual = std::max(residual, b_residual[j] / std::sqrt(b_norms[j]));
  }
  const double share = 0x1p-30;
  std::vector<double> row_errors(n, 0), column_errors(m, 0);
  for (std::int64_t i = 0; i < n; ++i) {
    const double norm = std::sqrt(a_norms[i]);
    if (norm > 0) {
      row_errors[i] = 2.01 * (a_residual[i] * (1 + residual) + norm * residual + properties.accumulation * norm) + share;
    }
  }
  for (std::int64_t j = 0; j < m; ++j) column_errors[j] = b_norms[j] > 0 ? std::sqrt(b_norms[j]) + share : 0;
  ok(table.bound(pair, row_errors.data(), column_errors.data(), &message));
  CHECK_EQUAL(properties.dense, test.dense ? 1 : 0);
  if (test.dense) {
    ok(table.form(pair, 0, 9, &message));
    ok(table.form(pair, 9, n - 9, &message));
  }

  // Exact costs to the bit, whatever the order they are asked in.
  std::vector<double> exact(n * m), values(a.width()), costs;
  std::vector<std::int32_t> rows, columns;
  for (std::int64_t i = 0; i < n; ++i) {
    a.read(kernel, i, values.data());
    for (std::int64_t j = 0; j < m; ++j) {
      double distance = b.distance(kernel, values.data(), j);
      if (test.either_sign) {
        std::vector<double> opposite(values);
        for (double& x : opposite) x = -x;
        distance = std::min(distance, b.distance(kernel, opposite.data(), j));
      }
      exact[i * m + j] = test.maximize ? -distance : distance;
      rows.push_back(static_cast<std::int32_t>(i));
      columns.push_back(static_cast<std::int32_t>(j));
    }
  }
  costs.resize(exact.size());
  ok(table.costs(pair, rows.data(), columns.data(), n * m, costs.data(), &message));
  CHECK(costs == exact);

  // Bounds hold and are no further away than they say.
  std::vector<std::int32_t> every(n);
  std::iota(every.begin(), every.end(), 0);
  std::reverse(every.begin() + 10, every.begin() + 15);
  std::vector<float> bounds(n * m);
  ok(table.rows(pair, every.data(), n, bounds.data(), &message));
  for (std::int64_t p = 0; p < n; ++p) {
    for (std::int64_t j = 0; j < m; ++j) {
      const double bound = bounds[p * m + j], cost = exact[every[p] * m + j];
      CHECK(bound <= cost);
      CHECK(bound >= cost - 2 * row_errors[every[p]] * column_errors[j] - 0x1p-21 * std::fabs(cost) - 0x1p-148);
    }
  }

  {
    std::vector<float> in_order(n * m);
    for (std::int64_t p = 0; p < n; ++p) std::copy_n(&bounds[p * m], m, &in_order[every[p] * m]);
    check_soft_minima(pair, test.dense, in_order, n, m);
    check_auction(pair, test.dense, in_order, n, m);
  }

  // Quantiles are those of the bounds.
  for (const std::int64_t depth : {1, 4, 8}) {
    std::vector<double> quantile(m);
    ok(table.quantile(pair, every.data(), 6, depth, quantile.data(), &message));
    for (std::int64_t j = 0; j < m; ++j) {
      std::vector<double> column(8, std::numeric_limits<double>::infinity());
      for (std::int64_t p = 0; p < 6; ++p) column[p] = bounds[p * m + j];
      std::sort(column.begin(), column.end());
      CHECK_EQUAL(quantile[j], column[depth - 1]);
    }
  }

  // Lists: the best columns, in order; ties from the row's own index on.
  std::vector<double> v(m);
  for (double& price : v) price = -std::fabs(normal()) * 0.1;
  for (const std::int64_t size : {2, 16}) {
    for (const bool is_exact : {false, true}) {
      std::vector<std::int32_t> shared(n, 0);
      shared[3] = 2;
      const std::int64_t stride = std::min(m, 2 * size + 2);
      std::vector<std::int32_t> listed(n * stride), sizes(n);
      std::vector<double> listed_costs(n * stride), lower(n);
      ok(table.lists(pair, every.data(), shared.data(), n, v.data(), size, is_exact, stride, listed.data(),
                     listed_costs.data(), sizes.data(), lower.data(), &message));
      for (std::int64_t p = 0; p < n; ++p) {
        CHECK(sizes[p] >= std::min(m, size / 2 + shared[p]) && sizes[p] <= std::min(m, 2 * size + shared[p]));
        std::vector<bool> is_listed(m, false);
        double dearest = -std::numeric_limits<double>::infinity();
        for (std::int64_t e = 0; e < sizes[p]; ++e) {
          const std::int32_t j = listed[p * stride + e];
          CHECK(!is_listed[j]);
          is_listed[j] = true;
          dearest = std::max(dearest, double{bounds[p * m + j]} - v[j]);
          CHECK_EQUAL(listed_costs[p * stride + e], is_exact ? exact[every[p] * m + j] : double{bounds[p * m + j]});
        }
        CHECK(dearest <= lower[p]);
        for (std::int64_t j = 0; j < m; ++j) {
          if (!is_listed[j]) CHECK(double{bounds[p * m + j]} - v[j] >= lower[p]);
        }
      }
    }
  }

  std::vector<double> least(n);
  ok(table.least_reduced(pair, every.data(), n, v.data(), least.data(), &message));
  for (std::int64_t p = 0; p < n; ++p) {
    double expected = std::numeric_limits<double>::infinity();
    for (std::int64_t j = 0; j < m; ++j) expected = std::min(expected, exact[every[p] * m + j] - v[j]);
    CHECK(least[p] <= expected && least[p] >= std::nextafter(expected, -std::numeric_limits<double>::infinity()));
  }
  table.close(pair);
  if (failed_checks) {
    std::cerr << "with smallest " << test.smallest << ", either " << test.either_sign << ", maximize " << test.maximize
              << ", dense " << test.dense << ", product " << test.product << std::endl;
  }
}

// What the library says under a plan, and a part of its message.
template <class Call>
void check_failure(const std::string& planned, sae_match_device_status expected, const std::string& text, Call call) {
  plan(planned);
  sae_match_device_message message;
  const sae_match_device_status status = call(&message);
  plan("");
  CHECK_EQUAL(status, expected);
  if (std::string(message.text).find(text) == std::string::npos) {
    CHECK_EQUAL(std::string(message.text), text);
  }
}

void check_failures() {
  const auto probe = [](sae_match_device_message* message) {
    sae_match_device_report report;
    return table.probe(&report, message);
  };
  const auto info = [](sae_match_device_message* message) {
    sae_match_device_info found;
    return table.info(0, &found, message);
  };
  check_failure("no_driver", SAE_MATCH_DEVICE_NO_DRIVER, "cudaErrorInsufficientDriver (35)", probe);
  check_failure("old_driver", SAE_MATCH_DEVICE_DRIVER_TOO_OLD, "native/cuda/library.cu:", probe);
  check_failure("no_device", SAE_MATCH_DEVICE_NO_DEVICE, "cudaErrorNoDevice (100)", probe);
  check_failure("devices=0", SAE_MATCH_DEVICE_NO_DEVICE, "no GPU", probe);
  check_failure("no_kernels", SAE_MATCH_DEVICE_ARCH_UNSUPPORTED, "209", info);
  check_failure("", SAE_MATCH_DEVICE_OK, "", info);

  const std::vector<float> numbers(1000 * 64, 0.5f);
  const sae_match_device_block block{numbers.data(), 2, 64, 256, nullptr, 0, 1000};
  const auto open_with = [&](std::int32_t dense, std::int32_t device = 0) {
    return [&, dense, device](sae_match_device_message* message) {
      sae_match_device_problem problem{};
      problem.a = problem.b = {&block, 1, 1000, nullptr};
      problem.dense = dense;
      problem.dense_bytes = 1 << 30;
      problem.device = device;
      sae_match_device_pair* pair = nullptr;
      sae_match_device_status status = table.open(&problem, &pair, message);
      CHECK((pair != nullptr) == (status == SAE_MATCH_DEVICE_OK));
      std::vector<double> a(1000), b(1000);
      sae_match_device_properties properties;
      if (pair) status = table.norms(pair, a.data(), b.data(), message);
      if (status == SAE_MATCH_DEVICE_OK) status = table.pack(pair, 0.25, a.data(), b.data(), &properties, message);
      if (status == SAE_MATCH_DEVICE_OK && dense < 0) CHECK_EQUAL(properties.dense, 0);
      table.close(pair);
      return status;
    };
  };
  // The rows take 0.55 MB, their operands as much, the matrix 4 MB.
  check_failure("memory=2000000", SAE_MATCH_DEVICE_OUT_OF_MEMORY, "Asked the GPU for 4000000 bytes", open_with(1));
  check_failure("memory=3000000", SAE_MATCH_DEVICE_OK, "", open_with(-1));
  check_failure("memory=300000", SAE_MATCH_DEVICE_OUT_OF_MEMORY, "are free", open_with(-1));
  // Staging memory of pairs that are closed serves those to come.
  check_failure("fail=cudaMallocHost:2:1", SAE_MATCH_DEVICE_OK, "", open_with(1));
  check_failure("devices=2", SAE_MATCH_DEVICE_OK, "", open_with(1, 1));
  check_failure("devices=2", SAE_MATCH_DEVICE_NO_DEVICE, "cudaErrorInvalidDevice", open_with(1, 2));
  check_failure("fail=cudaMemcpyAsync:1:3", SAE_MATCH_DEVICE_FAILED, "cudaMemcpyAsync", open_with(1));
  check_failure("fail=cudaLaunchKernel:209:1", SAE_MATCH_DEVICE_ARCH_UNSUPPORTED, "norms", open_with(1));
  // The last: after it nothing works in this process.
  check_failure("fail=cudaLaunchKernel:700:2", SAE_MATCH_DEVICE_LOST, "cudaErrorIllegalAddress (700)", open_with(1));
  check_failure("", SAE_MATCH_DEVICE_LOST, "After an earlier fatal error: cudaErrorIllegalAddress (700)", probe);
}

}  // namespace

int main() {
  CHECK_EQUAL(table.abi_version, std::uint32_t{SAE_MATCH_DEVICE_ABI});
  CHECK_EQUAL(table.table_bytes, sizeof table);
  for (const std::int32_t product : {0, 1}) {
    check_pair({0.5, false, false, true, product});
    check_pair({1e-4, false, false, false, product});
    check_pair({1e-20, true, false, false, product});
    check_pair({1e-3, false, true, true, product});
    check_pair({1e-3, true, true, false, product});
  }
  sae_match_device_message message;
  CHECK_EQUAL(table.self_test(0, &message), SAE_MATCH_DEVICE_OK);
  check_failures();
  return finish();
}
