// Bounds of costs from products of feature rows.
#pragma once

#include "cuda/rows.h"

namespace sae_match::cuda {

// How an inner product of two rows becomes a bound of their cost.
struct BoundView {
  const double *row_norms, *column_norms;    // squared
  const double *row_errors, *column_errors;  // whose product bounds the error of the cost
  CostRule rule;
};

// out[p * b.count + j] = bound of row rows[p] of `a` (row first + p where rows is null) and row j of `b`.
void form_bounds(Product product, const OperandView& a, const std::int32_t* rows, std::int64_t first,
                 std::int64_t count, const OperandView& b, const BoundView& bound, float* out, cudaStream_t stream);

// g such that |product - <x', y'>| <= g |x'| |y'| for operands of this depth.
double accumulation_error(Product product, std::int64_t depth);

}  // namespace sae_match::cuda
