// Where solvers get costs from. They never touch a matrix: every solver runs on every source.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "cost/price_sweeps.h"
#include "cost/shortlists.h"
#include "sae_match/assignment.h"
#include "sae_match/device.h"
#include "sae_match/matrix_view.h"
#include "sae_match/run_control.h"

namespace sae_match {

// What the final sweep finds (section "audit" of the algorithm notes), in the source's orientation.
struct AuditRequest {
  const double* v;                    // [columns] prices
  const std::int32_t* row_to_column;  // [rows], negative where alone
  const std::int32_t* column_to_row;  // [columns]
  bool neighbours = false;
};

// The two least costs of a row or column; ties to the lower index.
struct Nearest {
  std::vector<std::int32_t> index;  // -1 where there is none
  std::vector<double> cost, second_cost;
};

struct Audit {
  std::vector<double> least_reduced;  // [rows] min_j (c_ij - v_j), rounded down
  std::vector<double> partner_cost;   // [rows] exact; 0 where alone
  Nearest row, column;                // filled if neighbours were asked for
  std::vector<std::int32_t> rank_in_row, rank_in_column;
};

// The allowed columns of row i are columns[starts[i]], ..., columns[starts[i + 1] - 1], ascending.
struct AllowedColumns {
  const std::int64_t* starts;  // [rows + 1]
  const std::int32_t* columns;
};

// A problem in solver's orientation: rows() <= columns(), minimise. Costs of forbidden pairs are +infinity.
// Listed costs are exact, or lower bounds that costs() makes exact; the optimum asked for is that of the exact ones.
class CostSource {
 public:
  virtual ~CostSource() = default;

  virtual std::int64_t rows() const = 0;
  virtual std::int64_t columns() const = 0;
  virtual Source kind() const = 0;
  // Whether listed costs are exact.
  virtual bool exact() const = 0;
  // Whether some pair is forbidden.
  virtual bool has_forbidden() const = 0;
  // No allowed pair's cost is larger in magnitude.
  virtual double largest() const = 0;
  // How many pairs are not known to be forbidden without a look: all of them where costs are a matrix.
  virtual std::int64_t entries() const { return rows() * columns(); }
  // Whether asking for a few rows costs about as much as asking for many, so that refreshes should be batched.
  virtual bool batched() const = 0;

  // The exact costs of row i in the given columns.
  virtual void costs(std::int64_t i, const std::int32_t* columns, std::int64_t count, double* out) const = 0;
  double cost(std::int64_t i, std::int32_t j) const {
    double c;
    costs(i, &j, 1, &c);
    return c;
  }
  // The listed costs of row i in the given columns, or the exact ones where those are as cheap; returns whether they are
  // exact.
  virtual bool listed(std::int64_t i, const std::int32_t* columns, std::int64_t count, double* out, RunControl&) const {
    costs(i, columns, count, out);
    return true;
  }
  // How many entries asked for one by one take less time than a new list of their row.
  virtual std::int64_t entries_worth_a_list() const { return 512; }
  // All exact costs of row i.
  virtual void row(std::int64_t i, double* out) const = 0;
  // All rows of exact costs where they lie in memory in f64, `stride` numbers apart; null where they do not.
  virtual const double* stored_rows(std::int64_t* /*stride*/) const { return nullptr; }
  // All listed costs of row i.
  virtual void look_at_row(std::int64_t i, const std::function<void(const double* listed)>& visitor,
                           RunControl& control) const = 0;
  // Whether two rows have the same costs everywhere.
  virtual bool same_row(std::int64_t i, std::int64_t other) const = 0;
  // [columns] for each column the first one with the same costs everywhere, as far as that was cheap to find; empty
  // where no two were found.
  virtual std::vector<std::int32_t> column_representatives(RunControl&) const { return {}; }

  // [columns] the `depth`-th least listed cost of every column over the given rows; the largest finite one where
  // there are fewer, the highest of the other columns' where there is none.
  virtual std::vector<double> column_quantile(const std::vector<std::int32_t>& rows, std::int64_t depth,
                                              RunControl& control) const = 0;

  // Null where looking at all costs over and over takes too long.
  virtual const PriceSweeps* price_sweeps() const { return nullptr; }

  // The allowed columns of every row where they are few and kept as lists; nullopt where whole rows are looked at.
  virtual std::optional<AllowedColumns> allowed_columns() const { return std::nullopt; }

  // Room for a list of row i of which `size` entries are wanted.
  virtual std::int64_t list_room(std::int64_t /*i*/, std::int64_t size) const {
    return std::min(columns(), 2 * size);
  }
  // Fills the lists of the given rows with their columns least by listed cost - v, and their bounds. One sweep when
  // the rows are all rows; a refresh otherwise. `size` is how many entries are wanted, of which up to twice as many
  // come.
  virtual void list(const std::vector<std::int32_t>& rows, const double* v, std::int64_t size, Shortlists& lists,
                    RunControl& control) const = 0;

  // One independent pass over everything. Exact whatever the source.
  virtual Audit audit(const AuditRequest& request, RunControl& control) const = 0;
};

// A caller's matrix, transposed (by a copy) if it has more rows than columns, negated (on the fly) to maximise.
std::unique_ptr<CostSource> make_matrix_source(const CostMatrix& costs, bool maximize, RunControl& control);

// A caller's lists, checked, transposed if there are more rows than columns, negated (on the fly) to maximise. Reads the
// caller's arrays in place where they are in order already.
std::unique_ptr<CostSource> make_sparse_source(const SparseCosts& costs, bool maximize, RunControl& control);

// Squared distances of feature rows. Solvers want no more rows in `a` than in `b`. All costs are multiplied by
// cost_factor(), a power of two that brings them into the range of f32. An implicit source keeps about a byte of every
// cost where that fits `memory_budget`: then it forms products once, and once more for neighbours and where most costs tie.
class RowsCostSource : public CostSource {
 public:
  virtual double cost_factor() const = 0;
};
std::unique_ptr<RowsCostSource> make_rows_source(const Rows& a, const Rows& b, bool maximize, Source kind,
                                                 std::int64_t memory_budget, RunControl& control,
                                                 Sign sign = Sign::same);

// The same with bounds formed and scanned on a GPU. Dense keeps them in its memory, implicit forms them when they are
// asked for; unset: dense where the matrix fits `memory_budget` and the GPU.
std::unique_ptr<RowsCostSource> make_device_source(const Devices& devices, const Rows& a, const Rows& b, bool maximize,
                                                   std::optional<Source> kind, std::int64_t memory_budget,
                                                   RunControl& control, Sign sign = Sign::same);

}  // namespace sae_match
