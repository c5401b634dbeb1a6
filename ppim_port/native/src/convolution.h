// Convolution of channels-last tensors as a product of matrices.
//
// Rows are output positions (see rows.h), columns are output channels. Weights are packed
// in panels of PANEL columns, so that the inner loop reads them in order:
//   float32:  [panels][taps][channels][PANEL]
//   bfloat16: [panels][taps][channels / 2][PANEL][2], for products of pairs
// Each row is added up over taps and channels in one order, whatever the tile that it is
// in: the result does not depend on the batch or on the threads, to the last bit.
#pragma once

#include <vector>

#include "finish.h"
#include "parallel.h"
#include "rows.h"

namespace {

// Rows of a tile: what fits in the registers beside a panel's vectors. RedNet's maps
// have 49, 196, 784, ... positions, all divisible by 14 or nearly.
#if PPIM_BYTES == 64
constexpr int ROWS = 14;
#else
constexpr int ROWS = 6;
#endif

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

// Rows in threes: a base, and the stride once or twice, are addresses that need no
// register for each row.
template <int R, class Dot>
inline void accumulate(Rows rows, int64_t runs, int64_t steps,
                       const typename Dot::Stored* weight,
                       vec<float> (&sums)[R][VECTORS]) {
  constexpr int BASES = (R + 2) / 3;
  for (int64_t run = 0; run < runs; ++run, rows.at += rows.jump) {
    const char* bases[BASES];
    for (int i = 0; i < BASES; ++i) bases[i] = rows.at + 3 * i * rows.stride;
    for (int64_t k = 0; k < steps; ++k, weight += PANEL) {
      decltype(Dot::weights(weight)) b[VECTORS];
      for (int v = 0; v < VECTORS; ++v)
        b[v] = Dot::weights(weight + v * lanes<float>);
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) {
        typename Dot::Element a;
        std::memcpy(&a, bases[r / 3] + r % 3 * rows.stride, sizeof a);
#pragma GCC unroll 2
        for (int v = 0; v < VECTORS; ++v) sums[r][v] = Dot::add(sums[r][v], a, b[v]);
      }
#pragma GCC unroll 8
      for (int i = 0; i < BASES; ++i) bases[i] += sizeof(typename Dot::Element);
    }
  }
}

template <int R, class Dot, class Out>
inline void tile(const ConvolutionArguments& p, const Finish<Out>& finish, Rows rows,
                 int64_t first, int64_t end, int64_t panel) {
  int64_t runs = p.kernel_size, steps = runs * p.channels / Dot::width;
  const auto* weight = (const typename Dot::Stored*)p.weight + panel * runs * steps * PANEL;
  vec<float> sums[R][VECTORS] = {};
  accumulate<R, Dot>(rows, runs, steps, weight, sums);
  auto found = [&](int r, int v) { return sums[r][v]; };
  if (first + R <= end)
    finish.rows(first, R, panel, found);
  else
    for (int r = 0; first + r < end; ++r)
      finish.rows(first + r, 1, panel, [&](int, int v) { return sums[r][v]; });
}

template <class Dot, class Out>
void convolve(const ConvolutionArguments& p) {
  int64_t taps = p.kernel_size * p.kernel_size;
  int64_t panels = (p.out_channels + PANEL - 1) / PANEL;
  int64_t bytes = p.channels * sizeof(typename Dot::Element) / Dot::width;
  bool small = panels * PANEL * taps * bytes <= SMALL_BYTES;
  Blocks blocks(p, ROWS, taps * bytes);
  Finish<Out> finish(p);
  parallel_for(blocks.count, p.threads, [&](int64_t begin, int64_t stop) {
    Room room(blocks.room);
    std::vector<Rows> at(blocks.tiles);
    for (int64_t block = begin; block < stop; ++block) {
      int64_t first = block * blocks.tiles * ROWS;
      int64_t end = std::min(blocks.rows, first + blocks.tiles * ROWS);
      auto few = [&](int64_t row) { return end - row <= ROWS / 2; };
      for (int64_t t = 0, row = first; row < end; ++t, row += ROWS)
        at[t] = collect(p, row, end, few(row) ? ROWS / 2 : ROWS, bytes,
                        room.at(t * ROWS * taps * bytes));
      each_tile((end - first + ROWS - 1) / ROWS, panels, small,
                [&](int64_t t, int64_t panel) {
                  int64_t row = first + t * ROWS;
                  if (few(row))
                    tile<ROWS / 2, Dot, Out>(p, finish, at[t], row, end, panel);
                  else
                    tile<ROWS, Dot, Out>(p, finish, at[t], row, end, panel);
                });
    }
  });
}

}  // namespace
