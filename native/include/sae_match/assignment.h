// Linear assignment: the problem, the result, and the proof that comes with it. All sizes are 64-bit.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "sae_match/device.h"
#include "sae_match/matrix_view.h"
#include "sae_match/run_control.h"

namespace sae_match {

// The order of each enum is the one of src/backend/addon-types.ts.
enum class Solver : std::int32_t { jv = 0, shortlist = 1, auction = 2, greedy = 3 };
enum class Source : std::int32_t { dense = 0, implicit = 1, sparse = 2 };
enum class Proof : std::int32_t { shortlist = 0, full = 1 };

// A caller's matrix, row-major with the given stride. +Infinity forbids a pair (-Infinity when maximizing).
struct CostMatrix {
  const void* data = nullptr;
  Dtype dtype = Dtype::f64;  // f32 or f64
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::int64_t row_stride = 0;
};

// A caller's lists of allowed pairs, in compressed sparse rows: those of row i are the entries indptr[i] up to
// indptr[i + 1]. A pair that is not listed, or listed with +Infinity (-Infinity when maximizing), is forbidden.
// Columns of a row come in any order, each at most once.
struct SparseCosts {
  const std::int64_t* indptr = nullptr;   // [rows + 1] from 0, never falling
  const std::int32_t* indices = nullptr;  // [indptr[rows]] columns
  const void* data = nullptr;             // [indptr[rows]] costs
  Dtype dtype = Dtype::f64;               // f32 or f64
  std::int64_t rows = 0;
  std::int64_t columns = 0;
};

struct SolveOptions {
  bool maximize = false;
  // What a pair missing from a full assignment costs; infinity asks for the full assignment of the shorter side.
  double unmatched_cost = std::numeric_limits<double>::infinity();
  std::optional<Solver> solver;  // unset: what serves best, jv for small matrices and shortlist otherwise
  bool neighbours = false;  // also fill Solution::neighbours in the final sweep
  Proof verify = Proof::full;
  // Prices of the longer side (of the columns if both are equal) for solver shortlist to start from, in the caller's
  // sign; null for its own. Any finite numbers will do; good ones save work.
  const double* prices = nullptr;
  // Seconds after which the solver stops with the best assignment it can make of what it has; forming costs before and
  // the proof after are not cut short.
  double time_limit = std::numeric_limits<double>::infinity();
};

struct RowsOptions {
  std::optional<Source> source;                 // unset: dense where the matrix fits the budget
  std::int64_t memory_budget = 4'000'000'000;   // bytes that costs may take
  Sign sign = Sign::same;
  const Devices* devices = nullptr;  // form costs on one of these
};

struct Certificate {
  double primal = 0, dual = 0, gap = 0, rounding_bound = 0, min_reduced_cost = 0;
  Proof proof = Proof::full;
  bool optimal = false;
};

// See Neighbours in src/backend/backend.ts.
struct Neighbours {
  std::vector<std::int32_t> nearest_column, nearest_row, rank_in_row, rank_in_column;
  std::vector<double> nearest_column_cost, nearest_row_cost, margin;
};

struct Work {
  std::int64_t bids = 0, refreshes = 0, raised_bounds = 0, labels = 0, exact_costs = 0;
};

// Everything in the caller's orientation and sign.
struct Solution {
  std::vector<std::int32_t> row_to_column, column_to_row;  // -1 where unmatched
  std::vector<double> u, v;
  double cost = 0;
  Certificate certificate;
  Solver solver = Solver::shortlist;  // the one that ran, to the end or until the time limit
  Source source = Source::dense;
  bool timed_out = false;  // the time limit cut the solver short
  std::optional<Neighbours> neighbours;
  Work work;
  double cost_milliseconds = 0, solve_milliseconds = 0, verify_milliseconds = 0;
};

// Throws Error: COST_NAN, COST_RANGE, INFEASIBLE, SOLVER_UNAVAILABLE, OUT_OF_MEMORY, CANCELLED.
Solution solve(const CostMatrix& costs, const SolveOptions& options, RunControl& control);

// The same over lists. Also throws COST_DUPLICATE, and INVALID_ARGUMENT for a column that does not exist.
Solution solve(const SparseCosts& costs, const SolveOptions& options, RunControl& control);

// Squared distances of feature rows; the optimum is that of their f64 values. With devices also throws DEVICE_LOST and
// DEVICE_FAILED.
Solution solve(const Rows& a, const Rows& b, const RowsOptions& rows_options, const SolveOptions& options,
               RunControl& control);

}  // namespace sae_match
