#include "core/hardware/transformer_cost.h"

#include <fmt/format.h>
#include <utility>

namespace qs {
namespace {

constexpr double kSoftmaxOps = 5, kRmsNormOps = 4, kLayerNormOps = 7, kRotaryOps = 3;

double bytesOf(double elements, double bits) {
    return elements * bits / 8;
}
double number(std::int64_t value) {
    return static_cast<double>(value);
}

/// Collects the operators of one pass, block operators once with their number of repeats.
class PassBuilder {
public:
    PassBuilder(const NetworkDescription &network, const WorkloadRequest &request);

    Workload build();

private:
    void addInput();
    void addPositions();
    void addBlock();
    void addOutput();
    void addLinear(const LinearShape &linear);
    void addLinearOnce(const LinearShape &linear, const WeightSite &site, double rows);
    void addLinearGroup(const LinearShape &linear, LayerPrecision precision, double rows, double repeats);
    void addNorm(const std::string &name, double elements, double width, double repeats);
    void addResidual(const std::string &name);
    void addRotary();
    void addAttention();
    void addFusedAttention();
    void addScores();
    void addActivation();
    OperatorWork &add(std::string name, OperatorKind kind, double repeats);
    void countWeights(double elements, double bits);
    MemoryUse memory() const;

    double act(double elements) const { return bytesOf(elements, m_request.plan.activationBits); }
    double floats(double elements) const { return bytesOf(elements, m_request.plan.floatBits); }
    double cache(double elements) const { return bytesOf(elements, m_request.plan.cacheStoredBits); }
    bool hasCache() const { return m_network.isDecoder() && m_request.stage != Stage::Inference; }
    double cacheElements() const { return m_batch * number(m_network.kvHeads * m_network.headDim) * m_kept; }

    const NetworkDescription &m_network;
    const WorkloadRequest &m_request;
    Workload m_pass;
    double m_batch, m_blocks;
    double m_queries; ///< tokens per sequence that are computed
    double m_context; ///< tokens that they look at
    double m_kept;    ///< tokens per sequence in the cache
    double m_pairs;   ///< (query, key) pairs per sequence and head
    double m_rows;    ///< tokens of all sequences
    double m_weightBytes = 0;
};

/// Pairs of a query and a key that it may see. Query i of Q sees the keys up to its own place, at most
/// `window`. \source roofline specification B.4
double causalPairs(double queries, double context, double window) {
    const double first = context - queries + 1; // keys that the first query sees
    const double growing =
        std::clamp(window - first + 1, 0.0, queries); // queries that still see all before them
    return growing * first + growing * (growing - 1) / 2 + (queries - growing) * std::min(window, context);
}

PassBuilder::PassBuilder(const NetworkDescription &network, const WorkloadRequest &request)
    : m_network(network), m_request(request), m_batch(number(request.batch)),
      m_blocks(number(network.blocks)) {
    const double tokens = network.isDecoder() ? number(request.sequence) : number(network.imageTokens());
    const double window = network.slidingWindow ? number(*network.slidingWindow) : tokens;
    m_queries = request.stage == Stage::Decode ? 1 : tokens;
    m_kept = std::min(tokens, window);
    m_context = request.stage == Stage::Decode ? m_kept : tokens;
    m_pairs = network.isDecoder() ? causalPairs(m_queries, m_context, std::min(window, m_context))
                                  : tokens * tokens;
    m_rows = m_batch * m_queries;
}

OperatorWork &PassBuilder::add(std::string name, OperatorKind kind, double repeats) {
    OperatorWork &work = m_pass.operators.emplace_back();
    work.name = std::move(name);
    work.kind = kind;
    work.repeats = repeats;
    return work;
}

void PassBuilder::countWeights(double elements, double bits) {
    m_pass.parameters += elements;
    m_weightBytes += bytesOf(elements, bits);
}

void PassBuilder::addLinear(const LinearShape &linear) {
    // Blocks that a recipe treats alike are one operator that repeats.
    std::vector<std::pair<LayerPrecision, double>> groups;
    for (std::int64_t block = 0; block < m_network.blocks; ++block) {
        const LayerPrecision precision =
            m_request.plan.layer({fmt::format("{}{}.{}", m_network.blockPrefix, block, linear.module),
                                  kNoLayer, linear.out, linear.in});
        auto found =
            std::find_if(groups.begin(), groups.end(), [&](auto &group) { return group.first == precision; });
        if (found == groups.end())
            found = groups.insert(groups.end(), {precision, 0.0});
        ++found->second;
    }
    for (const auto &[precision, repeats] : groups)
        addLinearGroup(linear, precision, m_rows, repeats);
}

void PassBuilder::addLinearOnce(const LinearShape &linear, const WeightSite &site, double rows) {
    addLinearGroup(linear, m_request.plan.layer(site), rows, 1);
}

void PassBuilder::addLinearGroup(const LinearShape &linear, LayerPrecision precision, double rows,
                                 double repeats) {
    const double in = number(linear.in), out = number(linear.out);
    OperatorWork &work = add(linear.op, OperatorKind::Linear, repeats);
    work.matrix = true;
    work.leftBits = precision.inputBits;
    work.rightBits = precision.codeBits;
    work.operations = 2 * rows * in * out + (linear.bias ? rows * out : 0);
    work.bytes.weights = bytesOf(in * out, precision.storedBits) + (linear.bias ? floats(out) : 0);
    work.bytes.activationsIn = bytesOf(rows * in, precision.inputBits);
    const bool isKey = linear.op == "k_proj", isValue = linear.op == "v_proj";
    // The rotated key goes to the cache, not this one.
    const bool cached = hasCache() && (isValue || (isKey && !m_network.isRotary()));
    (cached ? work.bytes.cacheOut : work.bytes.activationsOut) = cached ? cache(rows * out) : act(rows * out);
    work.operationsFormula = fmt::format("2·M·K·N{} = 2·{}·{}·{}{}", linear.bias ? " + M·N" : "", rows, in,
                                         out, linear.bias ? fmt::format(" + {}·{}", rows, out) : "");
    work.bytesFormula = fmt::format(
        "(K·N·{:g} + M·K·{:g} + M·N·{:g}) bit / 8{}", precision.storedBits, precision.inputBits,
        cached ? m_request.plan.cacheStoredBits : m_request.plan.activationBits, linear.bias ? ", bias" : "");
    countWeights(repeats * in * out, precision.storedBits);
    if (linear.bias)
        countWeights(repeats * out, m_request.plan.floatBits);
}

void PassBuilder::addNorm(const std::string &name, double elements, double width, double repeats) {
    const double perElement = m_network.rmsNorm ? kRmsNormOps : kLayerNormOps;
    const double parameters = m_network.rmsNorm ? width : 2 * width;
    OperatorWork &work = add(name, OperatorKind::Norm, repeats);
    work.operations = perElement * elements;
    work.bytes = {floats(parameters), act(elements), act(elements), 0, 0};
    work.operationsFormula = fmt::format("{:g}·n = {:g}·{}", perElement, perElement, elements);
    work.bytesFormula = fmt::format("(n·{0:g} + n·{0:g} + {2}·{1:g}) bit / 8", m_request.plan.activationBits,
                                    m_request.plan.floatBits, parameters);
    countWeights(repeats * parameters, m_request.plan.floatBits);
}

void PassBuilder::addResidual(const std::string &name) {
    const double elements = m_rows * number(m_network.hidden);
    OperatorWork &work = add(name, OperatorKind::Elementwise, m_blocks);
    work.operations = elements;
    work.bytes = {0, act(2 * elements), act(elements), 0, 0};
    work.operationsFormula = fmt::format("n = {}", elements);
    work.bytesFormula = fmt::format("(2n + n)·{:g} bit / 8", m_request.plan.activationBits);
}

void PassBuilder::addInput() {
    const double width = number(m_network.isDecoder() ? m_network.embeddingWidth : m_network.hidden);
    if (!m_network.isDecoder()) {
        const std::int64_t patch = m_network.imageChannels * m_network.patchSize * m_network.patchSize;
        addLinearOnce({"patch_embedding", "", patch, m_network.hidden, true},
                      {m_network.embeddingModule, kNoLayer, m_network.hidden, patch},
                      m_batch * number(m_network.patches()));
        m_pass.operators.back().kind = OperatorKind::Convolution;
        countWeights(number(m_network.extraTokens) * width, m_request.plan.floatBits);
        addPositions();
        return;
    }
    const LayerPrecision precision = m_request.plan.layer(
        {m_network.embeddingModule, kNoLayer, m_network.vocabulary, m_network.embeddingWidth});
    OperatorWork &work = add("embed_tokens", OperatorKind::Embedding, 1);
    work.bytes = {bytesOf(m_rows * width, precision.storedBits), 0, act(m_rows * width), 0, 0};
    work.operationsFormula = "0: rows are copied";
    work.bytesFormula =
        fmt::format("M·H·({:g} + {:g}) bit / 8", precision.storedBits, m_request.plan.activationBits);
    countWeights(number(m_network.vocabulary) * width, precision.storedBits);
    if (m_network.embeddingWidth != m_network.hidden)
        addLinearOnce({"project_in", "", m_network.embeddingWidth, m_network.hidden, false},
                      {"model.decoder.project_in", kNoLayer, m_network.hidden, m_network.embeddingWidth},
                      m_rows);
    addPositions();
}

void PassBuilder::addPositions() {
    if (m_network.positionRows == 0)
        return;
    const double width = number(m_network.hidden), elements = m_rows * width;
    OperatorWork &work = add("position_add", OperatorKind::Embedding, 1);
    work.operations = elements;
    work.bytes = {floats(m_queries * width), act(elements), act(elements), 0, 0};
    work.operationsFormula = fmt::format("n = {}", elements);
    work.bytesFormula =
        fmt::format("(2n·{:g} + T·H·{:g}) bit / 8", m_request.plan.activationBits, m_request.plan.floatBits);
    countWeights(number(m_network.positionRows) * width, m_request.plan.floatBits);
}

void PassBuilder::addRotary() {
    const double queryElements = m_rows * number(m_network.heads * m_network.headDim);
    const double keyElements = m_rows * number(m_network.kvHeads * m_network.headDim);
    OperatorWork &work = add("rotary", OperatorKind::Elementwise, m_blocks);
    work.operations = kRotaryOps * (queryElements + keyElements);
    work.bytes.activationsIn =
        act(queryElements + keyElements) + floats(m_queries * number(m_network.headDim));
    work.bytes.activationsOut = act(queryElements) + (hasCache() ? 0 : act(keyElements));
    work.bytes.cacheOut = hasCache() ? cache(keyElements) : 0;
    work.operationsFormula = fmt::format("3·(q + k) = 3·({} + {})", queryElements, keyElements);
    work.bytesFormula =
        fmt::format("q and k in and out, cos and sin of {} tokens; k goes to the cache", m_queries);
}

void PassBuilder::addScores() {
    const double heads = number(m_network.heads), width = number(m_network.headDim);
    const double queries = m_rows * heads * width;
    const double scores =
        m_batch * heads * m_queries * m_context; // an unfused kernel stores the full rectangle
    const double keys = m_batch * number(m_network.kvHeads) * m_context * width;
    const double products = 2 * m_batch * heads * m_pairs * width;
    const double keyBits = hasCache() ? m_request.plan.cacheBits : m_request.plan.activationBits;
    const std::string formula =
        fmt::format("2·B·A·P·D = 2·{}·{}·{}·{}, P = pairs of query and key", m_batch, heads, m_pairs, width);
    const auto matmul = [&](const char *name, double in, double out) {
        OperatorWork &work = add(name, OperatorKind::Attention, m_blocks);
        work.matrix = true;
        work.leftBits = m_request.plan.activationBits;
        work.rightBits = keyBits;
        work.operations = products;
        work.bytes = {0, act(in) + (hasCache() ? 0 : act(keys)), act(out), hasCache() ? cache(keys) : 0, 0};
        work.operationsFormula = formula;
        work.bytesFormula = fmt::format("{} and {} elements at {:g} bit; {} of the cache at {:g} bit", in,
                                        out, m_request.plan.activationBits, keys,
                                        hasCache() ? m_request.plan.cacheStoredBits : keyBits);
    };
    matmul("qk_matmul", queries, scores);
    OperatorWork &softmax = add("softmax", OperatorKind::Softmax, m_blocks);
    softmax.operations = kSoftmaxOps * m_batch * heads * m_pairs;
    softmax.bytes = {0, act(scores), act(scores), 0, 0};
    softmax.operationsFormula = fmt::format("5·B·A·P = 5·{}·{}·{}", m_batch, heads, m_pairs);
    softmax.bytesFormula = fmt::format("2·B·A·Q·C·{:g} bit / 8", m_request.plan.activationBits);
    matmul("sv_matmul", scores, queries);
}

void PassBuilder::addFusedAttention() {
    constexpr double kLeastRows = 64, kBuffers = 4; // query, key, value and output tiles share the chip
    const double heads = number(m_network.heads), width = number(m_network.headDim);
    const double queries = m_rows * heads * width;
    const double keys = m_batch * number(m_network.kvHeads) * m_context * width;
    const double elementBytes = m_request.plan.activationBits / 8;
    const double rowsOnChip =
        std::max(kLeastRows, std::floor(m_request.onChipBytes / (kBuffers * width * elementBytes)));
    const double grouped = heads / number(m_network.kvHeads);
    const double passes = m_queries == 1 ? 1 : std::ceil(m_queries * grouped / rowsOnChip);
    OperatorWork &work = add("fused_attention", OperatorKind::Attention, m_blocks);
    work.matrix = true;
    work.leftBits = m_request.plan.activationBits;
    work.rightBits = hasCache() ? m_request.plan.cacheBits : m_request.plan.activationBits;
    work.operations = m_batch * heads * m_pairs * (4 * width + kSoftmaxOps);
    work.bytes = {0, act(queries) + (hasCache() ? 0 : act(2 * keys * passes)), act(queries),
                  hasCache() ? cache(2 * keys * passes) : 0, 0};
    work.operationsFormula =
        fmt::format("B·A·P·(4·D + 5) = {}·{}·{}·(4·{} + 5)", m_batch, heads, m_pairs, width);
    work.bytesFormula =
        fmt::format("Q and O once, K and V {} times ({} query rows on the chip)", passes, rowsOnChip);
}

void PassBuilder::addAttention() {
    if (m_request.fusedAttention)
        addFusedAttention();
    else
        addScores();
}

void PassBuilder::addActivation() {
    const double elements = m_rows * number(m_network.intermediate);
    const double perElement = m_network.activationOps + (m_network.gated ? 1 : 0);
    const double inputs = m_network.gated ? 2 : 1;
    OperatorWork &work = add("mlp_act", OperatorKind::Elementwise, m_blocks);
    work.operations = perElement * elements;
    work.bytes = {0, act(inputs * elements), act(elements), 0, 0};
    work.operationsFormula = fmt::format("{:g}·M·I = {:g}·{} ({}{})", perElement, perElement, elements,
                                         m_network.activation, m_network.gated ? ", times up" : "");
    work.bytesFormula = fmt::format("({:g} + 1)·M·I·{:g} bit / 8", inputs, m_request.plan.activationBits);
}

void PassBuilder::addBlock() {
    const double width = m_rows * number(m_network.hidden);
    const std::vector<LinearShape> linears = m_network.blockLinears();
    addNorm("attn_norm", width, number(m_network.hidden), m_blocks);
    for (std::size_t i = 0; i < 3; ++i)
        addLinear(linears[i]);
    if (m_network.queryKeyNorm) {
        const double head = number(m_network.headDim);
        addNorm("q_norm", m_rows * number(m_network.heads) * head, head, m_blocks);
        addNorm("k_norm", m_rows * number(m_network.kvHeads) * head, head, m_blocks);
    }
    if (m_network.isRotary())
        addRotary();
    addAttention();
    addLinear(linears[3]);
    addResidual("attn_add");
    addNorm("mlp_norm", width, number(m_network.hidden), m_blocks);
    for (std::size_t i = 4; i + 1 < linears.size(); ++i)
        addLinear(linears[i]);
    addActivation();
    addLinear(linears.back());
    addResidual("mlp_add");
}

void PassBuilder::addOutput() {
    const double width = number(m_network.hidden);
    if (m_network.finalNorm)
        addNorm("final_norm", m_rows * width, width, 1);
    if (!m_network.isDecoder()) {
        addLinearOnce({"classifier", "", m_network.hidden, m_network.classes, true},
                      {m_network.headModule, kNoLayer, m_network.classes, m_network.hidden}, m_batch);
        return;
    }
    if (m_network.embeddingWidth != m_network.hidden)
        addLinearOnce({"project_out", "", m_network.hidden, m_network.embeddingWidth, false},
                      {"model.decoder.project_out", kNoLayer, m_network.embeddingWidth, m_network.hidden},
                      m_rows);
    const double rows = m_request.lastLogitsOnly ? m_batch : m_rows;
    const double weightBytes = m_weightBytes, parameters = m_pass.parameters;
    addLinearOnce({"lm_head", "", m_network.embeddingWidth, m_network.vocabulary, false},
                  {m_network.tiedHead ? m_network.embeddingModule : m_network.headModule, kNoLayer,
                   m_network.vocabulary, m_network.embeddingWidth},
                  rows);
    m_pass.operators.back().bytes.activationsOut =
        floats(rows * number(m_network.vocabulary)); // logits stay in float
    if (m_network.tiedHead) {                        // in memory once, though it is read as a head too
        m_weightBytes = weightBytes;
        m_pass.parameters = parameters;
    }
}

MemoryUse PassBuilder::memory() const {
    MemoryUse use;
    use.weights = m_weightBytes;
    if (hasCache())
        use.cache = 2 * m_blocks * cache(cacheElements());
    double largest = 0;
    for (const OperatorWork &work : m_pass.operators)
        largest = std::max(largest, work.bytes.activationsIn + work.bytes.activationsOut);
    use.activations = act(m_rows * number(m_network.hidden)) + largest;
    return use;
}

Workload PassBuilder::build() {
    m_pass.name = m_request.plan.name;
    addInput();
    addBlock();
    addOutput();
    m_pass.memory = memory();
    m_pass.averageWeightBits = 8 * m_weightBytes / m_pass.parameters;
    m_pass.notes.emplace_back(
        "Activation memory is an estimate: the residual stream and the operands of the largest operator.");
    if (m_network.slidingWindow && number(m_request.sequence) > number(*m_network.slidingWindow))
        m_pass.notes.push_back(
            fmt::format("Attention looks back {} tokens (sliding window).", *m_network.slidingWindow));
    if (m_network.maxPositions > 0 && m_request.sequence > m_network.maxPositions)
        m_pass.notes.push_back(fmt::format("{} tokens are more than the {} that the model was made for.",
                                           m_request.sequence, m_network.maxPositions));
    return std::move(m_pass);
}

} // namespace

std::string TransformerCost::name() const {
    // All configs have one name; the folder says which model it is.
    const std::string folder = m_network.file.parent_path().filename().string();
    return folder.empty() ? fmt::format("{} config", m_network.modelType)
                          : fmt::format("{}/{}", folder, m_network.file.filename().string());
}

std::vector<Stage> TransformerCost::stages() const {
    if (!m_network.isDecoder())
        return {Stage::Inference};
    return {Stage::Prefill, Stage::Decode, Stage::Inference};
}

Result<Workload> TransformerCost::workload(const WorkloadRequest &request, const RunContext & /*ctx*/) const {
    QS_CHECK_OK(request.check());
    if (!m_network.isDecoder() && request.stage != Stage::Inference)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("a {} has no {}: it sees a whole image at once. Choose inference.",
                                m_network.modelType, stageName(request.stage)));
    if (request.compatible)
        return llmViewerWorkload(m_network, request);
    return PassBuilder(m_network, request).build();
}

} // namespace qs
