#include "core/exec/reference/fourier.h"

#include <bit>
#include <numbers>

namespace qs {
namespace {

using Complex = FourierTransform::Complex;

Complex unitRoot(std::size_t numerator, std::size_t denominator) {
    return std::polar(1.0, -2 * std::numbers::pi * static_cast<double>(numerator) /
                               static_cast<double>(denominator));
}

void permuteByReversedBits(std::span<Complex> line) {
    for (std::size_t i = 1, reversed = 0; i < line.size(); ++i) {
        std::size_t bit = line.size() / 2;
        for (; reversed & bit; bit /= 2)
            reversed ^= bit;
        reversed ^= bit;
        if (i < reversed)
            std::swap(line[i], line[reversed]);
    }
}

/// Forward transform of 2^p elements; `roots` belong to that length.
void transformPowerOfTwo(std::span<Complex> line, const std::vector<Complex> &roots) {
    permuteByReversedBits(line);
    for (std::size_t half = 1; half < line.size(); half *= 2) {
        const std::size_t step = line.size() / (2 * half);
        for (std::size_t block = 0; block < line.size(); block += 2 * half)
            for (std::size_t k = 0; k < half; ++k) {
                const Complex low = line[block + k], high = line[block + k + half] * roots[k * step];
                line[block + k] = low + high;
                line[block + k + half] = low - high;
            }
    }
}

} // namespace

FourierTransform::FourierTransform(std::int64_t length, bool inverse)
    : m_length(static_cast<std::size_t>(length)), m_inverse(inverse) {
    const bool direct = std::has_single_bit(m_length);
    const std::size_t size = direct ? m_length : std::bit_ceil(2 * m_length - 1);
    for (std::size_t k = 0; k < size / 2; ++k)
        m_roots.push_back(unitRoot(k, size));
    if (direct)
        return;
    m_chirpSpectrum.resize(size);
    for (std::size_t k = 0; k < m_length; ++k) {
        m_chirp.push_back(unitRoot(k * k % (2 * m_length), 2 * m_length));
        m_chirpSpectrum[k] = m_chirpSpectrum[(size - k) % size] = std::conj(m_chirp[k]);
    }
    transformPowerOfTwo(m_chirpSpectrum, m_roots);
}

void FourierTransform::apply(std::span<Complex> line) const {
    // The inverse is the forward transform between two conjugations.
    if (m_inverse)
        for (Complex &x : line)
            x = std::conj(x);
    if (m_chirp.empty())
        transformPowerOfTwo(line, m_roots);
    else
        chirp(line);
    if (m_inverse)
        for (Complex &x : line)
            x = std::conj(x) / static_cast<double>(m_length);
}

/// jk = (j² + k² - (k - j)²) / 2 turns the transform into a convolution, which powers of two can do.
void FourierTransform::chirp(std::span<Complex> line) const {
    std::vector<Complex> padded(m_chirpSpectrum.size());
    for (std::size_t k = 0; k < m_length; ++k)
        padded[k] = line[k] * m_chirp[k];
    transformPowerOfTwo(padded, m_roots);
    for (std::size_t k = 0; k < padded.size(); ++k)
        padded[k] = std::conj(padded[k] * m_chirpSpectrum[k]);
    transformPowerOfTwo(padded, m_roots);
    for (std::size_t k = 0; k < m_length; ++k)
        line[k] = std::conj(padded[k]) / static_cast<double>(padded.size()) * m_chirp[k];
}

} // namespace qs
