// The C ABI: which builds there are, which run on this processor, and their kernels.
//
// No exception crosses it: a kernel returns 0, or 1 where memory ran out, and then its
// outputs are not whole.
//   PPIM_ABI   digest of arguments.h, so that callers can refuse an old library
//   PPIM_AVX2  and so on: which instruction sets the compiler knew
#include <cstring>

#include "arguments.h"

extern const Kernels ppim_kernels_generic, ppim_kernels_avx2, ppim_kernels_avx512,
    ppim_kernels_avx512bf16;

namespace {

struct Build {
  const Kernels* kernels;
  bool (*runs)();
};

// The fastest first.
const Build builds[] = {
#ifdef PPIM_AVX512BF16
    {&ppim_kernels_avx512bf16,
     [] {
       return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
              __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
              bool(__builtin_cpu_supports("avx512bf16"));
     }},
#endif
#ifdef PPIM_AVX512
    {&ppim_kernels_avx512,
     [] {
       return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
              __builtin_cpu_supports("avx512dq") &&
              bool(__builtin_cpu_supports("avx512vl"));
     }},
#endif
#ifdef PPIM_AVX2
    {&ppim_kernels_avx2,
     [] {
       return __builtin_cpu_supports("avx2") && bool(__builtin_cpu_supports("fma"));
     }},
#endif
    {&ppim_kernels_generic, [] { return true; }},
};

template <class Arguments>
int32_t guarded(void (*kernel)(const Arguments&), const Arguments& arguments) {
  try {
    kernel(arguments);
    return 0;
  } catch (...) {
    return 1;
  }
}

}  // namespace

#define PPIM_EXPORT extern "C" __attribute__((visibility("default")))

// The kernels of that name, or the fastest ones where it is empty; null where this
// processor cannot run them.
PPIM_EXPORT const Kernels* ppim_kernels(const char* name) {
  for (const Build& build : builds)
    if (build.runs() && (!*name || !std::strcmp(name, build.kernels->name)))
      return build.kernels;
  return nullptr;
}

PPIM_EXPORT const char* ppim_abi() { return PPIM_ABI; }
PPIM_EXPORT const char* ppim_name(const Kernels* kernels) { return kernels->name; }
PPIM_EXPORT int64_t ppim_panel(const Kernels* kernels) { return kernels->panel; }

PPIM_EXPORT int32_t ppim_convolution(const Kernels* k, const ConvolutionArguments* p) {
  return guarded(k->convolution, *p);
}
PPIM_EXPORT int32_t ppim_involution(const Kernels* k, const InvolutionArguments* p) {
  return guarded(k->involution, *p);
}
PPIM_EXPORT int32_t ppim_involution_gradient(const Kernels* k,
                                             const InvolutionGradientArguments* p) {
  return guarded(k->involution_gradient, *p);
}
PPIM_EXPORT int32_t ppim_pool(const Kernels* k, const PoolArguments* p) {
  return guarded(k->pool, *p);
}
