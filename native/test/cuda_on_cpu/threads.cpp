#include "threads.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>
#include <vector>

#ifndef __x86_64__
#error "Changing over between stacks is written for x86-64"
#endif

// The thread sanitizer takes a thread of a kernel for a fiber, and is told which one runs. What changes over between them is
// not instrumented: it begins in one and ends in another.
#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#define NOT_INSTRUMENTED __attribute__((no_sanitize("thread")))
#else
#define NOT_INSTRUMENTED
static void* __tsan_create_fiber(unsigned) { return nullptr; }
static void __tsan_destroy_fiber(void*) {}
static void* __tsan_get_current_fiber() { return nullptr; }
static void __tsan_switch_to_fiber(void*, unsigned) {}
#endif

thread_local dim3 threadIdx, blockIdx, blockDim, gridDim;

// Leaves the running stack, whose pointer goes to *save, for another one that was left like that.
extern "C" void cuda_on_cpu_change_stack(void** save, void* load);
asm(R"(
.text
.globl cuda_on_cpu_change_stack
.hidden cuda_on_cpu_change_stack
.type cuda_on_cpu_change_stack, @function
cuda_on_cpu_change_stack:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size cuda_on_cpu_change_stack, .-cuda_on_cpu_change_stack
)");

namespace cuda_on_cpu {
namespace {

constexpr std::size_t kStackBytes = 64 << 10;
constexpr unsigned kLanes = 32;

struct Meeting {
  unsigned expected = 0, arrived = 0, held = 0;
};

struct Warp {
  Meeting meeting;
  Slot slots[2][kLanes];
};

struct Copy {
  void* to;
  const void* from;
  std::size_t bytes;
};

struct Thread {
  std::unique_ptr<unsigned char[]> stack{new unsigned char[kStackBytes]};
  void* pointer = nullptr;
  void* fiber = __tsan_create_fiber(0);
  bool done = true;
  unsigned exchanges = 0;
  std::vector<Copy> begun;  // since the last group
  std::deque<std::vector<Copy>> groups;
};

struct Block {
  std::vector<Thread> threads;
  std::vector<Warp> warps;
  std::vector<unsigned char> shared;
  Meeting meeting;
  const std::function<void()>* kernel = nullptr;
  void *scheduler = nullptr, *scheduler_fiber = nullptr;
  unsigned running = 0, progress = 0;
  ~Block() {
    for (const Thread& thread : threads) __tsan_destroy_fiber(thread.fiber);
  }
};
thread_local Block block;

[[noreturn]] void stop(const char* what) {
  std::fprintf(stderr, "CUDA on the CPU: %s (block %u, %u, thread %u)\n", what, blockIdx.x, blockIdx.y, threadIdx.x);
  std::abort();
}

NOT_INSTRUMENTED void change_over() {
  __tsan_switch_to_fiber(block.scheduler_fiber, 0);
  cuda_on_cpu_change_stack(&block.threads[block.running].pointer, block.scheduler);
}

NOT_INSTRUMENTED void begin() {
  (*block.kernel)();
  block.threads[block.running].done = true;
  ++block.progress;
  change_over();
  stop("a finished thread was run again");
}

void prepare(Thread& thread) {
  // As if it had left its stack just before the first instruction of begin().
  auto top = (reinterpret_cast<std::uintptr_t>(thread.stack.get()) + kStackBytes) / 16 * 16 - 16;
  auto* at = reinterpret_cast<void**>(top);
  at[1] = nullptr;
  at[0] = reinterpret_cast<void*>(&begin);
  for (int r = 1; r <= 6; ++r) at[-r] = nullptr;
  thread.pointer = at - 6;
  thread.done = false;
  thread.exchanges = 0;
  thread.begun.clear();
  thread.groups.clear();
}

void wait_at(Meeting& meeting) {
  const unsigned mine = meeting.held;
  if (++meeting.arrived == meeting.expected) {
    meeting.arrived = 0;
    ++meeting.held;
    ++block.progress;
    return;
  }
  while (meeting.held == mine) change_over();
}

NOT_INSTRUMENTED void continue_thread(unsigned t) {
  __tsan_switch_to_fiber(block.threads[t].fiber, 0);
  cuda_on_cpu_change_stack(&block.scheduler, block.threads[t].pointer);
}

void run_block() {
  const unsigned count = blockDim.x;
  block.scheduler_fiber = __tsan_get_current_fiber();
  block.meeting = {count, 0, 0};
  block.warps.resize((count + kLanes - 1) / kLanes);
  for (unsigned w = 0; w < block.warps.size(); ++w) {
    block.warps[w].meeting = {count - w * kLanes < kLanes ? count - w * kLanes : kLanes, 0, 0};
  }
  for (unsigned t = 0; t < count; ++t) prepare(block.threads[t]);
  for (bool any = true; any;) {
    any = false;
    const unsigned before = block.progress;
    for (unsigned t = 0; t < count; ++t) {
      if (block.threads[t].done) continue;
      any = true;
      block.running = t;
      threadIdx = dim3(t, 0, 0);
      continue_thread(t);
    }
    if (any && block.progress == before) stop("some threads wait where others do not");
  }
}

}  // namespace

void run(dim3 grid, dim3 threads, std::size_t shared_bytes, const std::function<void()>& kernel) {
  if (threads.y != 1 || threads.z != 1 || grid.z != 1) stop("only x of a block and x, y of a grid are here");
  gridDim = grid;
  blockDim = threads;
  if (block.threads.size() < threads.x) block.threads.resize(threads.x);
  block.kernel = &kernel;
  block.shared.assign(shared_bytes + 128, 0xff);
  for (unsigned y = 0; y < grid.y; ++y) {
    for (unsigned x = 0; x < grid.x; ++x) {
      blockIdx = dim3(x, y, 0);
      run_block();
    }
  }
}

void wait_for_block() { wait_at(block.meeting); }
void wait_for_warp() { wait_at(block.warps[threadIdx.x / kLanes].meeting); }

void* shared_memory() {
  const auto address = reinterpret_cast<std::uintptr_t>(block.shared.data());
  return reinterpret_cast<void*>((address + 127) / 128 * 128);
}

void begin_copy(void* to, const void* from, std::size_t bytes) {
  if ((blockIdx.x + blockIdx.y) % 2 == 0) {
    std::memcpy(to, from, bytes);
  } else {
    block.threads[threadIdx.x].begun.push_back({to, from, bytes});
  }
}

void end_group_of_copies() {
  Thread& thread = block.threads[threadIdx.x];
  thread.groups.push_back(std::move(thread.begun));
  thread.begun.clear();
}

void wait_for_copies(std::size_t pending) {
  std::deque<std::vector<Copy>>& groups = block.threads[threadIdx.x].groups;
  for (; groups.size() > pending; groups.pop_front()) {
    for (const Copy& copy : groups.front()) std::memcpy(copy.to, copy.from, copy.bytes);
  }
}

const Slot* exchange(const void* bytes, std::size_t count) {
  if (count > sizeof(Slot)) stop("an exchange of more than a slot holds");
  Warp& warp = block.warps[threadIdx.x / kLanes];
  Slot* slots = warp.slots[block.threads[threadIdx.x].exchanges++ % 2];
  std::memcpy(slots[threadIdx.x % kLanes].bytes, bytes, count);
  wait_at(warp.meeting);
  return slots;
}

}  // namespace cuda_on_cpu
