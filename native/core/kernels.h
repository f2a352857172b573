// The few loops that are compiled once per instruction set. Everything above them is written once.
#pragma once

#include <cstdint>

#include "sae_match/matrix_view.h"

namespace sae_match {

// Selection works on blocks of this many columns: a row is first reduced to one minimum per block.
inline constexpr std::int64_t kScanBlock = 32;

// One row of costs, f32 or f64. The cost of column j is sign * cost[j].
template <class T>
struct ScanRow {
  const T* cost;
  double sign;
  std::int64_t columns;
};

// How far a row of lower bounds can lie below the exact costs: entry j by at most
// row_error * column_error[j] + relative * |entry| + absolute. column_error is null where entries are exact.
struct RowError {
  double row_error = 0;
  const double* column_error = nullptr;
  double relative = 0;
  double absolute = 0;
};

// What the audit asks of one row. An entry that may lie on either side of a threshold, or may be one of the two least
// of its column, needs a closer look; its block of kScanBlock columns is flagged.
struct CompareRow {
  double row_threshold;              // the partner's cost in this row
  const double* column_thresholds;   // the partner's cost in every column
  double* column_least_upper;        // least upper bound seen in every column; updated
  double* column_second_upper;       // second least; updated
  std::int32_t* column_before;       // entries certainly below the column's threshold; updated
  std::uint8_t* look_in_row;         // [blocks] set where an entry may tie with row_threshold
  std::uint8_t* look_in_column;      // [blocks] set where an entry may tie or be one of its column's two least
};

// One row of costs less prices, a byte each, in blocks of kRoughBlock columns: that of entry j is at least
// base[block] + code[j] * step[block], and of code 255 it may lie anywhere above that.
inline constexpr std::int64_t kRoughBlock = 4 * kScanBlock;
struct RoughRow {
  std::uint8_t* code;  // [columns]
  float* base;         // [blocks]
  float* step;         // [blocks]
};

// The best entry of a list by cost - v, the first of equals (-1 without one), and the second best value.
struct TwoBest {
  std::int32_t position;
  double best, second;
};

// What one step of a search of shortest paths over a whole row finds.
struct Relaxed {
  double least;           // of the distances of all open columns
  std::int32_t position;  // the first open column at that distance
  double least_free;      // the least distance of an open column that no row has
};

// Rows that are read whole, in f64 and without a remainder, are padded to a multiple of this many columns.
inline constexpr std::int64_t kPaddedColumns = 8;

// What every register tile's width divides.
inline constexpr std::int64_t kColumnGrain = 96;

struct Kernels {
  const char* name;

  // Products. A panel holds `tile_rows` rows of the left side or `tile_columns` of the right side, as many floats as they
  // have numbers, in an order of the kernel's own. Depths are multiples of `depth_grain`.
  std::int64_t tile_rows, tile_columns, depth_grain;
  // Puts the numbers of the r-th row into a panel.
  void (*place_left)(const float* numbers, std::int64_t depth, std::int64_t r, float* panel);
  void (*place_right)(const float* numbers, std::int64_t depth, std::int64_t r, float* panel);
  // C[tile_rows x tile_columns] (+)= products of two panels. On every thread between the two calls below.
  void (*gemm_tile)(std::int64_t depth, const float* a, const float* b, float* c, std::int64_t c_stride,
                    bool accumulate);
  void (*begin_products)();
  void (*end_products)();
  // A rigorous g such that |product - <x, y>| <= g |x| |y| + underflow, where chains of `chain` terms are added up, the
  // rounding of both operands to f32 included; and what gradual underflow can add, for operands of norm 2 at most.
  double (*product_error)(std::int64_t width, std::int64_t chain);
  double (*product_underflow)(std::int64_t width);

  // out[k] = fl(scale * stored[k]), contiguous numbers
  void (*widen)(const void* stored, Dtype dtype, double scale, double* out, std::int64_t count);
  // The same rounded once more to f32
  void (*narrow)(const void* stored, Dtype dtype, double scale, float* out, std::int64_t count);
  // sum over k of (x[k] - fl(scale * stored[k]))^2, and of x[k] * fl(scale * stored[k]), in lanes
  double (*squared_distance)(const double* x, const void* stored, Dtype dtype, double scale, std::int64_t count);
  double (*dot)(const double* x, const void* stored, Dtype dtype, double scale, std::int64_t count);

  // The largest magnitude of a row; NaN if an entry is NaN or infinite
  double (*largest_finite_f32)(const float* row, std::int64_t columns);
  double (*largest_finite_f64)(const double* row, std::int64_t columns);
  // minima[b] = least cost - v of columns [32 b, 32 b + 32); returns the least of all
  double (*block_minima_f32)(const ScanRow<float>& row, const double* v, double* minima);
  double (*block_minima_f64)(const ScanRow<double>& row, const double* v, double* minima);
  // The columns with cost - v <= cut, ascending, given the row's minima; returns how many
  std::int64_t (*collect_f32)(const ScanRow<float>& row, const double* v, const double* minima, double cut,
                              std::int32_t* found);
  std::int64_t (*collect_f64)(const ScanRow<double>& row, const double* v, const double* minima, double cut,
                              std::int32_t* found);
  TwoBest (*two_best)(const std::int32_t* columns, const double* costs, std::int64_t count, const double* v);
  // The three below read whole padded rows. The best column by cost - v, the first of equals, and the second best value.
  TwoBest (*two_best_of_row)(const double* costs, const double* v, std::int64_t columns);
  // Where the row's cost is below v it becomes v, and the row is noted.
  void (*lower_to_row)(const double* costs, std::int64_t row, std::int64_t columns, double* v, std::int64_t* least_row);
  // Lowers the distances of open columns to cost - v - base and notes the row there. The distance of a column that is
  // not open is -infinity. taken: 0 of columns that no row has, +infinity of others.
  Relaxed (*relax)(const double* costs, const double* v, double base, std::int64_t row, std::int64_t columns,
                   const double* taken, double* distance, std::int64_t* predecessor);
  // smallest[t * columns + j] keeps the `depth` least costs seen in column j, ascending in t
  void (*keep_smallest_f32)(const ScanRow<float>& row, std::int64_t depth, double* smallest);
  void (*keep_smallest_f64)(const ScanRow<double>& row, std::int64_t depth, double* smallest);
  // Returns how many entries certainly lie below row_threshold
  std::int64_t (*compare_f32)(const ScanRow<float>& row, const RowError& error, const CompareRow& compare);
  std::int64_t (*compare_f64)(const ScanRow<double>& row, const RowError& error, const CompareRow& compare);

  // Inner products into lower bounds of sign * squared distance, in place: less row_error * column_error[j], then
  // rounded down.
  void (*lower_bounds)(float* products, std::int64_t count, double sign, double row_norm, const double* column_norms,
                       const RowError& error);
  // Stores lower bounds of costs less prices, which are finite, and gives back lower bounds of those costs. `floor`, a
  // number of f32, is one of all of them.
  void (*to_rough)(const float* costs, std::int64_t columns, const double* prices, const RoughRow& rough);
  void (*from_rough)(const RoughRow& rough, std::int64_t columns, const double* prices, double floor, float* costs);

  // Inner products into squared distances rounded to nearest, in place
  void (*distances)(float* products, std::int64_t count, double row_norm, const double* column_norms);
};

// The kernels of one instruction set. Only those that are compiled in exist; cpu_features.cpp lists them.
const Kernels* kernels_portable();
const Kernels* kernels_avx2();
const Kernels* kernels_avx512();
const Kernels* kernels_amx();
const Kernels* kernels_neon();

// The kernels of active_simd().
const Kernels& kernels();

// The same, or the best with products of f32 where those of kernels() are of less: for products that are seen as they are.
const Kernels& f32_kernels();

}  // namespace sae_match
