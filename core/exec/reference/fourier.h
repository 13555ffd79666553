#pragma once

#include <complex>
#include <cstdint>
#include <span>
#include <vector>

namespace qs {

/// The discrete Fourier transform X[k] = Σ x[j]·exp(∓2πi·jk/n) of one length n >= 1, in O(n log n) for every
/// n. \thread const members may be called from several threads
/// \source Cooley and Tukey 1965 for powers of two; Bluestein 1970 for all other lengths
class FourierTransform {
public:
    using Complex = std::complex<double>;

    /// \param inverse  the sign + in the exponent, and a result divided by n
    FourierTransform(std::int64_t length, bool inverse);

    /// In place. \param line  n elements
    void apply(std::span<Complex> line) const;

private:
    void chirp(std::span<Complex> line) const;

    std::size_t m_length;
    bool m_inverse;
    std::vector<Complex> m_roots; ///< exp(-2πi·k/m) for k < m/2, m the power of two that is transformed
    std::vector<Complex> m_chirp; ///< exp(-πi·k²/n); empty when n is a power of two
    std::vector<Complex> m_chirpSpectrum;
};

} // namespace qs
