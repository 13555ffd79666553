#include "core/export/exporters/gguf_contents.h"

#include "core/export/exporters/llama_graph.h"
#include "core/io/importers/gguf_names.h"
#include "core/tensor/convert.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <set>

namespace qs {
namespace {

constexpr std::array<const char *, 7> kLinears{"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj",
                                               "self_attn.o_proj", "mlp.gate_proj",    "mlp.up_proj",
                                               "mlp.down_proj"};

bool sameBytes(const Tensor &a, const Tensor &b) {
    return a.dtype() == b.dtype() && a.shape() == b.shape() &&
           std::equal(a.bytes(), a.bytes() + a.sizeBytes(), b.bytes());
}

class Collector {
public:
    Collector(const Run &run, const GgufDescription &description, const GgufWeightOptions &options,
              const RunContext &ctx)
        : m_run(run), m_model(*run.quantizedModel()), m_description(description), m_options(options),
          m_ctx(ctx) {
        for (const Layer &layer : m_model.layers)
            m_layers[llamaModule(layer.name)] = &layer;
        for (const auto &[module, layer] : m_layers)
            if (constantNamed(module + ".bias") ||
                !m_run.layers[static_cast<std::size_t>(layer->id)]->quantized.outputOffset.empty())
                m_withBias.insert(biasFamily(module));
    }

    Result<GgufContents> collect() {
        QS_CHECK_OK(addLayer("embed_tokens"));
        for (std::int64_t block = 0; block < m_description.blocks; ++block)
            QS_CHECK_OK(addBlock(fmt::format("layers.{}.", block)));
        QS_CHECK_OK(addVector("norm.weight"));
        QS_CHECK_OK(addHead());
        if (!m_layers.empty())
            return fail(ErrorCode::Unsupported,
                        fmt::format("GGUF files of the architecture {} have no place for this layer",
                                    m_description.architecture),
                        m_layers.begin()->second->name);
        addRest();
        return std::move(m_contents);
    }

private:
    Status addBlock(const std::string &prefix) {
        QS_CHECK_OK(addVector(prefix + "input_layernorm.weight"));
        for (const char *linear : kLinears)
            QS_CHECK_OK(addLayer(prefix + linear));
        if (m_description.architecture == "qwen3") {
            QS_CHECK_OK(addVector(prefix + "self_attn.q_norm.weight"));
            QS_CHECK_OK(addVector(prefix + "self_attn.k_norm.weight"));
        }
        return addVector(prefix + "post_attention_layernorm.weight");
    }

    Status addLayer(const std::string &module) {
        const auto found = m_layers.find(module);
        if (found == m_layers.end())
            return fail(ErrorCode::Unsupported, "the network has no such layer, which a GGUF file needs",
                        module);
        const Layer &layer = *found->second;
        m_layers.erase(found);
        if (m_ctx.cancelled())
            return RunContext::cancelledError();
        m_ctx.step(layer.id, static_cast<std::int64_t>(m_model.layers.size()), "exporting " + layer.name);
        const LayerResult &result = *m_run.layers[static_cast<std::size_t>(layer.id)];
        auto weight = ggufWeight(layer, m_model.graph, result, m_options, m_ctx);
        if (!weight)
            return fail(std::move(weight).error().withContext(layer.name));
        note(layer.name, *weight);
        add(module + ".weight", std::move(weight->tensor));
        return addBias(module, layer, result.quantized.outputOffset);
    }

    void note(const std::string &layer, const GgufWeight &weight) {
        m_contents.layers[weight.form].push_back(layer);
        m_contents.worstDifference = std::max(m_contents.worstDifference, weight.worstDifference);
        if (const BlockFormat *format = blockFormatOf(weight.tensor.dtype()))
            m_contents.formats[layer] = format->name;
    }

    /// Readers expect biases of all queries, keys and values, of all outputs, of all MLPs, or of none.
    static std::string biasFamily(const std::string &module) {
        return !module.starts_with("layers.")        ? module
               : module.find(".mlp.") != module.npos ? "mlp"
               : module.ends_with(".o_proj")         ? "output"
                                                     : "qkv";
    }

    /// The bias of the layer with what a correction adds to it.
    Status addBias(const std::string &module, const Layer &layer, const std::vector<float> &offset) {
        const Tensor *own = constantNamed(module + ".bias");
        if (!own && offset.empty() && !m_withBias.contains(biasFamily(module)))
            return {};
        if (!own && (m_description.architecture != "llama" || !module.starts_with("layers.")))
            return fail(ErrorCode::Unsupported,
                        fmt::format("a correction adds to the output of this layer, and GGUF files of the "
                                    "architecture {} have no bias for it; switch corrections off",
                                    m_description.architecture),
                        layer.name);
        Tensor bias = Tensor::zeros(DType::Float32, Shape{layer.outChannels});
        if (own) {
            QS_TRY(const Tensor values, toFloat32(*own));
            std::copy_n(values.values<float>().data(), layer.outChannels, bias.mutableValues<float>().data());
        }
        for (std::size_t i = 0; i < offset.size(); ++i)
            bias.mutableValues<float>()[i] += offset[i];
        add(module + ".bias", std::move(bias));
        return {};
    }

    Status addVector(const std::string &parameter) {
        const Tensor *constant = constantNamed(parameter);
        if (!constant)
            return fail(ErrorCode::Unsupported, "the network has no such norm, which a GGUF file needs",
                        parameter);
        QS_TRY(Tensor values, toFloat32(*constant));
        add(parameter, values.reshaped(Shape{values.numel()}));
        return {};
    }

    /// A head that is the embedding again is left out: readers then use that.
    Status addHead() {
        QS_CHECK_OK(addLayer("lm_head"));
        const Tensor &head = m_contents.tensors.back().tensor, &embedding = m_contents.tensors.front().tensor;
        if (!m_description.sourceTensor("output.weight") && sameBytes(head, embedding))
            m_contents.tensors.pop_back();
        return {};
    }

    /// What the graph does not hold as a layer, a norm or a bias.
    void addRest() {
        std::set<std::string> written;
        for (const GgufOutput &output : m_contents.tensors)
            written.insert(output.name);
        for (const GgufOutput &output : m_description.tensors)
            m_contents.tensors.push_back(output);
        for (const GgufFile &part : m_description.source)
            for (const GgufTensor &tensor : part.header.tensors)
                if (!written.contains(tensor.name))
                    m_contents.tensors.push_back({tensor.name, ggufTensor(part, tensor)});
    }

    const Tensor *constantNamed(const std::string &parameter) const {
        for (const char *prefix : {"", "model.", "model.model."})
            if (const ValueId id = m_model.graph.findValue(prefix + parameter); id != kNoValue)
                if (const Tensor *constant = m_model.graph.constant(id))
                    return constant;
        return nullptr;
    }

    void add(const std::string &parameter, Tensor tensor) {
        const std::int64_t width = m_description.headWidth;
        if (m_description.turnsRows() && turnsInPairs(parameter) && width > 1 &&
            tensor.shape()[0] % width == 0)
            tensor = rowsOfPairs(tensor, width);
        m_contents.tensors.push_back({ggufTensorName(parameter), std::move(tensor)});
    }

    const Run &m_run;
    const Model &m_model;
    const GgufDescription &m_description;
    const GgufWeightOptions &m_options;
    const RunContext &m_ctx;
    std::set<std::string> m_withBias;              ///< families of layers that get biases
    std::map<std::string, const Layer *> m_layers; ///< by module; those that were not written yet
    GgufContents m_contents;
};

} // namespace

Result<GgufContents> collectGguf(const Run &run, const GgufDescription &description,
                                 const GgufWeightOptions &options, const RunContext &ctx) {
    return Collector(run, description, options, ctx).collect();
}

} // namespace qs
