// Cost sources: listed costs are rigorous lower bounds, lists hold what they promise, and all sources agree.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <vector>

#include "check.h"
#include "core/rounding.h"
#include "cost/cost_source.h"
#include "sae_match/cpu_features.h"

using namespace sae_match;

namespace {

std::mt19937_64 generator(7);
double normal() { return std::normal_distribution<double>()(generator); }

// f32 rows of very different lengths, every fourth of them zero and every fifth like the first.
struct TestRows {
  TestRows(std::int64_t count_, std::int64_t width_, double smallest, double largest) : count(count_), width(width_) {
    values.resize(static_cast<std::size_t>(count * width));
    for (std::int64_t i = 0; i < count; ++i) {
      const double size = i % 3 == 0 ? largest : i % 3 == 1 ? smallest : std::sqrt(smallest) * std::sqrt(largest);
      for (std::int64_t k = 0; k < width; ++k) {
        float& x = values[static_cast<std::size_t>(i * width + k)];
        x = static_cast<float>(i % 4 == 3 ? 0 : size * (0.3 + normal()));
        if (i % 5 == 0) x = values[static_cast<std::size_t>(k)];
      }
    }
    view = {{RowBlock{MatrixView{values.data(), Dtype::f32, count, width, width, 1}, nullptr}}, count, nullptr};
  }
  std::int64_t count, width;
  std::vector<float> values;
  Rows view;  // sources look at it as long as they live
};

std::vector<std::int32_t> every(std::int64_t count) {
  std::vector<std::int32_t> rows(static_cast<std::size_t>(count));
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

// Every listed cost lies below the exact one, by no more than the error of an f32 product.
void check_lower_bounds(double smallest, double largest) {
  const TestRows a(30, 700, smallest, largest), b(90, 700, largest, smallest);
  for (const bool maximize : {false, true}) {
    for (const Source kind : {Source::dense, Source::implicit}) {
      RunControl control;
      const auto source = make_rows_source(a.view, b.view, maximize, kind, 0, control);
      std::vector<double> exact(static_cast<std::size_t>(b.count));
      for (std::int64_t i = 0; i < a.count; ++i) {
        source->row(i, exact.data());
        source->look_at_row(
            i,
            [&](const double* listed) {
              for (std::int64_t j = 0; j < b.count; ++j) {
                CHECK(listed[j] <= exact[j]);
                double norms = 0;
                for (std::int64_t k = 0; k < a.width; ++k) {
                  norms += std::pow(a.values[static_cast<std::size_t>(i * a.width + k)], 2);
                  norms += std::pow(b.values[static_cast<std::size_t>(j * b.width + k)], 2);
                }
                // Norms count from 1e-6 of the largest on.
                CHECK(exact[j] - listed[j] <= 8 * 720 * 0x1p-24 * (norms * source->cost_factor() + 1e-6));
                if (!maximize) CHECK(listed[j] >= 0);
              }
            },
            control);
        if (failed_checks) return;
      }
    }
  }
}

// The lists and the audit of a source that keeps a byte of every cost: no bound lies above an exact cost. Rows opposite
// to each other have the largest costs there are.
void check_rough_bounds(double smallest, double largest, bool opposite, bool maximize) {
  const TestRows a(60, 20, smallest, largest);
  TestRows b(90, 20, smallest, largest);
  if (opposite) {
    for (std::size_t e = 0; e < b.values.size(); ++e) b.values[e] = -a.values[e % a.values.size()];
  }
  RunControl control;
  const auto source = make_rows_source(a.view, b.view, maximize, Source::implicit, 1 << 30, control);
  CHECK(!source->batched());
  std::vector<double> v(static_cast<std::size_t>(b.count)), exact(v.size());
  for (double& price : v) price = normal() * source->largest();
  Shortlists lists(a.count, 64);
  source->list(every(a.count), v.data(), 16, lists, control);  // the sweep
  for (const std::vector<std::int32_t>& rows : {every(a.count), std::vector<std::int32_t>{7}}) {
    source->list(rows, v.data(), 16, lists, control);
    for (const std::int32_t i : rows) {
      const Shortlist& list = lists.of(i);
      CHECK_EQUAL(list.exact_size, list.size);
      source->row(i, exact.data());
      std::vector<bool> listed(v.size(), false);
      for (std::int32_t e = 0; e < list.size; ++e) {
        CHECK_EQUAL(list.costs[e], exact[static_cast<std::size_t>(list.columns[e])]);
        listed[static_cast<std::size_t>(list.columns[e])] = true;
      }
      for (std::size_t j = 0; j < v.size(); ++j) {
        if (!listed[j]) CHECK(exact[j] - v[j] >= list.bound);
      }
    }
  }
  const std::vector<std::int32_t> nobody(static_cast<std::size_t>(a.count), -1), no_one(v.size(), -1);
  const Audit audit = source->audit({v.data(), nobody.data(), no_one.data(), false}, control);
  for (std::int64_t i = 0; i < a.count; ++i) {
    source->row(i, exact.data());
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t j = 0; j < v.size(); ++j) least = std::min(least, exact[j] - v[j]);
    CHECK(audit.least_reduced[i] <= least);
    CHECK(audit.least_reduced[i] >= least - 1e-12 * (std::fabs(least) + source->largest()));
  }
}

// Asked for some rows first, such a source looks at all of them.
void check_rough_without_sweep() {
  const TestRows a(60, 20, 0.1, 1), b(90, 20, 0.1, 1);
  RunControl control;
  const auto rough = make_rows_source(a.view, b.view, false, Source::implicit, 1 << 30, control);
  const auto other = make_rows_source(a.view, b.view, false, Source::dense, 0, control);
  const std::vector<double> v(static_cast<std::size_t>(b.count), 0.0);
  Shortlists left(a.count, 64), right(a.count, 64);
  rough->list({3, 5}, v.data(), 16, left, control);
  other->list({3, 5}, v.data(), 16, right, control);
  for (const std::int64_t i : {3, 5}) {
    CHECK_EQUAL(left.of(i).exact_size, left.of(i).size);
    CHECK(left.of(i).bound <= right.of(i).bound + 1e-6);
  }
}

// Squares among the subnormal numbers of f32: bounds of zero rows are as far off there as those of others.
void check_ranks_of_tiny_rows() {
  const std::vector<double> a{1, 0, 3e-24, 0, 1e-24, 0}, b{1, 0, 0, 0, 0, 1};
  const auto rows = [](const std::vector<double>& values) {
    return Rows{{RowBlock{MatrixView{values.data(), Dtype::f64, 3, 2, 2, 1}, nullptr}}, 3, nullptr};
  };
  const Rows left = rows(a), right = rows(b);
  RunControl control;
  for (const Source kind : {Source::dense, Source::implicit}) {
    const auto source = make_rows_source(left, right, false, kind, 1 << 30, control);
    const std::vector<double> v(3, 0.0);
    const std::vector<std::int32_t> row_to_column{0, 1, 2}, column_to_row{0, 1, 2};
    const Audit audit = source->audit({v.data(), row_to_column.data(), column_to_row.data(), true}, control);
    CHECK_EQUAL(audit.rank_in_column[1], 1);  // 1e-24 comes before 3e-24
  }
}

// Rows whose squares are all 0 in f64 count as zero rows, without any error: then their products must be 0 as well.
void check_rows_of_vanishing_squares() {
  const std::vector<double> a{1.5e-162, -1.5e-162}, b{1e-161, -1e-161, 1e-160};
  const auto rows = [](const std::vector<double>& values) {
    const auto count = static_cast<std::int64_t>(values.size());
    return Rows{{RowBlock{MatrixView{values.data(), Dtype::f64, count, 1, 1, 1}, nullptr}}, count, nullptr};
  };
  const Rows left = rows(a), right = rows(b);
  RunControl control;
  for (const bool maximize : {false, true}) {
    const auto source = make_rows_source(left, right, maximize, Source::dense, 0, control);
    std::vector<double> exact(b.size());
    for (std::int64_t i = 0; i < left.count; ++i) {
      source->row(i, exact.data());
      source->look_at_row(
          i, [&](const double* listed) { for (std::size_t j = 0; j < b.size(); ++j) CHECK(listed[j] <= exact[j]); },
          control);
    }
  }
}

// Everything at or below the bound is on the list, and nothing unlisted lies below it: in exact terms, if it says so.
template <class T>
void check_lists(const CostSource& source, std::int64_t size, const std::vector<T>& costs, double sign,
                 const std::vector<double>& v) {
  const std::int64_t n = source.rows(), m = source.columns();
  RunControl control;
  Shortlists lists(n, std::min(m, 2 * size));
  lists.share(0, 5);  // as if they were alike: one more entry each
  std::vector<std::int32_t> rows = every(n);
  rows.erase(rows.begin() + 5);
  source.list(rows, v.data(), size, lists, control);
  for (const std::int32_t i : rows) {
    const Shortlist& list = lists.of(i);
    const std::int64_t shared = i == 0 ? 2 : 0;
    CHECK(list.size <= std::min(m, 2 * size + shared));
    std::vector<bool> listed(static_cast<std::size_t>(m), false);
    for (std::int32_t e = 0; e < list.size; ++e) {
      const std::int32_t j = list.columns[e];
      CHECK(!listed[j]);
      listed[j] = true;
      CHECK_EQUAL(list.costs[e], sign * costs[static_cast<std::size_t>(i * m + j)]);
      CHECK(list.costs[e] - v[j] <= list.bound);
    }
    std::int64_t allowed = 0;
    for (std::int64_t j = 0; j < m; ++j) {
      const double cost = sign * costs[static_cast<std::size_t>(i * m + j)];
      allowed += std::isfinite(cost);
      if (listed[j] || !std::isfinite(cost)) continue;
      CHECK(cost - v[j] >= list.bound);
      CHECK(subtract_down(cost, v[j]) >= list.exact_bound());
    }
    if (v[0] == 0) CHECK(list.bound_is_exact);  // all prices are 0 then
    CHECK(list.size >= std::min(allowed, size / 2 + shared));
  }
}

template <class T>
void check_matrix_lists(Dtype dtype) {
  for (const std::int64_t m : {40, 333, 2100}) {
    const std::int64_t n = 40;
    for (int kind = 0; kind < 4; ++kind) {
      for (const double sign : {1.0, -1.0}) {
        std::vector<T> costs(static_cast<std::size_t>(n * m));
        for (std::int64_t i = 0; i < n; ++i) {
          for (std::int64_t j = 0; j < m; ++j) {
            T& c = costs[static_cast<std::size_t>(i * m + j)];
            c = static_cast<T>(normal());
            if (kind == 1) c = static_cast<T>(std::floor(c));       // ties
            if (kind == 2) c = static_cast<T>((i + 1) * (j + 1));  // the best side by side
            if (kind == 3 && j % 7 != 0) c = static_cast<T>(sign * std::numeric_limits<double>::infinity());
          }
        }
        RunControl control;
        const auto source =
            make_matrix_source(CostMatrix{costs.data(), dtype, n, m, m}, sign < 0, control);
        const auto columns = static_cast<std::size_t>(m);
        std::vector<double> prices(columns);
        for (double& price : prices) price = normal();
        for (const auto& v : {prices, std::vector<double>(columns, 0.1), std::vector<double>(columns, 0.0)}) {
          for (const std::int64_t size : {16, 64}) check_lists(*source, size, costs, sign, v);
        }
      }
    }
  }
}

// An implicit source answers in several tiles what a dense one has in memory.
void check_tiles() {
  const TestRows a(3500, 4, 1e-3, 10), b(4000, 4, 1e-3, 10);
  RunControl control;
  const auto dense = make_rows_source(a.view, b.view, false, Source::dense, 0, control);
  const auto implicit = make_rows_source(a.view, b.view, false, Source::implicit, 0, control);
  std::vector<double> v(static_cast<std::size_t>(b.count));
  for (double& price : v) price = normal();
  Shortlists left(a.count, 64), right(a.count, 64);
  dense->list(every(a.count), v.data(), 32, left, control);
  implicit->list(every(a.count), v.data(), 32, right, control);
  for (std::int64_t i = 0; i < a.count; ++i) {
    CHECK_EQUAL(left.of(i).bound, right.of(i).bound);
    CHECK(std::equal(left.of(i).columns, left.of(i).columns + left.of(i).size, right.of(i).columns));
    CHECK(std::equal(left.of(i).costs, left.of(i).costs + left.of(i).size, right.of(i).costs));
  }
  CHECK(dense->same_row(0, 5) && implicit->same_row(0, 5) && !dense->same_row(0, 1) && dense->same_row(3, 7));
}

// Columns that are alike are found, whatever lies between them, and no others.
void check_identical_columns() {
  RunControl control;
  const std::int64_t rows = 200, columns = 230;
  std::vector<float> costs(static_cast<std::size_t>(rows * columns));
  for (float& c : costs) c = static_cast<float>(normal());
  const auto copy_column = [&](std::int64_t to, std::int64_t from) {
    for (std::int64_t i = 0; i < rows; ++i) costs[i * columns + to] = costs[i * columns + from];
  };
  copy_column(7, 3);
  copy_column(60, 3);
  copy_column(80, 20);
  copy_column(81, 20);
  costs[199 * columns + 81] += 1;  // in the last row, which no sample holds
  const auto matrix = make_matrix_source({costs.data(), Dtype::f32, rows, columns, columns}, false, control);
  std::vector<std::int32_t> expected = every(columns);
  expected[7] = expected[60] = 3;
  expected[80] = 20;
  CHECK(matrix->column_representatives(control) == expected);
  for (float& c : costs) c = static_cast<float>(normal());
  const auto other = make_matrix_source({costs.data(), Dtype::f32, rows, columns, columns}, false, control);
  CHECK(other->column_representatives(control).empty());
}

// Rows of B that are alike make columns that are.
void check_identical_feature_rows() {
  RunControl control;
  const TestRows a(20, 30, 1, 2), b(40, 30, 1, 2);
  const auto source = make_rows_source(a.view, b.view, false, Source::dense, 0, control);
  const std::vector<std::int32_t> found = source->column_representatives(control);
  CHECK_EQUAL(found.size(), std::size_t{40});
  for (std::int32_t j = 0; j < 40 && failed_checks == 0; ++j) {
    CHECK_EQUAL(found[j], j % 5 == 0 ? 0 : j % 4 == 3 ? 3 : j);
  }
}

// Costs as lists and as a matrix.
template <class T>
struct TestLists {
  TestLists(std::int64_t rows, std::int64_t columns, double share, bool ties, double forbidden) {
    for (std::int64_t i = 0; i < rows; ++i) {
      std::vector<std::int32_t> row;
      if (i % 7 != 3) {
        for (std::int32_t j = 0; j < columns; ++j) {
          if (std::uniform_real_distribution<double>()(generator) < share) row.push_back(j);
        }
      }
      if (i % 3 == 1) std::shuffle(row.begin(), row.end(), generator);
      for (std::int64_t j = 0; j < columns; ++j) matrix.push_back(static_cast<T>(forbidden));
      for (const std::int32_t j : row) {
        T c = static_cast<T>(ties ? std::floor(2 * normal()) : normal());
        if (j % 11 == 5) c = static_cast<T>(forbidden);
        indices.push_back(j);
        data.push_back(c);
        matrix[static_cast<std::size_t>(i * columns + j)] = c;
      }
      if (i % 10 == 9) repeat_first_row(columns);
      indptr.push_back(static_cast<std::int64_t>(indices.size()));
    }
    constexpr Dtype dtype = sizeof(T) == 4 ? Dtype::f32 : Dtype::f64;
    sparse = {indptr.data(), indices.data(), data.data(), dtype, rows, columns};
    dense = {matrix.data(), dtype, rows, columns, columns};
  }

  std::vector<std::int64_t> indptr{0};
  std::vector<std::int32_t> indices;
  std::vector<T> data, matrix;
  SparseCosts sparse;
  CostMatrix dense;

 private:
  void repeat_first_row(std::int64_t columns) {
    indices.resize(static_cast<std::size_t>(indptr.back()));
    data.resize(indices.size());
    for (std::int64_t e = 0; e < indptr[1]; ++e) {
      indices.push_back(indices[static_cast<std::size_t>(e)]);
      data.push_back(data[static_cast<std::size_t>(e)]);
    }
    std::copy_n(matrix.begin(), columns, matrix.end() - columns);
  }
};

void check_nearest(const Nearest& left, const Nearest& right) {
  CHECK(left.index == right.index);
  CHECK(left.cost == right.cost);
  CHECK(left.second_cost == right.second_cost);
}

// Lists answer everything as a matrix with infinities does.
template <class T>
void check_sparse(std::int64_t rows, std::int64_t columns, double share, bool ties, bool maximize) {
  const double forbidden = (maximize ? -1 : 1) * std::numeric_limits<double>::infinity();
  const TestLists<T> lists(rows, columns, share, ties, forbidden);
  RunControl control;
  const auto sparse = make_sparse_source(lists.sparse, maximize, control);
  const auto dense = make_matrix_source(lists.dense, maximize, control);
  const std::int64_t n = dense->rows(), m = dense->columns();
  CHECK_EQUAL(sparse->rows(), n);
  CHECK_EQUAL(sparse->columns(), m);
  CHECK(sparse->kind() == Source::sparse && sparse->exact());
  CHECK_EQUAL(sparse->has_forbidden(), dense->has_forbidden());
  CHECK_EQUAL(sparse->largest(), dense->largest());

  std::vector<double> left(static_cast<std::size_t>(m)), right(left), single(left);
  std::int64_t allowed = 0;
  const AllowedColumns columns_of = *sparse->allowed_columns();
  Shortlists shortlists(n, [&](std::int64_t i) { return sparse->list_room(i, 64); });
  sparse->list(every(n), left.data(), 64, shortlists, control);
  for (std::int64_t i = 0; i < n; ++i) {
    sparse->row(i, left.data());
    dense->row(i, right.data());
    CHECK(left == right);
    sparse->costs(i, every(m).data(), m, single.data());
    CHECK(single == right);
    sparse->look_at_row(i, [&](const double* listed) { CHECK(std::equal(right.begin(), right.end(), listed)); }, control);
    for (std::int64_t other = 0; other < n; ++other) CHECK_EQUAL(sparse->same_row(i, other), dense->same_row(i, other));

    const Shortlist& list = shortlists.of(i);
    CHECK_EQUAL(list.bound, std::numeric_limits<double>::infinity());
    CHECK_EQUAL(list.exact_size, list.size);
    CHECK_EQUAL(list.size, m - std::count(right.begin(), right.end(), std::numeric_limits<double>::infinity()));
    CHECK_EQUAL(columns_of.starts[i + 1] - columns_of.starts[i], list.size);
    for (std::int32_t e = 0; e < list.size; ++e) {
      CHECK_EQUAL(list.costs[e], right[static_cast<std::size_t>(list.columns[e])]);
      CHECK_EQUAL(columns_of.columns[columns_of.starts[i] + e], list.columns[e]);
      CHECK(e == 0 || list.columns[e - 1] < list.columns[e]);
    }
    allowed += list.size;
  }
  CHECK_EQUAL(sparse->entries(), allowed);
  for (const std::int64_t depth : {1, 3}) {
    CHECK(sparse->column_quantile(every(n), depth, control) == dense->column_quantile(every(n), depth, control));
  }

  SolveOptions options;
  options.maximize = maximize;
  options.unmatched_cost = 0.4;
  options.neighbours = true;
  const Solution by_lists = solve(lists.sparse, options, control), by_matrix = solve(lists.dense, options, control);
  CHECK(by_lists.source == Source::sparse);
  CHECK(by_lists.certificate.optimal && by_lists.certificate.proof == Proof::full);
  CHECK(std::fabs(by_lists.cost - by_matrix.cost) <=
        by_lists.certificate.rounding_bound + by_matrix.certificate.rounding_bound);

  std::vector<double> v(static_cast<std::size_t>(m));
  for (double& price : v) price = -std::fabs(normal());
  std::vector<std::int32_t> row_to_column = by_lists.row_to_column, column_to_row = by_lists.column_to_row;
  if (rows > columns) std::swap(row_to_column, column_to_row);
  const AuditRequest request{v.data(), row_to_column.data(), column_to_row.data(), true};
  const Audit a = sparse->audit(request, control), b = dense->audit(request, control);
  CHECK(a.least_reduced == b.least_reduced);
  CHECK(a.partner_cost == b.partner_cost);
  CHECK(a.rank_in_row == b.rank_in_row);
  CHECK(a.rank_in_column == b.rank_in_column);
  check_nearest(a.row, b.row);
  check_nearest(a.column, b.column);
}

// The code and message of what making a source throws.
std::string refusal(const SparseCosts& costs, bool maximize = false) {
  RunControl control;
  try {
    make_sparse_source(costs, maximize, control);
  } catch (const Error& error) {
    return error.code() + ": " + error.what();
  }
  return "";
}

void check_sparse_refusals() {
  const std::int64_t indptr[] = {0, 2, 5};
  const double infinity = std::numeric_limits<double>::infinity();
  const float costs[] = {1, 2, 3, 4, 5}, infinite[] = {1, 2, 3, static_cast<float>(-infinity), 5},
              nan[] = {1, 2, 3, 4, std::nanf("")};
  const std::int32_t good[] = {1, 0, 3, 0, 2}, twice[] = {1, 0, 3, 0, 3}, outside[] = {1, 0, 4, 0, 2}, below[] = {1, 0, 3, -1, 2};
  const auto with = [&](const std::int32_t* indices, const float* data) {
    return SparseCosts{indptr, indices, data, Dtype::f32, 2, 4};
  };
  CHECK_EQUAL(refusal(with(good, costs)), "");
  CHECK_EQUAL(refusal(with(twice, costs)),
              "COST_DUPLICATE: Expected every column of a row once in `indices`, got column 3 twice in row 1");
  CHECK_EQUAL(refusal(with(outside, costs)), "INVALID_ARGUMENT: Expected columns below 4 for `indices`, got 4 in row 1");
  CHECK_EQUAL(refusal(with(below, costs)), "INVALID_ARGUMENT: Expected columns below 4 for `indices`, got -1 in row 1");
  CHECK_EQUAL(refusal(with(good, infinite)),
              "COST_NAN: Expected finite costs, or +Infinity for a forbidden pair, got -Infinity at row 1, column 0");
  CHECK_EQUAL(refusal(with(good, infinite), true), "");
  CHECK_EQUAL(refusal(with(good, nan), true),
              "COST_NAN: Expected finite costs, or -Infinity for a forbidden pair, got NaN at row 1, column 2");
}

}  // namespace

int main() {
  for (const std::string& simd : supported_simd()) {
    CHECK(set_simd(simd));
    check_lower_bounds(1e-4, 30);
    check_lower_bounds(1e-22, 30);
    check_lower_bounds(1e-22, 1e-20);
    check_matrix_lists<float>(Dtype::f32);
    check_matrix_lists<double>(Dtype::f64);
    check_tiles();
    for (const bool maximize : {false, true}) {
      for (const bool opposite : {false, true}) {
        for (const double smallest : {0.9, 1e-4, 1e-22}) {
          for (int round = 0; round < 10; ++round) check_rough_bounds(smallest, 1 + 0.1 * round, opposite, maximize);
        }
      }
    }
    check_rough_without_sweep();
    check_ranks_of_tiny_rows();
    check_rows_of_vanishing_squares();
    check_identical_columns();
    check_identical_feature_rows();
    for (const double share : {0.0, 0.05, 0.4, 1.0}) {
      for (const bool ties : {false, true}) {
        for (const bool maximize : {false, true}) {
          check_sparse<float>(40, 60, share, ties, maximize);
          check_sparse<double>(60, 40, share, ties, maximize);
          check_sparse<double>(50, 50, share, ties, maximize);
        }
      }
    }
    check_sparse_refusals();
    if (failed_checks) std::cerr << "with " << simd << std::endl;
  }
  return finish();
}
