// Split a loop over threads of its own.
//
// Threads are started for each call: a pool would not survive fork(), and callers that
// care have a thread for each picture and ask for one here. Where the system has no
// thread left, the calling one does its work.
#pragma once

#include <cstdint>

using Part = void (*)(const void* body, int64_t begin, int64_t end);

// Calls `part` for pieces that make up 0..total; an exception of any is thrown at last.
void ppim_parallel(int64_t total, int64_t threads, Part part, const void* body);

namespace {

template <class Body>
void parallel_for(int64_t total, int64_t threads, const Body& body) {
  auto part = [](const void* self, int64_t begin, int64_t end) {
    (*static_cast<const Body*>(self))(begin, end);
  };
  ppim_parallel(total, threads, part, &body);
}

}  // namespace
