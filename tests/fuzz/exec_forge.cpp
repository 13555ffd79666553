#include "tests/fuzz/exec_forge.h"

#include "core/tensor/convert.h"
#include "tests/fuzz/exec_operators.h"

#include <array>
#include <cstring>
#include <fuzzer/FuzzedDataProvider.h>
#include <limits>

namespace qs::fuzz {
namespace {

constexpr int kMostNodes = 5, kDeepest = 2;
constexpr std::int64_t kMostElements = 4096; ///< of an operand; kernels make larger ones
constexpr std::int64_t kLowest = std::numeric_limits<std::int64_t>::min(),
                       kHighest = std::numeric_limits<std::int64_t>::max();
constexpr std::array<std::int64_t, 24> kIntegers{0,
                                                 1,
                                                 -1,
                                                 2,
                                                 3,
                                                 4,
                                                 5,
                                                 7,
                                                 8,
                                                 16,
                                                 -2,
                                                 -3,
                                                 64,
                                                 255,
                                                 1000,
                                                 1 << 20,
                                                 -100,
                                                 1LL << 31,
                                                 -(1LL << 31),
                                                 1LL << 40,
                                                 -(1LL << 40),
                                                 kHighest,
                                                 kLowest,
                                                 kHighest - 1};
constexpr double kInfinity = std::numeric_limits<double>::infinity(),
                 kNan = std::numeric_limits<double>::quiet_NaN();
constexpr std::array<double, 20> kReals{0,    1,         -1,         0.5,        -0.0,   2,      3,
                                        kNan, kInfinity, -kInfinity, 1e30,       -1e30,  1e-40,  1e308,
                                        0.1,  2.5,       -7.25,      2147483648, 9.3e18, -9.3e18};
constexpr std::array<std::int64_t, 12> kDims{0, 1, 2, 3, 4, 5, 6, 7, 8, 16, 33, 100};
constexpr std::array<std::int64_t, 4> kEmptyDims{1 << 20, 1LL << 31, 1LL << 40, 1LL << 61}; ///< beside a 0
constexpr std::array<DType, 24> kTypes{
    DType::Float32,    DType::Int64,          DType::Int32,      DType::UInt8,        DType::Int8,
    DType::Bool,       DType::Float64,        DType::Float16,    DType::BFloat16,     DType::UInt16,
    DType::Int16,      DType::UInt32,         DType::UInt64,     DType::UInt4,        DType::Int4,
    DType::UInt2,      DType::Int2,           DType::Float4E2M1, DType::Float8E4M3FN, DType::Float8E5M2,
    DType::Float8E8M0, DType::Float8E4M3FNUZ, DType::Complex64,  DType::Undefined};
constexpr std::array<std::int64_t, 12> kOpsets{1, 5, 7, 9, 10, 11, 13, 18, 20, 21, 25, 26};

/// Every attribute of the examples, each with a value that some operator knows.
const std::vector<std::pair<std::string, Attribute>> &knownAttributes() {
    static const auto kKnown = [] {
        std::vector<std::pair<std::string, Attribute>> known;
        for (const OperatorExample &example : operatorExamples())
            known.insert(known.end(), example.attributes.begin(), example.attributes.end());
        return known;
    }();
    return kKnown;
}

/// Damages attributes and operands the way a hostile file can.
class Damage {
public:
    explicit Damage(FuzzedDataProvider &bytes) : m_bytes(bytes) {}

    /// Of `outOf` choices of the bytes one; never without bytes.
    bool rarely(int outOf) {
        return pick(static_cast<std::size_t>(outOf)) + 1 == static_cast<std::size_t>(outOf);
    }
    std::size_t pick(std::size_t count) { return m_bytes.ConsumeIntegralInRange<std::size_t>(0, count - 1); }

    void attributes(std::map<std::string, Attribute> &all) {
        for (auto entry = all.begin(); entry != all.end();) {
            const bool drops = rarely(16);
            if (!drops && rarely(4))
                attribute(entry->second);
            entry = drops ? all.erase(entry) : std::next(entry);
        }
        if (rarely(8)) {
            const auto &known = knownAttributes();
            all.insert(known[pick(known.size())]);
        }
    }

    void operand(Tensor &tensor) {
        for (int count = rarely(2) ? 1 + static_cast<int>(pick(3)) : 0; count > 0 && !tensor.empty(); --count)
            once(tensor);
    }

    std::int64_t integer() {
        return rarely(3) ? m_bytes.ConsumeIntegral<std::int64_t>() : m_bytes.PickValueInArray(kIntegers);
    }

private:
    double real() { return m_bytes.PickValueInArray(kReals); }

    template <typename T, typename Value>
    void list(std::vector<T> &values, const Value &value) {
        const std::size_t place = pick(values.size() + 2);
        if (place < values.size())
            values[place] = value();
        else if (place == values.size() && !values.empty())
            values.pop_back();
        else
            values.push_back(value());
    }

    void attribute(Attribute &value) {
        if (auto *number = std::get_if<std::int64_t>(&value))
            *number = integer();
        else if (auto *fraction = std::get_if<double>(&value))
            *fraction = real();
        else if (auto *integers = std::get_if<std::vector<std::int64_t>>(&value))
            list(*integers, [this] { return integer(); });
        else if (auto *reals = std::get_if<std::vector<double>>(&value))
            list(*reals, [this] { return real(); });
        else if (auto *words = std::get_if<std::vector<std::string>>(&value))
            list(*words, [this] { return word(); });
        else if (auto *tensor = std::get_if<Tensor>(&value))
            operand(*tensor);
        else
            value = word();
    }

    std::string word() {
        if (rarely(3))
            return m_bytes.ConsumeRandomLengthString(20); // equations
        static const auto kWords = [] {
            std::vector<std::string> words{"NOTSET",      "VALID",    "SAME_LOWER", "SAME_UPPER", "Elu",
                                           "HardSigmoid", "Softplus", "add",        "mul",        "min",
                                           "none",        "sum",      "reflect",    "border",     "edge",
                                           "nearest",     "constant", "forward"};
            for (const auto &[name, value] : knownAttributes())
                if (const auto *text = std::get_if<std::string>(&value))
                    words.push_back(*text);
            return words;
        }();
        return kWords[pick(kWords.size())];
    }

    void once(Tensor &tensor) {
        switch (pick(6)) {
        case 0:
            return element(tensor, 1);
        case 1:
            return element(tensor, static_cast<std::size_t>(tensor.numel()));
        case 2:
        case 3:
            return shape(tensor);
        case 4:
            return cast(tensor);
        default:
            return bits(tensor);
        }
    }

    void shape(Tensor &tensor) {
        std::vector<std::int64_t> dims = tensor.shape().dims();
        if (rarely(6)) {
            list(dims, [this] { return m_bytes.PickValueInArray(kEmptyDims); });
            dims.insert(dims.begin() + static_cast<std::ptrdiff_t>(pick(dims.size() + 1)), 0);
        } else
            list(dims, [this] { return m_bytes.PickValueInArray(kDims); });
        const auto elements = Shape(dims).checkedNumel(); // as importers check
        if (!elements || *elements > kMostElements)
            return;
        Tensor resized = Tensor::zeros(tensor.dtype(), Shape(dims));
        const std::size_t given = tensor.sizeBytes(), wanted = given > 0 ? resized.sizeBytes() : 0;
        for (std::size_t i = 0; i < wanted; ++i)
            resized.mutableBytes()[i] = tensor.bytes()[i % given];
        tensor = std::move(resized);
    }

    void cast(Tensor &tensor) {
        const DType type = m_bytes.PickValueInArray(kTypes);
        if (type == DType::Undefined)
            return;
        const auto values = castTensor(tensor, type);
        tensor = values ? *values : Tensor::zeros(type, tensor.shape());
    }

    /// The same value into `count` neighbours.
    void element(Tensor &tensor, std::size_t count) {
        if (tensor.numel() == 0)
            return;
        const Tensor value =
            isFloatingPoint(tensor.dtype()) ? Tensor::scalar(real()) : Tensor::scalar(integer());
        const auto converted = castTensor(value, tensor.dtype());
        if (!converted || dtypeBits(tensor.dtype()) < 8)
            return bits(tensor);
        const std::size_t item = converted->sizeBytes(), all = static_cast<std::size_t>(tensor.numel());
        const std::size_t first = pick(all - count + 1);
        tensor = copy(tensor);
        for (std::size_t i = first; i < first + count; ++i)
            std::memcpy(tensor.mutableBytes() + i * item, converted->bytes(), item);
    }

    void bits(Tensor &tensor) {
        if (tensor.sizeBytes() == 0 || tensor.dtype() == DType::Bool) // importers make bools 0 or 1
            return;
        tensor = copy(tensor);
        tensor.mutableBytes()[pick(tensor.sizeBytes())] =
            static_cast<std::byte>(m_bytes.ConsumeIntegral<std::uint8_t>());
    }

    static Tensor copy(const Tensor &tensor) {
        Tensor own = Tensor::allocate(tensor.dtype(), tensor.shape());
        std::memcpy(own.mutableBytes(), tensor.bytes(), tensor.sizeBytes());
        return own;
    }

    FuzzedDataProvider &m_bytes;
};

/// One graph; those of branches and loop bodies are made by forges of their own.
class GraphForge {
public:
    GraphForge(FuzzedDataProvider &bytes, std::vector<std::string> outer, int depth)
        : m_bytes(bytes), m_damage(bytes), m_outer(std::move(outer)), m_depth(depth) {}

    Status addNodes() {
        const std::size_t most = m_depth == 0 ? kMostNodes : 2;
        for (std::size_t i = 0, count = 1 + m_damage.pick(most); i < count; ++i)
            QS_CHECK_OK(m_depth < kDeepest && m_damage.rarely(6) ? addControlFlow() : addOperator());
        return {};
    }

    /// An input of a body, of any type and shape.
    std::string addBodyInput() {
        const std::string name = newName();
        m_builder.addInput(m_builder.value(name));
        m_produced.push_back(name);
        return name;
    }

    /// What the whole model gives: all that the nodes made.
    Result<ModelGraph> finish() && {
        for (const std::string &name : m_produced)
            m_builder.addOutput(m_builder.value(name));
        if (m_damage.rarely(8))
            m_opsets[""] = m_bytes.PickValueInArray(kOpsets);
        return std::move(*this).build();
    }

    /// \param first  names of outputs that come before others
    Result<ModelGraph> finishBody(std::vector<std::string> first, std::size_t outputs) && {
        first.resize(std::min(first.size(), outputs));
        if (m_produced.empty())
            return fail(ErrorCode::CorruptFile, "a body without values");
        while (first.size() < outputs)
            first.push_back(m_produced[m_produced.size() - 1 - m_damage.pick(m_produced.size())]);
        for (const std::string &name : first)
            m_builder.addOutput(m_builder.value(name));
        return std::move(*this).build();
    }

    std::vector<Tensor> &inputs() { return m_inputs; }
    const std::map<std::string, std::int64_t> &opsets() const { return m_opsets; }
    void import(const std::map<std::string, std::int64_t> &opsets) {
        for (const auto &[domain, version] : opsets)
            m_opsets[domain] = std::max(m_opsets[domain], version);
    }

private:
    Result<ModelGraph> build() && {
        for (const auto &[domain, version] : m_opsets)
            m_builder.setOpset(domain, version);
        return std::move(m_builder).finish(m_outer);
    }

    std::string newName() { return "v" + std::to_string(m_depth) + "." + std::to_string(m_names++); }

    /// A new constant, a graph input, or what an earlier node or a graph around it made.
    /// \param first  the operand that is data in most operators
    Result<ValueId> operand(Tensor tensor, bool first) {
        m_damage.operand(tensor);
        const std::size_t choice = m_damage.pick(8), known = m_produced.size() + m_outer.size();
        if (known > 0 && (choice == 6 || (first && choice < 5))) {
            const std::size_t at = m_damage.pick(known);
            return m_builder.value(at < m_produced.size() ? m_produced[m_produced.size() - 1 - at]
                                                          : m_outer[at - m_produced.size()]);
        }
        if (tensor.empty() || choice == 7)
            return kNoValue;
        const ValueId id = m_builder.value(newName());
        const bool described = choice == 1 || (first && choice == 0);
        if (m_depth > 0 || (!described && choice != 5)) {
            QS_CHECK_OK(m_builder.addConstant(id, tensor));
            return id;
        }
        if (described)
            m_builder.describe(id, tensor.dtype(), tensor.shape());
        m_builder.addInput(id);
        m_inputs.push_back(std::move(tensor));
        return id;
    }

    Status addOperator() {
        const auto &examples = operatorExamples();
        const OperatorExample &example = examples[m_damage.pick(examples.size())];
        Node node{"n" + std::to_string(m_names), example.type, example.domain, {}, {}, example.attributes};
        m_damage.attributes(node.attributes);
        std::vector<Tensor> operands = example.operands;
        if (m_damage.rarely(16) && !operands.empty())
            operands.pop_back();
        if (m_damage.rarely(16))
            operands.push_back(Tensor::scalar<std::int64_t>(1));
        for (std::size_t i = 0; i < operands.size(); ++i) {
            QS_TRY(const ValueId id, operand(std::move(operands[i]), i == 0));
            node.inputs.push_back(id);
        }
        m_opsets[example.domain] = std::max(m_opsets[example.domain], example.opset);
        const auto outputs = static_cast<std::size_t>(example.outputs);
        return add(std::move(node), m_damage.rarely(32) ? 0 : outputs + (m_damage.rarely(8) ? 1 : 0));
    }

    Status add(Node node, std::size_t outputs) {
        std::vector<std::string> names;
        for (std::size_t i = 0; i < outputs; ++i) {
            const bool unused = m_damage.rarely(outputs > 1 ? 8 : 32);
            names.push_back(unused ? "" : newName());
            node.outputs.push_back(m_builder.value(names.back()));
        }
        QS_CHECK_OK(m_builder.addNode(std::move(node)));
        for (std::string &name : names)
            if (!name.empty())
                m_produced.push_back(std::move(name));
        return {};
    }

    /// \param inputs, outputs  how many the body has. \param passes  the input that it returns first, or -1
    Result<std::shared_ptr<const ModelGraph>> body(std::size_t inputs, std::size_t outputs, int passes = -1) {
        std::vector<std::string> visible = m_outer;
        visible.insert(visible.end(), m_produced.begin(), m_produced.end());
        GraphForge forge(m_bytes, std::move(visible), m_depth + 1);
        std::vector<std::string> first;
        for (std::size_t i = 0; i < inputs; ++i) {
            const std::string name = forge.addBodyInput();
            if (static_cast<int>(i) == passes && !m_damage.rarely(4))
                first.push_back(name);
        }
        QS_CHECK_OK(forge.addNodes());
        import(forge.opsets());
        QS_TRY(ModelGraph graph, std::move(forge).finishBody(std::move(first), outputs));
        return std::make_shared<const ModelGraph>(std::move(graph));
    }

    Status addControlFlow() {
        m_opsets[""] = std::max<std::int64_t>(m_opsets[""], 11);
        switch (m_damage.pick(3)) {
        case 0:
            return addIf();
        case 1:
            return addLoop();
        default:
            return addScan();
        }
    }

    Status addIf() {
        Node node{"n" + std::to_string(m_names), "If", "", {}, {}, {}};
        QS_TRY(const ValueId condition, operand(Tensor::scalar(m_bytes.ConsumeBool()), false));
        node.inputs = {condition};
        const std::size_t outputs = 1 + m_damage.pick(2);
        for (const char *branch : {"then_branch", "else_branch"}) {
            QS_TRY(node.attributes[branch], body(0, outputs));
        }
        return add(std::move(node), outputs);
    }

    /// A count, a condition, carried values; the body returns the condition and those, then what is stacked.
    Status addLoop() {
        Node node{"n" + std::to_string(m_names), "Loop", "", {}, {}, {}};
        const std::size_t carried = m_damage.pick(3), stacked = m_damage.pick(3);
        QS_TRY(const ValueId rounds,
               operand(Tensor::scalar(m_damage.rarely(4) ? m_damage.integer() : 3), false));
        QS_TRY(const ValueId condition, operand(Tensor::scalar(true), false));
        node.inputs = {rounds, condition};
        for (std::size_t i = 0; i < carried; ++i) {
            QS_TRY(const ValueId id,
                   operand(Tensor::fromValues<float>({2}, std::array<float, 2>{1, 2}), true));
            node.inputs.push_back(id);
        }
        QS_TRY(node.attributes["body"], body(2 + carried, 1 + carried + stacked, 1));
        return add(std::move(node), carried + stacked);
    }

    Status addScan() {
        Node node{"n" + std::to_string(m_names), "Scan", "", {}, {}, {}};
        const std::size_t states = m_damage.pick(2), scanned = 1 + m_damage.pick(2),
                          stacked = m_damage.pick(3);
        for (std::size_t i = 0; i < states + scanned; ++i) {
            QS_TRY(const ValueId id, operand(Tensor::zeros(DType::Float32, {3, 2}), true));
            node.inputs.push_back(id);
        }
        node.attributes["num_scan_inputs"] = static_cast<std::int64_t>(scanned);
        if (m_damage.rarely(3))
            node.attributes["scan_input_axes"] = std::vector<std::int64_t>(scanned, m_damage.integer());
        if (m_damage.rarely(3))
            node.attributes["scan_output_directions"] = std::vector<std::int64_t>(stacked, 1);
        m_damage.attributes(node.attributes);
        QS_TRY(node.attributes["body"], body(states + scanned, states + stacked));
        return add(std::move(node), states + stacked);
    }

    FuzzedDataProvider &m_bytes;
    Damage m_damage;
    GraphBuilder m_builder;
    std::vector<std::string> m_outer, m_produced; ///< names that nodes may read
    std::map<std::string, std::int64_t> m_opsets;
    std::vector<Tensor> m_inputs;
    int m_depth = 0, m_names = 0;
};

} // namespace

Result<ForgedModel> forgeModel(FuzzedDataProvider &bytes) {
    GraphForge forge(bytes, {}, 0);
    QS_CHECK_OK(forge.addNodes());
    ForgedModel forged;
    forged.inputs = std::move(forge.inputs());
    auto model = std::make_shared<Model>();
    QS_TRY(model->graph, std::move(forge).finish());
    model->layers = findLayers(model->graph);
    forged.model = std::move(model);
    return forged;
}

} // namespace qs::fuzz
