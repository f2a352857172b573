// Where a solution goes: arrays that the caller of the addon made. Creating them here, and an object to hold them, would
// take longer than solving a small problem.
#pragma once

#include <cstdint>
#include <optional>

#include "addon/arguments.h"
#include "sae_match/assignment.h"

namespace sae_match {

class SolutionArrays {
 public:
  // Five arguments: rowToColumn, columnToRow, u, v, figures; and with `neighbours` the seven of those.
  SolutionArrays(Arguments& arguments, std::int64_t rows, std::int64_t columns, bool neighbours);
  void write(const Solution& solution) const;

 private:
  struct NeighbourArrays {
    std::int32_t *nearest_column, *nearest_row, *rank_in_row, *rank_in_column;
    double *nearest_column_cost, *nearest_row_cost, *margin;
  };

  std::int32_t *row_to_column_, *column_to_row_;
  double *u_, *v_, *figures_;
  std::optional<NeighbourArrays> neighbours_;
};

}  // namespace sae_match
