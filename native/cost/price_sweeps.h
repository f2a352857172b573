// What a source does to prices that has all listed costs where they are looked at quickly: in the memory of a GPU.
#pragma once

#include <cstdint>
#include <vector>

namespace sae_match {

class PriceSweeps {
 public:
  virtual ~PriceSweeps() = default;

  // Rounds of Sinkhorn's scaling, the soft form of an auction with tolerance eps: every row pays
  // u_i = -eps log sum_j exp((v_j - c_ij) / eps), at most `row_most`, and v_j moves by `relaxation` times its distance to
  // -eps log sum_i exp((u_i - c_ij) / eps), to `column_most` at most. Above 1 the relaxation makes few rounds do as much as
  // many.
  struct SoftMinima {
    double eps, row_most, column_most, relaxation;
    std::int64_t rounds;  // of some milliseconds at most
  };
  virtual void soft_minima(const SoftMinima& ask, std::vector<double>& v) const = 0;

  // Rounds of an auction in which all rows without column bid at once: each for the column least by cost - v, so much that
  // it becomes `eps` worse than the row's second choice or than staying alone. Rows with equal costs bid for different
  // columns where they can. A column goes to who bids most, the lower row among equals. A row that would rather stay alone
  // bids no more.
  struct AuctionRounds {
    double eps, unmatched_cost;
    std::int64_t rounds;
    bool restart;  // with all rows and these prices; otherwise where the call before ended
  };
  struct AuctionState {
    std::int64_t waiting;  // rows without column that bid again
    std::int64_t bids;     // since the start
  };
  virtual AuctionState auction(const AuctionRounds& ask, std::vector<double>& v) const = 0;
};

}  // namespace sae_match
