// Tensors with an identity stay in device memory from pair to pair, whole and as they are stored. A pair keeps those that it
// uses. Of the others the least recently used go first: where a new tensor would bring them all over their budget, and
// where memory is wanted that is not free.
#pragma once

#include <memory>

#include "cuda/memory.h"

namespace sae_match::cuda {

using Resident = std::shared_ptr<const DeviceBlock>;

// All stored rows of a block with an identity, side by side on the current device. They are uploaded unless they are
// there; while another thread uploads them, this one waits.
Resident resident_tensor(const sae_match_device_block& block, Stream& stream);

// How many tensors of the current device have been freed so far for want of memory.
std::uint64_t resident_evictions();
// Whether it is worth trying again to allocate: frees a tensor that no pair uses, unless another thread has freed one since
// there were `evictions`, which becomes the present number.
bool evict_resident(std::uint64_t& evictions);

sae_match_device_resident describe_resident(int device);

}  // namespace sae_match::cuda
