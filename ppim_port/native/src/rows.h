// The left side of a convolution's product: rows of output positions, each with what its
// taps see.
//
// Taps of one row of the kernel are neighbours in the input, channels and all: a run. So
// inside of a line of the input a tile of rows is read as it lies there. At the borders,
// and where a tile goes on in the next line, it is copied; the unfolded input is never
// there as a whole.
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "arguments.h"
#include "vector.h"

namespace {

constexpr int64_t BLOCK_BYTES = 512 * 1024;  // of input kept in the second-level cache
constexpr int64_t SMALL_BYTES = 256 * 1024;  // of weights that a tile reads again

// Where rows are: `stride` bytes apart, each in runs that are `jump` bytes apart.
struct Rows {
  const char* at;
  int64_t stride, jump;
};

// Few bytes at a time: a call of memcpy would cost more than it copies.
inline char* copy(char* to, const char* from, int64_t bytes) {
  int64_t done = 0;
  for (; done + PPIM_BYTES <= bytes; done += PPIM_BYTES)
    std::memcpy(to + done, from + done, PPIM_BYTES);
  if (done < bytes) std::memcpy(to + done, from + done, bytes - done);
  return to + bytes;
}

inline char* zero(char* to, int64_t bytes) {
  std::memset(to, 0, bytes);
  return to + bytes;
}

// What the taps of one output position see; zeros outside of the input. Taps of one row
// are neighbours in the input too.
inline char* copy_taps(const ConvolutionArguments& p, const char* image, int64_t y,
                       int64_t x, int64_t bytes, char* to) {
  int64_t in_x = x * p.stride - p.padding;
  int64_t begin = std::clamp<int64_t>(-in_x, 0, p.kernel_size);
  int64_t end = std::clamp<int64_t>(p.width - in_x, begin, p.kernel_size);
  for (int64_t i = 0; i < p.kernel_size; ++i) {
    int64_t in_y = y * p.stride + i - p.padding;
    if (in_y < 0 || in_y >= p.height) {
      to = zero(to, p.kernel_size * bytes);
      continue;
    }
    const char* line = image + (in_y * p.width + in_x) * bytes;
    if (begin) to = zero(to, begin * bytes);
    to = copy(to, line + begin * bytes, (end - begin) * bytes);
    if (end < p.kernel_size) to = zero(to, (p.kernel_size - end) * bytes);
  }
  return to;
}

// Rows that are read as they lie in the input, or none. They may be more than a line
// where the input is dense, but never more than there are.
inline Rows in_place(const ConvolutionArguments& p, int64_t image, int64_t y, int64_t x,
                     int64_t count, int64_t bytes) {
  int64_t in_y = y * p.stride - p.padding, in_x = x * p.stride - p.padding;
  int64_t at = (image * p.height + in_y) * p.width + in_x;
  bool dense = p.kernel_size == 1 && p.stride == 1 && p.padding == 0;
  bool inside = dense ? at + count <= p.n * p.height * p.width
                      : in_y >= 0 && in_y + p.kernel_size <= p.height && in_x >= 0 &&
                            x + count <= p.out_width &&
                            in_x + (count - 1) * p.stride + p.kernel_size <= p.width;
  if (!inside) return {};
  return {(const char*)p.input + at * bytes, p.stride * bytes, p.width * bytes};
}

// `count` rows from `first` on, of which those from `end` on repeat the last one.
//
//   bytes  of the channels of a position
//   room   for copies of them
inline Rows collect(const ConvolutionArguments& p, int64_t first, int64_t end,
                    int64_t count, int64_t bytes, char* room) {
  int64_t x = first % p.out_width, y = first / p.out_width % p.out_height;
  int64_t image = first / (p.out_width * p.out_height);
  if (Rows found = in_place(p, image, y, x, count, bytes); found.at) return found;
  char* to = room;
  for (int64_t r = 0; r < count; ++r) {
    const char* from = (const char*)p.input + image * p.height * p.width * bytes;
    to = copy_taps(p, from, y, x, bytes, to);
    if (first + r + 1 >= end) continue;
    // Without a division for each position: those cost more than narrow layers do.
    if (++x == p.out_width) x = 0, ++y;
    if (y == p.out_height) y = 0, ++image;
  }
  int64_t run = p.kernel_size * bytes;
  return {room, p.kernel_size * run, run};
}

// Memory that begins where a line of the cache does.
class Room {
 public:
  explicit Room(int64_t size) : memory(size + line) {
    void* at = memory.data();
    size_t left = memory.size();
    start = (char*)std::align(line, size, at, left);
  }
  char* at(int64_t offset) { return start + offset; }

 private:
  static constexpr int64_t line = 64;
  std::vector<char> memory;
  char* start;
};

// How the rows are cut into tiles, and these into blocks that stay in the cache.
struct Blocks {
  int64_t rows, tile, tiles, count, room;

  // `tile` rows a tile; a row takes `bytes`.
  Blocks(const ConvolutionArguments& p, int64_t tile, int64_t bytes)
      : rows(p.n * p.out_height * p.out_width), tile(tile) {
    tiles = std::clamp<int64_t>(BLOCK_BYTES / (tile * bytes), 1, 64);
    count = (rows + tiles * tile - 1) / (tiles * tile);
    room = tiles * tile * bytes;
  }
};

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

}  // namespace
