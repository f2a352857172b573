// The proof that comes with every result. Knows cost sources and matchings, and no solver.
#pragma once

#include <vector>

#include "cost/cost_source.h"
#include "sae_match/assignment.h"

namespace sae_match {

// In the source's orientation.
struct Certified {
  Certificate certificate;
  std::vector<double> u, v;
  Audit audit;
};

// Computes a rigorous lower bound from the prices v alone. `least_reduced` (lower bounds of min_j (c_ij - v_j) per
// row) replaces the full sweep where it is given: proof `shortlist`. Prices above 0 are cut where the conditions on
// free columns ask for it (rows < columns, or a finite unmatched cost).
Certified certify(const CostSource& source, double unmatched_cost, const std::vector<std::int32_t>& row_to_column,
                  const std::vector<std::int32_t>& column_to_row, std::vector<double> v,
                  const std::vector<double>* least_reduced, bool neighbours, RunControl& control);

}  // namespace sae_match
