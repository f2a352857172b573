// Prices that the shortlist solver begins with.
#pragma once

#include <optional>

#include "lap/shortlist_state.h"

namespace sae_match {

enum class StartingPrices { quantiles, soft_minima, given };

// Sets prices and makes every row's list at them; returns what prices those are: low quantiles of columns (or column
// minima, where costs tie), or soft minima where the source can look at all costs over and over.
StartingPrices first_lists(ShortlistState& state);

// Soft minima alone; none where the source has none or where costs tie.
std::optional<std::vector<double>> soft_prices(const CostSource& source, double unmatched_cost, RunControl& control);

// The median over these rows of what lies between the best entry of a list and its bound: how far apart a row's choices
// are. Rows whose choices all tie say nothing; 0 where all do.
double median_list_width(const ShortlistState& state, const std::vector<std::int32_t>& rows);

}  // namespace sae_match
