// Convolution of bfloat16 by the processor's matrix unit (AMX): 16 rows by 16 columns,
// 32 channels deep, in one instruction, at eight times the rate of float32.
//
// Weights are packed as for every bfloat16 kernel (see convolution.h): a tile of them is
// 16 pairs of channels by half of a panel. A sum runs over taps and channels in one order whatever the tile that
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

// R tiles of rows by C tiles of columns; `sums` is [TILE_ROWS][PANEL].
template <int R, int C>
inline void multiply(Rows rows, const char* weight, int64_t runs, int64_t steps,
                     int64_t step, float* sums) {
  constexpr int64_t row_bytes = PANEL * sizeof(float);
  _tile_zero(0);
  if constexpr (C == 2) _tile_zero(1);
  if constexpr (R == 2) _tile_zero(2);
  if constexpr (R == 2 && C == 2) _tile_zero(3);
  for (int64_t run = 0; run < runs; ++run, rows.at += rows.jump) {
    const char* at = rows.at;
    for (int64_t k = 0; k < steps; ++k) {
      _tile_loadd(4, at, rows.stride);
      _tile_loadd(6, weight, PAIR_BYTES);
      _tile_dpbf16ps(0, 4, 6);
      if constexpr (C == 2) {
        _tile_loadd(7, weight + 64, PAIR_BYTES);
        _tile_dpbf16ps(1, 4, 7);
      }
      if constexpr (R == 2) {
        _tile_loadd(5, at + TILE * rows.stride, rows.stride);
        _tile_dpbf16ps(2, 5, 6);
        if constexpr (C == 2) _tile_dpbf16ps(3, 5, 7);
      }
      at += step * sizeof(bfloat16);
      weight += step / 2 * PAIR_BYTES;
    }
  }
  _tile_stored(0, sums, row_bytes);
  if constexpr (C == 2) _tile_stored(1, sums + TILE, row_bytes);
  if constexpr (R == 2) _tile_stored(2, sums + TILE * PANEL, row_bytes);
  if constexpr (R == 2 && C == 2)
    _tile_stored(3, sums + TILE * PANEL + TILE, row_bytes);
  memory_is_written();
}

// Multiplies tile after tile. What one leaves is finished while the matrix unit is busy
// with the next.
template <class Out>
class Tiler {
 public:
  Tiler(const ConvolutionArguments& p, int64_t step)
      : finish(p),
        weight((const char*)p.weight),
        columns(p.out_channels),
        runs(p.kernel_size),
        steps(p.kernel_size * p.channels / step),
        step(step) {
    configure(step);
  }
  ~Tiler() { _tile_release(); }

  // `count` rows by a panel.
  void multiply_panel(Rows rows, int64_t first, int64_t count, int64_t panel) {
    const char* from = weight + panel * runs * steps * step / 2 * PAIR_BYTES;
    bool wide = columns - panel * PANEL > TILE;
    float* to = sums[turn];
    if (count > TILE)
      wide ? multiply<2, 2>(rows, from, runs, steps, step, to)
           : multiply<2, 1>(rows, from, runs, steps, step, to);
    else
      wide ? multiply<1, 2>(rows, from, runs, steps, step, to)
           : multiply<1, 1>(rows, from, runs, steps, step, to);
    flush();
    last = {first, count, panel};
    turn = 1 - turn;
  }

  // Finish what is left.
  void flush() {
    if (!last.count) return;
    const float* from = sums[1 - turn];
    finish.rows(last.first, last.count, last.panel, [&](int r, int v) {
      return load_vector(from + r * PANEL + v * lanes<float>);
    });
    last.count = 0;
  }

 private:
  struct Part {
    int64_t first, count, panel;
  };

  alignas(64) float sums[2][TILE_ROWS * PANEL];
  int turn = 0;
  Part last = {};
  Finish<Out> finish;
  const char* weight;
  int64_t columns, runs, steps, step;
};

template <class Out>
void convolve_tiles(const ConvolutionArguments& p) {
  int64_t depth = p.kernel_size * p.kernel_size * p.channels;
  int64_t step = step_of(p.kernel_size * p.channels);
  int64_t panels = (p.out_channels + PANEL - 1) / PANEL;
  int64_t bytes = p.channels * sizeof(bfloat16);
  bool small = panels * depth / 2 * PAIR_BYTES <= SMALL_BYTES;
  Blocks blocks(p, TILE_ROWS, depth * sizeof(bfloat16));
  parallel_for(blocks.count, p.threads, [&](int64_t begin, int64_t stop) {
    Room room(blocks.room);
    std::vector<Rows> at(blocks.tiles);
    Tiler<Out> tiler(p, step);
    for (int64_t block = begin; block < stop; ++block) {
      int64_t first = block * blocks.tiles * TILE_ROWS;
      int64_t end = std::min(blocks.rows, first + blocks.tiles * TILE_ROWS);
      for (int64_t t = 0, row = first; row < end; ++t, row += TILE_ROWS)
        at[t] = collect(p, row, end, end - row > TILE ? TILE_ROWS : TILE, bytes,
                        room.at(t * TILE_ROWS * depth * sizeof(bfloat16)));
      memory_is_written();
      each_tile((end - first + TILE_ROWS - 1) / TILE_ROWS, panels, small,
                [&](int64_t t, int64_t panel) {
                  int64_t row = first + t * TILE_ROWS;
                  int64_t count = std::min<int64_t>(TILE_ROWS, end - row);
                  tiler.multiply_panel(at[t], row, count, panel);
                });
      // The next block may take the room of this one.
      tiler.flush();
    }
  });
}

}  // namespace
