#include "core/base/random.h"
#include "core/distill/image_source.h"
#include "core/distill/learned_tensor.h"

namespace qs {
namespace {

constexpr double kLearningRate = 0.5;

class PixelImages final : public ImageSource {
public:
    PixelImages(const ImageInput &input, Tensor noise)
        : m_input(input), m_images(std::move(noise)), m_rate(kLearningRate) {
        holdInRange(m_input, m_images.value());
    }

    Result<Tensor> images(const RunContext &) override { return m_images.value(); }

    Status step(const Tensor &gradient, double loss, const RunContext &) override {
        m_images.step(gradient, m_rate.next(loss));
        holdInRange(m_input, m_images.value());
        return {};
    }

private:
    ImageInput m_input;
    LearnedTensor m_images;
    PlateauRate m_rate;
};

} // namespace

double PlateauRate::next(double loss) {
    if (m_waited < 0 || loss < m_best * (1 - 1e-4)) {
        m_best = loss;
        m_waited = 0;
    } else if (++m_waited > kPatience) {
        m_rate = std::max(m_rate / 10, kLowest);
        m_waited = 0;
    }
    return m_rate;
}

Tensor gaussianNoise(Shape shape, std::uint64_t seed) {
    Tensor noise = Tensor::allocate(DType::Float32, std::move(shape));
    Random random(seed);
    for (float &value : noise.mutableValues<float>())
        value = static_cast<float>(random.normal());
    return noise;
}

std::unique_ptr<ImageSource> makePixelImages(const ImageInput &input, std::int64_t images,
                                             std::uint64_t seed) {
    return std::make_unique<PixelImages>(
        input, gaussianNoise(Shape{images, input.channels, input.height, input.width}, seed));
}

} // namespace qs
