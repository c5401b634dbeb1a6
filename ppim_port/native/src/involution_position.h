// One position of an involution: its own kernel over its own neighbourhood.
//
// Taps outside of the input are left out, not read as zeros. The sum runs over the taps
// in one order.
#pragma once

#include <algorithm>

#include "arguments.h"
#include "vector.h"

namespace {

constexpr int UNROLL = 4;  // sums at once, to hide the latency of one

// Which taps of a row or column fall inside of the input.
struct Span {
  int64_t origin, begin, end;

  Span(int64_t out, int64_t stride, int64_t dilation, int64_t kernel_size,
       int64_t size) {
    origin = out * stride - dilation * (kernel_size - 1) / 2;
    begin = origin >= 0 ? 0 : (-origin + dilation - 1) / dilation;
    int64_t room = size - origin;
    end = room <= 0 ? 0 : std::min(kernel_size, (room + dilation - 1) / dilation);
    begin = std::min(begin, end);
  }
};

template <class F>
inline vec<F> parameters(const float* p) {
  vec<F> v;
  for (int64_t lane = 0; lane < lanes<F>; ++lane) v[lane] = p[lane];
  return v;
}

// Scale and shift, if there are any, and the ReLU, on the way to the output.
template <class T, class F = accumulator_t<T>>
inline void store_result(const InvolutionArguments& p, vec<F> sum, int64_t channel,
                         T* output) {
  if (p.scale)
    sum = sum * parameters<F>(p.scale + channel) + parameters<F>(p.shift + channel);
  store_vector(output + channel, p.relu ? rectified(sum) : sum);
}

// `count` neighbouring vectors of channels, each with its group's kernel.
template <int COUNT, class T, class F = accumulator_t<T>>
inline void weigh(const InvolutionArguments& p, const T* input, const F* const* kernels,
                  const Span& rows, const Span& columns, vec<F> (&sums)[COUNT]) {
  for (int64_t i = rows.begin; i < rows.end; ++i) {
    int64_t y = rows.origin + i * p.dilation;
    for (int64_t j = columns.begin; j < columns.end; ++j) {
      int64_t x = columns.origin + j * p.dilation;
      const T* at = input + (y * p.width + x) * p.channels;
      int64_t tap = i * p.kernel_size + j;
#pragma GCC unroll 4
      for (int v = 0; v < COUNT; ++v)
        sums[v] += kernels[v][tap] * load_vector(at + v * lanes<F>);
    }
  }
}

template <int COUNT, class T, class F = accumulator_t<T>>
inline void vectors(const InvolutionArguments& p, const T* input, const F* weight,
                    T* output, int64_t channel, const Span& rows, const Span& columns) {
  int64_t taps = p.kernel_size * p.kernel_size, width = p.channels / p.groups;
  const F* kernels[COUNT];
  for (int v = 0; v < COUNT; ++v)
    kernels[v] = weight + (channel + v * lanes<F>) / width * taps;
  vec<F> sums[COUNT] = {};
  weigh<COUNT>(p, input + channel, kernels, rows, columns, sums);
  for (int v = 0; v < COUNT; ++v, channel += lanes<F>)
    store_result(p, sums[v], channel, output);
}

// Groups whose width is no multiple of a register's lanes.
template <class T, class F = accumulator_t<T>>
inline void scalars(const InvolutionArguments& p, const T* input, const F* weight,
                    T* output, const Span& rows, const Span& columns) {
  int64_t taps = p.kernel_size * p.kernel_size, width = p.channels / p.groups;
  for (int64_t channel = 0; channel < p.channels; ++channel) {
    const F* kernel = weight + channel / width * taps;
    F sum = 0;
    for (int64_t i = rows.begin; i < rows.end; ++i)
      for (int64_t j = columns.begin; j < columns.end; ++j) {
        int64_t y = rows.origin + i * p.dilation, x = columns.origin + j * p.dilation;
        sum += kernel[i * p.kernel_size + j] *
               load(input + (y * p.width + x) * p.channels + channel);
      }
    if (p.scale) sum = sum * p.scale[channel] + p.shift[channel];
    store(output + channel, p.relu && sum < 0 ? 0 : sum);
  }
}

}  // namespace
