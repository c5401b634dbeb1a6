// Vectors of one register, by the compilers' vector extension; intrinsics where it has no
// word for what AVX-512 does in one instruction.
//
// Each build of kernels.cpp sets PPIM_BYTES, the width of a register. Everything is in
// an anonymous namespace, since the same templates are compiled once for each
// instruction set and the linker must never merge them.
#pragma once

#include <cstdint>
#include <cstring>
#if PPIM_BYTES == 64
#include <immintrin.h>
#endif

namespace {

struct bfloat16 {
  uint16_t bits;
};

// What a tensor's elements are added up in.
template <class T>
struct accumulator {
  using type = float;
};
template <>
struct accumulator<double> {
  using type = double;
};
template <class T>
using accumulator_t = typename accumulator<T>::type;

template <class F>
struct vector_of {
  typedef F type __attribute__((vector_size(PPIM_BYTES)));
};
template <class F>
using vec = typename vector_of<F>::type;

template <class F>
constexpr int64_t lanes = PPIM_BYTES / sizeof(F);

typedef uint32_t words __attribute__((vector_size(PPIM_BYTES)));
typedef uint16_t halves __attribute__((vector_size(PPIM_BYTES / 2)));

inline float load(const float* p) { return *p; }
inline double load(const double* p) { return *p; }
inline float load(const bfloat16* p) {
  uint32_t word = uint32_t(p->bits) << 16;
  float value;
  std::memcpy(&value, &word, 4);
  return value;
}

template <class F>
inline vec<F> load_vector(const F* p) {
  vec<F> v;
  std::memcpy(&v, p, PPIM_BYTES);
  return v;
}
inline vec<float> load_vector(const bfloat16* p) {
  halves h;
  std::memcpy(&h, p, PPIM_BYTES / 2);
  return (vec<float>)(__builtin_convertvector(h, words) << 16);
}

inline void store(float* p, float value) { *p = value; }
inline void store(double* p, double value) { *p = value; }
inline void store(bfloat16* p, float value) {
  uint32_t word;
  std::memcpy(&word, &value, 4);
  // To nearest, ties to even; a NaN must not round to infinity.
  bool nan = (word & 0x7fffffff) > 0x7f800000;
  uint32_t rounded = word + 0x7fff + ((word >> 16) & 1);
  p->bits = uint16_t((nan ? word | 0x400000 : rounded) >> 16);
}

template <class F>
inline void store_vector(F* p, vec<F> v) {
  std::memcpy(p, &v, PPIM_BYTES);
}
inline void store_vector(bfloat16* p, vec<float> v) {
#if defined(__AVX512BF16__)
  // One instruction; what is below float32's normal numbers becomes zero in it.
  __m256bh rounded = _mm512_cvtneps_pbh((__m512)v);
  std::memcpy(p, &rounded, PPIM_BYTES / 2);
#else
  words word = (words)v;
  words rounded = word + 0x7fff + ((word >> 16) & 1);
  words nan = (words)((word & 0x7fffffff) > 0x7f800000);
  words kept = (nan & (word | 0x400000)) | (~nan & rounded);
  halves h = __builtin_convertvector(kept >> 16, halves);
  std::memcpy(p, &h, PPIM_BYTES / 2);
#endif
}

// The first `count` elements; what lies behind them in memory is not touched.
#if PPIM_BYTES == 64
inline vec<float> load_part(const float* p, int64_t count) {
  return (vec<float>)_mm512_maskz_loadu_ps((1u << count) - 1, p);
}
inline vec<float> load_part(const bfloat16* p, int64_t count) {
  __m256i h = _mm256_maskz_loadu_epi16((1u << count) - 1, p);
  return (vec<float>)(__builtin_convertvector((halves)h, words) << 16);
}
inline void store_part(float* p, vec<float> v, int64_t count) {
  _mm512_mask_storeu_ps(p, (1u << count) - 1, (__m512)v);
}
inline void store_part(bfloat16* p, vec<float> v, int64_t count) {
  halves h;
  store_vector((bfloat16*)&h, v);
  _mm256_mask_storeu_epi16(p, (1u << count) - 1, (__m256i)h);
}
#else
template <class T>
inline vec<float> load_part(const T* p, int64_t count) {
  T room[lanes<float>] = {};
  std::memcpy(room, p, count * sizeof(T));
  return load_vector((const T*)room);
}
template <class T>
inline void store_part(T* p, vec<float> v, int64_t count) {
  T room[lanes<float>];
  store_vector((T*)room, v);
  std::memcpy(p, room, count * sizeof(T));
}
#endif

// A NaN stays one, as in the frameworks.
template <class V>
inline V rectified(V v) {
  return v < 0 ? V{} : v;
}

}  // namespace
