// Neighbouring positions of an involution together: they share most of their inputs.
//
// An element of the input is loaded once for all positions of a block that see it: at
// K = 7 and stride 1, four positions take 10 loads a row instead of 28. Each position's
// sum runs over its taps in the same order as alone, so the bits are the same.
#pragma once

#include "involution_position.h"

namespace {

// R positions by V vectors of channels, from column `x` of the output on. `kernels` are
// those of the first position, one for each vector; the next position's lie `between`
// elements behind.
template <int K, int S, int R, int V, class T, class F = accumulator_t<T>>
inline void block(const InvolutionArguments& p, const T* input,
                  const F* const (&kernels)[V], int64_t between, T* output, int64_t x,
                  int64_t channel, const Span& rows) {
  constexpr int COLUMNS = K + (R - 1) * S;
  int64_t first = x * S - K / 2;
  vec<F> sums[R][V] = {};
  for (int64_t i = rows.begin; i < rows.end; ++i) {
    const T* line = input + ((rows.origin + i) * p.width + first) * p.channels + channel;
#pragma GCC unroll 16
    for (int c = 0; c < COLUMNS; ++c) {
      if (first + c < 0 || first + c >= p.width) continue;
      vec<F> seen[V];
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v)
        seen[v] = load_vector(line + c * p.channels + v * lanes<F>);
#pragma GCC unroll 4
      for (int r = 0; r < R; ++r) {
        int j = c - r * S;
        if (j < 0 || j >= K) continue;
#pragma GCC unroll 4
        for (int v = 0; v < V; ++v)
          sums[r][v] += kernels[v][r * between + i * K + j] * seen[v];
      }
    }
  }
  for (int r = 0; r < R; ++r)
    for (int v = 0; v < V; ++v)
      store_result(p, sums[r][v], channel + v * lanes<F>, output + r * p.channels);
}

// All channels of R positions; `weight` and `output` are of the first one.
template <int K, int S, int R, class T, class F = accumulator_t<T>>
inline void positions(const InvolutionArguments& p, const T* input, const F* weight,
                      T* output, int64_t x, const Span& rows) {
  int64_t width = p.channels / p.groups, between = p.groups * K * K, c = 0;
  for (; c + 2 * lanes<F> <= p.channels; c += 2 * lanes<F>) {
    const F* kernels[2] = {weight + c / width * K * K,
                           weight + (c + lanes<F>) / width * K * K};
    block<K, S, R, 2, T>(p, input, kernels, between, output, x, c, rows);
  }
  for (; c < p.channels; c += lanes<F>) {
    const F* kernels[1] = {weight + c / width * K * K};
    block<K, S, R, 1, T>(p, input, kernels, between, output, x, c, rows);
  }
}

}  // namespace
