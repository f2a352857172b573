// The whole matrix of squared distances, for callers who want to see it.
#include <algorithm>
#include <limits>
#include <sstream>
#include <vector>

#include "core/kernels.h"
#include "cost/source_parts.h"
#include "features/stored_rows.h"
#include "gemm/row_products.h"
#include "sae_match/features.h"

namespace sae_match {

void cost_matrix(const Rows& a, const Rows& b, float* out, RunControl& control) {
  const Kernels& kernel = f32_kernels();
  const StoredRows left(a, control), right(b, control);
  const std::vector<double> left_norms = squared_norms(left, control), right_norms = squared_norms(right, control);
  const auto largest = [](const std::vector<double>& norms) {
    double most = 0;
    for (const double norm : norms) most = norm <= most ? most : norm;  // NaN stays
    return most;
  };
  const double size = 2 * (largest(left_norms) + largest(right_norms));
  if (!(size <= std::numeric_limits<float>::max())) {
    std::ostringstream text;
    text << "Expected squared distances in the range of f32, got up to " << size;
    throw Error("COST_RANGE", text.str());
  }
  row_products(
      left, all_indices(a.count).data(), a.count, RightSide(right, kernel, kMostPackedBytes, control), out,
      [&](std::int64_t position, std::int64_t column, std::int64_t size, float* products) {
        kernel.distances(products, size, left_norms[position], right_norms.data() + column);
      },
      control);
}

}  // namespace sae_match
