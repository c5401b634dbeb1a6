// Pooling of channels-last tensors: maximum over a padded window, or the plain average.
//
// A NaN in a window is the window's maximum, as in the frameworks.
#pragma once

#include <limits>
#include <vector>

#include "arguments.h"
#include "vector.h"

namespace {

template <class V>
inline V larger(V a, V b) {
  return (a > b) | (a != a) ? a : b;
}
inline float larger(float a, float b) { return a > b || a != a ? a : b; }

// Where the channels of the positions of a window are that lie inside of the input.
template <class T>
inline void locate(const PoolArguments& p, const T* input, int64_t y, int64_t x,
                   std::vector<const T*>& found) {
  found.clear();
  for (int64_t i = 0; i < p.kernel_height; ++i)
    for (int64_t j = 0; j < p.kernel_width; ++j) {
      int64_t in_y = y * p.stride + i - p.padding, in_x = x * p.stride + j - p.padding;
      if (0 <= in_y && in_y < p.height && 0 <= in_x && in_x < p.width)
        found.push_back(input + (in_y * p.width + in_x) * p.channels);
    }
}

template <class T>
inline void window(const PoolArguments& p, const std::vector<const T*>& found,
                   T* output) {
  float start = p.average ? 0 : -std::numeric_limits<float>::infinity();
  float share = 1.0f / float(p.kernel_height * p.kernel_width);
  auto fold = [&](auto value, auto load_at) {
    if (p.average) {
      for (const T* at : found) value = value + load_at(at);
      return value * share;
    }
    for (const T* at : found) value = larger(value, load_at(at));
    return value;
  };
  int64_t c = 0;
  for (; c + lanes<float> <= p.channels; c += lanes<float>)
    store_vector(output + c, fold(vec<float>{} + start,
                                  [&](const T* at) { return load_vector(at + c); }));
  for (; c < p.channels; ++c)
    store(output + c, fold(start, [&](const T* at) { return load(at + c); }));
}

template <class T>
void pooled(const PoolArguments& p) {
  std::vector<const T*> found;
  found.reserve(p.kernel_height * p.kernel_width);
  for (int64_t line = 0; line < p.n * p.out_height; ++line) {
    const T* input =
        (const T*)p.input + line / p.out_height * p.height * p.width * p.channels;
    for (int64_t x = 0; x < p.out_width; ++x) {
      locate(p, input, line % p.out_height, x, found);
      window(p, found, (T*)p.output + (line * p.out_width + x) * p.channels);
    }
  }
}

void pool(const PoolArguments& p) {
  p.type == kBfloat16 ? pooled<bfloat16>(p) : pooled<float>(p);
}

}  // namespace
