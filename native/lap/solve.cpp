// From a problem to a certified result in the caller's orientation and sign.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <optional>
#include <sstream>

#include "lap/certificate.h"
#include "lap/feasibility.h"
#include "lap/solvers.h"
#include "sae_match/assignment.h"

namespace sae_match {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
// Problems of at most this size are solved anew by the textbook solver where rounding leaves shortlist without a proof.
constexpr double kMostEntriesOfRescue = 1 << 24;
// Where nobody asked for a solver: matrices of at most this size are for jv, whose rows stay in the nearest caches.
constexpr double kMostEntriesOfJv = 1 << 16;
// Up to this size jv is tried first, and given up when its searches would read more entries than this, which takes some
// milliseconds: what does without long searches it solves faster than shortlist.
constexpr double kMostEntriesOfTrial = 1 << 20;
constexpr std::int64_t kMostEntriesOfSearches = 1 << 23;
constexpr std::int64_t kDefaultMemoryBudget = RowsOptions{}.memory_budget;

class Stopwatch {
 public:
  // So many seconds after its making; none where that is never.
  std::optional<std::chrono::steady_clock::time_point> deadline(double seconds) const {
    constexpr double kYears = 1e9;  // more would overflow
    if (!(seconds < kYears)) return std::nullopt;
    const std::chrono::duration<double> limit(std::max(0.0, seconds));
    return start_ + std::chrono::duration_cast<std::chrono::steady_clock::duration>(limit);
  }
  // So much of what has passed does not count.
  void leave_out(std::chrono::steady_clock::duration time) {
    start_ += time;
    last_ += time;
  }
  double lap() {
    const auto now = std::chrono::steady_clock::now();
    const double milliseconds = std::chrono::duration<double, std::milli>(now - last_).count();
    last_ = now;
    return milliseconds;
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now(), last_ = start_;
};

// How the caller's problem relates to the source's: which side is which, and the numbers' factor.
struct Orientation {
  bool transposed;
  bool maximize;
  double cost_factor;  // of the source's costs over the caller's, a power of two

  double to_caller(double x) const { return (maximize ? -x : x) / cost_factor; }
  double to_source(double x) const { return (maximize ? -x : x) * cost_factor; }
};

double entry_count(const CostSource& source) {
  return static_cast<double>(source.rows()) * static_cast<double>(source.columns());
}

Matching run_solver(Solver solver, const CostSource& source, double unmatched_cost, std::int64_t memory_budget,
                    const std::vector<double>* prices, RunControl& control) {
  switch (solver) {
    case Solver::jv:
      return solve_jv(source, unmatched_cost, memory_budget, control);
    case Solver::greedy: {
      Matching matching = solve_greedy(source, unmatched_cost, control);
      // What the cheapest pairs have left may not fit together.
      if (!(unmatched_cost < kInfinity)) {
        complete_matching(source, matching.row_to_column, matching.column_to_row, control);
      }
      return matching;
    }
    case Solver::shortlist:
      return solve_shortlist(source, unmatched_cost, prices, control);
    case Solver::auction:
      return solve_auction(source, unmatched_cost, control);
  }
  throw Error("SOLVER_UNAVAILABLE", "The native backend has no solver of that name");
}

// The solver that serves best, and which one that was.
Matching run_best_solver(const CostSource& source, double unmatched_cost, std::int64_t memory_budget,
                         const std::vector<double>* prices, Solver& ran, RunControl& control) {
  // Only a matrix has whole rows at hand.
  const double entries = prices || source.kind() != Source::dense || !source.exact() ? kInfinity : entry_count(source);
  ran = Solver::jv;
  if (entries <= kMostEntriesOfJv) return solve_jv(source, unmatched_cost, memory_budget, control);
  // Without a column for every row and a row for every column jv begins without prices, and searches long.
  const bool full = source.rows() == source.columns() && !(unmatched_cost < kInfinity);
  if (full && entries <= kMostEntriesOfTrial) {
    std::optional<Matching> found = try_jv(source, unmatched_cost, kMostEntriesOfSearches / source.columns(), control);
    if (found) return std::move(*found);
  }
  ran = Solver::shortlist;
  return solve_shortlist(source, unmatched_cost, prices, control);
}

void add(Work& to, const Work& work) {
  to.bids += work.bids;
  to.refreshes += work.refreshes;
  to.raised_bounds += work.raised_bounds;
  to.labels += work.labels;
  to.exact_costs += work.exact_costs;
}

// A row's or column's least cost among other partners, less its partner's.
std::vector<double> margins(const Nearest& nearest, const std::vector<std::int32_t>& partner,
                            const std::vector<double>& partner_cost, double cost_factor) {
  std::vector<double> result(partner.size(), std::nan(""));
  for (std::size_t i = 0; i < partner.size(); ++i) {
    if (partner[i] < 0) continue;
    const double other = nearest.index[i] == partner[i] ? nearest.second_cost[i] : nearest.cost[i];
    if (other < kInfinity) result[i] = (other - partner_cost[i]) / cost_factor;
  }
  return result;
}

Neighbours to_neighbours(Audit& audit, const std::vector<std::int32_t>& row_to_column,
                         const std::vector<std::int32_t>& column_to_row, const Orientation& orientation) {
  std::vector<double> column_partner_cost(column_to_row.size(), 0);
  for (std::size_t j = 0; j < column_to_row.size(); ++j) {
    if (column_to_row[j] >= 0) column_partner_cost[j] = audit.partner_cost[column_to_row[j]];
  }
  Neighbours result;
  result.margin = orientation.transposed
                      ? margins(audit.column, column_to_row, column_partner_cost, orientation.cost_factor)
                      : margins(audit.row, row_to_column, audit.partner_cost, orientation.cost_factor);
  for (Nearest* side : {&audit.row, &audit.column}) {
    for (double& cost : side->cost) cost = orientation.to_caller(cost);
  }
  if (orientation.transposed) {
    std::swap(audit.row, audit.column);
    std::swap(audit.rank_in_row, audit.rank_in_column);
  }
  result.nearest_column = std::move(audit.row.index);
  result.nearest_column_cost = std::move(audit.row.cost);
  result.nearest_row = std::move(audit.column.index);
  result.nearest_row_cost = std::move(audit.column.cost);
  result.rank_in_row = std::move(audit.rank_in_row);
  result.rank_in_column = std::move(audit.rank_in_column);
  return result;
}

// Prices stay within a few sums of costs along an alternating path through every row and column.
void require_range(const CostSource& source, const Orientation& orientation, double unmatched_cost) {
  const double largest = std::max(source.largest(), unmatched_cost < kInfinity ? std::fabs(unmatched_cost) : 0.0);
  const double sides = static_cast<double>(source.rows()) + static_cast<double>(source.columns());
  const double limit = std::numeric_limits<double>::max() / (8 * (sides + 1)) * std::min(1.0, orientation.cost_factor);
  if (!(largest <= limit)) {
    std::ostringstream text;
    text << "Expected costs of at most " << limit / orientation.cost_factor << " in size, got "
         << largest / orientation.cost_factor << ": their sums could leave the range of f64";
    throw Error("COST_RANGE", text.str());
  }
}

// `watch` runs since the costs began to be formed.
Solution solve_source(const CostSource& source, const SolveOptions& options, const Orientation& orientation,
                      std::int64_t memory_budget, RunControl& control, Stopwatch& watch) {
  Solution solution;
  solution.cost_milliseconds = watch.lap();
  const double unmatched_cost = options.unmatched_cost * orientation.cost_factor;
  require_range(source, orientation, unmatched_cost);
  if (!(unmatched_cost < kInfinity)) {
    require_feasible(source, orientation.transposed ? "column" : "row", orientation.transposed ? "row" : "column",
                     control);
  }

  std::vector<double> given;
  if (options.prices) {
    for (std::int64_t j = 0; j < source.columns(); ++j) given.push_back(orientation.to_source(options.prices[j]));
  }
  // Greedy is what the others end in, so nothing cuts it short.
  if (options.solver != Solver::greedy) control.deadline = watch.deadline(options.time_limit);
  const std::vector<double>* prices = options.prices ? &given : nullptr;
  Matching matching;
  try {
    solution.solver = options.solver.value_or(Solver::shortlist);
    matching = options.solver
                   ? run_solver(*options.solver, source, unmatched_cost, memory_budget, prices, control)
                   : run_best_solver(source, unmatched_cost, memory_budget, prices, solution.solver, control);
  } catch (const TimeIsUp&) {
    // It had nothing yet that could be completed.
    control.deadline.reset();
    matching = run_solver(Solver::greedy, source, unmatched_cost, memory_budget, nullptr, control);
    matching.timed_out = true;
  }
  control.deadline.reset();
  solution.timed_out = matching.timed_out;
  solution.solve_milliseconds = watch.lap();
  control.enter(Phase::verify);
  // From the solver's lists where that is asked for and does; otherwise over every entry.
  const auto prove = [&](const Matching& of) {
    if (options.verify == Proof::shortlist && !of.least_reduced.empty()) {
      Certified quick = certify(source, unmatched_cost, of.row_to_column, of.column_to_row, of.v, &of.least_reduced,
                                false, control);
      if (quick.certificate.optimal) return quick;
    }
    return certify(source, unmatched_cost, of.row_to_column, of.column_to_row, of.v, nullptr, options.neighbours,
                   control);
  };
  Certified certified = prove(matching);
  solution.verify_milliseconds = watch.lap();
  const bool to_be_exact = solution.solver != Solver::greedy && !solution.timed_out;
  // Rounding of prices over many steps can leave a gap: a finish from these prices closes it.
  for (int round = 0; round < 3 && to_be_exact && !certified.certificate.optimal; ++round) {
    Matching again = solve_shortlist(source, unmatched_cost, &certified.v, control);
    solution.solve_milliseconds += watch.lap();
    Certified proof = prove(again);
    solution.verify_milliseconds += watch.lap();
    add(again.work, matching.work);
    if (std::fabs(proof.certificate.gap) < std::fabs(certified.certificate.gap)) {
      matching = std::move(again);
      certified = std::move(proof);
    }
  }

  // Where costs span more orders of magnitude than a price has digits, prices must never have been large.
  const bool small = entry_count(source) <= kMostEntriesOfRescue;
  if (to_be_exact && !certified.certificate.optimal && small && solution.solver != Solver::jv) {
    // A proof is worth these 128 MB at most, whatever the budget.
    Matching textbook = solve_jv(source, unmatched_cost, kDefaultMemoryBudget, control);
    Certified proof = prove(textbook);
    if (std::fabs(proof.certificate.gap) < std::fabs(certified.certificate.gap)) {
      add(textbook.work, matching.work);
      matching = std::move(textbook);
      certified = std::move(proof);
      solution.solver = Solver::jv;
    }
    solution.solve_milliseconds += watch.lap();
  }

  solution.work = matching.work;
  solution.source = source.kind();
  if (options.neighbours && certified.certificate.proof == Proof::full) {
    solution.neighbours = to_neighbours(certified.audit, matching.row_to_column, matching.column_to_row, orientation);
  }
  for (std::vector<double>* prices : {&certified.u, &certified.v}) {
    for (double& price : *prices) price = orientation.to_caller(price);
  }
  Certificate& certificate = certified.certificate;
  // A gap and what bounds it keep their sign: they speak of the minimised problem.
  certificate.gap /= orientation.cost_factor;
  certificate.rounding_bound /= orientation.cost_factor;
  certificate.min_reduced_cost /= orientation.cost_factor;
  certificate.primal = orientation.to_caller(certificate.primal);
  certificate.dual = orientation.to_caller(certificate.dual);
  solution.certificate = certificate;
  solution.cost = certificate.primal;
  solution.row_to_column = std::move(matching.row_to_column);
  solution.column_to_row = std::move(matching.column_to_row);
  solution.u = std::move(certified.u);
  solution.v = std::move(certified.v);
  if (orientation.transposed) {
    std::swap(solution.row_to_column, solution.column_to_row);
    std::swap(solution.u, solution.v);
  }
  return solution;
}

// Nothing to match: everything stays alone at price 0.
Solution empty_solution(std::int64_t rows, std::int64_t columns, const SolveOptions& options) {
  Solution solution;
  solution.row_to_column.assign(static_cast<std::size_t>(rows), -1);
  solution.column_to_row.assign(static_cast<std::size_t>(columns), -1);
  solution.u.assign(static_cast<std::size_t>(rows), 0);
  solution.v.assign(static_cast<std::size_t>(columns), 0);
  solution.certificate.optimal = true;
  if (options.neighbours) {
    Neighbours& none = solution.neighbours.emplace();
    const auto row_count = static_cast<std::size_t>(rows), column_count = static_cast<std::size_t>(columns);
    none.nearest_column.assign(row_count, -1);
    none.rank_in_row.assign(row_count, -1);
    none.nearest_column_cost.assign(row_count, kInfinity);
    none.margin.assign(row_count, std::nan(""));
    none.nearest_row.assign(column_count, -1);
    none.rank_in_column.assign(column_count, -1);
    none.nearest_row_cost.assign(column_count, kInfinity);
  }
  return solution;
}

}  // namespace

Solution solve(const CostMatrix& costs, const SolveOptions& options, RunControl& control) {
  if (costs.rows == 0 || costs.columns == 0) return empty_solution(costs.rows, costs.columns, options);
  Stopwatch watch;
  const std::unique_ptr<CostSource> source = make_matrix_source(costs, options.maximize, control);
  return solve_source(*source, options, {costs.rows > costs.columns, options.maximize, 1},
                      kDefaultMemoryBudget, control, watch);
}

Solution solve(const SparseCosts& costs, const SolveOptions& options, RunControl& control) {
  if (costs.rows == 0 || costs.columns == 0) {
    Solution nothing = empty_solution(costs.rows, costs.columns, options);
    nothing.source = Source::sparse;
    return nothing;
  }
  Stopwatch watch;
  const std::unique_ptr<CostSource> source = make_sparse_source(costs, options.maximize, control);
  return solve_source(*source, options, {costs.rows > costs.columns, options.maximize, 1},
                      kDefaultMemoryBudget, control, watch);
}

Solution solve(const Rows& a, const Rows& b, const RowsOptions& rows_options, const SolveOptions& options,
               RunControl& control) {
  if (a.count == 0 || b.count == 0) return empty_solution(a.count, b.count, options);
  Stopwatch watch;
  const double bytes = 4.0 * static_cast<double>(a.count) * static_cast<double>(b.count);
  const Source kind = rows_options.source.value_or(
      bytes <= static_cast<double>(rows_options.memory_budget) ? Source::dense : Source::implicit);
  const bool transposed = a.count > b.count;
  const Rows &shorter = transposed ? b : a, &longer = transposed ? a : b;
  const std::unique_ptr<RowsCostSource> source =
      rows_options.devices ? make_device_source(*rows_options.devices, shorter, longer, options.maximize,
                                                rows_options.source, rows_options.memory_budget, control, rows_options.sign)
                           : make_rows_source(shorter, longer, options.maximize, kind, rows_options.memory_budget, control,
                                              rows_options.sign);
  watch.leave_out(control.waited);
  return solve_source(*source, options, {transposed, options.maximize, source->cost_factor()},
                      rows_options.memory_budget, control, watch);
}

}  // namespace sae_match
