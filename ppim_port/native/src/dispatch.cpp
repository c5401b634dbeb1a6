// The C ABI: which builds there are, which run on this processor, and their kernels.
//
// No exception crosses it: a kernel returns 0, or 1 where memory ran out, and then its
// outputs are not whole.
//   PPIM_ABI   digest of arguments.h, so that callers can refuse an old library
//   PPIM_AVX2  and so on: which instruction sets the compiler knew
#include <cstring>
#if defined(PPIM_AMX) && defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include "arguments.h"

extern const Kernels ppim_kernels_generic, ppim_kernels_avx2, ppim_kernels_avx512,
    ppim_kernels_avx512bf16, ppim_kernels_amx;

namespace {

struct Build {
  const Kernels* kernels;
  bool (*runs)();
};

#if defined(PPIM_AVX512)
bool has_avx512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && bool(__builtin_cpu_supports("avx512vl"));
}
#endif
#if defined(PPIM_AVX512BF16)
bool has_bfloat16() {
  return has_avx512() && bool(__builtin_cpu_supports("avx512bf16"));
}
#endif

// Linux gives a process the matrix unit's registers when it asks for them, and refuses
// where a thread's signal stack is too small to save them on.
#if defined(PPIM_AMX) && defined(__linux__)
bool has_tiles() {
  constexpr long ask_for_state = 0x1023, tile_data = 18;  // arch_prctl's, of Linux 5.16
  return has_bfloat16() && __builtin_cpu_supports("amx-tile") &&
         __builtin_cpu_supports("amx-bf16") &&
         syscall(SYS_arch_prctl, ask_for_state, tile_data) == 0;
}
#elif defined(PPIM_AMX)
bool has_tiles() { return false; }
#endif

// The fastest first.
const Build builds[] = {
#ifdef PPIM_AMX
    {&ppim_kernels_amx, has_tiles},
#endif
#ifdef PPIM_AVX512BF16
    {&ppim_kernels_avx512bf16, has_bfloat16},
#endif
#ifdef PPIM_AVX512
    {&ppim_kernels_avx512, has_avx512},
#endif
#ifdef PPIM_AVX2
    {&ppim_kernels_avx2,
     [] {
       return __builtin_cpu_supports("avx2") && bool(__builtin_cpu_supports("fma"));
     }},
#endif
    {&ppim_kernels_generic, [] { return true; }},
};

void copy(const CopyArguments& p) { std::memcpy(p.output, p.input, p.bytes); }

void run(const Kernels& k, const Step& step) {
  const void* p = step.arguments;
  switch (step.function) {
    case 0: return k.convolution(*(const ConvolutionArguments*)p);
    case 1: return k.involution(*(const InvolutionArguments*)p);
    case 2: return k.involution_gradient(*(const InvolutionGradientArguments*)p);
    case 3: return k.pool(*(const PoolArguments*)p);
    case 4: return copy(*(const CopyArguments*)p);
  }
}

int32_t guarded(const Kernels* k, const Step* steps, int64_t count) {
  try {
    for (int64_t i = 0; i < count; ++i) run(*k, steps[i]);
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
    if ((!*name || !std::strcmp(name, build.kernels->name)) && build.runs())
      return build.kernels;
  return nullptr;
}

PPIM_EXPORT const char* ppim_abi() { return PPIM_ABI; }
PPIM_EXPORT const char* ppim_name(const Kernels* kernels) { return kernels->name; }
PPIM_EXPORT int64_t ppim_panel(const Kernels* kernels) { return kernels->panel; }

// Kernels one after the other.
PPIM_EXPORT int32_t ppim_run(const Kernels* k, const Step* steps, int64_t count) {
  return guarded(k, steps, count);
}
