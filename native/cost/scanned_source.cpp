#include "cost/scanned_source.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/rounding.h"
#include "cost/source_parts.h"
#include "sae_match/thread_pool.h"

namespace sae_match {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

double block_minima(const Kernels& kernel, const ScanRow<float>& row, const double* v, double* minima) {
  return kernel.block_minima_f32(row, v, minima);
}
double block_minima(const Kernels& kernel, const ScanRow<double>& row, const double* v, double* minima) {
  return kernel.block_minima_f64(row, v, minima);
}
std::int64_t collect(const Kernels& kernel, const ScanRow<float>& row, const double* v, const double* minima, double cut,
                     std::int32_t* found) {
  return kernel.collect_f32(row, v, minima, cut, found);
}
std::int64_t collect(const Kernels& kernel, const ScanRow<double>& row, const double* v, const double* minima,
                     double cut, std::int32_t* found) {
  return kernel.collect_f64(row, v, minima, cut, found);
}
void keep_smallest(const Kernels& kernel, const ScanRow<float>& row, std::int64_t depth, double* smallest) {
  kernel.keep_smallest_f32(row, depth, smallest);
}
void keep_smallest(const Kernels& kernel, const ScanRow<double>& row, std::int64_t depth, double* smallest) {
  kernel.keep_smallest_f64(row, depth, smallest);
}
std::int64_t compare(const Kernels& kernel, const ScanRow<float>& row, const RowError& error, const CompareRow& ask) {
  return kernel.compare_f32(row, error, ask);
}
std::int64_t compare(const Kernels& kernel, const ScanRow<double>& row, const RowError& error, const CompareRow& ask) {
  return kernel.compare_f64(row, error, ask);
}

struct Candidate {
  std::int32_t row, column;
  double listed;
};

// What one thread gathers about columns during the audit. Once merged, all of it is independent of who gathered what.
struct ColumnScratch {
  explicit ColumnScratch(std::int64_t columns)
      : before(static_cast<std::size_t>(columns), 0),
        least_upper(static_cast<std::size_t>(columns), kInfinity),
        second_upper(static_cast<std::size_t>(columns), kInfinity),
        least(static_cast<std::size_t>(columns)) {}

  // Makes the candidates that can still be one of their column's two least exact and forgets all of them.
  void settle(const CostSource& source) {
    std::vector<std::int32_t> asked;
    std::vector<double> exact;
    for (std::size_t c = 0; c < candidates.size();) {
      const std::int32_t i = candidates[c].row;
      asked.clear();
      for (; c < candidates.size() && candidates[c].row == i; ++c) {
        if (candidates[c].listed <= second_upper[candidates[c].column]) asked.push_back(candidates[c].column);
      }
      exact.resize(asked.size());
      source.costs(i, asked.data(), static_cast<std::int64_t>(asked.size()), exact.data());
      for (std::size_t a = 0; a < asked.size(); ++a) {
        least[asked[a]].see(exact[a], i);
        second_upper[asked[a]] = std::min(second_upper[asked[a]], least[asked[a]].second_cost);
      }
    }
    candidates.clear();
  }

  std::vector<std::int32_t> before;
  std::vector<double> least_upper, second_upper;
  std::vector<TwoLeast> least;
  std::vector<Candidate> candidates;
};

constexpr std::size_t kMostCandidates = 1 << 18;  // kept at once, 4 MB

}  // namespace

template <class T, class Base>
std::vector<double> ScannedSource<T, Base>::column_quantile(const std::vector<std::int32_t>& rows, std::int64_t depth,
                                                            RunControl& control) const {
  const Kernels& kernel = kernels();
  const std::size_t size = static_cast<std::size_t>(depth * columns_);
  ScratchPool<std::vector<double>> pool([&] { return std::make_unique<std::vector<double>>(size, kInfinity); });
  visit(
      rows, Sharpness::sharp,
      [&](const RowPiece<T>& piece) {
        auto smallest = pool.take();
        for (std::int64_t p = piece.begin; p < piece.end; ++p) {
          keep_smallest(kernel, scan(piece.row(p)), depth, smallest->data());
        }
        pool.give_back(std::move(smallest));
      },
      control);
  std::vector<double> merged(size, kInfinity);
  for (const auto& part : pool.all()) {
    for (std::int64_t t = 0; t < depth; ++t) {
      kernel.keep_smallest_f64({part->data() + t * columns_, 1.0, columns_}, depth, merged.data());
    }
  }
  std::vector<double> quantile(static_cast<std::size_t>(columns_), kInfinity);
  for (std::int64_t j = 0; j < columns_; ++j) {
    for (std::int64_t t = depth - 1; t >= 0 && quantile[j] == kInfinity; --t) quantile[j] = merged[t * columns_ + j];
  }
  price_unwanted_columns(quantile);
  return quantile;
}

template <class T, class Base>
void ScannedSource<T, Base>::look_at_row(std::int64_t i, const std::function<void(const double* listed)>& visitor,
                                         RunControl& control) const {
  visit(
      {static_cast<std::int32_t>(i)}, Sharpness::any,
      [&](const RowPiece<T>& piece) {
        const T* costs = piece.row(piece.begin);
        std::vector<double> widened(static_cast<std::size_t>(columns_));
        for (std::int64_t j = 0; j < columns_; ++j) widened[j] = listed_cost(costs, j);
        visitor(widened.data());
      },
      control);
}

template <class T, class Base>
void ScannedSource<T, Base>::list(const std::vector<std::int32_t>& rows, const double* v, std::int64_t size,
                                  Shortlists& lists, RunControl& control) const {
  const Kernels& kernel = kernels();
  visit(
      rows, Sharpness::any,
      [&](const RowPiece<T>& piece) {
        auto selection = selections_.take();
        for (std::int64_t p = piece.begin; p < piece.end; ++p) {
          selection->fill(kernel, scan(piece.row(p)), rows[p], v, size, this->exact(), lists);
        }
        selections_.give_back(std::move(selection));
      },
      control);
}

template <class T, class Base>
Audit ScannedSource<T, Base>::audit(const AuditRequest& request, RunControl& control) const {
  const Kernels& kernel = kernels();
  const std::int64_t blocks = scan_blocks(columns_);
  const bool exact = this->exact();
  const std::size_t n = static_cast<std::size_t>(rows_), m = static_cast<std::size_t>(columns_);

  Audit result;
  result.least_reduced.assign(n, kInfinity);
  result.partner_cost.assign(n, 0);
  parallel_for(rows_, 256, control.threads, [&](std::int64_t begin, std::int64_t end) {
    control.check();
    for (std::int64_t i = begin; i < end; ++i) {
      if (request.row_to_column[i] >= 0) result.partner_cost[i] = this->cost(i, request.row_to_column[i]);
    }
  });
  std::vector<double> column_thresholds, zeros;
  if (request.neighbours) {
    zeros.assign(m, 0);
    column_thresholds.assign(m, -kInfinity);
    for (std::int64_t j = 0; j < columns_; ++j) {
      if (request.column_to_row[j] >= 0) column_thresholds[j] = result.partner_cost[request.column_to_row[j]];
    }
    result.row = {std::vector<std::int32_t>(n, -1), std::vector<double>(n, kInfinity), std::vector<double>(n, kInfinity)};
    result.rank_in_row.assign(n, -1);
  }

  ScratchPool<ColumnScratch> pool([&] { return std::make_unique<ColumnScratch>(request.neighbours ? columns_ : 0); });
  const std::vector<std::int32_t> every = all_indices(rows_);
  visit(
      every, request.neighbours ? Sharpness::sharp : Sharpness::any,
      [&](const RowPiece<T>& piece) {
        auto scratch = pool.take();
        std::vector<double> minima(static_cast<std::size_t>(blocks)), exact_costs;
        std::vector<std::int32_t> asked, found(static_cast<std::size_t>(columns_));
        std::vector<std::uint8_t> look_in_row, look_in_column;

        for (std::int64_t p = piece.begin; p < piece.end; ++p) {
          const T* costs = piece.row(p);
          const std::int32_t i = every[p];
          // The exact costs of the asked columns: the listed ones where those are exact.
          const auto ask_exact = [&] {
            exact_costs.resize(asked.size());
            if (exact) {
              for (std::size_t a = 0; a < asked.size(); ++a) exact_costs[a] = listed_cost(costs, asked[a]);
            } else {
              this->costs(i, asked.data(), static_cast<std::int64_t>(asked.size()), exact_costs.data());
            }
          };
          const auto ask_up_to = [&](double reach) {
            const std::int64_t count = collect(kernel, scan(costs), request.v, minima.data(), reach, found.data());
            asked.assign(found.begin(), found.begin() + count);
            ask_exact();
          };
          const auto ask_blocks = [&](auto wanted_block, auto wanted_entry) {
            asked.clear();
            for (std::int64_t block = 0; block < blocks; ++block) {
              if (!wanted_block(block)) continue;
              const std::int64_t end = std::min(columns_, (block + 1) * kScanBlock);
              for (std::int64_t j = block * kScanBlock; j < end; ++j) {
                if (wanted_entry(j)) asked.push_back(static_cast<std::int32_t>(j));
              }
            }
            ask_exact();
          };

          // u: only entries whose lower bound reaches below the best exact value can matter; of exact costs those that
          // are least. Rounding is monotone, so comparing rounded values loses none.
          const double least_listed = block_minima(kernel, scan(costs), request.v, minima.data());
          if (least_listed < kInfinity) {
            double least = kInfinity;
            const auto see = [&](double cost, std::int64_t j) { least = std::min(least, subtract_down(cost, request.v[j])); };
            if (exact) {
              const std::int64_t count = collect(kernel, scan(costs), request.v, minima.data(), least_listed, found.data());
              for (std::int64_t c = 0; c < count; ++c) see(listed_cost(costs, found[c]), found[c]);
            } else {
              ask_up_to(least_listed);
              double reach = kInfinity;
              for (std::size_t a = 0; a < asked.size(); ++a) {
                reach = std::min(reach, exact_costs[a] - request.v[asked[a]]);
              }
              ask_up_to(reach);
              for (std::size_t a = 0; a < asked.size(); ++a) see(exact_costs[a], asked[a]);
            }
            result.least_reduced[i] = least;
          }
          if (!request.neighbours) continue;

          // Nearest and second nearest column.
          TwoLeast row_least;
          block_minima(kernel, scan(costs), zeros.data(), minima.data());
          double reach = kInfinity;
          {
            TwoLeast by_listed;
            std::int32_t second = -1;
            for (std::int64_t block = 0; block < blocks; ++block) {
              if (!(minima[block] < by_listed.second_cost)) continue;
              const std::int64_t end = std::min(columns_, (block + 1) * kScanBlock);
              for (std::int64_t j = block * kScanBlock; j < end; ++j) {
                const double c = listed_cost(costs, j);
                if (c < by_listed.cost) {
                  second = by_listed.index;
                } else if (c < by_listed.second_cost) {
                  second = static_cast<std::int32_t>(j);
                }
                by_listed.see(c, static_cast<std::int32_t>(j));
              }
            }
            if (exact) {
              reach = by_listed.second_cost;
            } else if (second >= 0) {
              asked = {by_listed.index, second};
              ask_exact();
              reach = std::max(exact_costs[0], exact_costs[1]);
            }
          }
          ask_blocks([&](std::int64_t block) { return minima[block] <= reach && minima[block] < kInfinity; },
                     [&](std::int64_t j) { return listed_cost(costs, j) <= reach && listed_cost(costs, j) < kInfinity; });
          for (std::size_t a = 0; a < asked.size(); ++a) row_least.see(exact_costs[a], asked[a]);
          result.row.index[i] = row_least.index;
          result.row.cost[i] = row_least.cost;
          result.row.second_cost[i] = row_least.second_cost;

          // Ranks both ways, and candidates for the nearest rows of every column.
          const std::int32_t partner = request.row_to_column[i];
          look_in_row.assign(static_cast<std::size_t>(blocks), 0);
          look_in_column.assign(static_cast<std::size_t>(blocks), 0);
          const double threshold = partner >= 0 ? result.partner_cost[i] : -kInfinity;
          const RowError error = row_error(i);
          const auto upper = [&](std::int64_t j) {
            const double lower = listed_cost(costs, j);
            if (!error.column_error) return lower;
            return lower + (error.row_error * error.column_error[j] + error.relative * std::fabs(lower) + error.absolute);
          };
          std::int64_t before = compare(kernel, scan(costs), error,
                                        {threshold, column_thresholds.data(), scratch->least_upper.data(),
                                         scratch->second_upper.data(), scratch->before.data(), look_in_row.data(),
                                         look_in_column.data()});
          if (partner >= 0) {
            ask_blocks([&](std::int64_t block) { return look_in_row[block] != 0; },
                       [&](std::int64_t j) {
                         return j != partner && listed_cost(costs, j) <= threshold && !(upper(j) < threshold);
                       });
            for (std::size_t a = 0; a < asked.size(); ++a) {
              before += exact_costs[a] < threshold || (exact_costs[a] == threshold && asked[a] < partner);
            }
            result.rank_in_row[i] = static_cast<std::int32_t>(before);
          }
          ask_blocks([&](std::int64_t block) { return look_in_column[block] != 0; },
                     [&](std::int64_t j) {
                       const double c = listed_cost(costs, j);
                       if (c <= scratch->second_upper[j] && c < kInfinity) {
                         const auto column = static_cast<std::int32_t>(j);
                         if (exact) {
                           scratch->least[j].see(c, i);
                         } else {
                           scratch->candidates.push_back({i, column, c});
                         }
                       }
                       return request.column_to_row[j] != i && listed_cost(costs, j) <= column_thresholds[j] &&
                              !(upper(j) < column_thresholds[j]);
                     });
          for (std::size_t a = 0; a < asked.size(); ++a) {
            const std::int32_t j = asked[a];
            const double at = column_thresholds[j];
            scratch->before[j] += exact_costs[a] < at || (exact_costs[a] == at && i < request.column_to_row[j]);
          }
          if (scratch->candidates.size() > kMostCandidates) scratch->settle(*this);
        }
        pool.give_back(std::move(scratch));
        control.check();
      },
      control);

  if (request.neighbours) {
    ColumnScratch merged(columns_);
    for (const auto& scratch : pool.all()) {
      for (std::int64_t j = 0; j < columns_; ++j) {
        merged.before[j] += scratch->before[j];
        for (const double upper : {scratch->least_upper[j], scratch->second_upper[j]}) {
          merged.second_upper[j] = std::min(merged.second_upper[j], std::max(merged.least_upper[j], upper));
          merged.least_upper[j] = std::min(merged.least_upper[j], upper);
        }
      }
    }
    for (const auto& scratch : pool.all()) {
      scratch->second_upper = merged.second_upper;
      scratch->settle(*this);
      for (std::int64_t j = 0; j < columns_; ++j) merged.least[j].merge(scratch->least[j]);
    }
    result.column = {std::vector<std::int32_t>(m), std::vector<double>(m), std::vector<double>(m)};
    result.rank_in_column.assign(m, -1);
    for (std::int64_t j = 0; j < columns_; ++j) {
      result.column.index[j] = merged.least[j].index;
      result.column.cost[j] = merged.least[j].cost;
      result.column.second_cost[j] = merged.least[j].second_cost;
      if (request.column_to_row[j] >= 0) result.rank_in_column[j] = merged.before[j];
    }
  }
  return result;
}

template class ScannedSource<float>;
template class ScannedSource<double>;
template class ScannedSource<float, RowsCostSource>;

}  // namespace sae_match
