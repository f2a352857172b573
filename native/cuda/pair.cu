#include "cuda/pair.h"

#include <algorithm>
#include <vector>

namespace sae_match::cuda {
namespace {

// Bounds of so many rows at once are formed where not all are kept.
constexpr std::int64_t kSlabBytes = std::int64_t{256} << 20;
constexpr std::int64_t kMostRows = 16384;  // of one call: a few milliseconds, after which the caller may stop

}  // namespace

int Pair::use(int device) {
  SAE_MATCH_CHECK(cudaSetDevice(device));
  return device;
}

Pair::Pair(const sae_match_device_problem& problem)
    : device_(use(problem.device)),
      rule_{problem.either_sign != 0, problem.maximize != 0},
      product_(static_cast<Product>(problem.product)),
      a_(problem.a, product_, memory_),
      b_(problem.b, product_, memory_),
      row_errors_(memory_, a_.count()),
      column_errors_(memory_, b_.count()) {
  take_room_for_bounds(problem);
  stream_.wait();
}

// All rows where that is asked for or there is room for them, some rows otherwise: fewer and fewer until they fit.
void Pair::take_room_for_bounds(const sae_match_device_problem& problem) {
  const std::int64_t n = a_.count(), m = b_.count();
  const double bytes = 4.0 * static_cast<double>(n) * static_cast<double>(m);
  if (problem.dense > 0 || (problem.dense < 0 && bytes <= static_cast<double>(problem.dense_bytes))) {
    try {
      bounds_.allocate(n * m);
      dense_ = 1;
      most_rows_ = std::min(n, kMostRows);
      return;
    } catch (const DeviceError& error) {
      if (problem.dense > 0 || error.status != SAE_MATCH_DEVICE_OUT_OF_MEMORY) throw;
    }
  }
  for (most_rows_ = std::min({n, kMostRows, std::max<std::int64_t>(1, kSlabBytes / (4 * m))});; most_rows_ /= 2) {
    try {
      return bounds_.allocate(most_rows_ * m);
    } catch (const DeviceError& error) {
      if (most_rows_ == 1 || error.status != SAE_MATCH_DEVICE_OUT_OF_MEMORY) throw;
    }
  }
}

void Pair::norms(double* a, double* b) {
  use(device_);
  a_.find_norms(a);
  b_.find_norms(b);
}

sae_match_device_properties Pair::pack(double factor, double* a_residual, double* b_residual) {
  use(device_);
  a_.pack(factor, a_residual);
  b_.pack(factor, b_residual);
  sae_match_device_properties properties{};
  properties.dense = static_cast<std::int32_t>(dense_);
  properties.most_rows = most_rows_;
  properties.accumulation = accumulation_error(product_, a_.depth());
  properties.underflow = static_cast<double>(a_.depth()) * 0x1p-120;
  return properties;
}

void Pair::bound(const double* row_errors, const double* column_errors) {
  use(device_);
  stream_.upload(row_errors_.data(), row_errors, a_.count());
  stream_.upload(column_errors_.data(), column_errors, b_.count());
  stream_.wait();
}

BoundView Pair::bound_view() const {
  return {a_.view().norms, b_.view().norms, row_errors_.data(), column_errors_.data(), rule_};
}

void Pair::form(std::int64_t first, std::int64_t count) {
  use(device_);
  form_bounds(product_, a_.operand(), nullptr, first, count, b_.operand(), bound_view(),
              bounds_.data() + first * b_.count(), stream_.get());
  stream_.wait();
}

void Pair::put(DeviceArray<std::int32_t>& to, const std::int32_t* from, std::int64_t count) {
  to.reserve(count);
  stream_.upload(to.data(), from, count);
}

void Pair::put_prices(const double* v) {
  v_.reserve(b_.count());
  stream_.upload(v_.data(), v, b_.count());
}

BoundRows Pair::bounds_of(const std::int32_t* rows, std::int64_t count) {
  put(asked_, rows, count);
  if (dense_) return {bounds_.data(), b_.count(), asked_.data()};
  form_bounds(product_, a_.operand(), asked_.data(), 0, count, b_.operand(), bound_view(), bounds_.data(), stream_.get());
  return {bounds_.data(), b_.count(), nullptr};
}

void Pair::rows(const std::int32_t* rows, std::int64_t count, float* out) {
  use(device_);
  const std::int64_t m = b_.count();
  if (!dense_) {
    bounds_of(rows, count);
    stream_.download(out, bounds_.data(), static_cast<std::size_t>(count * m) * sizeof(float));
    return;
  }
  // Neighbouring rows travel together.
  for (std::int64_t begin = 0, end; begin < count; begin = end) {
    for (end = begin + 1; end < count && rows[end] == rows[end - 1] + 1;) ++end;
    SAE_MATCH_CHECK(cudaMemcpyAsync(out + begin * m, bounds_.data() + rows[begin] * m,
                                    static_cast<std::size_t>((end - begin) * m) * sizeof(float), cudaMemcpyDeviceToHost,
                                    stream_.get()));
  }
  stream_.wait();
}

void Pair::costs(const std::int32_t* rows, const std::int32_t* columns, std::int64_t count, double* out) {
  use(device_);
  if (count == 0) return;
  put(asked_, rows, count);
  put(columns_, columns, count);
  costs_.reserve(count);
  exact_costs(a_.view(), b_.view(), rule_, asked_.data(), columns_.data(), count, costs_.data(), stream_.get());
  stream_.download(out, costs_.data(), static_cast<std::size_t>(count) * sizeof(double));
}

void Pair::quantile(const std::int32_t* rows, std::int64_t count, std::int64_t depth, double* out) {
  use(device_);
  v_.reserve(b_.count());
  column_quantile(bounds_of(rows, count), count, depth, v_.data(), stream_.get());
  stream_.download(out, v_.data(), static_cast<std::size_t>(b_.count()) * sizeof(double));
}

void Pair::lists(const std::int32_t* rows, const std::int32_t* shared, std::int64_t count, const double* v,
                 std::int64_t size, bool exact, std::int64_t stride, std::int32_t* columns, double* costs,
                 std::int32_t* sizes, double* bounds) {
  use(device_);
  if (count == 0) return;
  const BoundRows asked = bounds_of(rows, count);
  put(shared_, shared, count);
  put_prices(v);
  columns_.reserve(count * stride);
  costs_.reserve(count * stride);
  sizes_.reserve(count);
  lower_.reserve(count);
  const ListArguments lists{asked,           asked_.data(), shared_.data(), v_.data(),    size,
                            stride,          columns_.data(), costs_.data(), sizes_.data(), lower_.data()};
  make_lists(lists, count, stream_.get());
  if (exact) make_exact(lists, count, a_.view(), b_.view(), rule_, stream_.get());
  const auto entries = static_cast<std::size_t>(count * stride);
  stream_.download(columns, columns_.data(), entries * sizeof(std::int32_t));
  stream_.download(costs, costs_.data(), entries * sizeof(double));
  stream_.download(sizes, sizes_.data(), static_cast<std::size_t>(count) * sizeof(std::int32_t));
  stream_.download(bounds, lower_.data(), static_cast<std::size_t>(count) * sizeof(double));
}

void Pair::least_reduced(const std::int32_t* rows, std::int64_t count, const double* v, double* out) {
  use(device_);
  if (count == 0) return;
  const BoundRows asked = bounds_of(rows, count);
  put_prices(v);
  lower_.reserve(count);
  cuda::least_reduced(asked, asked_.data(), count, a_.view(), b_.view(), rule_, v_.data(), lower_.data(), stream_.get());
  stream_.download(out, lower_.data(), static_cast<std::size_t>(count) * sizeof(double));
}

PartnerView Pair::partner_view() const {
  return {row_to_column_.data(), column_to_row_.data(), row_cost_.data(),
          column_cost_.data(),   row_errors_.data(),    column_errors_.data()};
}

ColumnView Pair::column_view() const { return {least_upper_.data(), second_upper_.data(), before_.data()}; }

void Pair::begin_neighbours(const sae_match_device_partners& partners) {
  use(device_);
  const std::int64_t n = a_.count(), m = b_.count();
  put(row_to_column_, partners.row_to_column, n);
  put(column_to_row_, partners.column_to_row, m);
  for (DeviceArray<double>* array : {&column_cost_, &least_upper_, &second_upper_, &zeros_}) array->reserve(m);
  row_cost_.reserve(n);
  before_.reserve(m);
  found_.reserve(1);
  stream_.upload(row_cost_.data(), partners.row_cost, n);
  stream_.upload(column_cost_.data(), partners.column_cost, m);
  SAE_MATCH_CHECK(cudaMemsetAsync(zeros_.data(), 0, static_cast<std::size_t>(m) * sizeof(double), stream_.get()));
  clear_columns(column_view(), m, stream_.get());
  stream_.wait();
}

void Pair::see_columns(const std::int32_t* rows, std::int64_t count) {
  use(device_);
  if (count == 0) return;
  const BoundRows asked = bounds_of(rows, count);
  chunks_.reserve(2 * chunks_of(count) * b_.count());
  cuda::see_columns(asked, asked_.data(), count, partner_view(), column_view(), chunks_.data(), stream_.get());
  stream_.wait();
}

void Pair::neighbours(const std::int32_t* rows, std::int64_t count, const sae_match_device_neighbours& out,
                      sae_match_device_candidates& candidates) {
  use(device_);
  candidates.found = 0;
  if (count == 0) return;
  const BoundRows asked = bounds_of(rows, count);
  columns_.reserve(count);
  sizes_.reserve(count);
  lower_.reserve(count);
  costs_.reserve(std::max(count, candidates.room));
  for (DeviceArray<std::int32_t>* array : {&candidate_rows_, &candidate_columns_, &candidate_ties_}) {
    array->reserve(candidates.room);
  }
  const auto bytes = [](std::int64_t entries, std::size_t each) { return static_cast<std::size_t>(entries) * each; };
  SAE_MATCH_CHECK(cudaMemsetAsync(found_.data(), 0, sizeof(unsigned long long), stream_.get()));
  find_neighbours(asked, asked_.data(), count, a_.view(), b_.view(), rule_, partner_view(), column_view(), zeros_.data(),
                  {columns_.data(), costs_.data(), lower_.data(), sizes_.data()},
                  {candidates.room, found_.data(), candidate_rows_.data(), candidate_columns_.data(), candidate_ties_.data()},
                  stream_.get());
  stream_.download(out.index, columns_.data(), bytes(count, sizeof(std::int32_t)));
  stream_.download(out.cost, costs_.data(), bytes(count, sizeof(double)));
  stream_.download(out.second_cost, lower_.data(), bytes(count, sizeof(double)));
  stream_.download(out.rank, sizes_.data(), bytes(count, sizeof(std::int32_t)));
  unsigned long long found = 0;
  stream_.download(&found, found_.data(), sizeof found);
  candidates.found = static_cast<std::int64_t>(found);
  if (found == 0 || candidates.found > candidates.room) return;
  exact_costs(a_.view(), b_.view(), rule_, candidate_rows_.data(), candidate_columns_.data(), candidates.found,
              costs_.data(), stream_.get());
  stream_.download(candidates.rows, candidate_rows_.data(), bytes(candidates.found, sizeof(std::int32_t)));
  stream_.download(candidates.columns, candidate_columns_.data(), bytes(candidates.found, sizeof(std::int32_t)));
  stream_.download(candidates.ties, candidate_ties_.data(), bytes(candidates.found, sizeof(std::int32_t)));
  stream_.download(candidates.costs, costs_.data(), bytes(candidates.found, sizeof(double)));
}

void Pair::column_ranks(std::int32_t* before) {
  use(device_);
  stream_.download(before, before_.data(), static_cast<std::size_t>(b_.count()) * sizeof(std::int32_t));
}

void Pair::require_dense() const {
  if (!dense_) throw DeviceError{SAE_MATCH_DEVICE_INVALID, "Bounds of all rows are wanted, and not kept"};
}

void Pair::soft_min(const sae_match_device_soft_min& ask, double* v) {
  use(device_);
  require_dense();
  const std::int64_t n = a_.count(), m = b_.count();
  soft_u_.reserve(n);
  soft_v_.reserve(m);
  soft_parts_.reserve(soft_min_parts(n) * m);
  std::vector<float> prices(v, v + m);
  stream_.upload(soft_v_.data(), prices.data(), m);
  const SoftMinArguments round{bounds_.data(),
                               n,
                               m,
                               static_cast<float>(ask.eps),
                               static_cast<float>(ask.row_most),
                               static_cast<float>(ask.column_most),
                               static_cast<float>(ask.relaxation),
                               soft_u_.data(),
                               soft_v_.data(),
                               soft_parts_.data()};
  for (std::int64_t r = 0; r < ask.rounds; ++r) soft_min_round(round, stream_.get());
  stream_.download(prices.data(), soft_v_.data(), prices.size() * sizeof(float));
  std::copy(prices.begin(), prices.end(), v);
}

sae_match_device_auction_state Pair::auction(const sae_match_device_auction& ask, double* v) {
  use(device_);
  require_dense();
  const std::int64_t n = a_.count(), m = b_.count();
  for (DeviceArray<std::int32_t>* array : {&waiting_, &next_waiting_, &wanted_}) array->reserve(n);
  for (DeviceArray<std::int32_t>* array : {&owners_, &winners_}) array->reserve(m);
  auction_v_.reserve(m);
  bid_prices_.reserve(n);
  least_bids_.reserve(m);
  auction_counts_.reserve(1);
  const AuctionArguments auction{bounds_.data(),
                                 n,
                                 m,
                                 ask.eps,
                                 ask.unmatched_cost,
                                 auction_v_.data(),
                                 owners_.data(),
                                 waiting_.data(),
                                 next_waiting_.data(),
                                 wanted_.data(),
                                 bid_prices_.data(),
                                 least_bids_.data(),
                                 winners_.data(),
                                 auction_counts_.data()};
  if (ask.restart) {
    stream_.upload(auction_v_.data(), v, m);
    begin_auction(auction, stream_.get());
    parity_ = 0;
    rows_waiting_ = n;
  }
  for (std::int64_t r = 0; r < ask.rounds && rows_waiting_ > 0; ++r) {
    auction_round(auction, parity_, rows_waiting_, stream_.get());
    parity_ = 1 - parity_;
  }
  AuctionCounts counts;
  stream_.download(v, auction_v_.data(), static_cast<std::size_t>(m) * sizeof(double));
  stream_.download(&counts, auction_counts_.data(), sizeof counts);
  rows_waiting_ = counts.waiting[parity_];
  return {rows_waiting_, counts.bids};
}

}  // namespace sae_match::cuda
