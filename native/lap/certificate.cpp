#include "lap/certificate.h"

#include <algorithm>
#include <cmath>

namespace sae_match {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// A sum that carries the rounding errors of its additions along.
class CompensatedSum {
 public:
  void add(double x) {
    const double s = sum_ + x;
    const double x_part = s - sum_;
    error_ += (sum_ - (s - x_part)) + (x - x_part);
    sum_ = s;
  }
  double value() const { return std::isfinite(sum_) ? sum_ + error_ : sum_; }

 private:
  double sum_ = 0, error_ = 0;
};

}  // namespace

Certified certify(const CostSource& source, double unmatched_cost, const std::vector<std::int32_t>& row_to_column,
                  const std::vector<std::int32_t>& column_to_row, std::vector<double> v,
                  const std::vector<double>* least_reduced, bool neighbours, RunControl& control) {
  const std::int64_t n = source.rows(), m = source.columns();
  if (n < m || unmatched_cost < kInfinity) {
    for (double& price : v) price = std::min(price, 0.0);
  }
  Certified result;
  if (least_reduced) {
    result.audit.least_reduced = *least_reduced;
    result.audit.partner_cost.assign(static_cast<std::size_t>(n), 0);
    for (std::int64_t i = 0; i < n; ++i) {
      if (row_to_column[i] >= 0) result.audit.partner_cost[i] = source.cost(i, row_to_column[i]);
    }
  } else {
    result.audit = source.audit({v.data(), row_to_column.data(), column_to_row.data(), neighbours}, control);
  }

  CompensatedSum primal, dual, gap, magnitudes;
  double min_reduced = kInfinity;
  result.u.resize(static_cast<std::size_t>(n));
  for (std::int64_t i = 0; i < n; ++i) {
    const double least = result.audit.least_reduced[i];
    // A row without any allowed column and without lambda cannot be: feasibility was checked.
    const double u = std::min(unmatched_cost, least);
    const std::int32_t j = row_to_column[i];
    const double cost = j >= 0 ? result.audit.partner_cost[i] : unmatched_cost;
    result.u[i] = u;
    min_reduced = std::min(min_reduced, least - u);
    primal.add(cost);
    dual.add(u);
    gap.add(cost);
    gap.add(-u);
    magnitudes.add(std::fabs(cost));
    magnitudes.add(std::fabs(u));
    if (j >= 0) magnitudes.add(std::fabs(v[j]));
  }
  for (const double price : v) {
    dual.add(price);
    gap.add(-price);
  }
  Certificate& certificate = result.certificate;
  certificate.primal = primal.value();
  certificate.dual = dual.value();
  certificate.gap = gap.value();
  certificate.rounding_bound = 4 * 0x1p-52 * magnitudes.value();
  certificate.min_reduced_cost = n > 0 && m > 0 ? min_reduced : 0;
  certificate.proof = least_reduced ? Proof::shortlist : Proof::full;
  // A row left alone without a lambda makes both sides infinite: not optimal.
  certificate.optimal = std::isfinite(certificate.gap) && std::fabs(certificate.gap) <= certificate.rounding_bound;
  result.v = std::move(v);
  return result;
}

}  // namespace sae_match
