// Costs in a byte each: what comes back never lies above what was kept, and not far below it where it matters.
#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "check.h"
#include "cost/rough_costs.h"
#include "sae_match/cpu_features.h"

using namespace sae_match;

namespace {

std::mt19937_64 generator(11);
double uniform() { return std::uniform_real_distribution<double>()(generator); }

struct Family {
  const char* name;
  double (*cost)(std::int64_t i, std::int64_t j);
  double (*price)(std::int64_t j);
};

const std::vector<Family> families = {
    {"uniform", [](std::int64_t, std::int64_t) { return uniform(); }, [](std::int64_t) { return 0.0; }},
    {"tiny beside their prices", [](std::int64_t, std::int64_t) { return 1e-12 * uniform(); },
     [](std::int64_t j) { return j % 2 ? 1.0 : -1.0; }},
    {"of all magnitudes", [](std::int64_t, std::int64_t) { return std::pow(10.0, -40 * uniform()); },
     [](std::int64_t) { return std::pow(10.0, -20 * uniform()); }},
    {"close to the largest", [](std::int64_t, std::int64_t) { return 1 + 1e-7 * uniform(); },
     [](std::int64_t) { return 0.1 * uniform(); }},
    {"constant", [](std::int64_t, std::int64_t) { return 0.7; }, [](std::int64_t) { return 0.0; }},
    {"zero", [](std::int64_t, std::int64_t) { return 0.0; }, [](std::int64_t) { return 0.0; }},
    {"nearly equal", [](std::int64_t, std::int64_t) { return 1 - 0x1p-24 * std::floor(4 * uniform()); },
     [](std::int64_t) { return 0.9; }},
    {"at prices far away", [](std::int64_t, std::int64_t) { return uniform(); }, [](std::int64_t j) { return j % 3 ? 1e300 : -1e300; }},
    {"without prices", [](std::int64_t, std::int64_t) { return uniform(); },
     [](std::int64_t) { return -std::numeric_limits<double>::infinity(); }},
    {"of columns of different size", [](std::int64_t, std::int64_t j) { return (j % 7 + 1) * (1 + 0.1 * uniform()) / 10; },
     [](std::int64_t j) { return static_cast<double>(j % 7 + 1) / 10; }},
};

void check_family(const Family& family, std::int64_t columns, double sign) {
  const std::int64_t rows = 20;
  std::vector<double> prices;
  for (std::int64_t j = 0; j < columns; ++j) prices.push_back(sign * family.price(j));
  RoughCosts rough(rows, columns, prices.data(), 1, sign < 0);
  std::vector<float> costs;
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < columns; ++j) costs.push_back(static_cast<float>(sign * family.cost(i, j)));
    rough.keep(kernels(), i, costs.data() + i * columns);
  }
  std::vector<float> back(static_cast<std::size_t>(columns));
  for (std::int64_t i = 0; i < rows; ++i) {
    rough.read(kernels(), i, back.data());
    for (std::int64_t j = 0; j < columns; ++j) {
      CHECK(back[j] <= costs[static_cast<std::size_t>(i * columns + j)]);
      if (sign > 0) CHECK(back[j] >= 0);
    }
  }
  if (failed_checks) std::cerr << family.name << ", " << columns << " columns, sign " << sign << std::endl;
}

// Entries below the mean of their block come back within two steps of 1/254 of its distance from the least.
void check_sharpness() {
  const std::int64_t columns = 3 * kRoughBlock;
  std::vector<double> prices;
  std::vector<float> costs, back(static_cast<std::size_t>(columns));
  for (std::int64_t j = 0; j < columns; ++j) {
    prices.push_back(uniform());
    costs.push_back(static_cast<float>(prices.back() + 2 + uniform()));
  }
  RoughCosts rough(1, columns, prices.data(), 4, false);
  rough.keep(kernels(), 0, costs.data());
  rough.read(kernels(), 0, back.data());
  for (std::int64_t begin = 0; begin < columns; begin += kRoughBlock) {
    double least = 10, mean = 0;
    for (std::int64_t j = begin; j < begin + kRoughBlock; ++j) {
      least = std::min(least, costs[j] - prices[j]);
      mean += (costs[j] - prices[j]) / static_cast<double>(kRoughBlock);
    }
    for (std::int64_t j = begin; j < begin + kRoughBlock; ++j) {
      if (costs[j] - prices[j] < mean) CHECK(costs[j] - back[j] < 2 * (mean - least) / 254);
    }
  }
}

// Every instruction set keeps and gives back the same.
std::vector<float> through_active_simd(const std::vector<float>& costs, const std::vector<double>& prices) {
  const auto columns = static_cast<std::int64_t>(costs.size());
  RoughCosts rough(1, columns, prices.data(), 1, false);
  rough.keep(kernels(), 0, costs.data());
  std::vector<float> back(costs.size());
  rough.read(kernels(), 0, back.data());
  return back;
}

}  // namespace

int main() {
  std::vector<float> costs;
  std::vector<double> prices;
  for (int j = 0; j < 333; ++j) {
    costs.push_back(static_cast<float>(uniform()));
    prices.push_back(uniform());
  }
  CHECK(set_simd("portable"));
  const std::vector<float> reference = through_active_simd(costs, prices);
  for (const std::string& simd : supported_simd()) {
    CHECK(set_simd(simd));
    for (const Family& family : families) {
      for (const std::int64_t columns : {1, 3, 127, 128, 131, 700}) {
        for (const double sign : {1.0, -1.0}) check_family(family, columns, sign);
      }
    }
    check_sharpness();
    CHECK(through_active_simd(costs, prices) == reference);
    if (failed_checks) std::cerr << "with " << simd << std::endl;
  }
  return finish();
}
