// What the shortlist solver answers at first, before solve() repairs what rounding left: its prices prove it optimal.
// solve() would hide a fault of the solver behind a repair or, in small problems, behind another solver.
#include <algorithm>
#include <cmath>
#include <string_view>
#include <vector>

#include "check.h"
#include "cost/cost_source.h"
#include "lap/certificate.h"
#include "lap/feasibility.h"
#include "lap/solvers.h"
#include "random_problems.h"
#include "sae_match/cpu_features.h"

using namespace sae_match;

namespace {

bool is_feasible(const CostSource& source, RunControl& control) {
  try {
    require_feasible(source, "row", "column", control);
    return true;
  } catch (const Error&) {
    return false;
  }
}

void check_first_answer(const Problem& problem) {
  RunControl control;
  const CostMatrix matrix{problem.costs.data(), Dtype::f64, problem.rows, problem.columns, problem.columns};
  const auto source = make_matrix_source(matrix, problem.maximize, control);
  if (!(problem.lambda < kInfinity) && !is_feasible(*source, control)) return;
  const Matching matching = solve_shortlist(*source, problem.lambda, nullptr, control);
  const auto certificate = [&](const std::vector<double>* least_reduced) {
    return certify(*source, problem.lambda, matching.row_to_column, matching.column_to_row, matching.v, least_reduced, false,
                   control)
        .certificate;
  };
  const double gap = certificate(nullptr).gap;
  double largest = problem.lambda < kInfinity ? problem.lambda : 0;
  for (const double cost : problem.costs) largest = std::isfinite(cost) ? std::max(largest, std::fabs(cost)) : largest;
  // More than rounding leaves where costs span many orders of magnitude, and far less than a fault does.
  CHECK(std::fabs(gap) <= 1e-10 * largest);
  // Sums of integers are exact.
  if (problem.integer) {
    CHECK_EQUAL(gap, 0.0);
    const Certificate from_lists = certificate(&matching.least_reduced);
    if (from_lists.optimal) CHECK_EQUAL(from_lists.gap, 0.0);
  }
}

template <class Make>
void check_many(const char* name, int count, Make make) {
  for (int round = 0; round < count; ++round) {
    check_first_answer(make());
    if (failed_checks == 0) continue;
    std::cerr << name << ", round " << round << std::endl;
    return;
  }
}

// Squared distances of points of which a quarter lies in one place, on both sides, often with a price for staying alone.
Problem points_in_one_place() {
  const std::int64_t rows = 1 + below(60), width = 1 + below(10);
  Problem problem{rows, below(2) ? rows : 1 + below(60), {}};
  const auto make = [&](std::int64_t count) {
    std::vector<double> points(static_cast<std::size_t>(count * width));
    for (double& x : points) x = uniform() - 0.5;
    for (std::int64_t i = 0; i < count; ++i) {
      if (below(4) == 0) std::fill_n(points.begin() + i * width, width, 0.0);
    }
    return points;
  };
  const std::vector<double> a = make(problem.rows), b = make(problem.columns);
  for (std::int64_t i = 0; i < problem.rows; ++i) {
    for (std::int64_t j = 0; j < problem.columns; ++j) {
      double cost = 0;
      for (std::int64_t k = 0; k < width; ++k) cost += std::pow(a[i * width + k] - b[j * width + k], 2);
      problem.costs.push_back(cost);
    }
  }
  if (below(3)) problem.lambda = uniform() * static_cast<double>(width) / 6;
  return problem;
}

// Nine equal rows of which some stay out, while another row takes one of their columns: then that column is a choice
// for those that stayed out before, too.
Problem column_taken_from_equal_rows() {
  constexpr std::string_view costs =
    "20009071000800090"
    "18888876888288898"
    "86669650666066646"
    "18888876888288898"
    "54442414444744454"
    "18888876888288898"
    "18888876888288898"
    "68888809888888858"
    "18888876888288898"
    "55557555555655535"
    "18888876888288898"
    "18888876888288898"
    "18888876888288898"
    "18888876888288898"
    "45553522555455515"
    "18888876888288898"
    "49995954999399939";
  Problem problem{17, 17, {}, 3};
  for (const char digit : costs) problem.costs.push_back(digit - '0');
  return problem;
}

}  // namespace

int main() {
  for (const std::string& simd : supported_simd()) {
    CHECK(set_simd(simd));
    check_many("column taken from equal rows", 1, column_taken_from_equal_rows);
    check_many("points in one place", 4000, points_in_one_place);
    check_many("random", 3000, random_problem);
    check_many("larger", 40, larger_problem);
    if (failed_checks) std::cerr << "with " << simd << std::endl;
  }
  return finish();
}
