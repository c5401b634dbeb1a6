// What crosses the C ABI: plain structures of pointers and sizes.
//
// Tensors are dense and channels-last: [N, H, W, C]. `library.py` declares the same
// structures for ctypes, in the same order; the checks of shapes are made there.
#pragma once

#include <cstdint>

enum Type : int32_t { kFloat32 = 0, kBfloat16 = 1, kFloat64 = 2 };

struct ConvolutionArguments {
  const void* input;     // [n, height, width, channels], input_type
  const void* weight;    // packed, see convolution.h
  const float* bias;     // as many as the panels have columns
  const void* residual;  // like output, or null; added before the ReLU
  void* output;          // [n, out_height, out_width, out_channels], output_type
  int64_t n, height, width, channels;
  int64_t out_height, out_width, out_channels;
  int64_t kernel_size, stride, padding;
  int32_t input_type, output_type;
  int32_t relu;
  int32_t threads;
};

struct InvolutionArguments {
  const void* input;    // [n, height, width, channels]
  const void* weight;   // [n, out_height, out_width, groups, kernel_size^2]
  const float* scale;   // [channels], or null: no scale, no shift
  const float* shift;   // [channels], or null with scale
  void* output;         // [n, out_height, out_width, channels]
  int64_t n, height, width, channels, groups;
  int64_t out_height, out_width;
  int64_t kernel_size, stride, dilation;
  int32_t type;         // of input and output; scale and shift are float32
  int32_t weight_type;  // the same, or float32 where that is bfloat16
  int32_t relu;
  int32_t threads;
};

struct InvolutionGradientArguments {
  const void* input;          // as in the forward pass
  const void* weight;         // as in the forward pass
  const void* gradient;       // of the output
  void* input_gradient;       // written
  void* weight_gradient;      // written
  int64_t n, height, width, channels, groups;
  int64_t out_height, out_width;
  int64_t kernel_size, stride, dilation;
  int32_t type;
  int32_t threads;
};

struct PoolArguments {
  const void* input;  // [n, height, width, channels]
  void* output;       // [n, out_height, out_width, channels]
  int64_t n, height, width, channels;
  int64_t out_height, out_width;
  int64_t kernel_height, kernel_width, stride, padding;
  int32_t type;
  int32_t average;  // else the maximum
};

struct CopyArguments {
  const void* input;
  void* output;
  int64_t bytes;
};

// A call that was recorded: which function, in the order of `arguments.py`, and with what.
struct Step {
  int64_t function;
  const void* arguments;
};

// One build of all kernels for one instruction set.
struct Kernels {
  const char* name;
  int64_t panel;  // output channels a panel of packed weights
  void (*convolution)(const ConvolutionArguments&);
  void (*involution)(const InvolutionArguments&);
  void (*involution_gradient)(const InvolutionGradientArguments&);
  void (*pool)(const PoolArguments&);
};
