// The solvers. Each takes any cost source in solver's orientation (rows <= columns, minimise) and returns a matching
// with column prices; the audit of certificate.h decides what they are worth.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "cost/cost_source.h"
#include "sae_match/assignment.h"

namespace sae_match {

struct Matching {
  std::vector<std::int32_t> row_to_column, column_to_row;  // -1 where alone
  std::vector<double> v;  // column prices; at most 0 (0 on free columns) where rows < columns or lambda is finite
  // [rows] lower bounds of min_j (c_ij - v_j) known without another sweep; empty if the solver has none.
  std::vector<double> least_reduced;
  Work work;
  bool timed_out = false;  // stopped at the deadline, which is lifted
};

// Lazy shortlists: quantile start, tolerant bids, short eps phases, exact augmentation. Given prices replace the start.
Matching solve_shortlist(const CostSource& source, double unmatched_cost, const std::vector<double>* prices,
                         RunControl& control);

// An eps-scaling auction in which all free rows bid at once, finished by the shortlist solver from its prices.
Matching solve_auction(const CostSource& source, double unmatched_cost, RunControl& control);

// Textbook Jonker-Volgenant on the whole matrix of exact costs, which has to fit `memory_budget` bytes.
Matching solve_jv(const CostSource& source, double unmatched_cost, std::int64_t memory_budget, RunControl& control);
// The same, given up once its searches have settled `most_labels` columns.
std::optional<Matching> try_jv(const CostSource& source, double unmatched_cost, std::int64_t most_labels,
                               RunControl& control);

// Pairs in the order of their costs. Not optimal; the certificate tells by how much at most.
Matching solve_greedy(const CostSource& source, double unmatched_cost, RunControl& control);

}  // namespace sae_match
