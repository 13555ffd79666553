#include "core/hardware/transformer_cost.h"

#include <fmt/format.h>

namespace qs {
namespace {

double number(std::int64_t value) {
    return static_cast<double>(value);
}

/// The equations of LLM-Viewer at commit 472f71f, as they are. Formulas name its own symbols.
class LlmViewerPass {
public:
    LlmViewerPass(const NetworkDescription &network, const WorkloadRequest &request);
    Workload build();

private:
    void addLinear(const char *name, double in, double out);
    void addAttention();
    void addFusedAttention();
    void addVector(const char *name, OperatorKind kind, double perElement, double loads);
    void addHead();
    OperatorWork &add(const char *name, OperatorKind kind, double operations, Traffic bytes,
                      const char *formula);
    MemoryUse memory() const;

    const WorkloadRequest &m_request;
    Workload m_pass;
    ComputeType m_roof = ComputeType::Fp16;
    double w, a, k; ///< bytes per element
    double B, S, H, A, Kh, L, V, I, D;
    double T; ///< tokens computed per sequence: 1 in decode
};

LlmViewerPass::LlmViewerPass(const NetworkDescription &network, const WorkloadRequest &request)
    : m_request(request), B(number(request.batch)), S(number(request.sequence)), H(number(network.hidden)),
      A(number(network.heads)), Kh(number(network.kvHeads)), L(number(network.blocks)),
      V(number(network.vocabulary)), I(number(network.intermediate)), D(std::floor(H / A)),
      T(request.stage == Stage::Decode ? 1 : S) {
    const LayerPrecision precision = request.plan.layer({});
    w = precision.codeBits / 8;
    a = precision.inputBits / 8;
    k = request.plan.cacheBits / 8;
    if (w <= 1 && a <= 1 && k <= 1)
        m_roof = ComputeType::Int8;
}

OperatorWork &LlmViewerPass::add(const char *name, OperatorKind kind, double operations, Traffic bytes,
                                 const char *formula) {
    OperatorWork &work = m_pass.operators.emplace_back();
    work.name = name;
    work.kind = kind;
    work.repeats = L;
    work.operations = operations;
    work.bytes = bytes;
    work.forcedRoof = m_roof;
    work.operationsFormula = formula;
    work.bytesFormula = "LLM-Viewer's count";
    return work;
}

void LlmViewerPass::addLinear(const char *name, double in, double out) {
    const bool cached = std::string_view(name) == "k_proj" || std::string_view(name) == "v_proj";
    add(name, OperatorKind::Linear, 2 * in * out * B * T,
        {in * out * w, in * B * T * a, cached ? 0 : out * B * T * a, 0, cached ? out * B * T * k : 0},
        "2·ic·oc·B·S");
}

void LlmViewerPass::addAttention() {
    const bool decode = m_request.stage == Stage::Decode;
    const double scores = T * S * B * A * a, keys = S * D * B * Kh * k;
    add("qk_matmul", OperatorKind::Attention, 2 * T * S * D * A * B,
        {0, T * D * B * (decode ? A : Kh) * a, scores, keys, 0}, "2·S·S·D·A·B");
    add("sv_matmul", OperatorKind::Attention, 2 * T * D * S * A * B, {0, scores, T * D * B * A * a, keys, 0},
        "2·S·D·S·A·B");
    add("softmax", OperatorKind::Softmax, 5 * B * A * T * S, {0, scores, scores, 0, 0}, "5·B·A·S·S");
}

void LlmViewerPass::addFusedAttention() {
    const double blockRows = std::min(std::ceil(m_request.onChipBytes / (k * D)), D);
    const double passes = std::ceil(T / blockRows);
    add("fused_attention", OperatorKind::Attention, 4 * T * S * D * A * B + 5 * B * A * T * S,
        {0, T * D * B * A * a, 2 * (T * S * B * A * a), passes * S * D * B * A * k * 2, 0},
        "4·S·S·D·A·B + 5·B·A·S·S");
}

void LlmViewerPass::addVector(const char *name, OperatorKind kind, double perElement, double loads) {
    const double elements = B * H * T;
    add(name, kind, perElement * elements, {0, loads * elements * a, elements * a, 0, 0}, "c·B·H·S");
}

void LlmViewerPass::addHead() {
    add("lm_head", OperatorKind::Linear, B * H * V, {H * V * w, H * a, V * a, 0, 0}, "B·H·V").repeats = 1;
}

/// \source roofline specification A.6: footprints come from prefill, without head and embeddings
MemoryUse LlmViewerPass::memory() const {
    MemoryUse use;
    for (const OperatorWork &work : m_pass.operators) {
        if (work.name == "lm_head")
            continue;
        use.weights += L * work.bytes.weights;
        use.cache += L * work.bytes.cacheOut * (S / T);
        use.activations += work.bytes.activationsOut;
    }
    return use;
}

Workload LlmViewerPass::build() {
    addLinear("q_proj", H, H);
    addLinear("k_proj", H, H * Kh / A);
    addLinear("v_proj", H, H * Kh / A);
    addLinear("out_proj", H, H);
    addLinear("gate_proj", H, I);
    addLinear("up_proj", H, I);
    addLinear("down_proj", I, H);
    if (m_request.fusedAttention)
        addFusedAttention();
    else
        addAttention();
    addVector("attn_norm", OperatorKind::Norm, 7, 1);
    addVector("mlp_norm", OperatorKind::Norm, 7, 1);
    addVector("attn_add", OperatorKind::Elementwise, 1, 1);
    addVector("mlp_add", OperatorKind::Elementwise, 1, 1);
    addVector("mlp_act", OperatorKind::Elementwise, 2, 2);
    addHead();
    m_pass.name = m_request.plan.name;
    m_pass.memory = memory();
    for (const OperatorWork &work : m_pass.operators)
        m_pass.parameters += work.repeats * work.bytes.weights / w;
    m_pass.averageWeightBits = 8 * w;
    m_pass.notes.emplace_back(
        "Compatible with LLM-Viewer: its known defects are reproduced (README, Roofline).");
    return std::move(m_pass);
}

} // namespace

Result<Workload> llmViewerWorkload(const NetworkDescription &network, const WorkloadRequest &request) {
    if (!network.isDecoder() || request.stage == Stage::Inference)
        return fail(ErrorCode::Unsupported,
                    "LLM-Viewer knows prefill and decode of language models only. Turn "
                    "compatible mode off.");
    if (!request.plan.uniform)
        return fail(ErrorCode::InvalidArgument,
                    "LLM-Viewer knows one width for all layers. Turn compatible mode off to "
                    "see a recipe.");
    if (request.fusedAttention && request.onChipBytes <= 0)
        return fail(ErrorCode::InvalidArgument,
                    "LLM-Viewer's fused attention needs onchip.register_file_kb, which this "
                    "hardware file does not give.");
    return LlmViewerPass(network, request).build();
}

} // namespace qs
