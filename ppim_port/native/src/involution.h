// Involution of channels-last tensors: each position weighs its neighbourhood by its own
// kernel, which the channels of a group share (arXiv 2103.06255, equation 4).
//
// The unfolded input is never built. A position's sum runs over the taps in one order,
// whatever the threads and whatever is computed beside it.
#pragma once

#include <vector>

#include "ahead.h"
#include "involution_block.h"
#include "parallel.h"

namespace {

constexpr int64_t BLOCK = 4;   // positions at most
constexpr int64_t AHEAD = 16;  // positions from a block to what it asks for
constexpr int64_t NEAR = 8 << 20;  // bytes that may still lie in a core's caches

// Kernels in what they are multiplied in: once, not for each channel.
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

// Whatever the kernel size, stride and dilation: one position, all channels.
template <class T, class F = accumulator_t<T>>
inline void position(const InvolutionArguments& p, const T* input, const F* weight,
                     T* output, int64_t x, const Span& rows) {
  Span columns(x, p.stride, p.dilation, p.kernel_size, p.width);
  if ((p.channels / p.groups) % lanes<F>)
    return scalars<T>(p, input, weight, output, rows, columns);
  int64_t c = 0;
  for (; c + UNROLL * lanes<F> <= p.channels; c += UNROLL * lanes<F>)
    vectors<UNROLL, T>(p, input, weight, output, c, rows, columns);
  for (; c + 2 * lanes<F> <= p.channels; c += 2 * lanes<F>)
    vectors<2, T>(p, input, weight, output, c, rows, columns);
  for (; c < p.channels; c += lanes<F>)
    vectors<1, T>(p, input, weight, output, c, rows, columns);
}

// What `count` positions from `x` on will touch first: the last row of the input that
// they see (those above it were read for the row before), kernels and output.
template <int S, class T, class W>
INLINED void ask_for_positions(const InvolutionArguments& p, const T* input,
                               const W* kernels, T* output, int64_t x, int64_t count,
                               const Span& rows) {
  int64_t elements = p.groups * p.kernel_size * p.kernel_size;
  int64_t stride = S ? S : p.stride, line = rows.origin + (rows.end - 1) * p.dilation;
  ask_for(input, (line * p.width + x * stride) * p.channels,
          count * stride * p.channels);
  ask_for(kernels, x * elements, count * elements);
  ask_for<true>(output, x * p.channels, count * p.channels);
}

// Whether the tensors are too many for the caches: within a net they are not.
template <class T, class W>
inline bool is_far(const InvolutionArguments& p) {
  int64_t positions = p.n * p.out_height * p.out_width;
  int64_t weights = positions * p.groups * p.kernel_size * p.kernel_size;
  int64_t pixels = p.n * p.height * p.width + positions;
  return pixels * p.channels * (int64_t)sizeof(T) + weights * (int64_t)sizeof(W) > NEAR;
}

// A row of the output, in blocks; `kernels` and `output` are of its first position.
template <int K, int S, class T, class W, class F = accumulator_t<T>>
inline void row(const InvolutionArguments& p, const T* input, const W* kernels,
                T* output, const Span& rows, bool far, F* room) {
  int64_t elements = p.groups * p.kernel_size * p.kernel_size;
  for (int64_t x = 0; x < p.out_width;) {
    int64_t left = p.out_width - x, count = K == 0 || left == 1 ? 1 : left < BLOCK ? 2 : BLOCK;
    const F* weight = widened(kernels + x * elements, count * elements, room);
    T* to = output + x * p.channels;
    if (far) ask_for_positions<S>(p, input, kernels, output, x + AHEAD, count, rows);
    if constexpr (K != 0) {
      if (count == BLOCK) positions<K, S, BLOCK, T>(p, input, weight, to, x, rows);
      if (count == 2) positions<K, S, 2, T>(p, input, weight, to, x, rows);
    }
    if (count == 1) position<T>(p, input, weight, to, x, rows);
    x += count;
  }
}

// The sizes of RedNet's layers have code of their own; K = 0 stands for all others.
template <class T, class W, class F = accumulator_t<T>>
auto choose(const InvolutionArguments& p) {
  bool whole = (p.channels / p.groups) % lanes<F> == 0 && p.dilation == 1;
  if (whole && p.kernel_size == 7 && p.stride == 1) return row<7, 1, T, W>;
  if (whole && p.kernel_size == 7 && p.stride == 2) return row<7, 2, T, W>;
  if (whole && p.kernel_size == 3 && p.stride == 1) return row<3, 1, T, W>;
  return row<0, 0, T, W>;
}

template <class T, class W = T, class F = accumulator_t<T>>
void involve(const InvolutionArguments& p) {
  int64_t elements = p.groups * p.kernel_size * p.kernel_size;
  auto run = choose<T, W>(p);
  bool far = is_far<T, W>(p);
  parallel_for(p.n * p.out_height, p.threads, [&](int64_t begin, int64_t stop) {
    std::vector<F> room(sizeof(W) < sizeof(F) ? BLOCK * elements : 0);
    for (int64_t line = begin; line < stop; ++line) {
      int64_t image = line / p.out_height, at = line * p.out_width;
      const T* input = (const T*)p.input + image * p.height * p.width * p.channels;
      Span rows(line % p.out_height, p.stride, p.dilation, p.kernel_size, p.height);
      run(p, input, (const W*)p.weight + at * elements, (T*)p.output + at * p.channels,
          rows, far, room.data());
    }
  });
}

void involution(const InvolutionArguments& p) {
  switch (p.type) {
    case kFloat32: return involve<float>(p);
    case kFloat64: return involve<double>(p);
    case kBfloat16:
      return p.weight_type == kFloat32 ? involve<bfloat16, float>(p)
                                       : involve<bfloat16>(p);
  }
}

}  // namespace
