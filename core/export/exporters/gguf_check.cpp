#include "core/export/exporters/gguf_check.h"

#include "core/exec/executor.h"
#include "core/export/exporters/llama_graph.h"
#include "core/io/importer.h"
#include "core/tensor/convert.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace qs {
namespace {

constexpr double kTolerance = 1e-3; ///< of the largest output; the order of sums differs
constexpr std::int64_t kMostTokens = 24;

tl::unexpected<Error> mismatch(const std::string &what, const std::string &where) {
    return fail(ErrorCode::CorruptFile,
                "the written file does not hold what was meant: " + what +
                    "; it was not kept. Please report this as a bug",
                where);
}

/// The model of the run reading the weights that the file has.
Result<PassOptions> withWeightsOf(const Model &written, const Run &run) {
    const Model &model = *run.quantizedModel();
    PassOptions options;
    for (const Layer &layer : model.layers) {
        const Layer *other = written.findLayer(llamaModule(layer.name));
        if (!other)
            return mismatch("a layer is missing", layer.name);
        QS_TRY(const Tensor matrix, weightMatrix(*other, written.graph));
        if (matrix.shape() != Shape{layer.outChannels, layer.inPerOut})
            return mismatch("a weight has another shape", layer.name);
        const DType type = model.graph.constant(layer.weight)->dtype();
        QS_TRY(Tensor weight, castTensor(toStoredLayout(layer, matrix), type));
        options.weights[{layer.node, layer.weightIndex}] = std::move(weight);
        const std::vector<float> &offset =
            run.layers[static_cast<std::size_t>(layer.id)]->quantized.outputOffset;
        if (!offset.empty())
            options.additions[layer.node].offset =
                Tensor::fromValues<float>(Shape{static_cast<std::int64_t>(offset.size())}, std::span(offset));
    }
    return options;
}

/// Token numbers that visit the whole vocabulary in an order of their own.
Tensor someTokens(std::int64_t vocabulary, std::int64_t count, DType type) {
    constexpr std::int64_t kStride = 7919;
    std::vector<std::int64_t> ids;
    for (std::int64_t i = 0; i < count; ++i)
        ids.push_back((3 + i * kStride) % vocabulary);
    const Tensor tokens = Tensor::fromValues<std::int64_t>(Shape{1, count}, std::span(ids));
    return type == DType::Int32 ? castTensor(tokens, type).value() : tokens;
}

Result<Tensor> outputsOf(std::shared_ptr<const Model> model, std::shared_ptr<const Executor> executor,
                         const PassOptions &options, std::int64_t tokens, const RunContext &ctx) {
    if (!executor) {
        QS_TRY(executor, Executor::create(model));
    }
    if (model->graph.inputs().size() != 1 || model->graph.outputs().empty())
        return fail(
            ErrorCode::Unsupported,
            "the graph has other inputs than token numbers; GGUF export knows networks that read them "
            "alone");
    const Layer *embedding = nullptr;
    for (const Layer &layer : model->layers)
        if (layer.kind == LayerKind::Embedding)
            embedding = &layer;
    if (!embedding)
        return fail(ErrorCode::Unsupported, "the graph has no embedding of tokens");
    const DType type = model->graph.value(model->graph.inputs()[0]).dtype;
    QS_TRY(const std::vector<Tensor> outputs,
           executor->run({someTokens(embedding->outChannels, tokens, type)}, options, ctx));
    return toFloat32(outputs[0]);
}

} // namespace

Status checkGguf(const Run &run, const std::filesystem::path &written, std::int64_t positions,
                 const RunContext &ctx) {
    const std::int64_t tokens = std::clamp<std::int64_t>(positions, 1, kMostTokens);
    ctx.step(0, 0, "checking the written file");
    FindingList unused;
    const auto opened = openModel(written, unused, ctx);
    if (!opened && opened.error().code != ErrorCode::CorruptFile)
        return fail(opened.error());
    if (!opened)
        return mismatch(opened.error().message, opened.error().where);
    QS_TRY(const PassOptions options, withWeightsOf(**opened, run));
    const auto executor = run.prepared ? run.prepared->executor : nullptr;
    QS_TRY(const Tensor expected, outputsOf(run.quantizedModel(), executor, options, tokens, ctx));
    QS_TRY(const Tensor found, outputsOf(*opened, nullptr, {}, tokens, ctx));
    if (expected.shape() != found.shape())
        return mismatch("its outputs have another shape", written.filename().string());
    double worst = 0, largest = 0;
    const auto a = expected.values<float>(), b = found.values<float>();
    for (std::size_t i = 0; i < a.size(); ++i) {
        worst = std::max(worst, std::abs(static_cast<double>(a[i]) - b[i]));
        largest = std::max(largest, std::abs(static_cast<double>(a[i])));
    }
    if (!(worst <= kTolerance * largest))
        return mismatch(fmt::format("its outputs differ from those of the run by {:.3g}, the largest being "
                                    "{:.3g}",
                                    worst, largest),
                        written.filename().string());
    return {};
}

} // namespace qs
