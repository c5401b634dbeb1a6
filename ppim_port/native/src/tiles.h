// Convolution of bfloat16 by the processor's matrix unit (AMX): 16 rows by 16 columns,
// 32 channels deep, in one instruction, at eight times the rate of float32.
//
// Weights are packed as for every bfloat16 kernel (see convolution.h): a tile of them is
// 16 pairs of channels by half of a panel. Rows that are not neighbours in memory are
// gathered first. A sum runs over taps and channels in one order whatever the tile that
// it is in, so results do not depend on the batch or on the threads, to the last bit.
#pragma once

#include <immintrin.h>

#include "convolution.h"

namespace {

constexpr int TILE = 16;  // rows or columns of a tile
constexpr int TILE_ROWS = 2 * TILE;
constexpr int64_t PAIR_BYTES = PANEL * 2 * sizeof(bfloat16);  // of a panel of weights

// What the instruction's manual calls TILECFG.
struct alignas(64) TileConfiguration {
  uint8_t palette = 1, start_row = 0;
  uint8_t reserved[14] = {};
  uint16_t row_bytes[16] = {};
  uint8_t rows[16] = {};
};

// Channels a step: the most that a tile holds and that divide them evenly.
inline int64_t step_of(int64_t channels) {
  int64_t step = std::min<int64_t>(channels, 2 * TILE);
  while (channels % step || step % 2) --step;
  return step;
}

// Sums in tiles 0 to 3, two tiles of rows in 4 and 5, two of columns in 6 and 7.
inline void configure(int64_t step) {
  TileConfiguration shape;
  for (int tile = 0; tile < 8; ++tile) {
    shape.rows[tile] = tile < 6 ? TILE : step / 2;
    shape.row_bytes[tile] = tile == 4 || tile == 5 ? step * sizeof(bfloat16) : 64;
  }
  _tile_loadconfig(&shape);
}

// The compiler does not know which memory a tile instruction touches.
inline void memory_is_written() { asm volatile("" ::: "memory"); }

// Rows of the product's left side: `stride` bytes apart.
struct Rows {
  const char* at;
  int64_t stride;
};

// R tiles of rows by C tiles of columns; `sums` is [TILE_ROWS][PANEL].
template <int R, int C>
inline void multiply(Rows rows, const char* weight, int64_t steps, int64_t step,
                     float* sums) {
  constexpr int64_t row_bytes = PANEL * sizeof(float);
  _tile_zero(0);
  if constexpr (C == 2) _tile_zero(1);
  if constexpr (R == 2) _tile_zero(2);
  if constexpr (R == 2 && C == 2) _tile_zero(3);
  for (int64_t k = 0; k < steps; ++k) {
    _tile_loadd(4, rows.at, rows.stride);
    _tile_loadd(6, weight, PAIR_BYTES);
    _tile_dpbf16ps(0, 4, 6);
    if constexpr (C == 2) {
      _tile_loadd(7, weight + 64, PAIR_BYTES);
      _tile_dpbf16ps(1, 4, 7);
    }
    if constexpr (R == 2) {
      _tile_loadd(5, rows.at + TILE * rows.stride, rows.stride);
      _tile_dpbf16ps(2, 5, 6);
      if constexpr (C == 2) _tile_dpbf16ps(3, 5, 7);
    }
    rows.at += step * sizeof(bfloat16);
    weight += step / 2 * PAIR_BYTES;
  }
  _tile_stored(0, sums, row_bytes);
  if constexpr (C == 2) _tile_stored(1, sums + TILE, row_bytes);
  if constexpr (R == 2) _tile_stored(2, sums + TILE * PANEL, row_bytes);
  if constexpr (R == 2 && C == 2)
    _tile_stored(3, sums + TILE * PANEL + TILE, row_bytes);
  memory_is_written();
}

// One panel of `count` rows, into the output.
template <class Out>
inline void tile_panel(const ConvolutionArguments& p, Rows rows, int64_t first,
                       int64_t count, int64_t panel, int64_t step) {
  alignas(64) float sums[TILE_ROWS * PANEL];
  int64_t depth = p.kernel_size * p.kernel_size * p.channels, steps = depth / step;
  const char* weight = (const char*)p.weight + panel * depth / 2 * PAIR_BYTES;
  bool wide = p.out_channels - panel * PANEL > TILE;
  if (count > TILE)
    wide ? multiply<2, 2>(rows, weight, steps, step, sums)
         : multiply<2, 1>(rows, weight, steps, step, sums);
  else
    wide ? multiply<1, 2>(rows, weight, steps, step, sums)
         : multiply<1, 1>(rows, weight, steps, step, sums);
  for (int64_t r = 0; r < count; ++r) {
    vec<float> found[VECTORS] = {load_vector(sums + r * PANEL)};
    if (wide) found[1] = load_vector(sums + r * PANEL + TILE);
    finish<Out>(p, first + r, panel * PANEL, found);
  }
}

// Rows as they lie in the input, where a 1x1 convolution finds whole tiles of them;
// else copied to `room`, taps side by side.
inline Rows collect(const ConvolutionArguments& p, int64_t first, int64_t end,
                    const void* zeros, const void** found, char* room) {
  int64_t taps = p.kernel_size * p.kernel_size, bytes = p.channels * sizeof(bfloat16);
  int64_t count = end - first > TILE ? TILE_ROWS : TILE;
  bool alike = p.kernel_size == 1 && p.stride == 1 && p.padding == 0;
  if (alike && first + count <= p.n * p.height * p.width)
    return {(const char*)p.input + first * bytes, bytes};
  locate(p, first, end, count, sizeof(bfloat16), zeros, found);
  for (int64_t r = 0; r < count; ++r)
    for (int64_t tap = 0; tap < taps; ++tap)
      std::memcpy(room + (r * taps + tap) * bytes, found[tap * count + r], bytes);
  memory_is_written();
  return {room, taps * bytes};
}

template <class Out>
void convolve_tiles(const ConvolutionArguments& p) {
  int64_t rows = p.n * p.out_height * p.out_width;
  int64_t taps = p.kernel_size * p.kernel_size, step = step_of(taps * p.channels);
  int64_t panels = (p.out_channels + PANEL - 1) / PANEL;
  int64_t tile_bytes = TILE_ROWS * taps * p.channels * sizeof(bfloat16);
  int64_t tiles = std::max<int64_t>(1, std::min<int64_t>(32, BLOCK_BYTES / tile_bytes));
  int64_t blocks = (rows + tiles * TILE_ROWS - 1) / (tiles * TILE_ROWS);
  bool small = panels * taps * p.channels / 2 * PAIR_BYTES <= SMALL_BYTES;
  std::vector<char> zeros(p.channels * sizeof(bfloat16));
  parallel_for(blocks, p.threads, [&](int64_t begin, int64_t stop) {
    std::vector<const void*> found(taps * TILE_ROWS);
    std::vector<char> room(tiles * tile_bytes);
    std::vector<Rows> at(tiles);
    configure(step);
    for (int64_t block = begin; block < stop; ++block) {
      int64_t first = block * tiles * TILE_ROWS;
      int64_t end = std::min(rows, first + tiles * TILE_ROWS);
      for (int64_t t = 0, row = first; row < end; ++t, row += TILE_ROWS)
        at[t] = collect(p, row, std::min(end, row + TILE_ROWS), zeros.data(),
                        found.data(), &room[t * tile_bytes]);
      each_tile((end - first + TILE_ROWS - 1) / TILE_ROWS, panels, small,
                [&](int64_t t, int64_t panel) {
                  int64_t row = first + t * TILE_ROWS;
                  tile_panel<Out>(p, at[t], row, std::min<int64_t>(TILE_ROWS, end - row),
                                  panel, step);
                });
    }
    _tile_release();
  });
}

}  // namespace
