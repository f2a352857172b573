// Nearest neighbours and ranks of partners, of rows and columns, exact: what the audit of native/cost/scanned_source.cpp
// finds, over bounds on the device.
#pragma once

#include "cuda/rows.h"
#include "cuda/scan.h"

namespace sae_match::cuda {

// Partners and the exact costs of pairs; -1 and -infinity where there is none.
struct PartnerView {
  const std::int32_t *row_to_column, *column_to_row;
  const double *row_cost, *column_cost;
  const double *row_errors, *column_errors;  // of bounds
};

// What is known of columns: upper bounds of their two least costs, and how many entries certainly come before the partner.
struct ColumnView {
  double *least_upper, *second_upper;
  std::int32_t* before;
};

// Chunks of rows that see_columns() looks at side by side, each with room for two numbers a column.
inline constexpr std::int64_t kChunkRows = 256;
inline std::int64_t chunks_of(std::int64_t count) { return (count + kChunkRows - 1) / kChunkRows; }

void clear_columns(const ColumnView& known, std::int64_t columns, cudaStream_t stream);
// Adds what the asked rows tell. `chunks` has room for 2 * chunks_of(count) * columns numbers.
void see_columns(const BoundRows& bounds, const std::int32_t* asked, std::int64_t count, const PartnerView& partners,
                 const ColumnView& known, double* chunks, cudaStream_t stream);

// Entries whose exact costs tell the columns' nearest rows and ranks. `found` counts those beyond `room`, too.
struct CandidateView {
  std::int64_t room;
  unsigned long long* found;
  std::int32_t *rows, *columns, *ties;  // ties: the entry may come before or after the column's partner
};
// Of every asked row, all at position: the nearest column (-1 without one), its cost, the second least cost, and the rank of
// the partner (-1 without one).
struct NeighbourView {
  std::int32_t* index;
  double *cost, *second_cost;
  std::int32_t* rank;
};
// `zeros`: a zero for every column.
void find_neighbours(const BoundRows& bounds, const std::int32_t* asked, std::int64_t count, const RowsView& a,
                     const RowsView& b, CostRule rule, const PartnerView& partners, const ColumnView& known,
                     const double* zeros, const NeighbourView& out, const CandidateView& candidates, cudaStream_t stream);

}  // namespace sae_match::cuda
