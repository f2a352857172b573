// Random problems of every shape and kind.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

namespace sae_match {

inline constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct Problem {
  std::int64_t rows, columns;
  std::vector<double> costs;
  double lambda = kInfinity;
  bool maximize = false, integer = false;
};

inline std::mt19937_64 generator(20240807);
inline double uniform() { return std::uniform_real_distribution<double>(0, 1)(generator); }
inline std::int64_t below(std::int64_t n) { return std::uniform_int_distribution<std::int64_t>(0, n - 1)(generator); }

// Some rows and columns become copies of others, forbidden pairs and all.
inline void repeat_some(Problem& problem) {
  const auto at = [&](std::int64_t i, std::int64_t j) -> double& { return problem.costs[i * problem.columns + j]; };
  const double share = uniform();
  const std::int64_t row = below(problem.rows), column = below(problem.columns);
  for (std::int64_t i = 0; i < problem.rows; ++i) {
    if (uniform() > share) continue;
    for (std::int64_t j = 0; j < problem.columns; ++j) at(i, j) = at(row, j);
  }
  for (std::int64_t j = 0; j < problem.columns; ++j) {
    if (uniform() > share) continue;
    for (std::int64_t i = 0; i < problem.rows; ++i) at(i, j) = at(i, column);
  }
}

// The families that problems of all sizes have: uniform, small integers, products, one-dimensional, offsets, either sign.
inline double cost_of_family(std::int64_t family, std::int64_t i, std::int64_t j, double row_part, double column_part) {
  double c = uniform();
  if (family == 1) c = std::floor(uniform() * 10);
  if (family == 2) c = static_cast<double>((i + 1) * (j + 1));
  if (family == 3) c = (row_part - column_part) * (row_part - column_part);
  if (family == 4) c = 1000 * row_part + 1000 * column_part + (below(2) ? 0.001 * uniform() : 0);
  if (family == 5) c -= 0.5;
  return c;
}

inline Problem random_problem() {
  Problem problem{1 + below(40), 1 + below(40), {}};
  if (below(3) == 0) problem.columns = problem.rows;
  const std::int64_t family = below(6);
  const double magnitude = below(3) == 0 ? std::pow(10.0, std::floor(uniform() * 61) - 30) : 1;
  problem.integer = family == 1 || family == 2;
  std::vector<double> row_part, column_part;
  for (std::int64_t i = 0; i < problem.rows; ++i) row_part.push_back(uniform());
  for (std::int64_t j = 0; j < problem.columns; ++j) column_part.push_back(uniform());
  for (std::int64_t i = 0; i < problem.rows; ++i) {
    for (std::int64_t j = 0; j < problem.columns; ++j) {
      const double c = cost_of_family(family, i, j, row_part[i], column_part[j]);
      problem.costs.push_back(problem.integer ? c : c * magnitude);
    }
  }
  problem.maximize = below(4) == 0;
  if (below(3) == 0) problem.lambda = problem.integer ? static_cast<double>(below(12)) : uniform() * magnitude;
  if (below(4) == 0) {
    for (double& c : problem.costs) {
      if (below(5) == 0) c = problem.maximize ? -kInfinity : kInfinity;
    }
  }
  if (below(3) == 0) repeat_some(problem);
  return problem;
}

// Problems with rows longer than any list, in every shape, with ties and with rows and columns that are alike.
inline Problem larger_problem() {
  const std::int64_t n = 150 + below(350);
  Problem problem{n, below(2) ? n : 150 + below(350), {}};
  const std::int64_t family = below(8);
  problem.integer = family == 1 || family == 2 || family == 7;
  std::vector<double> row_part, column_part, row_kind, column_kind;
  const double alike = below(2) ? 0.3 : 0;
  for (std::int64_t i = 0; i < problem.rows; ++i) {
    row_part.push_back(uniform());
    row_kind.push_back(uniform() < alike ? static_cast<double>(below(2)) : -1);
  }
  for (std::int64_t j = 0; j < problem.columns; ++j) {
    column_part.push_back(uniform());
    column_kind.push_back(uniform() < alike ? static_cast<double>(below(2)) : -1);
  }
  std::vector<double> of_column_kind, of_row_kind;
  for (std::int64_t k = 0; k < 2 * std::max(problem.rows, problem.columns); ++k) {
    of_row_kind.push_back(std::floor(uniform() * 50));
    of_column_kind.push_back(std::floor(uniform() * 50));
  }
  for (std::int64_t i = 0; i < problem.rows; ++i) {
    for (std::int64_t j = 0; j < problem.columns; ++j) {
      double c = cost_of_family(family, i, j, row_part[i], column_part[j]);
      if (family == 6) c = std::floor(1e4 * row_part[i]) + std::floor(1e4 * column_part[j]) + uniform() * 0x1p-6;
      if (family == 7) c = std::floor(uniform() * 2);
      // A row of a kind asks of every column what its kind asks; of a column of a kind what both kinds ask.
      if (row_kind[i] >= 0 && column_kind[j] >= 0) {
        c = row_kind[i] == column_kind[j] ? 0 : 3;
      } else if (row_kind[i] >= 0) {
        c = of_row_kind[static_cast<std::size_t>(2 * j + static_cast<std::int64_t>(row_kind[i]))];
      } else if (column_kind[j] >= 0) {
        c = of_column_kind[static_cast<std::size_t>(2 * i + static_cast<std::int64_t>(column_kind[j]))];
      }
      problem.costs.push_back(c);
    }
  }
  problem.maximize = below(4) == 0;
  if (below(3) == 0) {
    problem.lambda = std::floor(problem.costs[static_cast<std::size_t>(below(problem.rows * problem.columns))]);
  }
  if (below(4) == 0) {
    const double share = below(2) ? 0.2 : 0.97;
    for (double& c : problem.costs) {
      if (uniform() < share) c = problem.maximize ? -kInfinity : kInfinity;
    }
  }
  if (below(4) == 0) repeat_some(problem);
  return problem;
}

}  // namespace sae_match
