// All kernels for one instruction set; built once for each, by build.py, with
//   PPIM_ISA    its name, as in `ppim_kernels_avx2`
//   PPIM_BYTES  the width of its registers
#include "convolution.h"
#include "involution.h"
#include "involution_gradient.h"
#include "pool.h"
#ifdef __AMX_BF16__
#include "tiles.h"
#endif

namespace {

template <class Out>
void convolve_pairs(const ConvolutionArguments& p) {
#ifdef __AMX_BF16__
  convolve_tiles<Out>(p);
#else
  convolve<Pair, Out>(p);
#endif
}

void convolution(const ConvolutionArguments& p) {
  bool pairs = p.input_type == kBfloat16, halved = p.output_type == kBfloat16;
  if (pairs)
    halved ? convolve_pairs<bfloat16>(p) : convolve_pairs<float>(p);
  else
    halved ? convolve<Single, bfloat16>(p) : convolve<Single, float>(p);
}

}  // namespace

#define PPIM_JOINED(a, b) a##b
#define PPIM_TABLE(isa) PPIM_JOINED(ppim_kernels_, isa)
#define PPIM_QUOTED(a) #a
#define PPIM_NAME(isa) PPIM_QUOTED(isa)

extern const Kernels PPIM_TABLE(PPIM_ISA);
const Kernels PPIM_TABLE(PPIM_ISA) = {
    PPIM_NAME(PPIM_ISA), PANEL, convolution, involution, involution_gradient, pool,
};
