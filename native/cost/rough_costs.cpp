#include "cost/rough_costs.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace sae_match {
namespace {

std::int64_t blocks_of(std::int64_t columns) { return (columns + kRoughBlock - 1) / kRoughBlock; }

}  // namespace

RoughCosts::RoughCosts(std::int64_t rows, std::int64_t columns, const double* prices, double largest, bool negative)
    : columns_(columns),
      blocks_(blocks_of(columns)),
      floor_(negative ? -std::numeric_limits<double>::infinity() : 0),
      prices_(prices, prices + columns),
      codes_(allocate<std::uint8_t>(rows * columns)),
      scales_(allocate<float>(rows * 2 * blocks_)) {
  for (double& price : prices_) price = std::isfinite(price) ? std::clamp(price, -largest, largest) : 0;
}

double RoughCosts::bytes(std::int64_t rows, std::int64_t columns) {
  return static_cast<double>(rows) *
         (static_cast<double>(columns) + 2 * sizeof(float) * static_cast<double>(blocks_of(columns)));
}

void RoughCosts::keep(const Kernels& kernel, std::int64_t i, const float* costs) {
  kernel.to_rough(costs, columns_, prices_.data(), row(i));
}

void RoughCosts::read(const Kernels& kernel, std::int64_t i, float* costs) const {
  kernel.from_rough(row(i), columns_, prices_.data(), floor_, costs);
}

RoughRow RoughCosts::row(std::int64_t i) const {
  float* scales = scales_.get() + i * 2 * blocks_;
  return {codes_.get() + i * columns_, scales, scales + blocks_};
}

}  // namespace sae_match
