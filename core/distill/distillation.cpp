#include "core/distill/distillation.h"

#include "core/base/number_text.h"
#include "core/base/random.h"
#include "core/distill/batch_norm_loss.h"
#include "core/distill/image_source.h"
#include "core/distill/swing_shift.h"
#include "core/io/calibration_origin.h"
#include "core/io/hdf5_writer.h"

#include <algorithm>
#include <array>

namespace qs {
namespace {

struct MethodEntry {
    DistillMethod method;
    std::string_view id, name;
};
constexpr std::array kMethods{
    MethodEntry{DistillMethod::ZeroQ, "zeroq", "ZeroQ"},
    MethodEntry{DistillMethod::Genie, "genie", "GENIE-style"},
    MethodEntry{DistillMethod::Gaussian, "gaussian", "Gaussian noise"},
};

const MethodEntry &entryOf(DistillMethod method) {
    return *std::ranges::find(kMethods, method, &MethodEntry::method);
}

/// Learns the images of one batch after the other.
class Distillation {
public:
    Distillation(std::shared_ptr<const Model> model, const DistillOptions &options, ImageInput input,
                 const RunContext &ctx)
        : m_model(std::move(model)), m_options(options), m_input(std::move(input)), m_ctx(ctx),
          m_batch(m_input.batch > 0 ? m_input.batch : std::min(options.batchSize, options.samples)) {
        m_result.input = m_model->graph.value(m_input.value).name;
        m_result.images = Tensor::allocate(
            DType::Float32, Shape{options.samples, m_input.channels, m_input.height, m_input.width});
    }

    Result<DistilledImages> run() {
        const bool learns = m_options.method != DistillMethod::Gaussian;
        if (learns)
            QS_CHECK_OK(prepareTape());
        m_batches = (m_options.samples + m_batch - 1) / m_batch;
        for (std::int64_t batch = 0; batch < m_batches; ++batch) {
            QS_TRY(const auto source, makeSource(batch));
            if (learns)
                QS_CHECK_OK(learn(*source, batch));
            QS_TRY(const Tensor images, source->images(m_ctx));
            store(images, batch);
        }
        if (!m_result.losses.empty()) {
            m_result.firstLoss = m_result.losses.front();
            m_result.lastLoss = m_result.losses.back();
        }
        m_result.batchNorms = static_cast<int>(m_statistics.size());
        m_result.note = noteText();
        return std::move(m_result);
    }

private:
    Status prepareTape() {
        m_statistics = findBatchNorms(m_model->graph);
        QS_TRY(m_tape, GradientTape::create(m_model, {0, m_statistics.back().node}));
        const auto channels = static_cast<std::size_t>(m_input.channels);
        m_inputMean.assign(channels, 0.0f);
        m_inputDeviation.assign(channels, 1.0f);
        m_result.losses.assign(static_cast<std::size_t>(m_options.iterations), 0.0);
        return {};
    }

    Result<std::unique_ptr<ImageSource>> makeSource(std::int64_t batch) const {
        const std::uint64_t seed = Random(m_options.seed + static_cast<std::uint64_t>(batch)).next();
        if (m_options.method == DistillMethod::Genie)
            return makeGeneratedImages(m_input, m_batch, seed);
        return makePixelImages(m_input, m_batch, seed);
    }

    Status learn(ImageSource &source, std::int64_t batch) {
        Random random(~m_options.seed - static_cast<std::uint64_t>(batch));
        const std::int64_t last = std::min(m_options.samples, (batch + 1) * m_batch);
        for (std::int64_t t = 0; t < m_options.iterations; ++t) {
            QS_TRY(const Tensor images, source.images(m_ctx));
            QS_TRY(const LossSeed loss, evaluate(images, random.next()));
            m_result.losses[static_cast<std::size_t>(t)] += loss.loss / static_cast<double>(m_batches);
            QS_CHECK_OK(source.step(loss.seed, loss.loss, m_ctx));
            m_ctx.step(batch * m_options.iterations + t + 1, m_batches * m_options.iterations,
                       fmt::format("images {} to {} of {}, loss {}", batch * m_batch + 1, last,
                                   m_options.samples, significant(loss.loss)));
        }
        return {};
    }

    /// Loss of normalised images, and its gradient by them.
    Result<LossSeed> evaluate(const Tensor &images, std::uint64_t seed) const {
        const bool overBatch = m_options.method == DistillMethod::Genie;
        const auto over = overBatch ? StatisticsOver::Batch : StatisticsOver::Sample;
        TapeOptions options;
        if (overBatch)
            options.activations = swingConvolutions(m_model->graph, m_tape->range(), seed);
        QS_TRY(const TapeRecord record,
               m_tape->forward({{m_input.value, pixelsOf(m_input, images)}}, options, m_ctx));
        const Tensor &normalized = record.values.at(m_input.normalized);
        QS_TRY(LossSeed total, statisticsLoss(normalized, m_inputMean, m_inputDeviation, over, m_ctx));
        std::unordered_map<ValueId, Tensor> seeds{{m_input.normalized, std::move(total.seed)}};
        for (const BatchNormStatistics &norm : m_statistics) {
            QS_TRY(LossSeed part,
                   statisticsLoss(record.values.at(norm.input), norm.mean, norm.deviation, over, m_ctx));
            total.loss += part.loss;
            addSeed(seeds, norm.input, std::move(part.seed));
        }
        QS_TRY(GradientResult gradients, m_tape->backward(record, seeds, {{m_input.normalized}, {}}, m_ctx));
        total.seed = std::move(gradients.values.at(m_input.normalized));
        stopAtRange(m_input, images, total.seed);
        return total;
    }

    /// Several batch norms may read one value.
    static void addSeed(std::unordered_map<ValueId, Tensor> &seeds, ValueId id, Tensor seed) {
        const auto [place, isNew] = seeds.try_emplace(id, seed);
        if (isNew)
            return;
        const auto sum = place->second.mutableValues<float>();
        std::ranges::transform(sum, seed.values<float>(), sum.begin(), std::plus<>());
    }

    void store(const Tensor &images, std::int64_t batch) {
        const Tensor pixels = pixelsOf(m_input, images);
        const std::int64_t first = batch * m_batch, size = images.numel() / m_batch;
        const std::int64_t count = std::min(m_batch, m_options.samples - first);
        std::copy_n(pixels.values<float>().data(), count * size,
                    m_result.images.mutableValues<float>().data() + first * size);
    }

    std::string noteText() const {
        const std::string how =
            m_options.method == DistillMethod::Gaussian
                ? "nothing learned"
                : fmt::format("{} batch norms, {} iterations, loss {} to {}", m_statistics.size(),
                              m_options.iterations, significant(m_result.firstLoss),
                              significant(m_result.lastLoss));
        return fmt::format("Made from {} (SHA-256 {}) by {}: {}, seed {}. Not real data.",
                           m_model->file.filename().string(), m_model->sha256.substr(0, 12),
                           distillMethodName(m_options.method), how, m_options.seed);
    }

    std::shared_ptr<const Model> m_model;
    const DistillOptions &m_options;
    ImageInput m_input;
    const RunContext &m_ctx;
    std::int64_t m_batch, m_batches = 0;
    std::vector<BatchNormStatistics> m_statistics;
    std::vector<float> m_inputMean, m_inputDeviation;
    std::shared_ptr<const GradientTape> m_tape;
    DistilledImages m_result;
};

void tellLimits(const DistilledImages &result, const DistillOptions &options, FindingList &findings) {
    if (options.method == DistillMethod::Gaussian)
        findings.add(Severity::Warning,
                     "The images are noise; nothing in them is like what the model was trained on.",
                     result.input, "Use real samples where you can; ranges of activations will be off.");
    else if (result.lastLoss > 0.5 * result.firstLoss)
        findings.add(
            Severity::Warning,
            fmt::format("Distillation hardly came nearer to the batch-norm statistics (loss {} to {}).",
                        significant(result.firstLoss), significant(result.lastLoss)),
            result.input, "Give it more iterations, or tell the range of its pixels.");
}

} // namespace

std::string_view distillMethodId(DistillMethod method) {
    return entryOf(method).id;
}

std::string_view distillMethodName(DistillMethod method) {
    return entryOf(method).name;
}

Result<DistillMethod> distillMethodFromId(std::string_view id) {
    const auto found = std::ranges::find(kMethods, id, &MethodEntry::id);
    if (found == kMethods.end())
        return fail(ErrorCode::InvalidArgument, fmt::format("'{}' is none of zeroq, genie, gaussian", id));
    return found->method;
}

Status canDistill(const Model &model, const DistillOptions &options) {
    if (options.samples < 1 || options.iterations < 1 || options.batchSize < 1)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("{} samples in batches of {}, {} iterations: all must be at least 1",
                                options.samples, options.batchSize, options.iterations));
    const std::string name = model.file.filename().string();
    if (const auto input = findImageInput(model.graph, options.pixels); !input)
        return fail(input.error().withContext(name));
    if (options.method != DistillMethod::Gaussian && findBatchNorms(model.graph).empty())
        return fail(ErrorCode::Unsupported,
                    "the model has no BatchNormalization node with running statistics, which is what images "
                    "are distilled from: it never had any, or they were folded into convolutions. Export it "
                    "in training mode so that they stay, calibrate with real samples, or use Gaussian noise "
                    "(--method gaussian)",
                    name);
    return {};
}

Result<DistilledImages> distillImages(const std::shared_ptr<const Model> &model,
                                      const DistillOptions &options, FindingList &findings,
                                      const RunContext &ctx) {
    QS_CHECK_OK(canDistill(*model, options));
    QS_TRY(ImageInput input, findImageInput(model->graph, options.pixels));
    auto result = Distillation(model, options, std::move(input), ctx).run();
    if (!result)
        return fail(std::move(result).error());
    tellLimits(*result, options, findings);
    return result;
}

Status writeDistilled(const DistilledImages &images, const std::filesystem::path &file) {
    QS_TRY(Hdf5Writer writer, Hdf5Writer::create(file));
    const std::string path = "inputs/images";
    QS_CHECK_OK(writer.write(path, images.images));
    QS_CHECK_OK(writer.setAttribute(path, "onnx_name", images.input));
    QS_CHECK_OK(writer.setAttribute("/", kOriginAttribute, "distilled, not real data"));
    QS_CHECK_OK(writer.setAttribute("/", "note", images.note));
    return writer.commit();
}

} // namespace qs
