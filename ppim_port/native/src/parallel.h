// Split a loop over threads of its own.
//
// Threads are started for each call: a pool would not survive fork(), and callers that
// care have a thread for each picture and ask for one here.
#pragma once

#include <algorithm>
#include <cstdint>
#include <thread>
#include <vector>

namespace {

template <class Body>
void parallel_for(int64_t total, int64_t threads, const Body& body) {
  threads = std::min(threads, total);
  if (threads <= 1) {
    if (total > 0) body(int64_t(0), total);
    return;
  }
  auto part = [&](int64_t index) {
    body(total * index / threads, total * (index + 1) / threads);
  };
  std::vector<std::thread> others;
  for (int64_t index = 1; index < threads; ++index) others.emplace_back(part, index);
  part(0);
  for (auto& other : others) other.join();
}

}  // namespace
