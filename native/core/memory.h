// Memory for large arrays of numbers that are written before they are read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace sae_match {

struct FreeMemory {
  void operator()(void* memory) const { std::free(memory); }
};
template <class T>
using Array = std::unique_ptr<T[], FreeMemory>;

// Uninitialised and aligned to cache lines. A large one asks for pages of 2 MiB, where the system has them: a matrix is
// then spared a page fault every 4 KiB, and products, which touch many pages, most misses of the address cache.
template <class T>
Array<T> allocate(std::int64_t count) {
  constexpr std::size_t kLine = 64, kHugePage = std::size_t{2} << 20;
  if (count < 0 || static_cast<std::size_t>(count) > (SIZE_MAX - kHugePage) / sizeof(T)) throw std::bad_alloc();
  const std::size_t bytes = static_cast<std::size_t>(count) * sizeof(T);
  const std::size_t alignment = bytes < 2 * kHugePage ? kLine : kHugePage;
  void* memory = std::aligned_alloc(alignment, (bytes / alignment + 1) * alignment);
  if (!memory) throw std::bad_alloc();
#ifdef MADV_HUGEPAGE
  if (alignment == kHugePage) madvise(memory, bytes / kHugePage * kHugePage, MADV_HUGEPAGE);
#endif
  return Array<T>(static_cast<T*>(memory));
}

}  // namespace sae_match
