// Pooling of channels-last tensors: maximum over a padded window, or the plain average.
//
// A NaN in a window is the window's maximum, as in the frameworks.
#pragma once

#include <algorithm>
#include <limits>

#include "arguments.h"
#include "vector.h"

namespace {

template <class V>
inline V larger(V a, V b) {
  return (a > b) | (a != a) ? a : b;
}
inline float larger(float a, float b) { return a > b || a != a ? a : b; }

struct Largest {
  static constexpr float start = -std::numeric_limits<float>::infinity();
  template <class V>
  static V fold(V a, V b) {
    return larger(a, b);
  }
};
struct Sum {
  static constexpr float start = 0;
  template <class V>
  static V fold(V a, V b) {
    return a + b;
  }
};

// The positions of a window that lie inside of the input.
struct Window {
  int64_t top, bottom, left, right;

  Window(const PoolArguments& p, int64_t y, int64_t x)
      : top(y * p.stride - p.padding),
        bottom(std::min(p.height, top + p.kernel_height)),
        left(x * p.stride - p.padding),
        right(std::min(p.width, left + p.kernel_width)) {
    top = std::max<int64_t>(0, top);
    left = std::max<int64_t>(0, left);
  }

  template <class Call>
  inline void each(const PoolArguments& p, const Call& call) const {
    for (int64_t y = top; y < bottom; ++y)
      for (int64_t x = left; x < right; ++x) call((y * p.width + x) * p.channels);
  }
};

// V neighbouring vectors of channels of one window.
template <class Fold, int V, class T>
inline void vectors(const PoolArguments& p, const Window& window, const T* input,
                    float share, T* output) {
  vec<float> found[V];
  for (int v = 0; v < V; ++v) found[v] = vec<float>{} + Fold::start;
  window.each(p, [&](int64_t at) {
    for (int v = 0; v < V; ++v)
      found[v] = Fold::fold(found[v], load_vector(input + at + v * lanes<float>));
  });
  for (int v = 0; v < V; ++v) store_vector(output + v * lanes<float>, found[v] * share);
}

template <class Fold, class T>
inline void pool_window(const PoolArguments& p, const Window& window, const T* input,
                        T* output) {
  float share =
      p.average ? 1.0f / float(p.kernel_height * p.kernel_width) : 1.0f;
  int64_t c = 0;
  for (; c + 4 * lanes<float> <= p.channels; c += 4 * lanes<float>)
    vectors<Fold, 4>(p, window, input + c, share, output + c);
  for (; c + lanes<float> <= p.channels; c += lanes<float>)
    vectors<Fold, 1>(p, window, input + c, share, output + c);
  for (; c < p.channels; ++c) {
    float found = Fold::start;
    window.each(p, [&](int64_t at) {
      found = Fold::fold(found, load(input + at + c));
    });
    store(output + c, found * share);
  }
}

template <class Fold, class T>
void pooled(const PoolArguments& p) {
  for (int64_t line = 0; line < p.n * p.out_height; ++line) {
    const T* input =
        (const T*)p.input + line / p.out_height * p.height * p.width * p.channels;
    for (int64_t x = 0; x < p.out_width; ++x)
      pool_window<Fold>(p, Window(p, line % p.out_height, x), input,
                        (T*)p.output + (line * p.out_width + x) * p.channels);
  }
}

template <class T>
void pooled(const PoolArguments& p) {
  p.average ? pooled<Sum, T>(p) : pooled<Largest, T>(p);
}

void pool(const PoolArguments& p) {
  p.type == kBfloat16 ? pooled<bfloat16>(p) : pooled<float>(p);
}

}  // namespace
