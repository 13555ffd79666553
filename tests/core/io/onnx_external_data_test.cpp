#include "core/io/importers/onnx_external_data.h"

#include "core/io/importer.h"
#include "tests/support/onnx_builder.h"
#include "tests/support/temp_dir.h"

#include <sys/stat.h>
#include <unistd.h>

namespace qs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// A folder with a model's data, and a file beside it that must stay out of reach.
class OnnxExternalData : public testing::Test {
protected:
    OnnxExternalData() {
        m_dir.write("model/weights.bin", rawBytes<float>({0, 1, 2, 3, 4, 5, 6, 7}));
        m_dir.write("model/sub/inner.bin", rawBytes<float>({9}));
        m_dir.write("secret.bin", rawBytes<float>({666, 666, 666, 666}));
        m_folder = m_dir.path() / "model";
    }

    Result<Tensor> read(const ExternalLocation &where, Shape shape = {2}, DType type = DType::Float32) {
        return ExternalData(m_folder, m_findings).read(type, shape, where);
    }
    std::string error(const ExternalLocation &where, Shape shape = {2}, DType type = DType::Float32) {
        const auto result = read(where, std::move(shape), type);
        return result ? std::string("no error") : result.error().text();
    }

    TempDir m_dir;
    std::filesystem::path m_folder;
    FindingList m_findings;
};

TEST_F(OnnxExternalData, ReadsOffsetsAndLengths) {
    EXPECT_THAT(read({"weights.bin", {}, {}})->values<float>(), ElementsAre(0, 1));
    EXPECT_THAT(read({"./weights.bin", "8", "8"})->values<float>(), ElementsAre(2, 3));
    EXPECT_THAT(read({"weights.bin", "24", "8"})->values<float>(), ElementsAre(6, 7));
    EXPECT_THAT(read({"sub//inner.bin", {}, {}}, {1})->values<float>(), ElementsAre(9));
    EXPECT_EQ(read({"weights.bin", "32", "0"}, {0})->numel(), 0);
    EXPECT_THAT(read({"weights.bin", "2", {}}, {1}, DType::Int32)->values<std::int32_t>(),
                ElementsAre(0)); // unaligned
    EXPECT_THAT(read({"weights.bin", "4", "4"}, {4}, DType::Bool)->values<std::uint8_t>().size(), 4u);
    EXPECT_TRUE(m_findings.snapshot().empty());
}

TEST_F(OnnxExternalData, RefusesNumbersThatAreNone) {
    for (const std::string number :
         {"", "-8", "+8", " 8", "8 ", "0x8", "8.0", "1e1", "18446744073709551616"}) {
        EXPECT_THAT(error({"weights.bin", number, {}}), HasSubstr("offset")) << number;
        EXPECT_THAT(error({"weights.bin", {}, number}), HasSubstr("length")) << number;
    }
}

TEST_F(OnnxExternalData, RefusesLengthsThatLie) {
    EXPECT_THAT(error({"weights.bin", "0", "4"}), HasSubstr("needs 8"));
    EXPECT_THAT(error({"weights.bin", "0", "16"}), HasSubstr("needs 8"));
    EXPECT_THAT(error({"weights.bin", "28", "8"}), HasSubstr("past the end"));
    EXPECT_THAT(error({"weights.bin", "32", {}}), HasSubstr("past the end"));
    EXPECT_THAT(error({"weights.bin", "18446744073709551612", "8"}), HasSubstr("past the end"));
    EXPECT_THAT(error({"weights.bin", {}, {}}, {std::int64_t(1) << 40}), HasSubstr("past the end"));
    EXPECT_THAT(error({"weights.bin", {}, {}}, {std::int64_t(1) << 62}), HasSubstr("too many"));
}

TEST_F(OnnxExternalData, RefusesPathsThatLeaveTheFolder) {
    const std::string absolute = (m_dir.path() / "secret.bin").string();
    for (const std::string &location :
         {std::string("../secret.bin"), std::string("sub/../../secret.bin"),
          std::string("sub/../weights.bin"), absolute, std::string("C:weights.bin"),
          std::string("sub\\inner.bin"), std::string("weights.bin\0.txt", 16), std::string(""),
          std::string("."), std::string(".."), std::string("sub/")})
        EXPECT_EQ(read({location, {}, {}}).error().code, ErrorCode::CorruptFile) << location;
    EXPECT_EQ(read({"absent.bin", {}, {}}).error().code, ErrorCode::NotFound);
    EXPECT_THAT(error({"absent.bin", {}, {}}), HasSubstr("'absent.bin' is missing"));
}

TEST_F(OnnxExternalData, RefusesLinksFoldersAndPipes) {
    std::filesystem::create_symlink("../secret.bin", m_folder / "link.bin");
    std::filesystem::create_symlink("weights.bin", m_folder / "inside.bin");
    std::filesystem::create_directory_symlink("..", m_folder / "up");
    ASSERT_EQ(mkfifo((m_folder / "pipe").c_str(), 0600), 0);
    EXPECT_THAT(error({"link.bin", {}, {}}), HasSubstr("symbolic link"));
    EXPECT_THAT(error({"inside.bin", {}, {}}), HasSubstr("symbolic link"));
    EXPECT_THAT(error({"up/secret.bin", {}, {}}), HasSubstr("symbolic link"));
    EXPECT_THAT(error({"weights.bin/inner", {}, {}}), HasSubstr("or a file"));
    EXPECT_THAT(error({"sub", {}, {}}), HasSubstr("not a regular file"));
    EXPECT_THAT(error({"pipe", {}, {}}), HasSubstr("not a regular file"));
}

TEST_F(OnnxExternalData, WarnsOfHardLinks) {
    std::filesystem::create_hard_link(m_dir.path() / "secret.bin", m_folder / "hard.bin");
    EXPECT_TRUE(read({"hard.bin", {}, {}}));
    ASSERT_EQ(m_findings.snapshot().size(), 1u);
    EXPECT_THAT(m_findings.snapshot()[0].finding.what, HasSubstr("hard links"));
}

TEST_F(OnnxExternalData, BigFilesStayMapped) {
    m_dir.write("model/big.bin", std::string(std::size_t(3) << 20, '\1'));
    ExternalData external(m_folder, m_findings);
    const Tensor a = *external.read(DType::Float32, {1000}, {"big.bin", "4096", {}});
    const Tensor b = *external.read(DType::Float32, {1000}, {"big.bin", "8192", {}});
    EXPECT_EQ(b.bytes() - a.bytes(), 4096); // one mapping, nothing copied
    const Tensor unaligned = *external.read(DType::Float32, {1000}, {"big.bin", "4098", {}});
    EXPECT_NE(unaligned.bytes() - a.bytes(), 2);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(unaligned.bytes()) % 4, 0u);
}

TEST_F(OnnxExternalData, CutFilesReadAsZerosInsteadOfCrashing) {
    m_dir.write("model/big.bin", std::string(std::size_t(3) << 20, '\1'));
    std::optional<Tensor> tensor = *read({"big.bin", {}, {}}, {std::int64_t(3) << 20}, DType::UInt8);
    EXPECT_TRUE(damagedMappedFiles().empty());
    std::filesystem::resize_file(m_folder / "big.bin", 1 << 20);
    EXPECT_EQ(tensor->values<std::uint8_t>()[100], 1);
    EXPECT_EQ(tensor->values<std::uint8_t>()[2 << 20], 0);
    ASSERT_EQ(damagedMappedFiles().size(), 1u);
    EXPECT_EQ(damagedMappedFiles()[0].filename(), "big.bin");
    tensor.reset();
    EXPECT_EQ(damagedMappedFiles().size(), 1u) << "must still be told after the model was closed";
}

TEST_F(OnnxExternalData, ModelsReadThroughIt) {
    OnnxBuilder builder;
    builder.input("x", DType::Float32, {-1, 2});
    onnx::TensorProto &weight = builder.initializer("w", DType::Float32, {2, 3});
    weight.set_data_location(onnx::TensorProto::EXTERNAL);
    const auto entry = [&](const std::string &key, const std::string &value) {
        auto &added = *weight.add_external_data();
        added.set_key(key);
        added.set_value(value);
    };
    entry("location", "weights.bin");
    entry("offset", "4");
    entry("length", "24");
    entry("checksum", "ignored");
    entry("basepath", "/etc");
    builder.node("MatMul", {"x", "w"}, {"y"});
    builder.output("y", DType::Float32, {});
    auto model = openModel(m_dir.write("model/model.onnx", builder.bytes()), m_findings, {});
    ASSERT_TRUE(model) << model.error().text();
    const ModelGraph &graph = (*model)->graph;
    EXPECT_THAT(graph.constant(graph.findValue("w"))->values<float>(), ElementsAre(1, 2, 3, 4, 5, 6));

    weight.set_raw_data("too");
    model = openModel(m_dir.write("model/model.onnx", builder.bytes()), m_findings, {});
    EXPECT_THAT(model.error().text(), testing::AllOf(HasSubstr("tensor 'w'"), HasSubstr("outside of it")));
}

} // namespace
} // namespace qs
