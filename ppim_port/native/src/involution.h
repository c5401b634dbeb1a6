// Involution of channels-last tensors: each position weighs its neighbourhood by its own
// kernel, which the channels of a group share (arXiv 2103.06255, equation 4).
//
// The unfolded input is never built. Taps outside of the input are left out, not read as
// zeros. A position's sum runs over the taps in one order, whatever the threads.
#pragma once

#include <algorithm>
#include <vector>

#include "arguments.h"
#include "parallel.h"
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
  for (int v = 0; v < COUNT; ++v, channel += lanes<F>) {
    if (p.scale) {
      vec<F> scale, shift;
      for (int64_t lane = 0; lane < lanes<F>; ++lane) {
        scale[lane] = p.scale[channel + lane];
        shift[lane] = p.shift[channel + lane];
      }
      sums[v] = sums[v] * scale + shift;
    }
    store_vector(output + channel, p.relu ? rectified(sums[v]) : sums[v]);
  }
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

// One position's kernels in what they are multiplied in: once, not for each channel.
inline const float* widened(const float* kernels, int64_t, float*) { return kernels; }
inline const double* widened(const double* kernels, int64_t, double*) {
  return kernels;
}
inline const float* widened(const bfloat16* kernels, int64_t count, float* room) {
  int64_t k = 0;
  for (; k + lanes<float> <= count; k += lanes<float>)
    store_vector(room + k, load_vector(kernels + k));
  for (; k < count; ++k) room[k] = load(kernels + k);
  return room;
}

template <class T, class F = accumulator_t<T>>
void involve(const InvolutionArguments& p) {
  int64_t kernel_elements = p.groups * p.kernel_size * p.kernel_size;
  bool whole = (p.channels / p.groups) % lanes<F> == 0;
  parallel_for(p.n * p.out_height, p.threads, [&](int64_t begin, int64_t stop) {
    std::vector<F> room(sizeof(T) < sizeof(F) ? kernel_elements : 0);
    for (int64_t line = begin; line < stop; ++line) {
      const T* input =
          (const T*)p.input + line / p.out_height * p.height * p.width * p.channels;
      Span rows(line % p.out_height, p.stride, p.dilation, p.kernel_size, p.height);
      for (int64_t x = 0; x < p.out_width; ++x) {
        Span columns(x, p.stride, p.dilation, p.kernel_size, p.width);
        int64_t at = line * p.out_width + x;
        const F* weight = widened((const T*)p.weight + at * kernel_elements,
                                  kernel_elements, room.data());
        T* output = (T*)p.output + at * p.channels;
        if (!whole) {
          scalars<T>(p, input, weight, output, rows, columns);
          continue;
        }
        int64_t c = 0;
        for (; c + UNROLL * lanes<F> <= p.channels; c += UNROLL * lanes<F>)
          vectors<UNROLL, T>(p, input, weight, output, c, rows, columns);
        for (; c + 2 * lanes<F> <= p.channels; c += 2 * lanes<F>)
          vectors<2, T>(p, input, weight, output, c, rows, columns);
        for (; c < p.channels; c += lanes<F>)
          vectors<1, T>(p, input, weight, output, c, rows, columns);
      }
    }
  });
}

void involution(const InvolutionArguments& p) {
  switch (p.type) {
    case kFloat32: return involve<float>(p);
    case kBfloat16: return involve<bfloat16>(p);
    case kFloat64: return involve<double>(p);
  }
}

}  // namespace
