// Soft minima of rows and columns of bounds: rounds of Sinkhorn's scaling, which bring prices near to optimal ones.
#pragma once

#include "cuda/scan.h"

namespace sae_match::cuda {

// Sum of 2^((least - x) * scale) over some numbers x: the rows of one part, for one column.
struct alignas(8) SoftPart {
  float least, sum;
};

struct SoftMinArguments {
  const float* bounds;  // [rows x columns]
  std::int64_t rows, columns;
  float eps, row_most, column_most, relaxation;  // see sae_match_device_soft_min of device_api.h
  float* u;         // [rows] what every row pays
  float* v;         // [columns] prices, in and out
  SoftPart* parts;  // [soft_min_parts(rows) x columns]
};

inline constexpr std::int64_t kSoftMinRows = 128;  // of a part
inline std::int64_t soft_min_parts(std::int64_t rows) { return (rows + kSoftMinRows - 1) / kSoftMinRows; }

// One round: u from v, then v from u. The same bits every time.
void soft_min_round(const SoftMinArguments& round, cudaStream_t stream);

}  // namespace sae_match::cuda
