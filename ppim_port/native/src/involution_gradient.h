// Gradients of the involution for its input and for its kernels.
//
// Threads share nothing: one takes whole groups of a picture, whose channels of the
// input's gradient and whose kernels nobody else touches. So there are no atomics, and
// the sums run in one order whatever the threads.
#pragma once

#include <algorithm>
#include <vector>

#include "involution.h"

namespace {

// One position and tap: the input's gradient grows, the kernel's gradient is returned.
template <class T, class F = accumulator_t<T>>
inline F tap_gradient(const T* input, const T* gradient, F kernel, F* input_gradient,
                      int64_t width) {
  int64_t c = 0;
  vec<F> products = {};
  for (; c + lanes<F> <= width; c += lanes<F>) {
    vec<F> g = load_vector(gradient + c);
    products += g * load_vector(input + c);
    store_vector(input_gradient + c, load_vector(input_gradient + c) + kernel * g);
  }
  F sum = 0;
  for (int64_t lane = 0; lane < lanes<F>; ++lane) sum += products[lane];
  for (; c < width; ++c) {
    F g = load(gradient + c);
    sum += g * load(input + c);
    input_gradient[c] += kernel * g;
  }
  return sum;
}

// One group of one picture; `sums` is its input's gradient, [height, width, group].
template <class T, class F = accumulator_t<T>>
void group_gradient(const InvolutionGradientArguments& p, int64_t image, int64_t group,
                    F* sums) {
  int64_t width = p.channels / p.groups, taps = p.kernel_size * p.kernel_size;
  const T* input = (const T*)p.input + image * p.height * p.width * p.channels;
  for (int64_t y = 0; y < p.out_height; ++y) {
    Span rows(y, p.stride, p.dilation, p.kernel_size, p.height);
    for (int64_t x = 0; x < p.out_width; ++x) {
      Span columns(x, p.stride, p.dilation, p.kernel_size, p.width);
      int64_t at = (image * p.out_height + y) * p.out_width + x;
      const T* gradient = (const T*)p.gradient + at * p.channels + group * width;
      const T* kernel = (const T*)p.weight + (at * p.groups + group) * taps;
      T* wanted = (T*)p.weight_gradient + (at * p.groups + group) * taps;
      for (int64_t tap = 0; tap < taps; ++tap) store(wanted + tap, F(0));
      for (int64_t i = rows.begin; i < rows.end; ++i)
        for (int64_t j = columns.begin; j < columns.end; ++j) {
          int64_t in = (rows.origin + i * p.dilation) * p.width + columns.origin +
                       j * p.dilation;
          int64_t tap = i * p.kernel_size + j;
          F sum = tap_gradient<T>(input + in * p.channels + group * width, gradient,
                                  F(load(kernel + tap)), sums + in * width, width);
          store(wanted + tap, sum);
        }
    }
  }
}

template <class T, class F = accumulator_t<T>>
void gradients(const InvolutionGradientArguments& p) {
  int64_t width = p.channels / p.groups, positions = p.height * p.width;
  parallel_for(p.n * p.groups, p.threads, [&](int64_t begin, int64_t stop) {
    std::vector<F> sums(positions * width);
    for (int64_t part = begin; part < stop; ++part) {
      int64_t image = part / p.groups, group = part % p.groups;
      std::fill(sums.begin(), sums.end(), F(0));
      group_gradient<T>(p, image, group, sums.data());
      T* output = (T*)p.input_gradient + image * positions * p.channels + group * width;
      for (int64_t in = 0; in < positions; ++in)
        for (int64_t c = 0; c < width; ++c)
          store(output + in * p.channels + c, sums[in * width + c]);
    }
  });
}

void involution_gradient(const InvolutionGradientArguments& p) {
  switch (p.type) {
    case kFloat32: return gradients<float>(p);
    case kBfloat16: return gradients<bfloat16>(p);
    case kFloat64: return gradients<double>(p);
  }
}

}  // namespace
