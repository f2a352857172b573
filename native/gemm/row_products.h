// A * B^T for feature rows: the one packing and blocking loop over all instruction sets.
#pragma once

#include <cstdint>
#include <functional>

#include "features/stored_rows.h"

namespace sae_match {

// Called once for every finished piece of a row: products[0 .. count) belong to the asked row `position` and the
// rows [column, column + count) of B. Runs on pool threads; may change the products in place.
using ProductEpilogue = std::function<void(std::int64_t position, std::int64_t column, std::int64_t count, float* products)>;

// out[p * b.count() + j] = f32 inner product of row a_rows[p] of A and row j of B, passed through `epilogue`.
// Each product is a sum of chains of at most `kProductChain` terms whose partial sums are added up in f32, in an order
// that depends on nothing but the widths: the same bits for any number of threads and any selection of rows.
void row_products(const StoredRows& a, const std::int32_t* a_rows, std::int64_t count, const StoredRows& b, float* out,
                  const ProductEpilogue& epilogue, RunControl& control);

inline constexpr std::int64_t kProductChain = 256;

// A rigorous g such that |product - <x, y>| <= g |x| |y| + underflow: the chains, their addition and the rounding of
// both operands to f32 (the classic n u / (1 - n u) of a sum of n roundings, u = 2^-24).
double product_error(std::int64_t width);
// What gradual underflow of f32 can add to that bound, for operands of norm 2 at most.
double product_underflow(std::int64_t width);

}  // namespace sae_match
