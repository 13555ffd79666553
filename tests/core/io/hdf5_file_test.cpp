#include "core/io/hdf5_file.h"

#include "core/tensor/convert.h"

namespace qs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::shared_ptr<const Hdf5File> openGolden(const std::string &name) {
    auto file = Hdf5File::open(std::string(QS_TEST_DATA "/io/") + name);
    EXPECT_TRUE(file) << file.error().text();
    return file.value_or(nullptr);
}

TEST(Hdf5File, ReadsEveryElementTypeOfBothByteOrders) {
    const auto file = openGolden("types.h5");
    const std::map<std::string, DType> types = {
        {"i1", DType::Int8},    {"i2", DType::Int16},   {"i4", DType::Int32},  {"i8", DType::Int64},
        {"u1", DType::UInt8},   {"u2", DType::UInt16},  {"u4", DType::UInt32}, {"u8", DType::UInt64},
        {"f2", DType::Float16}, {"f4", DType::Float32}, {"f8", DType::Float64}};
    for (const auto &[name, dtype] : types) {
        for (const std::string order : {"<", ">"}) {
            const auto tensor = file->read("types/" + order + name);
            ASSERT_TRUE(tensor) << tensor.error().text();
            EXPECT_EQ(tensor->dtype(), dtype);
            EXPECT_EQ(tensor->shape(), (Shape{2, 3}));
            EXPECT_THAT(toFloat32(*tensor)->values<float>(), ElementsAre(0, 1, 2, 3, 100, 127))
                << order << name;
        }
    }
}

TEST(Hdf5File, ObeysLogicalTypes) {
    const auto file = openGolden("types.h5");
    const auto values = [&](const std::string &name) {
        const auto tensor = file->read("types/" + name);
        EXPECT_TRUE(tensor) << tensor.error().text();
        const Tensor floats = *toFloat32(*tensor);
        const auto span = floats.values<float>();
        return std::vector<float>(span.begin(), span.end());
    };
    EXPECT_THAT(values("bool"), ElementsAre(0, 0, 0, 1, 1, 1));
    EXPECT_EQ(file->dataset("types/bool")->dtype, DType::Bool);
    EXPECT_THAT(values("flags"), ElementsAre(0, 1, 1));
    EXPECT_THAT(values("bfloat16"), ElementsAre(1.0f, -2.5f, std::numeric_limits<float>::infinity()));
    EXPECT_THAT(values("e4m3"), ElementsAre(1.0f, 448.0f, -1.0f));
    EXPECT_THAT(values("scalar"), ElementsAre(2.5f));
    EXPECT_THAT(values("empty"), ElementsAre());
    for (const std::string name : {"int4", "text", "nothing"}) {
        const auto refused = file->read("types/" + name);
        ASSERT_FALSE(refused) << name;
        EXPECT_EQ(refused.error().code, ErrorCode::Unsupported);
    }
}

TEST(Hdf5File, ReadsRowsOfCompressedChunks) {
    const auto file = openGolden("types.h5");
    const auto rows = file->readRows("/types/packed", 1, 2);
    ASSERT_TRUE(rows) << rows.error().text();
    EXPECT_EQ(rows->shape(), (Shape{1, 3}));
    EXPECT_THAT(rows->values<float>(), ElementsAre(3, 100, 127));
    EXPECT_EQ(file->readRows("types/packed", 1, 1)->numel(), 0);
    EXPECT_EQ(file->readRows("types/packed", 1, 3).error().code, ErrorCode::InvalidArgument);
    EXPECT_EQ(file->readRows("types/packed", -1, 1).error().code, ErrorCode::InvalidArgument);
    EXPECT_EQ(file->readRows("types/scalar", 0, 1).error().code, ErrorCode::InvalidArgument);
}

TEST(Hdf5File, ReadsTextAttributes) {
    const auto file = openGolden("types.h5");
    EXPECT_EQ(*file->textAttribute("/", "note"), "variable text é");
    EXPECT_EQ(*file->textAttribute("/", "fixed"), "fixed text");
    EXPECT_EQ(*file->textAttribute("a.b/c", "where"), "nested");
    EXPECT_EQ(*file->textAttribute("types/packed", "layout"), "NC");
    EXPECT_EQ(file->textAttribute("/", "number").error().code, ErrorCode::Unsupported);
    EXPECT_EQ(file->textAttribute("/", "absent").error().code, ErrorCode::NotFound);
}

TEST(Hdf5File, ListsChildren) {
    const auto file = openGolden("types.h5");
    const auto children = file->children();
    ASSERT_TRUE(children);
    ASSERT_EQ(children->size(), 2u);
    EXPECT_EQ((*children)[0].name, "a.b");
    EXPECT_TRUE((*children)[0].isGroup);
    EXPECT_TRUE(file->hasGroup("a.b/c"));
    EXPECT_TRUE(file->hasDataset("types/text"));
    EXPECT_FALSE(file->hasDataset("types"));
    EXPECT_FALSE(file->hasGroup("types/nowhere"));
    EXPECT_EQ(file->children("nowhere").error().code, ErrorCode::NotFound);
}

TEST(Hdf5File, RefusesWhatLeavesTheTreeOrLiesAboutSizes) {
    const auto file = openGolden("hostile.h5");
    EXPECT_TRUE(file->read("hard/data"));
    EXPECT_THAT(file->read("links/soft").error().message, HasSubstr("link"));
    EXPECT_THAT(file->read("outside/external").error().message, HasSubstr("link"));
    EXPECT_THAT(file->children("outside").error().message, HasSubstr("'external'"));
    EXPECT_THAT(file->read("lzf").error().message, HasSubstr("filter"));
    EXPECT_THAT(file->read("scaled").error().message, HasSubstr("filter"));
    EXPECT_THAT(file->read("stored_outside").error().message, HasSubstr("other files"));
    EXPECT_THAT(file->read("virtual").error().message, HasSubstr("other files"));
    EXPECT_THAT(file->readRows("never_written", 0, 1).error().message, HasSubstr("claims"));
    EXPECT_THAT(file->dataset("huge_chunk").error().message, HasSubstr("256 MiB"));
}

TEST(Hdf5File, RefusesOtherFiles) {
    EXPECT_EQ(Hdf5File::open("/nowhere/at-all.h5").error().code, ErrorCode::NotFound);
    EXPECT_EQ(Hdf5File::open(QS_SAMPLE_DATA "/glyph-cnn.onnx").error().code, ErrorCode::CorruptFile);
    EXPECT_EQ(Hdf5File::open(QS_SAMPLE_DATA).error().code, ErrorCode::NotFound);
}

} // namespace
} // namespace qs
