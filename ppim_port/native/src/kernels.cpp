// All kernels for one instruction set; built once for each, by build.py, with
//   PPIM_ISA    its name, as in `ppim_kernels_avx2`
//   PPIM_BYTES  the width of its registers
#include "convolution.h"
#include "involution.h"
#include "involution_gradient.h"
#include "pool.h"

#define PPIM_JOINED(a, b) a##b
#define PPIM_TABLE(isa) PPIM_JOINED(ppim_kernels_, isa)
#define PPIM_QUOTED(a) #a
#define PPIM_NAME(isa) PPIM_QUOTED(isa)

extern const Kernels PPIM_TABLE(PPIM_ISA);
const Kernels PPIM_TABLE(PPIM_ISA) = {
    PPIM_NAME(PPIM_ISA), PANEL, convolution, involution, involution_gradient, pool,
};
