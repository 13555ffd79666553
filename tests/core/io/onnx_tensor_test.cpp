#include "core/io/importers/onnx_tensor.h"

#include "core/tensor/convert.h"
#include "tests/support/onnx_builder.h"

#include <limits>

// Every element type, from raw bytes and from typed fields, against the values of file_formats 1.2 and 17.3.

namespace qs {
namespace {

using testing::HasSubstr;

Result<Tensor> read(onnx::TensorProto message) {
    FindingList findings;
    ExternalData external(".", findings);
    return readOnnxTensor(message, external);
}

onnx::TensorProto tensor(DType type, const std::vector<std::int64_t> &dims, const std::string &raw = {}) {
    onnx::TensorProto message;
    OnnxBuilder::fill(message, "t", type, dims, raw);
    return message;
}

std::vector<float> floats(const Result<Tensor> &tensor) {
    if (!tensor) {
        ADD_FAILURE() << tensor.error().text();
        return {};
    }
    const auto converted = toFloat32(*tensor);
    if (!converted) {
        ADD_FAILURE() << converted.error().text();
        return {};
    }
    return {converted->values<float>().begin(), converted->values<float>().end()};
}

/// NaN equals NaN here.
void expectValues(const Result<Tensor> &tensor, const std::vector<float> &expected) {
    const std::vector<float> found = floats(tensor);
    ASSERT_EQ(found.size(), expected.size());
    for (std::size_t i = 0; i < found.size(); ++i)
        if (std::isnan(expected[i]))
            EXPECT_TRUE(std::isnan(found[i])) << i;
        else
            EXPECT_EQ(found[i], expected[i]) << i;
}

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct Case {
    DType type;
    std::int64_t count;
    std::string raw;
    std::vector<float> expected;
};

const std::vector<Case> &cases() {
    using namespace std::string_literals;
    static const std::vector<Case> all = {
        {DType::Float32, 2, rawBytes<float>({1.5f, -2}), {1.5f, -2}},
        {DType::Float64, 2, rawBytes<double>({0.25, -3}), {0.25f, -3}},
        {DType::UInt8, 2, "\x00\xff"s, {0, 255}},
        {DType::Int8, 2, "\x80\x7f"s, {-128, 127}},
        {DType::UInt16, 2, rawBytes<std::uint16_t>({0, 65535}), {0, 65535}},
        {DType::Int16, 2, rawBytes<std::int16_t>({-32768, 32767}), {-32768, 32767}},
        {DType::Int32, 2, rawBytes<std::int32_t>({-5, 1 << 20}), {-5, 1 << 20}},
        {DType::UInt32, 1, rawBytes<std::uint32_t>({4000000000u}), {4000000000.0f}},
        {DType::Int64, 2, rawBytes<std::int64_t>({-5, std::int64_t(1) << 40}), {-5, 1099511627776.0f}},
        {DType::UInt64, 1, rawBytes<std::uint64_t>({std::uint64_t(1) << 63}), {9223372036854775808.0f}},
        {DType::Bool, 3, "\x00\x01\x07"s, {0, 1, 1}},
        {DType::Float16,
         3,
         rawBytes<std::uint16_t>({0x3c00, 0x0001, 0xfc00}),
         {1, 5.9604645e-8f, -kInfinity}},
        {DType::BFloat16, 3, rawBytes<std::uint16_t>({0x3f80, 0xc020, 0x7f80}), {1, -2.5f, kInfinity}},
        {DType::Float8E4M3FN,
         8,
         "\x00\x01\x08\x38\x7e\xb8\x81\xfe"s,
         {0, std::ldexp(1.0f, -9), std::ldexp(1.0f, -6), 1, 448, -1, -std::ldexp(1.0f, -9), -448}},
        {DType::Float8E4M3FN, 2, "\x7f\xff"s, {kNan, kNan}},
        {DType::Float8E4M3FNUZ, 4, "\x40\x7f\x80\x01"s, {1, 240, kNan, std::ldexp(1.0f, -10)}},
        {DType::Float8E5M2, 5, "\x3c\x7b\x7c\x7d\x01"s, {1, 57344, kInfinity, kNan, std::ldexp(1.0f, -16)}},
        {DType::Float8E5M2FNUZ, 4, "\x40\x7f\x80\x01"s, {1, 57344, kNan, std::ldexp(1.0f, -17)}},
        {DType::UInt4, 7, "\xf0\x93\x58\x01"s, {0, 15, 3, 9, 8, 5, 1}},
        {DType::Int4, 7, "\x78\xf3\x50\x0d"s, {-8, 7, 3, -1, 0, 5, -3}},
        {DType::Float4E2M1,
         16,
         "\x10\x32\x54\x76\x98\xba\xdc\xfe"s,
         {0, 0.5f, 1, 1.5f, 2, 3, 4, 6, -0.0f, -0.5f, -1, -1.5f, -2, -3, -4, -6}},
        {DType::Float8E8M0, 4, "\x7f\x80\x78\xff"s, {1, 2, 0.0078125f, kNan}},
        {DType::UInt2, 5, "\xc6\x01"s, {2, 1, 0, 3, 1}},
        {DType::Int2, 5, "\xc6\x01"s, {-2, 1, 0, -1, 1}},
    };
    return all;
}

TEST(OnnxTensor, ReadsEveryTypeFromRawBytes) {
    for (const Case &c : cases()) {
        SCOPED_TRACE(dtypeName(c.type));
        const auto read = qs::read(tensor(c.type, {c.count}, c.raw));
        expectValues(read, c.expected);
        EXPECT_EQ(read->dtype(), c.type);
    }
}

/// The field that file_formats 1.1 names for the type, filled from raw bytes.
void moveToTypedField(onnx::TensorProto &message) {
    const std::string raw = message.raw_data();
    message.clear_raw_data();
    const auto each = [&]<typename T>(T, auto add) {
        for (std::size_t i = 0; i < raw.size(); i += sizeof(T)) {
            T value;
            std::memcpy(&value, raw.data() + i, sizeof(T));
            add(value);
        }
    };
    const auto int32 = [&](auto value) { message.add_int32_data(static_cast<std::int32_t>(value)); };
    switch (static_cast<DType>(message.data_type())) {
    case DType::Float32:
    case DType::Complex64:
        return each(float{}, [&](float v) { message.add_float_data(v); });
    case DType::Float64:
    case DType::Complex128:
        return each(double{}, [&](double v) { message.add_double_data(v); });
    case DType::Int64:
        return each(std::int64_t{}, [&](std::int64_t v) { message.add_int64_data(v); });
    case DType::UInt32:
        return each(std::uint32_t{}, [&](std::uint32_t v) { message.add_uint64_data(v); });
    case DType::UInt64:
        return each(std::uint64_t{}, [&](std::uint64_t v) { message.add_uint64_data(v); });
    case DType::Int32:
        return each(std::int32_t{}, int32);
    case DType::Int16:
        return each(std::int16_t{}, int32);
    case DType::UInt16:
    case DType::Float16:
    case DType::BFloat16:
        return each(std::uint16_t{}, int32);
    case DType::Int8:
        return each(std::int8_t{}, int32);
    default:
        return each(std::uint8_t{}, int32);
    }
}

TEST(OnnxTensor, ReadsEveryTypeFromItsTypedField) {
    for (const Case &c : cases()) {
        SCOPED_TRACE(dtypeName(c.type));
        onnx::TensorProto message = tensor(c.type, {c.count}, c.raw);
        moveToTypedField(message);
        expectValues(read(message), c.expected);
    }
}

TEST(OnnxTensor, ReadsComplexNumbersByteForByte) {
    for (const auto &[type, raw] : {std::pair(DType::Complex64, rawBytes<float>({1, 2, 3, 4})),
                                    std::pair(DType::Complex128, rawBytes<double>({1, 2, 3, 4}))}) {
        onnx::TensorProto message = tensor(type, {2}, raw);
        for (int round = 0; round < 2; ++round) {
            const auto read = qs::read(message);
            ASSERT_TRUE(read) << read.error().text();
            EXPECT_EQ(std::memcmp(read->bytes(), raw.data(), raw.size()), 0);
            moveToTypedField(message);
        }
    }
}

TEST(OnnxTensor, RawBytesAreNotCopied) {
    onnx::TensorProto message = tensor(DType::Float32, {1000}, std::string(4000, '\1'));
    const void *bytes = message.raw_data().data();
    FindingList findings;
    ExternalData external(".", findings);
    EXPECT_EQ(static_cast<const void *>(readOnnxTensor(message, external)->bytes()), bytes);
}

TEST(OnnxTensor, ScalarsAndEmptyTensors) {
    const auto scalar = read(tensor(DType::Float32, {}, rawBytes<float>({3})));
    expectValues(scalar, {3});
    EXPECT_EQ(scalar->shape().rank(), 0);
    EXPECT_EQ(floats(read(tensor(DType::Float32, {3, 0}))).size(), 0u);
    EXPECT_FALSE(read(tensor(DType::Float32, {3, 0}, rawBytes<float>({3}))));
}

TEST(OnnxTensor, StringsKeepTypeAndShape) {
    onnx::TensorProto message = tensor(DType::String, {2});
    message.add_string_data("a");
    EXPECT_FALSE(read(message));
    message.add_string_data("b");
    const auto strings = read(message);
    ASSERT_TRUE(strings) << strings.error().text();
    EXPECT_EQ(strings->dtype(), DType::String);
    EXPECT_EQ(strings->shape(), (Shape{2}));
}

TEST(OnnxTensor, BytesOfBoolsBecomeZeroOrOne) {
    const auto flags = read(tensor(DType::Bool, {3}, std::string("\x00\x02\xff", 3)));
    ASSERT_TRUE(flags) << flags.error().text();
    EXPECT_THAT(flags->values<std::uint8_t>(), testing::ElementsAre(0, 1, 1));
}

TEST(OnnxTensor, RefusesSizesThatContradict) {
    const auto error = [](const onnx::TensorProto &message) {
        const auto result = read(message);
        return result ? std::string("no error") : result.error().text();
    };
    const std::string six = rawBytes<float>({1, 2, 3, 4, 5, 6});
    EXPECT_THAT(error(tensor(DType::Float32, {7}, six)), HasSubstr("24 bytes"));
    EXPECT_THAT(error(tensor(DType::Float32, {5}, six)), HasSubstr("24 bytes"));
    EXPECT_THAT(error(tensor(DType::Int4, {47}, six)), "no error");
    EXPECT_THAT(error(tensor(DType::Int4, {49}, six)), HasSubstr("needs 25"));
    EXPECT_THAT(error(tensor(DType::Float32, {-6}, six)), HasSubstr("negative"));
    EXPECT_THAT(error(tensor(DType::Float32, {1ll << 62, 1ll << 62}, six)), HasSubstr("too many"));
    EXPECT_THAT(error(tensor(DType::Float64, {1ll << 60}, six)), HasSubstr("too many"));
    EXPECT_THAT(error(tensor(DType::Float32, {1ll << 62, 1ll << 62, 0})), HasSubstr("too many"));
    EXPECT_THAT(error(tensor(DType::Float32, {1ll << 40})), HasSubstr("data fields"));
    EXPECT_THAT(error(tensor(DType::Float32, std::vector<std::int64_t>(65, 1), "abcd")),
                HasSubstr("65 dimensions"));
    onnx::TensorProto few = tensor(DType::Float32, {1ll << 40});
    few.add_float_data(1);
    EXPECT_THAT(error(few), HasSubstr("cannot fill"));
    onnx::TensorProto wrongField = tensor(DType::Float32, {1});
    wrongField.add_int64_data(1);
    EXPECT_THAT(error(wrongField), HasSubstr("0 values"));
    onnx::TensorProto twice = tensor(DType::Float32, {1}, rawBytes<float>({1}));
    twice.add_float_data(1);
    EXPECT_THAT(error(twice), HasSubstr("2 data fields"));
    EXPECT_THAT(error(tensor(DType::Float32, {0}, "abcd")), HasSubstr("needs none"));
    onnx::TensorProto packed = tensor(DType::Int4, {3});
    packed.add_int32_data(1);
    EXPECT_THAT(error(packed), HasSubstr("1 values"));
    packed.add_int32_data(1);
    EXPECT_THAT(error(packed), "no error");
    onnx::TensorProto outside = tensor(DType::Float32, {1}, rawBytes<float>({1}));
    outside.set_data_location(onnx::TensorProto::EXTERNAL);
    EXPECT_THAT(error(outside), HasSubstr("in the file and outside of it"));
    onnx::TensorProto segment = tensor(DType::Float32, {1}, rawBytes<float>({1}));
    segment.mutable_segment()->set_begin(0);
    EXPECT_THAT(error(segment), HasSubstr("segments"));
    for (const int code : {0, 27, 99, -1})
        EXPECT_THAT(error(tensor(static_cast<DType>(code), {1}, "a")), HasSubstr("unknown"));
}

onnx::SparseTensorProto sparse(const std::vector<std::int64_t> &indices,
                               const std::vector<std::int64_t> &dims) {
    onnx::SparseTensorProto message;
    const auto count = static_cast<std::int64_t>(indices.size());
    OnnxBuilder::fill(*message.mutable_values(), "s", DType::Float32, {count},
                      rawBytes(std::vector<float>(indices.size(), 1.0f)));
    OnnxBuilder::fill(*message.mutable_indices(), "", DType::Int64, {count}, rawBytes(indices));
    for (const std::int64_t dim : dims)
        message.add_dims(dim);
    return message;
}

TEST(OnnxTensor, VerySparseTensorsShareABudget) {
    FindingList findings;
    ExternalData external(".", findings);
    SparseBudget budget{100000, 90000};
    onnx::SparseTensorProto dense = sparse({0, 9999}, {1000}); // 4000 bytes for 8
    onnx::SparseTensorProto thin = sparse({0, 9999}, {20000}), another = thin;
    dense.mutable_indices()->set_raw_data(rawBytes<std::int64_t>({0, 999}));
    EXPECT_TRUE(readOnnxSparseTensor(dense, external, budget));
    EXPECT_EQ(budget.verySparse, 100000u);
    EXPECT_EQ(budget.all, 86000u);
    EXPECT_TRUE(readOnnxSparseTensor(thin, external, budget));
    EXPECT_EQ(budget.verySparse, 20000u);
    EXPECT_THAT(readOnnxSparseTensor(another, external, budget).error().message, HasSubstr("too sparse"));
    onnx::SparseTensorProto plain = sparse({0, 9999}, {2000});
    plain.mutable_indices()->set_raw_data(rawBytes<std::int64_t>({0, 999}));
    EXPECT_EQ(readOnnxSparseTensor(plain, external, budget).error().code, ErrorCode::OutOfMemory);
}

TEST(OnnxTensor, RefusesSparseTensorsThatLie) {
    const auto error = [](onnx::SparseTensorProto message) {
        FindingList findings;
        ExternalData external(".", findings);
        SparseBudget budget{1 << 20, 1 << 30};
        const auto result = readOnnxSparseTensor(message, external, budget);
        return result ? std::string("no error") : result.error().text();
    };
    EXPECT_EQ(error(sparse({0, 5}, {6})), "no error");
    EXPECT_EQ(error(sparse({}, {6})), "no error");
    EXPECT_THAT(error(sparse({0, 6}, {6})), HasSubstr("out of range"));
    EXPECT_THAT(error(sparse({-1, 5}, {6})), HasSubstr("out of range"));
    EXPECT_THAT(error(sparse({5, 0}, {6})), HasSubstr("out of order"));
    EXPECT_THAT(error(sparse({5, 5}, {6})), HasSubstr("out of order"));
    EXPECT_THAT(error(sparse({5}, {std::int64_t(1) << 40})), HasSubstr("stand for"));
    EXPECT_THAT(error(sparse({5}, {std::int64_t(1) << 62})), HasSubstr("too many"));
    onnx::SparseTensorProto coordinates = sparse({0, 1, 1, 7}, {2, 3});
    coordinates.mutable_indices()->clear_dims();
    coordinates.mutable_indices()->add_dims(2);
    coordinates.mutable_indices()->add_dims(2);
    EXPECT_THAT(error(coordinates), HasSubstr("do not fit 4 values"));
    OnnxBuilder::fill(*coordinates.mutable_values(), "s", DType::Float32, {}, rawBytes<float>({1, 2}));
    coordinates.mutable_values()->set_dims(0, 2);
    EXPECT_THAT(error(coordinates), HasSubstr("index 7 is outside"));
    onnx::SparseTensorProto narrow = sparse({0}, {6});
    OnnxBuilder::fill(*narrow.mutable_values(), "s", DType::Int4, {}, "\x01");
    EXPECT_THAT(error(narrow), HasSubstr("int4"));
}

} // namespace
} // namespace qs
