#pragma once

#include "core/base/run_context.h"
#include "core/distill/input_normalization.h"

#include <memory>

namespace qs {

/// Normalised images that are learned: as pixels, or as what a generator makes of latent vectors.
class ImageSource {
public:
    virtual ~ImageSource() = default;
    /// float32 [images, channels, height, width], as the variables stand.
    virtual Result<Tensor> images(const RunContext &ctx) = 0;
    /// One step of Adam against the gradient by the latest images(). \param loss  of them, for the decay of
    /// learning rates
    virtual Status step(const Tensor &gradient, double loss, const RunContext &ctx) = 0;
};

/// A learning rate that falls to a tenth when the loss has not fallen by 1 part in 10,000 for 100 steps.
/// \source methods A, A32: ReduceLROnPlateau(patience 100, min 1e-4)
class PlateauRate {
public:
    explicit PlateauRate(double rate) : m_rate(rate) {}
    /// The rate of the step that belongs to this loss.
    double next(double loss);

private:
    static constexpr int kPatience = 100;
    static constexpr double kLowest = 1e-4;
    double m_rate, m_best = 0;
    int m_waited = -1; ///< steps since the best loss; -1: there was none
};

/// Standard normal numbers, float32.
Tensor gaussianNoise(Shape shape, std::uint64_t seed);

/// The pixels themselves, from Gaussian noise on, Adam at 0.5.
/// \source Cai et al. 2020, arXiv:2001.00281 (ZeroQ)
std::unique_ptr<ImageSource> makePixelImages(const ImageInput &input, std::int64_t images,
                                             std::uint64_t seed);

/// A small convolutional generator, fresh for these images, and one latent vector of 256 numbers for each;
/// both are learned (Adam at 0.01, times 0.95 every 100 steps, and 0.1). Architecture: linear layer, then
/// batch norm, upsampling and convolution twice (32 and 16 channels), a last convolution, tanh, batch norm.
/// \source Jeon et al. 2023, arXiv:2212.04780 (GENIE), with fewer channels than the authors'
Result<std::unique_ptr<ImageSource>> makeGeneratedImages(const ImageInput &input, std::int64_t images,
                                                         std::uint64_t seed);

} // namespace qs
