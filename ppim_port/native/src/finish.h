// From a product's sums to the output: bias, residual, ReLU, rounding.
#pragma once

#include <limits>

#include "arguments.h"
#include "vector.h"

namespace {

constexpr int VECTORS = 2;  // of a panel of output channels
constexpr int64_t PANEL = VECTORS * lanes<float>;

// A convolution's, with everything that it asks of the arguments: the compiler must
// believe that storing an output may change those.
template <class Out>
class Finish {
 public:
  explicit Finish(const ConvolutionArguments& p)
      : bias(p.bias),
        residual((const Out*)p.residual),
        output((Out*)p.output),
        width(p.out_channels),
        least(vec<float>{} - (p.relu ? 0 : std::numeric_limits<float>::infinity())) {}

  // `count` rows from `first` on; `sums(r, v)` is vector v of row r.
  template <class Sums>
  inline void rows(int64_t first, int count, int64_t panel, const Sums& sums) const {
    int64_t column = panel * PANEL, left = width - column;
    if (left < PANEL) return narrow(first, count, column, left, sums);
    vec<float> shift[VECTORS];
    for (int v = 0; v < VECTORS; ++v)
      shift[v] = load_vector(bias + column + v * lanes<float>);
    int64_t at = first * width + column;
    if (residual) {
#pragma GCC unroll 16
      for (int r = 0; r < count; ++r, at += width)
        for (int v = 0; v < VECTORS; ++v) {
          int64_t to = at + v * lanes<float>;
          vec<float> value = sums(r, v) + shift[v] + load_vector(residual + to);
          store_vector(output + to, clipped(value));
        }
    } else {
#pragma GCC unroll 16
      for (int r = 0; r < count; ++r, at += width)
        for (int v = 0; v < VECTORS; ++v)
          store_vector(output + at + v * lanes<float>, clipped(sums(r, v) + shift[v]));
    }
  }

 private:
  // The last panel, if it is not full. The bias is as long as the panels are.
  template <class Sums>
  inline void narrow(int64_t first, int count, int64_t column, int64_t left,
                     const Sums& sums) const {
#pragma GCC unroll 16
    for (int r = 0; r < count; ++r) {
      int64_t at = (first + r) * width + column;
#pragma GCC unroll 2
      for (int v = 0; v < VECTORS; ++v) {
        int64_t some = left - v * lanes<float>, to = at + v * lanes<float>;
        if (some <= 0) break;
        some = some < lanes<float> ? some : lanes<float>;
        vec<float> value = sums(r, v) + load_vector(bias + column + v * lanes<float>);
        if (residual) value += load_part(residual + to, some);
        store_part(output + to, clipped(value), some);
      }
    }
  }

  // A NaN stays one, as in the frameworks.
  inline vec<float> clipped(vec<float> v) const { return v < least ? least : v; }

  const float* bias;
  const Out* residual;
  Out* output;
  int64_t width;
  vec<float> least;
};

}  // namespace
