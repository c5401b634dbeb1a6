// Convolution of channels-last tensors as a product of matrices that are never built.
//
// Rows are output positions: for each tap a row has a pointer to the input's channels
// there, or to zeros outside of it. Columns are output channels. Weights are packed in
// panels of PANEL columns, so that the inner loop reads them in order:
//   float32:  [panels][taps][channels][PANEL]
//   bfloat16: [panels][taps][channels / 2][PANEL][2], for products of pairs
// Each row is added up over taps and channels in one order, whatever the tile that it is
// in: the result does not depend on the batch or on the threads, to the last bit.
#pragma once

#include <algorithm>
#include <vector>

#include "arguments.h"
#include "parallel.h"
#include "vector.h"

namespace {

constexpr int VECTORS = 2;  // of a panel
constexpr int64_t PANEL = VECTORS * lanes<float>;

// Rows of a tile: what fits in the registers beside a panel's vectors. RedNet's maps
// have 49, 196, 784, ... positions, all divisible by 14 or nearly.
#if PPIM_BYTES == 64
constexpr int ROWS = 14;
#else
constexpr int ROWS = 6;
#endif
constexpr int64_t SMALL_BYTES = 256 * 1024;  // of weights that a tile reads again
constexpr int64_t BLOCK_BYTES = 512 * 1024;  // of input kept in the second-level cache

struct Single {
  using Element = float;
  using Stored = float;
  static constexpr int64_t width = 1;  // channels a step
  static vec<float> weights(const Stored* p) { return load_vector(p); }
  static vec<float> add(vec<float> sum, Element a, vec<float> b) { return sum + a * b; }
};

struct Pair {
  using Element = uint32_t;  // two neighbouring channels
  using Stored = uint32_t;
  static constexpr int64_t width = 2;
  static words weights(const Stored* p) {
    words w;
    std::memcpy(&w, p, PPIM_BYTES);
    return w;
  }
  static vec<float> add(vec<float> sum, Element a, words b) {
#ifdef __AVX512BF16__
    return (vec<float>)_mm512_dpbf16_ps((__m512)sum, (__m512bh)_mm512_set1_epi32(a),
                                        (__m512bh)b);
#else
    uint32_t low = a << 16, high = a & 0xffff0000u;
    float first, second;
    std::memcpy(&first, &low, 4);
    std::memcpy(&second, &high, 4);
    sum += first * (vec<float>)(b << 16);
    return sum + second * (vec<float>)(b & 0xffff0000u);
#endif
  }
};

template <int R, class Dot>
inline void accumulate(const void* const* rows, int64_t taps, int64_t steps,
                       const typename Dot::Stored* weight,
                       vec<float> (&sums)[R][VECTORS]) {
  for (int64_t tap = 0; tap < taps; ++tap, rows += R) {
    for (int64_t k = 0; k < steps; ++k, weight += PANEL) {
      decltype(Dot::weights(weight)) b[VECTORS];
      for (int v = 0; v < VECTORS; ++v)
        b[v] = Dot::weights(weight + v * lanes<float>);
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) {
        typename Dot::Element a;
        std::memcpy(&a, (const char*)rows[r] + k * sizeof a, sizeof a);
#pragma GCC unroll 2
        for (int v = 0; v < VECTORS; ++v) sums[r][v] = Dot::add(sums[r][v], a, b[v]);
      }
    }
  }
}

// The bias is as long as the panels are wide together.
template <class Out>
inline void finish(const ConvolutionArguments& p, int64_t row, int64_t column,
                   const vec<float> (&sums)[VECTORS]) {
  const auto* residual = (const Out*)p.residual;
  auto* output = (Out*)p.output;
  for (int v = 0; v < VECTORS; ++v, column += lanes<float>) {
    int64_t at = row * p.out_channels + column, left = p.out_channels - column;
    if (left <= 0) return;
    vec<float> value = sums[v] + load_vector(p.bias + column);
    if (left >= lanes<float>) {
      if (residual) value += load_vector(residual + at);
      store_vector(output + at, p.relu ? rectified(value) : value);
      continue;
    }
    Out part[lanes<float>] = {};
    if (residual) {
      std::memcpy(part, residual + at, left * sizeof(Out));
      value += load_vector((const Out*)part);
    }
    store_vector(part, p.relu ? rectified(value) : value);
    std::memcpy(output + at, part, left * sizeof(Out));
  }
}

template <int R, class Dot, class Out>
inline void tile(const ConvolutionArguments& p, const void* const* rows, int64_t first,
                 int64_t end, int64_t panel) {
  int64_t taps = p.kernel_size * p.kernel_size;
  int64_t steps = p.channels / Dot::width;
  const auto* weight =
      (const typename Dot::Stored*)p.weight + panel * taps * steps * PANEL;
  vec<float> sums[R][VECTORS] = {};
  accumulate<R, Dot>(rows, taps, steps, weight, sums);
  for (int r = 0; r < R && first + r < end; ++r)
    finish<Out>(p, first + r, panel * PANEL, sums[r]);
}

// For each tap, where the channels of `count` rows are; rows past the end repeat the
// last one, and `finish` leaves them out.
inline void locate(const ConvolutionArguments& p, int64_t first, int64_t end, int count,
                   int64_t bytes, const void* zeros, const void** found) {
  int64_t x = first % p.out_width, y = first / p.out_width % p.out_height;
  int64_t image = first / (p.out_width * p.out_height);
  for (int r = 0; r < count; ++r) {
    const void** at = found + r;
    for (int64_t i = 0; i < p.kernel_size; ++i) {
      int64_t in_y = y * p.stride + i - p.padding;
      bool inside = 0 <= in_y && in_y < p.height;
      int64_t line = (image * p.height + in_y) * p.width;
      for (int64_t j = 0; j < p.kernel_size; ++j, at += count) {
        int64_t in_x = x * p.stride + j - p.padding;
        *at = inside && 0 <= in_x && in_x < p.width
                  ? (const char*)p.input + (line + in_x) * p.channels * bytes
                  : zeros;
      }
    }
    if (first + r + 1 >= end) continue;
    // Without a division for each position: those cost more than narrow layers do.
    if (++x == p.out_width) x = 0, ++y;
    if (y == p.out_height) y = 0, ++image;
  }
}

// Each tile of rows with each panel. Small weights stay in the cache: then a tile of the
// output is written whole, in order. Large ones are read once a block, panel by panel.
template <class Call>
inline void each_tile(int64_t tiles, int64_t panels, bool small, const Call& call) {
  if (small) {
    for (int64_t t = 0; t < tiles; ++t)
      for (int64_t panel = 0; panel < panels; ++panel) call(t, panel);
  } else {
    for (int64_t panel = 0; panel < panels; ++panel)
      for (int64_t t = 0; t < tiles; ++t) call(t, panel);
  }
}

template <class Dot, class Out>
void convolve(const ConvolutionArguments& p) {
  int64_t rows = p.n * p.out_height * p.out_width;
  int64_t taps = p.kernel_size * p.kernel_size;
  int64_t panels = (p.out_channels + PANEL - 1) / PANEL;
  int64_t bytes = sizeof(typename Dot::Element) / Dot::width;
  int64_t tile_bytes = ROWS * taps * p.channels * bytes;
  int64_t tiles = std::max<int64_t>(1, std::min<int64_t>(64, BLOCK_BYTES / tile_bytes));
  int64_t blocks = (rows + tiles * ROWS - 1) / (tiles * ROWS);
  bool small = panels * PANEL * taps * p.channels * bytes <= SMALL_BYTES;
  std::vector<char> zeros(p.channels * bytes);
  parallel_for(blocks, p.threads, [&](int64_t begin, int64_t stop) {
    std::vector<const void*> found(tiles * taps * ROWS);
    for (int64_t block = begin; block < stop; ++block) {
      int64_t first = block * tiles * ROWS;
      int64_t end = std::min(rows, first + tiles * ROWS);
      auto few = [&](int64_t row) { return end - row <= ROWS / 2; };
      for (int64_t t = 0, row = first; row < end; ++t, row += ROWS)
        locate(p, row, end, few(row) ? ROWS / 2 : ROWS, bytes, zeros.data(),
               &found[t * taps * ROWS]);
      each_tile((end - first + ROWS - 1) / ROWS, panels, small, [&](int64_t t, int64_t panel) {
        const void* const* at = &found[t * taps * ROWS];
        int64_t row = first + t * ROWS;
        if (few(row))
          tile<ROWS / 2, Dot, Out>(p, at, row, end, panel);
        else
          tile<ROWS, Dot, Out>(p, at, row, end, panel);
      });
    }
  });
}

}  // namespace
