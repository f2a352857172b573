#include "addon/solution_arrays.h"

#include <algorithm>
#include <iterator>
#include <vector>

namespace sae_match {
namespace {

// In the order of `figureNames` of src/backend/solution-arrays.ts.
constexpr std::int64_t kFigures = 18;

template <class T>
void copy(const std::vector<T>& from, T* to) {
  std::copy(from.begin(), from.end(), to);
}

}  // namespace

SolutionArrays::SolutionArrays(Arguments& arguments, std::int64_t rows, std::int64_t columns, bool neighbours)
    : row_to_column_(arguments.elements<std::int32_t>("rowToColumn", rows)),
      column_to_row_(arguments.elements<std::int32_t>("columnToRow", columns)),
      u_(arguments.elements<double>("u", rows)),
      v_(arguments.elements<double>("v", columns)),
      figures_(arguments.elements<double>("figures", kFigures)) {
  if (!neighbours) return;
  NeighbourArrays& arrays = neighbours_.emplace();
  arrays.nearest_column = arguments.elements<std::int32_t>("nearestColumn", rows);
  arrays.nearest_column_cost = arguments.elements<double>("nearestColumnCost", rows);
  arrays.nearest_row = arguments.elements<std::int32_t>("nearestRow", columns);
  arrays.nearest_row_cost = arguments.elements<double>("nearestRowCost", columns);
  arrays.margin = arguments.elements<double>("margin", rows);
  arrays.rank_in_row = arguments.elements<std::int32_t>("rankInRow", rows);
  arrays.rank_in_column = arguments.elements<std::int32_t>("rankInColumn", columns);
}

void SolutionArrays::write(const Solution& solution) const {
  copy(solution.row_to_column, row_to_column_);
  copy(solution.column_to_row, column_to_row_);
  copy(solution.u, u_);
  copy(solution.v, v_);
  const Certificate& certificate = solution.certificate;
  const Work& work = solution.work;
  const double figures[] = {solution.cost,
                            certificate.primal,
                            certificate.dual,
                            certificate.gap,
                            certificate.rounding_bound,
                            certificate.min_reduced_cost,
                            static_cast<double>(certificate.proof),
                            static_cast<double>(certificate.optimal),
                            static_cast<double>(solution.solver),
                            static_cast<double>(solution.source),
                            static_cast<double>(solution.timed_out),
                            static_cast<double>(work.bids),
                            static_cast<double>(work.refreshes),
                            static_cast<double>(work.labels),
                            static_cast<double>(work.exact_costs),
                            solution.cost_milliseconds,
                            solution.solve_milliseconds,
                            solution.verify_milliseconds};
  static_assert(std::size(figures) == kFigures);
  std::copy(std::begin(figures), std::end(figures), figures_);
  if (!neighbours_ || !solution.neighbours) return;
  const Neighbours& found = *solution.neighbours;
  copy(found.nearest_column, neighbours_->nearest_column);
  copy(found.nearest_column_cost, neighbours_->nearest_column_cost);
  copy(found.nearest_row, neighbours_->nearest_row);
  copy(found.nearest_row_cost, neighbours_->nearest_row_cost);
  copy(found.margin, neighbours_->margin);
  copy(found.rank_in_row, neighbours_->rank_in_row);
  copy(found.rank_in_column, neighbours_->rank_in_column);
}

}  // namespace sae_match
