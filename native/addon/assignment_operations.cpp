#include <algorithm>
#include <cstring>

#include "addon/arguments.h"
#include "addon/operations.h"
#include "addon/promise_worker.h"
#include "sae_match/assignment.h"
#include "sae_match/thread_pool.h"

namespace sae_match {
namespace {

SolveOptions solve_options(Arguments& arguments, std::int64_t longer_side) {
  SolveOptions options;
  options.maximize = arguments.boolean("maximize");
  options.unmatched_cost = arguments.number("unmatchedCost");
  options.solver = static_cast<Solver>(arguments.integer("solver", 0, 3));
  options.neighbours = arguments.boolean("neighbours");
  options.verify = static_cast<Proof>(arguments.integer("verify", 0, 1));
  options.prices = arguments.optional_doubles("prices", longer_side);
  options.time_limit = arguments.number("timeLimit");
  return options;
}

struct RowProblem {
  RowPair rows;
  RowsOptions rows_options;
  SolveOptions options;
};

RowProblem row_problem(Arguments& arguments) {
  RowProblem problem{arguments.row_pair(), {}, {}};
  const std::int64_t source = arguments.integer("source", -1, 1);
  if (source >= 0) problem.rows_options.source = static_cast<Source>(source);
  problem.rows_options.memory_budget = arguments.integer("memoryBudget", 0, (std::int64_t{1} << 53) - 1);
  problem.options = solve_options(arguments, std::max(problem.rows.a.count, problem.rows.b.count));
  return problem;
}

template <class Array, class T>
Array to_array(Napi::Env env, const std::vector<T>& values) {
  Array array = Array::New(env, values.size());
  if (!values.empty()) std::memcpy(array.Data(), values.data(), values.size() * sizeof(T));
  return array;
}

Napi::Value to_array(Napi::Env env, const std::vector<std::int32_t>& values) {
  return to_array<Napi::Int32Array>(env, values);
}

Napi::Value to_array(Napi::Env env, const std::vector<double>& values) {
  return to_array<Napi::Float64Array>(env, values);
}

Napi::Value to_object(Napi::Env env, const Neighbours& neighbours) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("nearestColumn", to_array(env, neighbours.nearest_column));
  object.Set("nearestColumnCost", to_array(env, neighbours.nearest_column_cost));
  object.Set("nearestRow", to_array(env, neighbours.nearest_row));
  object.Set("nearestRowCost", to_array(env, neighbours.nearest_row_cost));
  object.Set("margin", to_array(env, neighbours.margin));
  object.Set("rankInRow", to_array(env, neighbours.rank_in_row));
  object.Set("rankInColumn", to_array(env, neighbours.rank_in_column));
  return object;
}

Napi::Value to_object(Napi::Env env, const Certificate& certificate) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("primal", certificate.primal);
  object.Set("dual", certificate.dual);
  object.Set("gap", certificate.gap);
  object.Set("roundingBound", certificate.rounding_bound);
  object.Set("minReducedCost", certificate.min_reduced_cost);
  object.Set("proof", static_cast<std::int32_t>(certificate.proof));
  object.Set("optimal", certificate.optimal);
  return object;
}

Napi::Value to_object(Napi::Env env, const Work& work) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("bids", static_cast<double>(work.bids));
  object.Set("refreshes", static_cast<double>(work.refreshes));
  object.Set("labels", static_cast<double>(work.labels));
  object.Set("exactCosts", static_cast<double>(work.exact_costs));
  return object;
}

Napi::Value to_object(Napi::Env env, const Solution& solution) {
  Napi::Object milliseconds = Napi::Object::New(env);
  milliseconds.Set("cost", solution.cost_milliseconds);
  milliseconds.Set("solve", solution.solve_milliseconds);
  milliseconds.Set("verify", solution.verify_milliseconds);

  Napi::Object object = Napi::Object::New(env);
  object.Set("rowToColumn", to_array(env, solution.row_to_column));
  object.Set("columnToRow", to_array(env, solution.column_to_row));
  object.Set("u", to_array(env, solution.u));
  object.Set("v", to_array(env, solution.v));
  object.Set("cost", solution.cost);
  object.Set("certificate", to_object(env, solution.certificate));
  object.Set("source", static_cast<std::int32_t>(solution.source));
  object.Set("timedOut", solution.timed_out);
  object.Set("neighbours", solution.neighbours ? to_object(env, *solution.neighbours) : env.Null());
  object.Set("work", to_object(env, solution.work));
  object.Set("milliseconds", milliseconds);
  return object;
}

Napi::Value start(const Napi::CallbackInfo& info, Napi::Function on_progress, Arguments& arguments,
                  std::function<Solution(RunControl&)> solve) {
  auto solution = std::make_shared<Solution>();
  return PromiseWorker::start(
      info.Env(), on_progress, arguments.take_held(),
      {[solution, solve = std::move(solve)](RunControl& control) { *solution = solve(control); },
       [solution](Napi::Env env) { return to_object(env, *solution); }});
}

}  // namespace

Napi::Value start_solve_matrix(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const Napi::Function on_progress = arguments.function("onProgress");
  const CostMatrix costs = arguments.cost_matrix("costs");
  const SolveOptions options = solve_options(arguments, std::max(costs.rows, costs.columns));
  return start(info, on_progress, arguments, [=](RunControl& control) { return solve(costs, options, control); });
}

Napi::Value start_solve_sparse(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const Napi::Function on_progress = arguments.function("onProgress");
  const SparseArguments sparse = arguments.sparse_costs();
  const SolveOptions options = solve_options(arguments, sparse.longer_side());
  return start(info, on_progress, arguments,
               [=](RunControl& control) { return solve(sparse.costs(), options, control); });
}

Napi::Value start_solve_rows(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const Napi::Function on_progress = arguments.function("onProgress");
  const RowProblem problem = row_problem(arguments);
  return start(info, on_progress, arguments, [problem](RunControl& control) {
    return solve(problem.rows.a, problem.rows.b, problem.rows_options, problem.options, control);
  });
}

Napi::Value solve_matrix_sync(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const CostMatrix costs = arguments.cost_matrix("costs");
  const SolveOptions options = solve_options(arguments, std::max(costs.rows, costs.columns));
  RunControl control;
  const Seat seat;
  return to_object(info.Env(), solve(costs, options, control));
}

Napi::Value solve_sparse_sync(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const SparseArguments sparse = arguments.sparse_costs();
  const SolveOptions options = solve_options(arguments, sparse.longer_side());
  RunControl control;
  const Seat seat;
  return to_object(info.Env(), solve(sparse.costs(), options, control));
}

Napi::Value solve_rows_sync(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const auto [rows, rows_options, options] = row_problem(arguments);
  RunControl control;
  const Seat seat;
  return to_object(info.Env(), solve(rows.a, rows.b, rows_options, options, control));
}

}  // namespace sae_match
