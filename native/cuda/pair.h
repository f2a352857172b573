// Two sides on the device and what is asked of their costs: the operations of device_api.h, with exceptions.
#pragma once

#include "cuda/auction.h"
#include "cuda/lists.h"
#include "cuda/neighbours.h"
#include "cuda/product.h"
#include "cuda/rows.h"
#include "cuda/soft_min.h"

namespace sae_match::cuda {

class Pair {
 public:
  explicit Pair(const sae_match_device_problem& problem);
  // On the pair's device: a thread that has none would get the first, and a context there.
  ~Pair() { (void)cudaSetDevice(device_); }

  void norms(double* a, double* b);
  sae_match_device_properties pack(double factor, double* a_residual, double* b_residual);
  void bound(const double* row_errors, const double* column_errors);
  void form(std::int64_t first, std::int64_t count);
  void rows(const std::int32_t* rows, std::int64_t count, float* out);
  void costs(const std::int32_t* rows, const std::int32_t* columns, std::int64_t count, double* out);
  void quantile(const std::int32_t* rows, std::int64_t count, std::int64_t depth, double* out);
  void lists(const std::int32_t* rows, const std::int32_t* shared, std::int64_t count, const double* v,
             std::int64_t size, bool exact, std::int64_t stride, std::int32_t* columns, double* costs,
             std::int32_t* sizes, double* bounds);
  void least_reduced(const std::int32_t* rows, std::int64_t count, const double* v, double* out);

  void begin_neighbours(const sae_match_device_partners& partners);
  void see_columns(const std::int32_t* rows, std::int64_t count);
  void neighbours(const std::int32_t* rows, std::int64_t count, const sae_match_device_neighbours& out,
                  sae_match_device_candidates& candidates);
  void column_ranks(std::int32_t* before);

  void soft_min(const sae_match_device_soft_min& ask, double* v);
  sae_match_device_auction_state auction(const sae_match_device_auction& ask, double* v);

 private:
  static int use(int device);
  void take_room_for_bounds(const sae_match_device_problem& problem);
  BoundView bound_view() const;
  // Puts the asked rows on the device, and their bounds, formed where they are not kept.
  BoundRows bounds_of(const std::int32_t* rows, std::int64_t count);
  void put(DeviceArray<std::int32_t>& to, const std::int32_t* from, std::int64_t count);
  void put_prices(const double* v);
  void require_dense() const;
  PartnerView partner_view() const;
  ColumnView column_view() const;

  int device_;
  CostRule rule_;
  Product product_;
  std::int64_t dense_ = 0;
  std::int64_t most_rows_ = 0;
  Stream stream_;
  Arena memory_{stream_};
  DeviceRows a_, b_;
  DeviceArray<float> bounds_{memory_};  // of all rows where dense_, of most_rows_ otherwise
  DeviceArray<double> row_errors_, column_errors_;
  // Kept from call to call.
  DeviceArray<std::int32_t> asked_{memory_}, shared_{memory_}, columns_{memory_}, sizes_{memory_};
  DeviceArray<double> v_{memory_}, costs_{memory_}, lower_{memory_};
  // Of the audit's neighbours.
  DeviceArray<std::int32_t> row_to_column_{memory_}, column_to_row_{memory_}, before_{memory_};
  DeviceArray<std::int32_t> candidate_rows_{memory_}, candidate_columns_{memory_}, candidate_ties_{memory_};
  DeviceArray<double> row_cost_{memory_}, column_cost_{memory_}, least_upper_{memory_}, second_upper_{memory_};
  DeviceArray<double> chunks_{memory_}, zeros_{memory_};
  DeviceArray<unsigned long long> found_{memory_};
  // Of soft minima.
  DeviceArray<float> soft_u_{memory_}, soft_v_{memory_};
  DeviceArray<SoftPart> soft_parts_{memory_};
  // Of an auction, from call to call.
  DeviceArray<double> auction_v_{memory_}, bid_prices_{memory_};
  DeviceArray<std::int32_t> owners_{memory_}, waiting_{memory_}, next_waiting_{memory_}, wanted_{memory_}, winners_{memory_};
  DeviceArray<unsigned long long> least_bids_{memory_};
  DeviceArray<AuctionCounts> auction_counts_{memory_};
  int parity_ = 0;
  std::int64_t rows_waiting_ = 0;
};

}  // namespace sae_match::cuda
