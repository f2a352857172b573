// The best columns of rows.
#pragma once

#include "cuda/rows.h"
#include "cuda/scan.h"

namespace sae_match::cuda {

struct ListArguments {
  BoundRows bounds;
  const std::int32_t* asked;   // [count] the asked rows
  const std::int32_t* shared;  // [count] how many more entries each wants
  const double* v;
  std::int64_t size, stride;
  std::int32_t* columns;  // [count x stride]
  double* costs;          // [count x stride]
  std::int32_t* sizes;    // [count]
  double* lower;          // [count] what bounds the columns that are not listed
};

void make_lists(const ListArguments& lists, std::int64_t count, cudaStream_t stream);

// Puts the exact costs in the place of listed bounds.
void make_exact(const ListArguments& lists, std::int64_t count, const RowsView& a, const RowsView& b, CostRule rule,
                cudaStream_t stream);

// out[e] = exact cost of rows[e] and columns[e]
void exact_costs(const RowsView& a, const RowsView& b, CostRule rule, const std::int32_t* rows,
                 const std::int32_t* columns, std::int64_t count, double* out, cudaStream_t stream);

// out[j] = depth-th least bound of column j over `count` rows; +infinity where there are fewer
inline constexpr std::int64_t kMostDepth = 8;
void column_quantile(const BoundRows& bounds, std::int64_t count, std::int64_t depth, double* out, cudaStream_t stream);

// out[p] = least exact cost less price of row asked[p], rounded down
void least_reduced(const BoundRows& bounds, const std::int32_t* asked, std::int64_t count, const RowsView& a,
                   const RowsView& b, CostRule rule, const double* v, double* out, cudaStream_t stream);

}  // namespace sae_match::cuda
