// Two sides of feature rows and the exact costs between them: what sources over feature rows have in common, wherever
// they form their bounds.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "features/stored_rows.h"
#include "sae_match/matrix_view.h"
#include "sae_match/run_control.h"

namespace sae_match {

// Fills in the squared norms of all rows, with the bits of squared_norms().
using FindNorms = std::function<void(const StoredRows& a, const StoredRows& b, double* a_norms, double* b_norms)>;

class ExactRows {
 public:
  // Throws COST_RANGE where a squared norm is not finite. Rows must outlive it.
  ExactRows(const Rows& a, const Rows& b, bool maximize, Sign sign, RunControl& control, const FindNorms& find_norms = {});

  const StoredRows& a() const { return a_; }
  const StoredRows& b() const { return b_; }
  // Squared, of the rows times factor(), a power of two that brings the largest norm to about 1: f32 then neither
  // overflows nor wastes its range.
  const std::vector<double>& a_norms() const { return a_norms_; }
  const std::vector<double>& b_norms() const { return b_norms_; }
  double factor() const { return factor_; }
  double cost_factor() const { return factor_ * factor_; }
  double listed_sign() const { return listed_sign_; }
  Sign sign() const { return sign_; }
  // No cost is larger in magnitude.
  double largest() const { return largest_; }

  // See CostSource.
  void costs(std::int64_t i, const std::int32_t* columns, std::int64_t count, double* out) const;
  void row(std::int64_t i, double* out) const;
  bool same_row(std::int64_t i, std::int64_t other) const;
  std::vector<std::int32_t> column_representatives(RunControl& control) const;

 private:
  void bring_to_unit_size();
  const double* values(std::int64_t i) const;
  const double* opposite(std::int64_t i) const;

  const Kernels& kernel_;
  Sign sign_;
  double factor_ = 1, listed_sign_, largest_ = 0;
  StoredRows a_, b_;
  std::vector<double> a_norms_, b_norms_;
  std::uint64_t identity_;
};

}  // namespace sae_match
