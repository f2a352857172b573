// Threads of a block of threads, on one thread of the CPU.
#pragma once

#include <cstddef>
#include <functional>

struct dim3 {
  unsigned x = 1, y = 1, z = 1;
  constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};

extern thread_local dim3 threadIdx, blockIdx, blockDim, gridDim;

namespace cuda_on_cpu {

// Runs `kernel` for every thread of every block, one block after the other.
void run(dim3 grid, dim3 block, std::size_t shared_bytes, const std::function<void()>& kernel);

// Called by threads of a running kernel: the same wait by all threads of the block, or of the warp.
void wait_for_block();
void wait_for_warp();

// The dynamic shared memory of the running block.
void* shared_memory();

// Copies to shared memory that run beside the calling thread, in groups. In every other block they land only when the
// thread waits for their group, in the others at once: both are what a GPU may do.
void begin_copy(void* to, const void* from, std::size_t bytes);
void end_group_of_copies();
// Until all groups but the last `pending` are there.
void wait_for_copies(std::size_t pending);

struct Slot {
  unsigned char bytes[64];
};
// Waits for the warp; what its lanes gave, good until the thread's next exchange but one.
const Slot* exchange(const void* bytes, std::size_t count);

}  // namespace cuda_on_cpu
