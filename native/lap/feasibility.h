// Whether a full assignment exists among the pairs that are not forbidden.
#pragma once

#include <cstdint>
#include <vector>

#include "cost/cost_source.h"

namespace sae_match {

// Throws Error("INFEASIBLE") that names rows which together have too few columns (Hall's condition). `row_word` is
// what the caller calls the source's rows. Maximum matching over bit sets, or over the lists of a source that has them.
void require_feasible(const CostSource& source, const char* row_word, const char* column_word, RunControl& control);

// Gives every row a column along allowed pairs, where that is known to be possible: those matched already stay matched,
// perhaps to another column.
void complete_matching(const CostSource& source, std::vector<std::int32_t>& row_to_column,
                       std::vector<std::int32_t>& column_to_row, RunControl& control);

}  // namespace sae_match
