#include <algorithm>
#include <functional>

#include "addon/arguments.h"
#include "addon/operations.h"
#include "addon/promise_worker.h"
#include "addon/solution_arrays.h"
#include "sae_match/assignment.h"
#include "sae_match/thread_pool.h"

namespace sae_match {
namespace {

SolveOptions solve_options(Arguments& arguments, std::int64_t longer_side) {
  SolveOptions options;
  options.maximize = arguments.boolean("maximize");
  options.unmatched_cost = arguments.number("unmatchedCost");
  const std::int64_t solver = arguments.integer("solver", -1, 3);
  if (solver >= 0) options.solver = static_cast<Solver>(solver);
  options.neighbours = arguments.boolean("neighbours");
  options.verify = static_cast<Proof>(arguments.integer("verify", 0, 1));
  options.prices = arguments.optional_doubles("prices", longer_side);
  options.time_limit = arguments.number("timeLimit");
  return options;
}

struct RowProblem {
  RowPair rows;
  std::shared_ptr<Devices> devices;
  RowsOptions rows_options;
  SolveOptions options;
};

RowProblem row_problem(Arguments& arguments) {
  RowProblem problem{arguments.row_pair(), nullptr, {}, {}};
  const std::int64_t source = arguments.integer("source", -1, 1);
  if (source >= 0) problem.rows_options.source = static_cast<Source>(source);
  problem.rows_options.memory_budget = arguments.integer("memoryBudget", 0, (std::int64_t{1} << 53) - 1);
  problem.rows_options.sign = static_cast<Sign>(arguments.integer("sign", 0, 1));
  problem.devices = arguments.devices();
  problem.rows_options.devices = problem.devices.get();
  problem.options = solve_options(arguments, std::max(problem.rows.a.count, problem.rows.b.count));
  return problem;
}

// What is to be solved, over memory that JavaScript owns, and where the solution goes.
struct Task {
  std::function<Solution(RunControl&)> solve;
  SolutionArrays solution;
  void run(RunControl& control) const { solution.write(solve(control)); }
};

Task matrix_task(Arguments& arguments) {
  const CostMatrix costs = arguments.cost_matrix("costs");
  const SolveOptions options = solve_options(arguments, std::max(costs.rows, costs.columns));
  return {[=](RunControl& control) { return solve(costs, options, control); },
          {arguments, costs.rows, costs.columns, options.neighbours}};
}

Task sparse_task(Arguments& arguments) {
  const SparseArguments sparse = arguments.sparse_costs();
  const SparseCosts costs = sparse.costs();
  const SolveOptions options = solve_options(arguments, std::max(costs.rows, costs.columns));
  return {[=](RunControl& control) { return solve(sparse.costs(), options, control); },
          {arguments, costs.rows, costs.columns, options.neighbours}};
}

Task rows_task(Arguments& arguments) {
  const RowProblem problem = row_problem(arguments);
  return {[=](RunControl& control) {
            return solve(problem.rows.a, problem.rows.b, problem.rows_options, problem.options, control);
          },
          {arguments, problem.rows.a.count, problem.rows.b.count, problem.options.neighbours}};
}

Napi::Value start(const Napi::CallbackInfo& info, Task (*task_of)(Arguments&)) {
  Arguments arguments(info);
  const Napi::Function on_progress = arguments.function("onProgress");
  const Task task = task_of(arguments);
  return PromiseWorker::start(info.Env(), on_progress, arguments.take_held(),
                              [task](RunControl& control) { task.run(control); });
}

Napi::Value run_now(const Napi::CallbackInfo& info, Task (*task_of)(Arguments&)) {
  Arguments arguments(info, Arguments::Keep::for_the_call);
  const Task task = task_of(arguments);
  RunControl control;
  const Seat seat;
  task.run(control);
  return info.Env().Undefined();
}

}  // namespace

Napi::Value start_solve_matrix(const Napi::CallbackInfo& info) { return start(info, matrix_task); }
Napi::Value start_solve_sparse(const Napi::CallbackInfo& info) { return start(info, sparse_task); }
Napi::Value start_solve_rows(const Napi::CallbackInfo& info) { return start(info, rows_task); }
Napi::Value solve_matrix_sync(const Napi::CallbackInfo& info) { return run_now(info, matrix_task); }
Napi::Value solve_sparse_sync(const Napi::CallbackInfo& info) { return run_now(info, sparse_task); }
Napi::Value solve_rows_sync(const Napi::CallbackInfo& info) { return run_now(info, rows_task); }

}  // namespace sae_match
