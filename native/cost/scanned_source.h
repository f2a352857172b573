// Everything a cost source answers by scanning rows of listed costs, written once over the type they are stored in.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "core/kernels.h"
#include "cost/cost_source.h"
#include "core/scratch_pool.h"
#include "cost/selection.h"

namespace sae_match {

// Some asked rows, ready to be read: positions [begin, end) of the asked list.
template <class T>
struct RowPiece {
  std::int64_t begin, end;
  const T* base;
  const std::int32_t* rows;  // position p lies at row rows[p] of base, at row p - first where rows is null
  std::int64_t first;
  std::int64_t stride;
  const T* row(std::int64_t position) const { return base + (rows ? rows[position] : position - first) * stride; }
};

// What a visitor is content with: bounds that lie below the exact costs by no more than row_error() says, or any bounds.
enum class Sharpness { sharp, any };

template <class T>
using RowVisitor = std::function<void(const RowPiece<T>&)>;

// `Base` is CostSource or a class derived from it.
template <class T, class Base = CostSource>
class ScannedSource : public Base {
 public:
  std::int64_t rows() const override { return rows_; }
  std::int64_t columns() const override { return columns_; }

  std::vector<double> column_quantile(const std::vector<std::int32_t>& rows, std::int64_t depth,
                                      RunControl& control) const override;
  void look_at_row(std::int64_t i, const std::function<void(const double* listed)>& visitor,
                   RunControl& control) const override;
  void list(const std::vector<std::int32_t>& rows, const double* v, std::int64_t size, Shortlists& lists,
            RunControl& control) const override;
  Audit audit(const AuditRequest& request, RunControl& control) const override;

 protected:
  ScannedSource(std::int64_t rows, std::int64_t columns, double sign)
      : rows_(rows), columns_(columns), sign_(sign), selections_([this] { return std::make_unique<Selection>(columns_); }) {}

  // Calls the visitor, on several threads, with pieces that together are the asked rows.
  virtual void visit(const std::vector<std::int32_t>& rows, Sharpness wanted, const RowVisitor<T>& visitor,
                     RunControl& control) const = 0;
  // How far the sharp costs of row i can lie below the exact ones.
  virtual RowError row_error(std::int64_t i) const = 0;

  ScanRow<T> scan(const T* row) const { return {row, sign_, columns_}; }
  double listed_cost(const T* row, std::int64_t j) const { return sign_ * row[j]; }

  std::int64_t rows_, columns_;
  double sign_;

 private:
  mutable ScratchPool<Selection> selections_;  // kept, since a refresh is often of one row
};

extern template class ScannedSource<float>;
extern template class ScannedSource<double>;
extern template class ScannedSource<float, RowsCostSource>;

}  // namespace sae_match
