// See parallel.h. Compiled once, for every processor: what the standard library makes of
// threads must not hold instructions of one instruction set (see build.py).
#include "parallel.h"

#include <algorithm>
#include <exception>
#include <thread>
#include <vector>

void ppim_parallel(int64_t total, int64_t threads, Part part, const void* body) {
  threads = std::min(threads, total);
  if (threads <= 1) {
    if (total > 0) part(body, 0, total);
    return;
  }
  std::vector<std::exception_ptr> failures(threads);
  auto run = [&](int64_t index) noexcept {
    try {
      part(body, total * index / threads, total * (index + 1) / threads);
    } catch (...) {
      failures[index] = std::current_exception();
    }
  };
  std::vector<std::thread> others;
  others.reserve(threads);
  try {
    while (int64_t(others.size()) + 1 < threads)
      others.emplace_back(run, int64_t(others.size()) + 1);
  } catch (...) {
    // No thread or no memory for one: what is left is done below.
  }
  run(0);
  for (int64_t index = others.size() + 1; index < threads; ++index) run(index);
  for (auto& other : others) other.join();
  for (const auto& failure : failures)
    if (failure) std::rethrow_exception(failure);
}
