// Arithmetic over stored tensors and feature rows. All sums are f64 in one fixed order (sum_in_lanes), so that every
// instruction set and the TypeScript backend give the same bits.
#pragma once

#include "sae_match/matrix_view.h"
#include "sae_match/run_control.h"

namespace sae_match {

// out[i] = sum_k matrix(i, k)^2
void squared_row_norms(const MatrixView& matrix, double* out, RunControl& control);

// out[i] = sum_k matrix(i, k) * vector[k]
void row_dots(const MatrixView& matrix, const double* vector, double* out, RunControl& control);

// out[r * blocks + b] = squared norm of block b of row r
void squared_block_norms(const Rows& rows, double* out, RunControl& control);

// out[p * blocks + b] = squared distance in block b of rows a_index[p] and b_index[p]
void pair_costs(const Rows& a, const Rows& b, const std::int32_t* a_index, const std::int32_t* b_index,
                std::int64_t pairs, double* out, RunControl& control);

// out[i * b.count + j] = |a_i - b_j|^2 in f32, one GEMM. Throws COST_RANGE where they could leave the range of f32.
void cost_matrix(const Rows& a, const Rows& b, float* out, RunControl& control);

}  // namespace sae_match
