// Random small problems of every shape: the solvers agree, and every condition of optimality holds in exact terms.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "check.h"
#include "random_problems.h"
#include "sae_match/assignment.h"
#include "sae_match/cpu_features.h"
#include "sae_match/features.h"

using namespace sae_match;

namespace {

Rows rows_of(const std::vector<float>& values, std::int64_t width, const double* scale = nullptr) {
  const std::int64_t count = static_cast<std::int64_t>(values.size()) / width;
  return {{RowBlock{MatrixView{values.data(), Dtype::f32, count, width, width, 1}, scale}}, count, nullptr};
}

// Every line of the table of conditions, in the minimised problem with the shorter side as rows.
void check_conditions(const Problem& problem, const Solution& solution, const std::string& name) {
  const double sign = problem.maximize ? -1 : 1;
  const bool transposed = problem.rows > problem.columns;
  const std::int64_t n = std::min(problem.rows, problem.columns), m = std::max(problem.rows, problem.columns);
  const auto cost = [&](std::int64_t i, std::int64_t j) {
    return sign * problem.costs[transposed ? j * problem.columns + i : i * problem.columns + j];
  };
  const auto& partner = transposed ? solution.column_to_row : solution.row_to_column;
  const auto& owner = transposed ? solution.row_to_column : solution.column_to_row;
  std::vector<double> u = transposed ? solution.v : solution.u, v = transposed ? solution.u : solution.v;
  for (double& x : u) x *= sign;
  for (double& x : v) x *= sign;

  long double total = 0, slack = 0;  // so that this sum's own rounding says nothing
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j < m; ++j) {
      // u is rounded down, so in exact terms nothing is negative; one rounding of this expression is allowed for.
      const double reduced = cost(i, j) - v[j] - u[i];
      CHECK(reduced >= -0x1p-52 * (std::fabs(cost(i, j)) + std::fabs(u[i]) + std::fabs(v[j])));
    }
    if (partner[i] >= 0) {
      CHECK_EQUAL(owner[partner[i]], i);
      CHECK(cost(i, partner[i]) < kInfinity);
      CHECK(cost(i, partner[i]) <= problem.lambda);
      total += cost(i, partner[i]);
      slack += std::fabs(cost(i, partner[i]) - v[partner[i]] - u[i]);
    } else {
      CHECK(problem.lambda < kInfinity);
      slack += problem.lambda - u[i];  // u is rounded down
      total += problem.lambda;
    }
    CHECK(u[i] <= problem.lambda);
  }
  if (n < m || problem.lambda < kInfinity) {
    for (std::int64_t j = 0; j < m; ++j) {
      CHECK(v[j] <= 0);
      if (owner[j] < 0) CHECK_EQUAL(v[j], 0.0);
    }
  }
  const Certificate& certificate = solution.certificate;
  CHECK(certificate.optimal);
  CHECK(certificate.min_reduced_cost >= 0);
  CHECK(slack <= 2 * certificate.rounding_bound);
  CHECK(std::fabs(static_cast<double>(total - sign * solution.cost)) <=
        certificate.rounding_bound + 0x1p-50 * std::fabs(static_cast<double>(total)));
  if (problem.integer) CHECK_EQUAL(certificate.gap, 0.0);
  if (failed_checks) std::cerr << "in solver " << name << std::endl;
}

bool feasible_by_jv(const Problem& problem, SolveOptions options, Solution& solution, RunControl& control) {
  options.solver = Solver::jv;
  try {
    solution = solve(CostMatrix{problem.costs.data(), Dtype::f64, problem.rows, problem.columns, problem.columns},
                     options, control);
    return true;
  } catch (const Error& error) {
    CHECK_EQUAL(error.code(), std::string("INFEASIBLE"));
    return false;
  }
}

// No pair that was not made is cheaper than what both of its sides have.
void check_greedy(const Problem& problem, const Solution& greedy) {
  const double sign = problem.maximize ? -1 : 1;
  const auto cost = [&](std::int64_t i, std::int64_t j) { return sign * problem.costs[i * problem.columns + j]; };
  for (std::int64_t i = 0; i < problem.rows; ++i) {
    const std::int32_t own = greedy.row_to_column[i];
    for (std::int64_t j = 0; j < problem.columns; ++j) {
      const std::int32_t owner = greedy.column_to_row[j];
      const double of_row = own >= 0 ? cost(i, own) : problem.lambda;
      const double of_column = owner >= 0 ? cost(owner, j) : problem.lambda;
      CHECK(!(cost(i, j) < of_row && cost(i, j) < of_column));
    }
  }
}

void check_problems(int count, Problem (*make)()) {
  for (int round = 0; round < count && failed_checks == 0; ++round) {
    const Problem problem = make();
    const CostMatrix matrix{problem.costs.data(), Dtype::f64, problem.rows, problem.columns, problem.columns};
    SolveOptions options;
    options.maximize = problem.maximize;
    options.unmatched_cost = problem.lambda;
    RunControl control;
    Solution by_jv;
    const bool feasible = feasible_by_jv(problem, options, by_jv, control);
    if (feasible) check_conditions(problem, by_jv, "jv");
    // An auction over whole rows takes its time where rows are many.
    if (problem.rows * problem.columns <= 1600 || round % 8 == 0) {
      options.solver = Solver::auction;
      try {
        const Solution solution = solve(matrix, options, control);
        CHECK(feasible);
        check_conditions(problem, solution, "auction");
      } catch (const Error& error) {
        CHECK_EQUAL(error.code(), std::string("INFEASIBLE"));
        CHECK(!feasible);
      }
    }
    if (feasible) {
      options.solver.reset();
      check_conditions(problem, solve(matrix, options, control), "best");
    }
    options.solver = Solver::shortlist;
    try {
      const Solution solution = solve(matrix, options, control);
      CHECK(feasible);
      check_conditions(problem, solution, "shortlist");
      CHECK(std::fabs(solution.cost - by_jv.cost) <=
            solution.certificate.rounding_bound + by_jv.certificate.rounding_bound);
      options.verify = Proof::shortlist;
      const Solution from_lists = solve(matrix, options, control);
      CHECK(from_lists.certificate.dual * (problem.maximize ? -1 : 1) <=
            solution.cost * (problem.maximize ? -1 : 1) + solution.certificate.rounding_bound);
      options.verify = Proof::full;
    } catch (const Error& error) {
      CHECK_EQUAL(error.code(), std::string("INFEASIBLE"));
      CHECK(!feasible);
    }
    if (feasible) {
      options.solver = Solver::greedy;
      const Solution greedy = solve(matrix, options, control);
      const auto matched = std::count_if(greedy.row_to_column.begin(), greedy.row_to_column.end(),
                                         [](std::int32_t j) { return j >= 0; });
      CHECK(matched == std::min(problem.rows, problem.columns) || problem.lambda < kInfinity);
      CHECK(std::isfinite(greedy.cost));
      CHECK(greedy.certificate.gap >= -greedy.certificate.rounding_bound);
      // Where pairs are forbidden, the cheapest of them may have had to be given up for a full assignment.
      const bool forbidden = std::any_of(problem.costs.begin(), problem.costs.end(),
                                         [](double cost) { return !std::isfinite(cost); });
      if (!forbidden || problem.lambda < kInfinity) check_greedy(problem, greedy);
    }
    if (failed_checks) {
      std::cerr << "round " << round << ": " << problem.rows << " x " << problem.columns << ", lambda "
                << problem.lambda << ", maximize " << problem.maximize << std::endl;
    }
  }
}

// The costs of feature rows as a matrix, in a byte each, and nowhere.
std::vector<RowsOptions> ways_to_keep_costs() { return {{Source::dense}, {Source::implicit}, {Source::implicit, 0}}; }

// Feature rows against the matrix of their exact costs, kept in every way, with ties from identical and zero rows.
void check_rows(int count) {
  for (int round = 0; round < count && failed_checks == 0; ++round) {
    const std::int64_t n = 1 + below(60), m = below(2) ? n : 1 + below(60), width = 1 + below(40);
    const auto make = [&](std::int64_t rows) {
      std::vector<float> values(static_cast<std::size_t>(rows * width));
      for (float& x : values) x = static_cast<float>(uniform() - 0.5);
      for (std::int64_t i = 0; i < rows; ++i) {
        if (below(4) == 0) std::fill_n(values.begin() + i * width, width, 0.0f);
      }
      return values;
    };
    const std::vector<float> a = make(n), b = make(m);
    std::vector<double> scale(static_cast<std::size_t>(n));
    for (double& s : scale) s = 0.5 + uniform();
    const Rows left = rows_of(a, width, scale.data());
    const Rows right = rows_of(b, width);

    RunControl control;
    Problem problem{n, m, std::vector<double>(static_cast<std::size_t>(n * m))};
    std::vector<std::int32_t> rows, columns;
    for (std::int32_t i = 0; i < n; ++i) {
      for (std::int32_t j = 0; j < m; ++j) {
        rows.push_back(i);
        columns.push_back(j);
      }
    }
    pair_costs(left, right, rows.data(), columns.data(), n * m, problem.costs.data(), control);
    SolveOptions options;
    options.neighbours = true;
    options.maximize = problem.maximize = below(5) == 0;
    if (below(3) == 0) options.unmatched_cost = problem.lambda = uniform() * static_cast<double>(width) / 6;
    const CostMatrix matrix{problem.costs.data(), Dtype::f64, n, m, m};
    const Solution truth = solve(matrix, options, control);
    for (const RowsOptions& rows_options : ways_to_keep_costs()) {
      const Solution solution = solve(left, right, rows_options, options, control);
      check_conditions(problem, solution, rows_options.source == Source::dense ? "dense rows" : "implicit rows");
      CHECK(std::fabs(solution.cost - truth.cost) <=
            solution.certificate.rounding_bound + truth.certificate.rounding_bound);
      SolveOptions alone = options;
      alone.neighbours = false;
      CHECK(solve(left, right, rows_options, alone, control).u == solution.u);
      CHECK(solution.neighbours->nearest_column == truth.neighbours->nearest_column);
      CHECK(solution.neighbours->nearest_row == truth.neighbours->nearest_row);
      if (solution.row_to_column == truth.row_to_column) {
        CHECK(solution.neighbours->rank_in_row == truth.neighbours->rank_in_row);
        CHECK(solution.neighbours->rank_in_column == truth.neighbours->rank_in_column);
      }
    }
    // Neighbours of the exact matrix by plain search.
    for (std::int64_t i = 0; i < n; ++i) {
      std::int64_t nearest = 0, rank = 0;
      const double sign = problem.maximize ? -1 : 1;
      const auto cost = [&](std::int64_t j) { return sign * problem.costs[i * m + j]; };
      const std::int32_t partner = truth.row_to_column[i];
      double other = kInfinity;
      for (std::int64_t j = 0; j < m; ++j) {
        if (cost(j) < cost(nearest)) nearest = j;
        if (partner >= 0 && j != partner) {
          rank += cost(j) < cost(partner) || (cost(j) == cost(partner) && j < partner);
          other = std::min(other, cost(j));
        }
      }
      CHECK_EQUAL(truth.neighbours->nearest_column[i], nearest);
      CHECK_EQUAL(truth.neighbours->rank_in_row[i], partner >= 0 ? rank : -1);
      if (partner >= 0 && m > 1) CHECK_EQUAL(truth.neighbours->margin[i], other - cost(partner));
    }
    if (failed_checks) std::cerr << "rows round " << round << ": " << n << " x " << m << " x " << width << std::endl;
  }
}

// Where nobody asks for a solver: jv for what it does quickly, shortlist where that was given up.
void check_best_solver() {
  const std::int64_t n = 400;
  std::vector<double> costs(static_cast<std::size_t>(n * n));
  const auto check = [&](std::int64_t rows, double lambda, Solver expected) {
    SolveOptions options;
    options.unmatched_cost = lambda;
    RunControl control;
    const CostMatrix matrix{costs.data(), Dtype::f64, rows, n, n};
    const Solution best = solve(matrix, options, control);
    options.solver = Solver::shortlist;
    const Solution shortlist = solve(matrix, options, control);
    CHECK(best.solver == expected);
    CHECK(best.certificate.optimal);
    CHECK(std::fabs(best.cost - shortlist.cost) <=
          best.certificate.rounding_bound + shortlist.certificate.rounding_bound);
  };
  for (double& cost : costs) cost = uniform();
  check(n, kInfinity, Solver::jv);
  check(n, 0.01, Solver::shortlist);
  check(n - 50, kInfinity, Solver::shortlist);
  for (const double lambda : {kInfinity, 0.01}) check(100, lambda, Solver::jv);
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j < n; ++j) costs[i * n + j] = static_cast<double>((i + 1) * (j + 1));
  }
  check(n, kInfinity, Solver::shortlist);
  check(n - 10, kInfinity, Solver::shortlist);
  check(100, kInfinity, Solver::jv);  // small
}

// The same bits whatever the number of threads.
void check_threads() {
  const std::int64_t n = 700, width = 30;
  std::vector<float> a(static_cast<std::size_t>(n * width)), b(a.size());
  for (float& x : a) x = static_cast<float>(uniform() - 0.5);
  for (std::size_t k = 0; k < b.size(); ++k) b[k] = a[k] + static_cast<float>(0.2 * (uniform() - 0.5));
  const Rows left = rows_of(a, width);
  const Rows right = rows_of(b, width);
  const std::optional<Solver> best;
  for (const std::optional<Solver> solver :
       {best, std::optional(Solver::shortlist), std::optional(Solver::auction), std::optional(Solver::jv),
        std::optional(Solver::greedy)}) {
    for (const RowsOptions& rows_options : ways_to_keep_costs()) {
      if (solver == Solver::jv && rows_options.memory_budget == 0) continue;
      SolveOptions options;
      options.solver = solver;
      options.neighbours = true;
      std::vector<Solution> solutions;
      for (const int threads : {1, 2, 0}) {
        RunControl control;
        control.threads = threads;
        solutions.push_back(solve(left, right, rows_options, options, control));
      }
      for (const Solution& other : solutions) {
        CHECK(other.row_to_column == solutions[0].row_to_column);
        CHECK(other.u == solutions[0].u);
        CHECK(other.v == solutions[0].v);
        CHECK_EQUAL(other.cost, solutions[0].cost);
        CHECK_EQUAL(other.work.bids, solutions[0].work.bids);
        CHECK(other.neighbours->rank_in_column == solutions[0].neighbours->rank_in_column);
        CHECK(other.neighbours->nearest_row_cost == solutions[0].neighbours->nearest_row_cost);
      }
    }
  }
}

// Bad entries and impossible problems end in an error of the right kind.
void check_errors() {
  const double nan = std::nan("");
  const auto code = [](std::vector<double> costs, std::int64_t rows, std::int64_t columns, bool maximize,
                       double lambda = kInfinity) {
    SolveOptions options;
    options.unmatched_cost = lambda;
    options.maximize = maximize;
    RunControl control;
    try {
      solve(CostMatrix{costs.data(), Dtype::f64, rows, columns, columns}, options, control);
    } catch (const Error& error) {
      return error.code();
    }
    return std::string("none");
  };
  CHECK_EQUAL(code({1, nan, 2, 3}, 2, 2, false), "COST_NAN");
  CHECK_EQUAL(code({1, -kInfinity, 2, 3}, 2, 2, false), "COST_NAN");
  CHECK_EQUAL(code({1, kInfinity, 2, 3}, 2, 2, true), "COST_NAN");
  CHECK_EQUAL(code({1e308, 1, 2, 1e308}, 2, 2, false), "COST_RANGE");
  CHECK_EQUAL(code({kInfinity, kInfinity, kInfinity, kInfinity}, 2, 2, false, 1e308), "COST_RANGE");
  CHECK_EQUAL(code({kInfinity, 1, kInfinity, 1}, 2, 2, false), "INFEASIBLE");
  CHECK_EQUAL(code({1, kInfinity, 1, kInfinity, 1, kInfinity}, 3, 2, false), "INFEASIBLE");
  CHECK_EQUAL(code({kInfinity, 1, 1, kInfinity}, 2, 2, false), "none");

  RunControl cancelled;
  cancelled.cancelled = true;
  const std::vector<double> costs(100 * 100, 1.0);
  std::string found;
  try {
    solve(CostMatrix{costs.data(), Dtype::f64, 100, 100, 100}, SolveOptions{}, cancelled);
  } catch (const Error& error) {
    found = error.code();
  }
  CHECK_EQUAL(found, "CANCELLED");

  const std::vector<double> constant(30 * 40, 2.5);
  RunControl control;
  for (const Solver solver : {Solver::shortlist, Solver::jv}) {
    SolveOptions options;
    options.solver = solver;
    const Solution solution = solve(CostMatrix{constant.data(), Dtype::f64, 30, 40, 40}, options, control);
    for (std::int32_t i = 0; i < 30; ++i) CHECK_EQUAL(solution.row_to_column[i], i);
  }
}

// Rows whose norms or distances lie at the ends of the range.
void check_extreme_rows() {
  struct Case {
    std::vector<double> a, b;
    std::int64_t width;
  };
  for (const Case& it : std::vector<Case>{
           {{1e-160}, {2e-160}, 1},
           {{1e-160, 3e-160}, {2e-160, 1e-162}, 1},
           {{0, 0}, {1e-21, 0, 1e-21, 0, 1, 0}, 2},
           {{0, 0, 0, 0}, {1e-22, 0, 1e-23, 1e-22, 1, 0}, 2},
           {{1e150, 1e-150}, {1e150, 0}, 1},
       }) {
    const auto n = static_cast<std::int64_t>(it.a.size()) / it.width, m = static_cast<std::int64_t>(it.b.size()) / it.width;
    const Rows left{{RowBlock{MatrixView{it.a.data(), Dtype::f64, n, it.width, it.width, 1}, nullptr}}, n, nullptr};
    const Rows right{{RowBlock{MatrixView{it.b.data(), Dtype::f64, m, it.width, it.width, 1}, nullptr}}, m, nullptr};
    for (const RowsOptions& rows_options : ways_to_keep_costs()) {
      for (const bool maximize : {false, true}) {
        SolveOptions options;
        options.neighbours = true;
        options.maximize = maximize;
        RunControl control;
        const Solution solution = solve(left, right, rows_options, options, control);
        CHECK(solution.certificate.optimal);
        for (const double u : solution.u) CHECK(std::isfinite(u));
      }
    }
  }
}

// Dead features: zero rows on both sides, more on one than on the other. They act as one, so they cost next to nothing.
void check_dead_rows() {
  const std::int64_t n = 600, width = 20;
  for (const std::int64_t dead_b : {150, 200, 250}) {
    std::vector<float> a(static_cast<std::size_t>(n * width)), b(a.size());
    for (float& x : a) x = static_cast<float>(uniform() - 0.5);
    for (float& x : b) x = static_cast<float>(uniform() - 0.5);
    std::fill_n(a.begin(), 200 * width, 0.25f);  // alike, and not zero
    std::fill_n(b.begin(), dead_b * width, 0.25f);
    const Rows left = rows_of(a, width);
    const Rows right = rows_of(b, width);
    for (const RowsOptions& rows_options : ways_to_keep_costs()) {
      SolveOptions options;
      RunControl control;
      const Solution solution = solve(left, right, rows_options, options, control);
      options.solver = Solver::jv;
      const Solution truth = solve(left, right, {}, options, control);
      CHECK(solution.certificate.optimal);
      CHECK(std::fabs(solution.cost - truth.cost) <= 2 * truth.certificate.rounding_bound);
      // Counted work, so this is no timed test: without groups it is dozens of times as much.
      CHECK(solution.work.bids < 60 * n);
      CHECK(solution.work.labels < 60 * n);
    }
  }
}

// Many equal columns whose exact costs lie above their lower bounds: no list of a usual size tells which is next.
void check_equal_columns() {
  const std::int64_t n = 4, m = 1200, width = 7;
  std::vector<float> a(static_cast<std::size_t>(n * width)), b(static_cast<std::size_t>(m * width));
  for (float& x : a) x = static_cast<float>(uniform() - 0.5);
  for (std::int64_t k = 0; k < width; ++k) b[k] = static_cast<float>(uniform() - 0.5);
  for (std::int64_t j = 1; j < m; ++j) std::copy_n(b.begin(), width, b.begin() + j * width);
  const Rows left = rows_of(a, width);
  const Rows right = rows_of(b, width);
  for (const RowsOptions& rows_options : ways_to_keep_costs()) {
    for (const Solver solver : {Solver::greedy, Solver::shortlist, Solver::auction}) {
      for (const double limit : {0.0, kInfinity}) {
        SolveOptions options;
        options.solver = solver;
        options.time_limit = limit;
        RunControl control;
        const Solution solution = solve(left, right, rows_options, options, control);
        CHECK(std::count(solution.row_to_column.begin(), solution.row_to_column.end(), -1) == 0);
        CHECK(solution.timed_out == (limit == 0 && solver != Solver::greedy));
      }
    }
  }
}

// Costs of twenty orders of magnitude in one matrix.
void check_wide_range() {
  for (int round = 0; round < 40; ++round) {
    const std::int64_t n = 80 + below(100), m = 80 + below(100), kinds = 5;
    std::vector<std::int64_t> kind;
    for (std::int64_t i = 0; i < n; ++i) kind.push_back(round % 2 ? i : below(kinds));
    std::vector<double> costs(static_cast<std::size_t>(n * m));
    for (double& c : costs) c = std::pow(10.0, 20 * uniform() - 10);
    for (std::int64_t i = 0; i < n; ++i) std::copy_n(costs.begin() + kind[i] * m, m, costs.begin() + i * m);
    for (double& c : costs) {
      if (uniform() < 0.5 && round % 4 > 1) c = kInfinity;
    }
    SolveOptions options;
    RunControl control;
    try {
      CHECK(solve(CostMatrix{costs.data(), Dtype::f64, n, m, m}, options, control).certificate.optimal);
    } catch (const Error& error) {
      CHECK_EQUAL(error.code(), "INFEASIBLE");
    }
  }
}

// Where half of the rows go out, or a fifth of the columns stay, the pool bids for its columns like everybody else:
// a path for each would take thousands of times the work.
void check_pool_work() {
  const std::int64_t n = 600;
  std::vector<double> costs(static_cast<std::size_t>(n * n));
  for (double& c : costs) c = uniform();
  for (const bool rectangular : {false, true}) {
    SolveOptions options;
    RunControl control;
    const std::int64_t rows = rectangular ? n * 4 / 5 : n;
    const CostMatrix matrix{costs.data(), Dtype::f64, rows, n, n};
    if (!rectangular) options.unmatched_cost = solve(matrix, options, control).cost / n;
    const Solution solution = solve(matrix, options, control);
    CHECK(solution.certificate.optimal);
    CHECK(solution.work.labels < 40 * n);
  }
}

}  // namespace

// `solve_test 50` tries fifty times as many random problems.
int main(int argument_count, char** arguments) {
  const int factor = argument_count > 1 ? std::stoi(arguments[1]) : 1;
  check_errors();
  check_extreme_rows();
  check_dead_rows();
  check_pool_work();
  check_equal_columns();
  check_wide_range();
  check_best_solver();
  check_threads();
  for (const std::string& simd : supported_simd()) {
    CHECK(set_simd(simd));
    check_problems(1500 * factor, random_problem);
    check_problems(60 * factor, larger_problem);
    check_rows(150 * factor);
    if (failed_checks) std::cerr << "with " << simd << std::endl;
  }
  return finish();
}
