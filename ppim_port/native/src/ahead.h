// Memory asked for before it is needed.
//
// A batch of tensors lies in memory, not in the cache, and the processor by itself asks
// too late: an involution has three streams (input, kernels, output) of a few lines a
// position, and little to compute for each.
#pragma once

#include <cstdint>

// GCC takes a function that only asks for memory for one without effect, and drops its
// calls, unless they are gone before it looks.
#define INLINED __attribute__((always_inline)) inline

namespace {

constexpr uintptr_t LINE = 64;  // bytes

// Asks for the lines of `count` elements from `offset` on, to be read or to be written.
// Past the end of a tensor that does no harm: nothing is read.
template <bool WRITTEN = false, class T>
INLINED void ask_for(const T* p, int64_t offset, int64_t count) {
  uintptr_t begin = (uintptr_t)p + offset * sizeof(T), end = begin + count * sizeof(T);
  for (uintptr_t line = begin & ~(LINE - 1); line < end; line += LINE)
    __builtin_prefetch((const void*)line, WRITTEN);
}

}  // namespace
