#include "core/graph/weights_only.h"
#include "core/io/importer.h"
#include "core/io/importers/npy_array.h"
#include "core/tensor/convert.h"
#include "tests/support/temp_dir.h"

namespace qs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class WeightFiles : public testing::Test {
protected:
    std::shared_ptr<const Model> open(const std::filesystem::path &path) {
        auto model = openModel(path, m_findings, {});
        EXPECT_TRUE(model) << model.error().text();
        return model ? *model : nullptr;
    }
    std::shared_ptr<const Model> golden(const std::string &name) {
        return open(std::filesystem::path(QS_TEST_DATA) / "io" / name);
    }
    Error refused(const std::string &name, const std::string &bytes) {
        const auto model = openModel(m_dir.write(name, bytes), m_findings, {});
        EXPECT_FALSE(model);
        return model ? Error{} : model.error();
    }
    static std::vector<float> values(const Model &model, const std::string &name) {
        const Tensor *tensor = model.graph.constant(model.graph.findValue(name));
        if (!tensor)
            return {};
        const Tensor floats = toFloat32(*tensor).value();
        return {floats.values<float>().begin(), floats.values<float>().end()};
    }
    static Shape shapeOf(const Model &model, const std::string &name) {
        const Tensor *tensor = model.graph.constant(model.graph.findValue(name));
        return tensor ? tensor->shape() : Shape{-1};
    }
    std::string findingText() {
        std::string text;
        for (const auto &entry : m_findings.snapshot())
            text += entry.finding.where + ": " + entry.finding.what + "\n";
        return text;
    }
    TempDir m_dir;
    FindingList m_findings;
};

/// A .npy array from its parts.
std::string npy(const std::string &literal, const std::string &data, char version = 1) {
    std::string text("\x93NUMPY", 6);
    text += version;
    text += '\0';
    text += static_cast<char>(literal.size() & 255);
    text += static_cast<char>(literal.size() >> 8);
    if (version > 1)
        text += std::string(2, '\0');
    return text + literal + data;
}

std::string header(const std::string &descr, const std::string &shape, const char *fortran = "False") {
    return "{'descr': '" + descr + "', 'fortran_order': " + fortran + ", 'shape': " + shape + ", }\n";
}

Result<NpyHeader> read(const std::string &bytes) {
    return readNpyHeader(std::as_bytes(std::span(bytes)));
}

TEST(NpyHeader, AllVersionsAndShapes) {
    for (const char version : {1, 2, 3}) {
        const auto parsed = read(npy(header("<f4", "(2, 1)"), "01234567", version));
        ASSERT_TRUE(parsed) << parsed.error().text();
        EXPECT_EQ(parsed->shape, (Shape{2, 1}));
        EXPECT_EQ(parsed->dtype, DType::Float32);
    }
    EXPECT_EQ(read(npy(header("|i1", "()"), "0"))->shape, Shape{});
    EXPECT_EQ(read(npy(header("|u1", "(3,)"), "012"))->shape, Shape{3});
    EXPECT_EQ(read(npy(header("|u1", "(3L, 1L)"), "012"))->shape, (Shape{3, 1}));
    EXPECT_EQ(read(npy(header("|b1", "(0,)"), ""))->dtype, DType::Bool);
    EXPECT_TRUE(read(npy(header("|V2", "(1,)"), "01"))->fromVoid);
    EXPECT_EQ(read(npy("{\"shape\": (1,), \"fortran_order\": True, \"descr\": \">i8\"}", "01234567"))->dtype,
              DType::Int64);
}

TEST(NpyHeader, PythonObjectsAndStructuresAreRefused) {
    EXPECT_EQ(read(npy(header("|O", "(1,)"), "01234567")).error().code, ErrorCode::Unsupported);
    EXPECT_EQ(read(npy(header("<U3", "(1,)"), std::string(12, 'a'))).error().code, ErrorCode::Unsupported);
    EXPECT_EQ(read(npy(header("<M8[s]", "(1,)"), "01234567")).error().code, ErrorCode::Unsupported);
    EXPECT_EQ(
        read(npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", "0123")).error().code,
        ErrorCode::Unsupported);
}

TEST(NpyHeader, DamagedHeaders) {
    const auto code = [](const std::string &bytes) {
        const auto parsed = read(bytes);
        return parsed ? ErrorCode::Cancelled : parsed.error().code;
    };
    EXPECT_EQ(code(npy(header("<f4", "(2,)"), "0123")), ErrorCode::CorruptFile) << "too little data";
    EXPECT_EQ(code(npy(header("<f4", "(1,)"), "01234")), ErrorCode::CorruptFile) << "too much data";
    EXPECT_EQ(code(npy(header("<f4", "(-1,)"), "0123")), ErrorCode::CorruptFile);
    EXPECT_EQ(code(npy(header("<f4", "(4294967296, 4294967296, 4294967296)"), "0123")),
              ErrorCode::CorruptFile);
    EXPECT_EQ(code(npy(header("<f4", "(99999999999999999999,)"), "0123")), ErrorCode::CorruptFile);
    EXPECT_EQ(code(npy(header("<f4", "(1 1)"), "0123")), ErrorCode::CorruptFile);
    EXPECT_EQ(code(npy(header("<f4", "(1,"), "0123")), ErrorCode::CorruptFile);
    EXPECT_EQ(code(npy("{'descr': '<f4', 'shape': (1,)}", "0123")), ErrorCode::CorruptFile);
    EXPECT_EQ(code(npy("{'descr': __import__('os'), 'fortran_order': False, 'shape': (1,)}", "0123")),
              ErrorCode::CorruptFile);
    EXPECT_EQ(code(npy(header("<f4", "(1,)") + "x", "0123")), ErrorCode::CorruptFile);
    EXPECT_EQ(code(npy("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", "0123")),
              ErrorCode::CorruptFile);
    EXPECT_EQ(code(std::string("\x93NUMPY\x01\0\xff\xff{", 11)), ErrorCode::CorruptFile);
    EXPECT_EQ(code(npy(header("<f4", "(1,)"), "0123", 9)), ErrorCode::Unsupported);
    std::string many = "(1";
    for (int i = 0; i < 40; ++i)
        many += ", 1";
    EXPECT_EQ(code(npy(header("|u1", many + ")"), "0")), ErrorCode::CorruptFile);
}

TEST_F(WeightFiles, NpyBecomesOneLayer) {
    const auto model = golden("one.npy");
    ASSERT_TRUE(model);
    ASSERT_EQ(model->layers.size(), 1u);
    EXPECT_EQ(model->layers[0].name, "one");
    EXPECT_THAT(values(*model, "one"), ElementsAre(0, 1, 2, 3, 4, 5));
    EXPECT_TRUE(isWeightsOnly(model->graph));
}

TEST_F(WeightFiles, NpzWithEveryLayout) {
    const auto model = golden("arrays.npz");
    ASSERT_TRUE(model);
    for (const char *name : {"layers.10/q.weight", "layers.9/q.weight", "big_endian", "half"})
        EXPECT_THAT(values(*model, name), ElementsAre(0, 1, 2, 3, 4, 5)) << name;
    EXPECT_THAT(values(*model, "flags"), ElementsAre(1, 0));
    std::vector<float> cube(24);
    for (std::size_t i = 0; i < cube.size(); ++i)
        cube[i] = static_cast<float>(i);
    EXPECT_EQ(values(*model, "cube"), cube);
    EXPECT_THAT(findingText(), HasSubstr("text: has elements of the type"));
    const auto stored = golden("stored.npz");
    ASSERT_TRUE(stored);
    EXPECT_EQ(shapeOf(*stored, "weight"), (Shape{64, 64}));
    EXPECT_THAT(values(*stored, "scalar"), ElementsAre(2.5f));
}

TEST_F(WeightFiles, DamagedArchives) {
    const std::string good = readFile(QS_TEST_DATA "/io/stored.npz");
    std::string wrongSum = good;
    wrongSum[400] = 'x'; // in the data of a stored member
    EXPECT_THAT(refused("sum.npz", wrongSum).text(), HasSubstr("cannot be read"));
    const std::size_t catalogue = good.find("PK\x01\x02");
    ASSERT_NE(catalogue, std::string::npos);
    std::string bomb = good;
    bomb.replace(catalogue + 24, 4, "\xff\xff\xff\x7f"); // uncompressed size of 2 GiB
    EXPECT_EQ(refused("bomb.npz", bomb).code, ErrorCode::CorruptFile);
    std::string locked = good;
    locked[catalogue + 8] |= 1;
    locked[6] |= 1;
    EXPECT_EQ(refused("locked.npz", locked).code, ErrorCode::Unsupported);
    for (std::size_t length = 0; length < good.size(); length += 97)
        EXPECT_FALSE(openModel(m_dir.write("short.npz", good.substr(0, length)), m_findings, {})) << length;
}

TEST_F(WeightFiles, OtherZipArchivesAreNotArrays) {
    EXPECT_THAT(refused("torch.pt", std::string("PK\x03\x04", 4) + std::string(22, '\0') +
                                        std::string("\x08\0\0\0", 4) + "data.pkl")
                    .text(),
                HasSubstr("ZIP"));
}

TEST_F(WeightFiles, KerasKernelsAreTurned) {
    const auto model = golden("keras2.h5");
    ASSERT_TRUE(model);
    EXPECT_EQ(shapeOf(*model, "dense/dense/kernel"), (Shape{3, 2}));
    EXPECT_THAT(values(*model, "dense/dense/kernel"), ElementsAre(0, 3, 1, 4, 2, 5));
    EXPECT_EQ(shapeOf(*model, "conv/conv/kernel"), (Shape{4, 3, 2, 1}));
    EXPECT_EQ(values(*model, "conv/conv/kernel")[1], 12) << "height 1, input 0, output 0";
    EXPECT_EQ(shapeOf(*model, "dw/dw/depthwise_kernel"), (Shape{6, 1, 2, 1}));
    EXPECT_EQ(values(*model, "dw/dw/depthwise_kernel")[3], 7) << "height 1, channel 0, multiple 1";
    EXPECT_THAT(values(*model, "embedding/embedding/embeddings"), ElementsAre(0, 1, 2, 3, 4, 5));
    EXPECT_EQ(model->graph.findValue("optimizer_weights/step"), kNoValue);
    EXPECT_TRUE(model->findLayer("dense.dense"));
    const auto third = golden("keras3.h5");
    ASSERT_TRUE(third);
    EXPECT_THAT(values(*third, "layers/dense/vars/0"), ElementsAre(0, 3, 1, 4, 2, 5));
    EXPECT_THAT(values(*third, "layers/embedding/vars/0"), ElementsAre(0, 1, 2, 3, 4, 5));
}

TEST_F(WeightFiles, PlainHdf5StaysAsItIs) {
    const auto model = golden("plain.h5");
    ASSERT_TRUE(model);
    EXPECT_THAT(values(*model, "block/fc"), ElementsAre(0, 1, 2, 3, 4, 5));
    EXPECT_THAT(findingText(), HasSubstr("names"));
    const auto refused = openModel(QS_SAMPLE_DATA "/glyph-calib.h5", m_findings, {});
    EXPECT_THAT(refused.error().text(), HasSubstr("calibration"));
    EXPECT_FALSE(openModel(QS_TEST_DATA "/io/hostile.h5", m_findings, {}));
}

} // namespace
} // namespace qs
