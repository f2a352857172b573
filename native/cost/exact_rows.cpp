#include "cost/exact_rows.h"
#include "cost/source_parts.h"

#include <algorithm>
#include <atomic>
#include <cmath>

namespace sae_match {
namespace {

std::uint64_t next_identity() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

}  // namespace

ExactRows::ExactRows(const Rows& a, const Rows& b, bool maximize, Sign sign, RunControl& control,
                     const FindNorms& find_norms)
    : kernel_(kernels()),
      sign_(sign),
      listed_sign_(maximize ? -1.0 : 1.0),
      a_(a, control),
      b_(b, control),
      a_norms_(static_cast<std::size_t>(a.count)),
      b_norms_(static_cast<std::size_t>(b.count)),
      identity_(next_identity()) {
  if (find_norms) {
    find_norms(a_, b_, a_norms_.data(), b_norms_.data());
  } else {
    a_norms_ = squared_norms(a_, control);
    b_norms_ = squared_norms(b_, control);
  }
  bring_to_unit_size();
}

void ExactRows::bring_to_unit_size() {
  double largest = 0;
  for (const auto* norms : {&a_norms_, &b_norms_}) {
    for (const double norm : *norms) {
      if (!std::isfinite(norm)) {
        throw Error("COST_RANGE", "The squared norm of a feature row is not finite or leaves the range of f64");
      }
      largest = std::max(largest, norm);
    }
  }
  // Numbers whose squares are 0 in f64, those below 2^-537, must be 0 in f32: sources take their rows for zero.
  constexpr int kMostRaised = 537 - 150;
  if (largest > 0) factor_ = std::ldexp(1.0, std::min(kMostRaised, -std::ilogb(std::sqrt(largest))));
  largest_ = 4 * (largest * factor_ * factor_);
  a_.multiply_by(factor_);
  b_.multiply_by(factor_);
  for (double& norm : a_norms_) norm *= factor_ * factor_;
  for (double& norm : b_norms_) norm *= factor_ * factor_;
}

void ExactRows::costs(std::int64_t i, const std::int32_t* columns, std::int64_t count, double* out) const {
  const double* x = nullptr;
  for (std::int64_t c = 0; c < count; ++c) {
    const std::int32_t j = columns[c];
    // |0 - y|^2 is |y|^2, term by term.
    if (a_norms_[i] == 0 || b_norms_[j] == 0) {
      out[c] = listed_sign_ * (a_norms_[i] == 0 ? b_norms_[j] : a_norms_[i]);
      continue;
    }
    if (!x) x = values(i);
    double distance = b_.distance(kernel_, x, j);
    if (sign_ == Sign::either) distance = std::min(distance, b_.distance(kernel_, opposite(i), j));
    out[c] = listed_sign_ * distance;
  }
}

void ExactRows::row(std::int64_t i, double* out) const {
  costs(i, all_indices(b_.count()).data(), b_.count(), out);
}

bool ExactRows::same_row(std::int64_t i, std::int64_t other) const {
  if (a_norms_[i] != a_norms_[other]) return false;
  if (a_norms_[i] == 0) return true;
  std::vector<double> x(static_cast<std::size_t>(a_.width())), y(x.size());
  a_.read(kernel_, i, x.data());
  a_.read(kernel_, other, y.data());
  return x == y;
}

std::vector<std::int32_t> ExactRows::column_representatives(RunControl& control) const {
  // Equal rows have equal norms.
  std::vector<std::int32_t> by_norm = all_indices(b_.count()), representatives = by_norm;
  std::stable_sort(by_norm.begin(), by_norm.end(),
                   [&](std::int32_t i, std::int32_t j) { return b_norms_[i] < b_norms_[j]; });
  bool any = false;
  std::vector<double> x(static_cast<std::size_t>(b_.width())), y(x.size());
  for (std::size_t k = 1, first = 0; k < by_norm.size(); ++k) {
    const std::int32_t i = by_norm[first], j = by_norm[k];
    bool same = b_norms_[i] == b_norms_[j];
    if (same && b_norms_[i] > 0) {
      control.check();
      b_.read(kernel_, i, x.data());
      b_.read(kernel_, j, y.data());
      same = x == y;
    }
    if (same) {
      representatives[j] = i;
      any = true;
    } else {
      first = k;
    }
  }
  if (!any) representatives.clear();
  return representatives;
}

// The numbers of row i of A, kept while the same thread asks for the same row.
const double* ExactRows::values(std::int64_t i) const {
  thread_local std::vector<double> kept;
  thread_local std::uint64_t kept_source = 0;
  thread_local std::int64_t kept_row = -1;
  if (kept_source != identity_ || kept_row != i) {
    kept.resize(static_cast<std::size_t>(a_.width()));
    a_.read(kernel_, i, kept.data());
    kept_source = identity_;
    kept_row = i;
  }
  return kept.data();
}

// -1 times the numbers of row i of A, which `values` keeps.
const double* ExactRows::opposite(std::int64_t i) const {
  thread_local std::vector<double> kept;
  thread_local std::uint64_t kept_source = 0;
  thread_local std::int64_t kept_row = -1;
  if (kept_source != identity_ || kept_row != i) {
    const double* x = values(i);
    kept.assign(x, x + a_.width());
    for (double& each : kept) each = -each;
    kept_source = identity_;
    kept_row = i;
  }
  return kept.data();
}

}  // namespace sae_match
