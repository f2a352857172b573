// Nearest neighbours and ranks of the audit, with a GPU that looks at all bounds.
#pragma once

#include <cstdint>

#include "cost/cost_source.h"
#include "cost/device_pair.h"

namespace sae_match {

// Fills in what request.neighbours asks for; result.partner_cost is there already. At most `most_rows` rows a call. False
// where the GPU has no room, or where most costs tie and most entries are candidates.
bool find_device_neighbours(const DevicePair& pair, std::int64_t rows, std::int64_t columns, std::int64_t most_rows,
                            const AuditRequest& request, Audit& result, RunControl& control);

}  // namespace sae_match
