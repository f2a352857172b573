// The nearest rows of every row.
#pragma once

#include <cstdint>

#include "sae_match/device.h"
#include "sae_match/matrix_view.h"
#include "sae_match/run_control.h"

namespace sae_match {

// For every row of `a` its `count` nearest rows of `b` by squared distance in f64, nearest first, the lower index among
// equals: their indices and squared distances, both [a.count x count]. `count` is at most b.count.
// Throws Error: COST_RANGE, OUT_OF_MEMORY, CANCELLED.
void nearest_rows(const Rows& a, const Rows& b, std::int64_t count, std::int32_t* index, double* cost, RunControl& control,
                  Sign sign = Sign::same, const Devices* devices = nullptr);

}  // namespace sae_match
