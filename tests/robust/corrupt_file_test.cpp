#include "core/base/random.h"
#include "core/io/calibration_set.h"
#include "core/io/importer.h"
#include "core/tensor/convert.h"
#include "tests/support/gguf_builder.h"
#include "tests/support/memory_limit.h"
#include "tests/support/onnx_builder.h"
#include "tests/support/temp_dir.h"

// Damaged files must give an error or a valid model: no crash, no hang, no allocation out of proportion. The
// damage is the same in every run. Run under the asan preset, too.

/// HDF5 1.10 leaks a few blocks of its own when it gives up on a damaged file.
extern "C" const char *__lsan_default_suppressions() {
    return "leak:libhdf5";
}

namespace qs {
namespace {

constexpr rlim_t kExtraMemory = rlim_t(512) << 20;

class CorruptFile : public testing::Test {
protected:
    /// Reads every byte of a model, so that a tensor over the wrong memory shows under AddressSanitizer.
    static void useModel(const Model &model) {
        unsigned sum = 0;
        for (const auto &[id, tensor] : model.graph.constants())
            for (std::size_t i = 0; i < tensor.sizeBytes(); ++i)
                sum += static_cast<unsigned>(tensor.bytes()[i]);
        for (const Layer &layer : model.layers)
            if (const auto matrix = weightMatrix(layer, model.graph))
                sum += static_cast<unsigned>(matrix->numel());
        EXPECT_GE(sum, 0u);
    }

    /// Whether the bytes still make a model.
    bool loadModel(const std::string &bytes) {
        FindingList findings;
        const auto model = openModel(m_dir.write("model.onnx", bytes), findings, {});
        if (!model) {
            EXPECT_NE(model.error().code, ErrorCode::OutOfMemory) << model.error().text();
            EXPECT_FALSE(model.error().message.empty());
            return false;
        }
        useModel(**model);
        return true;
    }

    bool loadSet(const std::string &bytes) {
        const auto set = CalibrationSet::open(m_dir.write("set.h5", bytes), {});
        if (!set) {
            EXPECT_NE(set.error().code, ErrorCode::OutOfMemory) << set.error().text();
            EXPECT_FALSE(set.error().message.empty());
            return false;
        }
        const auto samples = std::min<std::int64_t>((*set)->samples(), 64);
        (void)(*set)->read(0, samples);
        (void)(*set)->read((*set)->samples() - 1, (*set)->samples());
        (void)(*set)->labels(0, samples);
        return true;
    }

    TempDir m_dir;
    MemoryLimit m_limit{kExtraMemory};
};

/// A model with most of what a file can hold: typed fields, raw data, sparse and packed tensors, a subgraph.
std::string richModel() {
    OnnxBuilder builder;
    builder.input("x", DType::Float32, {-1, 2});
    builder.input("condition", DType::Bool, {});
    builder.initializer("w", DType::Float32, {2, 3}, rawBytes<float>({1, 2, 3, 4, 5, 6}));
    onnx::TensorProto &typed = builder.initializer("typed", DType::Float32, {3});
    for (const float value : {1.0f, 2.0f, 3.0f})
        typed.add_float_data(value);
    builder.initializer("packed", DType::Int4, {7}, "\x78\xf3\x50\x0d");
    auto &sparse = *builder.graph().add_sparse_initializer();
    OnnxBuilder::fill(*sparse.mutable_values(), "sparse", DType::Float32, {2}, rawBytes<float>({5, 6}));
    OnnxBuilder::fill(*sparse.mutable_indices(), "", DType::Int64, {2}, rawBytes<std::int64_t>({1, 5}));
    sparse.add_dims(6);
    builder.node("MatMul", {"x", "w"}, {"product"}).set_name("/fc/MatMul");
    OnnxBuilder::attribute(builder.node("Constant", {}, {"c"}), "value_float", onnx::AttributeProto::FLOAT)
        .set_f(1);
    onnx::NodeProto &choice = builder.node("If", {"condition"}, {"y"});
    for (const std::string branch : {"then_branch", "else_branch"}) {
        auto &graph = *OnnxBuilder::attribute(choice, branch, onnx::AttributeProto::GRAPH).mutable_g();
        OnnxBuilder::addNode(graph, "Add", {"product", "typed"}, {"inner"});
        OnnxBuilder::describe(*graph.add_output(), "inner", DType::Float32, {-1, 3});
    }
    builder.output("y", DType::Float32, {-1, 3});
    return builder.bytes();
}

TEST_F(CorruptFile, SmallModelCutAnywhere) {
    const std::string bytes = richModel();
    ASSERT_TRUE(loadModel(bytes));
    for (std::size_t length = 0; length < bytes.size(); ++length)
        loadModel(bytes.substr(0, length));
}

TEST_F(CorruptFile, SmallModelWithBitsFlippedEverywhere) {
    const std::string bytes = richModel();
    int survivors = 0;
    for (std::size_t bit = 0; bit < bytes.size() * 8; bit += 3) { // every byte, every bit position
        std::string damaged = bytes;
        damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
        survivors += loadModel(damaged);
    }
    EXPECT_GT(survivors, 0); // a flipped weight is still a weight
}

TEST_F(CorruptFile, SmallModelWithBytesSetToExtremes) {
    const std::string bytes = richModel();
    for (std::size_t i = 0; i < bytes.size(); ++i)
        for (const std::string extreme :
             {"\xff", "\xff\xff\xff\xff\x07"}) { // the second is a length of 2 GiB
            std::string damaged = bytes;
            damaged.replace(i, 1, extreme);
            loadModel(damaged);
        }
}

/// Metadata of every shape, blocks of several formats, and a network that may be built from it.
std::string richGguf() {
    using B = GgufBuilder;
    B builder;
    builder.addText("general.architecture", "llama");
    for (const char *key :
         {"context_length", "embedding_length", "feed_forward_length", "rope.dimension_count"})
        builder.add(std::string("llama.") + key, 4, B::raw<std::uint32_t>(32));
    for (const char *key : {"block_count", "attention.head_count", "attention.head_count_kv"})
        builder.add(std::string("llama.") + key, 4, B::raw<std::uint32_t>(1));
    builder.add("llama.attention.layer_norm_rms_epsilon", 6, B::raw(1e-5f));
    builder.add("tokens", 9, B::array(8, 2, B::text("a") + B::text("b")));
    builder.add("nested", 9, B::array(9, 1, B::array(7, 2, std::string("\1\0", 2))));
    for (const char *name : {"attn_norm", "ffn_norm"})
        builder.tensor(std::string("blk.0.") + name + ".weight", {32}, 0, std::string(128, '\1'));
    builder.tensor("output_norm.weight", {32}, 0, std::string(128, '\1'));
    builder.tensor("token_embd.weight", {32, 4}, 1, std::string(256, '\2'));
    for (const char *name : {"attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up"})
        builder.tensor(std::string("blk.0.") + name + ".weight", {32, 32}, 2, std::string(32 * 18, '\3'));
    builder.tensor("blk.0.ffn_down.weight", {32, 32}, 8, std::string(32 * 34, '\4'));
    return builder.bytes();
}

TEST_F(CorruptFile, GgufCutAnywhere) {
    const std::string bytes = richGguf();
    ASSERT_TRUE(loadModel(bytes));
    for (std::size_t length = 0; length < bytes.size(); length += length < 2000 ? 3 : 397)
        loadModel(bytes.substr(0, length));
}

TEST_F(CorruptFile, GgufWithBitsFlippedEverywhere) {
    const std::string bytes = richGguf();
    int survivors = 0;
    for (std::size_t bit = 0; bit < std::min<std::size_t>(bytes.size(), 2000) * 8; bit += 19) {
        std::string damaged = bytes;
        damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
        survivors += loadModel(damaged);
    }
    EXPECT_GT(survivors, 0);
}

TEST_F(CorruptFile, GgufWithBytesSetToExtremes) {
    const std::string bytes = richGguf();
    for (std::size_t i = 4; i < std::min<std::size_t>(bytes.size(), 2000); i += 5)
        for (const std::string extreme : {"\xff", "\xff\xff\xff\xff\xff\xff\xff\x7f"}) {
            std::string damaged = bytes;
            damaged.replace(i, extreme.size(), extreme);
            loadModel(damaged);
        }
}

TEST_F(CorruptFile, SampleModelDamagedInManyPlaces) {
    const std::string bytes = readFile(QS_SAMPLE_DATA "/glyph-cnn.onnx");
    Random random(1);
    for (int round = 0; round < 150; ++round) {
        std::string damaged = bytes;
        for (int flip = 0; flip <= round % 4; ++flip) {
            const auto bit = random.below(bytes.size() * 8);
            damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
        }
        loadModel(damaged);
        loadModel(bytes.substr(0, bytes.size() * static_cast<std::size_t>(round) / 150));
    }
}

/// y = x · w with a weight [cols, cols] of codes, changed by a test before it is written.
class QuantizedOperators : public CorruptFile {
protected:
    QuantizedOperators() {
        m_builder.input("x", DType::Float32, {-1, 4});
        m_builder.initializer("codes", DType::Int8, {4, 4}, std::string(16, '\1'));
        m_builder.initializer("scale", DType::Float32, {}, rawBytes<float>({0.5f}));
        m_builder.initializer("zero", DType::Int8, {}, std::string(1, '\0'));
        m_builder.output("y", DType::Float32, {});
    }
    onnx::NodeProto &nBits(const std::vector<std::string> &inputs, const std::string &output) {
        onnx::NodeProto &node = m_builder.node("MatMulNBits", inputs, {output});
        node.set_domain("com.microsoft");
        for (const auto &[name, value] : {std::pair{"K", 16}, {"N", 4}, {"bits", 4}, {"block_size", 16}})
            OnnxBuilder::attribute(node, name, onnx::AttributeProto::INT).set_i(value);
        return node;
    }
    bool opens() { return loadModel(m_builder.bytes()); }
    OnnxBuilder m_builder;
};

TEST_F(QuantizedOperators, WithoutTheOutputsThatTheyNeed) {
    m_builder.initializer("packed", DType::UInt8, {4, 1, 8}, std::string(32, '\1'));
    m_builder.initializer("scales", DType::Float32, {4}, rawBytes<float>({1, 1, 1, 1}));
    m_builder.node("Relu", {"x"}, {"y"});
    m_builder.node("DynamicQuantizeLinear", {"x"}, {"xq", "xs", "xz"});
    nBits({"x", "packed", "scales"}, "");
    m_builder.node("GatherBlockQuantized", {"codes", "xq", "scale"}, {""}).set_domain("com.microsoft");
    EXPECT_TRUE(opens());
    const OnnxBuilder valid = m_builder;
    m_builder.node("QLinearMatMul", {"xq", "xs", "xz", "codes", "scale", "zero", "xs", "xz"}, {""});
    EXPECT_FALSE(opens());
    m_builder = valid;
    m_builder.node("MatMulInteger", {"xq", "codes", "xz", "zero"}, {""});
    EXPECT_FALSE(opens());
}

TEST_F(QuantizedOperators, WithScalesBehindThemThatHaveNoOperands) {
    using Names = std::vector<std::string>;
    m_builder.node("Relu", {"x"}, {"y"});
    m_builder.node("DynamicQuantizeLinear", {"x"}, {"xq", "xs", "xz"});
    m_builder.node("MatMulInteger", {"xq", "codes", "xz", "zero"}, {"sum"});
    const auto opensWith = [&](const Names &cast, const Names &scales, const Names &product,
                               const Names &result) {
        OnnxBuilder builder = m_builder;
        OnnxBuilder::attribute(builder.node("Cast", cast, {"float"}), "to", onnx::AttributeProto::INT)
            .set_i(onnx::TensorProto::FLOAT);
        builder.node("Mul", scales, {"both"});
        builder.node("Mul", product, result);
        return loadModel(builder.bytes());
    };
    const Names sum{"sum"}, scales{"xs", "scale"}, product{"float", "both"}, result{"product"};
    EXPECT_TRUE(opensWith(sum, scales, product, result));
    EXPECT_FALSE(opensWith({}, scales, product, result));
    EXPECT_FALSE(opensWith(sum, {"xs"}, product, result));
    EXPECT_FALSE(opensWith(sum, scales, {"float"}, result));
    EXPECT_FALSE(opensWith(sum, scales, {"float", ""}, result));
    EXPECT_FALSE(opensWith(sum, scales, product, {}));
}

TEST_F(QuantizedOperators, OfNothing) {
    m_builder.initializer("none", DType::Int8, {0, 4});
    m_builder.node("DequantizeLinear", {"none", "scale", "zero"}, {"w"});
    m_builder.node("MatMul", {"x", "w"}, {"y"});
    EXPECT_TRUE(opens());
}

TEST_F(QuantizedOperators, WhoseActivationHasNoCodes) {
    m_builder.node("DequantizeLinear", {"codes", "scale", "zero"}, {"w"});
    m_builder.node("DequantizeLinear", {"", "scale"}, {"xd"});
    m_builder.node("MatMul", {"xd", "w"}, {"y"});
    EXPECT_FALSE(opens());
}

TEST_F(QuantizedOperators, ThatReadOneWeightTooOften) {
    m_builder.initializer("large", DType::Int8, {512, 512}, std::string(512 * 512, '\1'));
    m_builder.node("DequantizeLinear", {"large", "scale", "zero"}, {"w"});
    for (int i = 0; i < 2000; ++i)
        m_builder.node("Identity", {"w"}, {"w" + std::to_string(i)});
    m_builder.node("Relu", {"x"}, {"y"});
    EXPECT_TRUE(opens());
}

TEST_F(QuantizedOperators, ThatPickColumnsOverAndOver) {
    const std::vector<std::int64_t> picked(100'000, 0);
    m_builder.initializer("wide", DType::Int8, {1, 100'000}, std::string(100'000, '\1'));
    m_builder.initializer("order", DType::Int64, {100'000}, rawBytes(picked));
    m_builder.node("DequantizeLinear", {"wide", "scale", "zero"}, {"w"});
    m_builder.node("Gather", {"w", "order"}, {"table"});
    m_builder.node("MatMul", {"x", "table"}, {"y"});
    EXPECT_TRUE(opens());
}

TEST_F(CorruptFile, TableWithoutIndices) {
    OnnxBuilder builder;
    builder.initializer("w", DType::Float32, {2, 2}, rawBytes<float>({1, 2, 3, 4}));
    builder.node("Gather", {"w"}, {"y"});
    builder.output("y", DType::Float32, {});
    EXPECT_FALSE(loadModel(builder.bytes()));
}

/// Names that differ in '/' and '.' only: as layers they would all be called the same.
TEST_F(CorruptFile, ManyLayersOfOneName) {
    OnnxBuilder builder;
    builder.input("x", DType::Float32, {-1, 1});
    builder.initializer("w", DType::Float32, {1, 1}, rawBytes<float>({1}));
    constexpr int kLayers = 1 << 14;
    for (int i = 0; i < kLayers; ++i) {
        std::string name = "a";
        for (int bit = 0; bit < 14; ++bit)
            name += (i >> bit & 1) ? "/a" : ".a";
        builder.node("MatMul", {"x", "w"}, {"y" + std::to_string(i)}).set_name(name);
    }
    FindingList findings;
    const auto model = openModel(m_dir.write("model.onnx", builder.bytes()), findings, {});
    ASSERT_TRUE(model) << model.error().text();
    std::set<std::string> names;
    for (const Layer &layer : (*model)->layers)
        names.insert(layer.name);
    EXPECT_EQ(names.size(), static_cast<std::size_t>(kLayers));
}

/// A model that calls one function, whose body a test fills.
std::string callOf(const std::function<void(onnx::FunctionProto &, onnx::NodeProto &)> &fill) {
    OnnxBuilder builder;
    builder.input("x", DType::Float32, {-1});
    onnx::FunctionProto &function = *builder.model().add_functions();
    function.set_name("F");
    function.set_domain("own");
    function.add_input("a");
    function.add_output("b");
    onnx::NodeProto &call = builder.node("F", {"x"}, {"y"});
    call.set_domain("own");
    fill(function, call);
    builder.output("y", DType::Float32, {});
    return builder.bytes();
}

TEST_F(CorruptFile, FunctionsThatMultiplyAnAttribute) {
    const std::string bytes = callOf([](onnx::FunctionProto &function, onnx::NodeProto &call) {
        OnnxBuilder::attribute(call, "text", onnx::AttributeProto::STRING).set_s(std::string(1 << 20, 't'));
        onnx::NodeProto &node = *function.add_node();
        node.set_op_type("Relu");
        node.add_input("a");
        node.add_output("b");
        for (int i = 0; i < 5000; ++i) {
            onnx::AttributeProto &attribute = *node.add_attribute();
            attribute.set_name("n" + std::to_string(i));
            attribute.set_ref_attr_name("text");
        }
    });
    EXPECT_FALSE(loadModel(bytes));
}

TEST_F(CorruptFile, FunctionsThatMultiplyALongName) {
    const std::string bytes = callOf([](onnx::FunctionProto &function, onnx::NodeProto &call) {
        call.set_name(std::string(1 << 20, 'n'));
        onnx::NodeProto &node = *function.add_node();
        node.set_op_type("Concat");
        node.add_output("b");
        for (int i = 0; i < 2000; ++i)
            node.add_input("unknown" + std::to_string(i));
    });
    EXPECT_FALSE(loadModel(bytes));
}

TEST_F(CorruptFile, RandomBytesAreNoModel) {
    Random random(2);
    for (int round = 0; round < 200; ++round) {
        std::string bytes(random.below(3000), '\0');
        for (char &byte : bytes)
            byte = static_cast<char>(random.below(256));
        loadModel(bytes);
        loadModel("\x08\x08" + bytes); // starts like a model
        loadSet("\x89HDF\r\n\x1a\n" + bytes);
    }
}

TEST_F(CorruptFile, CalibrationSetDamagedInManyPlaces) {
    const std::string bytes = readFile(QS_TEST_DATA "/io/calibration.h5");
    ASSERT_TRUE(loadSet(bytes));
    for (std::size_t i = 0; i < bytes.size(); i += 17) {
        std::string damaged = bytes;
        damaged[i] = static_cast<char>(i % 2 ? damaged[i] ^ (1 << (i % 8)) : 0xff);
        loadSet(damaged);
    }
    for (std::size_t length = 0; length < bytes.size(); length += 100)
        EXPECT_FALSE(loadSet(bytes.substr(0, length)));
}

TEST_F(CorruptFile, OldFormatCalibrationSetDamagedInManyPlaces) {
    const std::string bytes = readFile(QS_SAMPLE_DATA "/tiny-llama-calib.h5");
    ASSERT_TRUE(loadSet(bytes));
    Random random(3);
    for (int round = 0; round < 150; ++round) {
        std::string damaged = bytes;
        // The first 6 KiB hold the structure, the rest is compressed data.
        const auto place = random.below(round % 3 ? 6144 : bytes.size());
        damaged[place] = static_cast<char>(random.below(256));
        loadSet(damaged);
    }
    for (std::size_t length = 0; length < bytes.size(); length += 500)
        EXPECT_FALSE(loadSet(bytes.substr(0, length)));
}

/// Places where HDF5 1.10.8 itself crashes or loops: the heap of variable-length text.
TEST_F(CorruptFile, DamageThatCrashesTheHdf5Library) {
    const std::string bytes = readFile(QS_TEST_DATA "/io/calibration.h5");
    const std::size_t heap = bytes.find("GCOL");
    ASSERT_NE(heap, std::string::npos);
    for (std::size_t i = heap; i < heap + 48; i += 3)
        for (const int value : {0x00, 0x7f, 0xff}) {
            std::string damaged = bytes;
            damaged[i] = static_cast<char>(value);
            loadSet(damaged);
        }
}

} // namespace
} // namespace qs
