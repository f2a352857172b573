// Bertsekas' auction over bounds: all rows without column bid at once, round after round, and the host looks on.
#pragma once

#include "cuda/scan.h"

namespace sae_match::cuda {

// What an auction has come to. Rows wait in any order: all of them bid, so nothing depends on it.
struct AuctionCounts {
  std::int32_t waiting[2];  // rows in either list of them
  std::int64_t bids;
};

struct AuctionArguments {
  const float* bounds;  // [rows x columns]
  std::int64_t rows, columns;
  double eps, unmatched_cost;
  double* v;                    // [columns] prices
  std::int32_t* column_to_row;  // [columns] -1 where nobody has it
  std::int32_t *even, *odd;     // [rows] the rows that bid in even rounds, and in odd ones
  // Of a round: each bidder's column (-1 where it stays out) and price; of each column the least price bid, as ordered
  // bits, and the lowest row that bids it. Columns that nobody wants have the largest numbers of either kind.
  std::int32_t* wanted;      // [rows]
  double* price;             // [rows]
  unsigned long long* least;  // [columns]
  std::int32_t* winner;       // [columns]
  AuctionCounts* counts;

  // An index into the arguments of a kernel would put all of them into memory.
  __device__ std::int32_t* waiting(int parity) const { return parity == 0 ? even : odd; }
};

// Every row waits, nobody has a column. Prices stay.
void begin_auction(const AuctionArguments& auction, cudaStream_t stream);

// One round, an even or an odd one. At most `most_waiting` rows wait, which never become more. The same result every time.
void auction_round(const AuctionArguments& auction, int parity, std::int64_t most_waiting, cudaStream_t stream);

}  // namespace sae_match::cuda
