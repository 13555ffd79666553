#include "tests/core/exec/one_operator.h"

#include <cmath>
#include <gmock/gmock.h>
#include <limits>
#include <set>

namespace qs {
namespace {

using testing::ElementsAre;
using Ints = std::vector<std::int64_t>;

constexpr std::int64_t kHuge = std::int64_t{1} << 60;

Tensor zeros(Shape shape) {
    return Tensor::zeros(DType::Float32, std::move(shape));
}

TEST(KernelList, NamesEveryVersionOfAnOperatorOnce) {
    std::set<std::tuple<std::string, std::string, std::int64_t>> seen;
    for (const KernelEntry &entry : referenceKernels())
        EXPECT_TRUE(seen.emplace(entry.domain, entry.opType, entry.sinceVersion).second)
            << entry.opType << " " << entry.sinceVersion;
}

TEST(Resize, CombinationsWithoutMeaningAreRefused) {
    const Tensor x = zeros({1, 1, 2, 2}), scales = tensorOf<float>({4}, {1, 1, 2, 2});
    for (const auto &[name, value] : std::map<std::string, Attribute>{{"mode", "quintic"},
                                                                      {"nearest_mode", "random"},
                                                                      {"coordinate_transformation_mode", "?"},
                                                                      {"keep_aspect_ratio_policy", "?"},
                                                                      {"antialias", std::int64_t{1}},
                                                                      {"novelty", std::int64_t{1}}})
        EXPECT_EQ(errorOf(OneOperator{"Resize", 18, {{name, value}}}.run({x, {}, scales})),
                  ErrorCode::Unsupported)
            << name;
    // Axes exist since opset 18.
    EXPECT_EQ(errorOf(OneOperator{"Resize", 13, {{"axes", Ints{2, 3}}}}.run({x, {}, scales})),
              ErrorCode::Unsupported);
}

TEST(Resize, HostileSizesAreErrors) {
    const Tensor x = zeros({1, 1, 2, 2});
    const OneOperator linear{"Resize", 18, {{"mode", "linear"}}};
    for (const float scale :
         {0.0f, -1.0f, std::nanf(""), std::numeric_limits<float>::infinity(), 1e30f, 1e12f})
        EXPECT_FALSE(linear.run({x, {}, tensorOf<float>({4}, {1, 1, 1, scale})})) << scale;
    for (const std::int64_t size : {std::int64_t{-1}, kHuge})
        EXPECT_FALSE(linear.run({x, {}, {}, intList({1, 1, 1, size})})) << size;
    EXPECT_EQ(errorOf(linear.run({x, {}, tensorOf<float>({2}, {1, 1})})), ErrorCode::InvalidArgument);
    EXPECT_EQ(errorOf(linear.run({x})), ErrorCode::InvalidArgument);
    EXPECT_EQ(errorOf(linear.run({x, {}, tensorOf<float>({4}, {1, 1, 1, 1}), intList({1, 1, 2, 2})})),
              ErrorCode::InvalidArgument);
    EXPECT_FALSE(
        (OneOperator{"Resize", 18, {{"axes", Ints{2, 9}}}}.run({x, {}, tensorOf<float>({2}, {1, 1})})));
}

TEST(Resize, EmptyImagesStayEmpty) {
    const auto outputs = OneOperator{"Resize", 13, {{"mode", "cubic"}}}.run(
        {zeros({0, 1, 2, 2}), {}, tensorOf<float>({4}, {1, 1, 2, 2})});
    ASSERT_TRUE(outputs) << outputs.error().text();
    EXPECT_EQ(outputs->front().shape(), (Shape{0, 1, 4, 4}));
}

/// As ONNX Runtime and PyTorch; the standard's reference takes 4 · 0.6 - 1 for the last of the 2 elements.
TEST(Resize, AlignedCornersAreThoseOfTheResult) {
    const OneOperator resize{
        "Resize", 13, {{"mode", "linear"}, {"coordinate_transformation_mode", "align_corners"}}};
    const Tensor x = tensorOf<float>({1, 1, 1, 4}, {1, 2, 3, 4}),
                 scales = tensorOf<float>({4}, {1, 1, 1, 0.6f});
    EXPECT_THAT(outputOf<float>(resize.run({x, {}, scales})), testing::ElementsAre(1, 4));
}

TEST(Resize, ThirdOfAnAxisTakesEveryThirdElement) {
    // 1 / float(1/3) is 3 in float32 but less in double, where rounding down would give element 2.
    const auto outputs =
        OneOperator{
            "Resize", 13, {{"nearest_mode", "floor"}, {"coordinate_transformation_mode", "asymmetric"}}}
            .run({tensorOf<float>({6}, {0, 1, 2, 3, 4, 5}), {}, tensorOf<float>({1}, {1.0f / 3})});
    EXPECT_THAT(outputOf<float>(outputs), ElementsAre(0, 3));
}

TEST(Recurrent, UnknownFormsAreRefused) {
    const Tensor x = zeros({2, 1, 3}), w = zeros({1, 8, 3}), r = zeros({1, 8, 2});
    const std::vector<std::map<std::string, Attribute>> forms{
        {{"direction", "sideways"}},
        {{"activations", std::vector<std::string>{"Tanh"}}},
        {{"activations", std::vector<std::string>{"Sigmoid", "Tanh", "Swish"}}},
        {{"activations", std::vector<std::string>{"Affine", "Tanh", "Tanh"}}},
        {{"activation_alpha", std::vector<double>{1}}},
        {{"clip", -1.0}},
        {{"hidden_size", std::int64_t{-2}}},
        {{"hidden_size", kHuge}},
        {{"linear_before_reset", std::int64_t{1}}}};
    for (const auto &attributes : forms)
        EXPECT_EQ(errorOf(OneOperator{"LSTM", 14, attributes}.run({x, w, r})), ErrorCode::Unsupported)
            << attributes.begin()->first;
}

TEST(Recurrent, OperandsThatDoNotFitAreErrors) {
    const Tensor x = zeros({2, 1, 3}), w = zeros({1, 8, 3}), r = zeros({1, 8, 2});
    const OneOperator lstm{"LSTM", 14};
    EXPECT_TRUE(lstm.run({x, w, r}));
    EXPECT_EQ(errorOf(lstm.run({x, zeros({1, 8, 4}), r})), ErrorCode::InvalidArgument);
    EXPECT_EQ(errorOf(lstm.run({x, w, zeros({8, 2})})), ErrorCode::InvalidArgument);
    EXPECT_EQ(errorOf(lstm.run({x, w, r, {}, tensorOf<std::int32_t>({1}, {3})})), ErrorCode::InvalidArgument);
    EXPECT_EQ(errorOf(lstm.run({x, w, r, {}, {}, zeros({1, 1, 3})})), ErrorCode::InvalidArgument);
    EXPECT_EQ(errorOf(lstm.run({Tensor::zeros(DType::Int32, {2, 1, 3}), w, r})), ErrorCode::Unsupported);
}

TEST(Recurrent, NoStepsLeaveTheInitialState) {
    const auto outputs = OneOperator{"GRU", 14, {}, 2}.run(
        {zeros({0, 1, 3}), zeros({1, 6, 3}), zeros({1, 6, 2}), {}, {}, tensorOf<float>({1, 1, 2}, {3, 4})});
    EXPECT_THAT(outputOf<float>(outputs, 1), ElementsAre(3, 4));
    EXPECT_EQ(outputs->front().shape(), (Shape{0, 1, 1, 2}));
}

TEST(ConvTranspose, HostileAttributesAreErrors) {
    const Tensor x = zeros({1, 1, 3}), w = zeros({1, 1, 2});
    const std::vector<std::map<std::string, Attribute>> forms{{{"output_shape", Ints{kHuge}}},
                                                              {{"output_shape", Ints{-1}}},
                                                              {{"output_padding", Ints{-1}}},
                                                              {{"output_padding", Ints{kHuge}}},
                                                              {{"strides", Ints{kHuge}}},
                                                              {{"strides", Ints{0}}},
                                                              {{"pads", Ints{9, 9}}},
                                                              {{"group", std::int64_t{0}}},
                                                              {{"group", std::int64_t{2}}},
                                                              {{"output_shape", Ints{1, 1, 4}}},
                                                              {{"strides", Ints{1, 1}}},
                                                              {{"kernel_shape", Ints{3}}},
                                                              {{"auto_pad", std::string("HALF")}}};
    for (const auto &attributes : forms)
        EXPECT_FALSE((OneOperator{"ConvTranspose", 11, attributes}.run({x, w}, 1 << 20)))
            << attributes.begin()->first;
    EXPECT_EQ(errorOf(OneOperator{"ConvTranspose"}.run({x, w, zeros({2})})), ErrorCode::InvalidArgument);
}

TEST(GridSample, PositionsThatAreNoNumbersGiveNone) {
    const Tensor x = tensorOf<float>({1, 1, 1, 2}, {1, 2});
    const float nan = std::nanf("");
    for (const char *padding : {"zeros", "border", "reflection"}) {
        const auto samples = outputOf<float>(OneOperator{"GridSample", 16, {{"padding_mode", padding}}}.run(
            {x, tensorOf<float>({1, 1, 3, 2}, {nan, 0, 1e30f, 0, -0.5f, 0})}));
        ASSERT_EQ(samples.size(), 3u);
        EXPECT_TRUE(std::isnan(samples[0]));
        EXPECT_TRUE(std::isfinite(samples[1]));
        EXPECT_EQ(samples[2], 1);
    }
}

TEST(GridSample, NamesOfModesBelongToTheirOpsets) {
    const Tensor x = zeros({1, 1, 2, 2}), grid = zeros({1, 2, 2, 2});
    EXPECT_EQ(errorOf(OneOperator{"GridSample", 16, {{"mode", "linear"}}}.run({x, grid})),
              ErrorCode::Unsupported);
    EXPECT_EQ(errorOf(OneOperator{"GridSample", 20, {{"mode", "bilinear"}}}.run({x, grid})),
              ErrorCode::Unsupported);
    EXPECT_EQ(errorOf(OneOperator{"GridSample", 16}.run({zeros({1, 1, 2, 2, 2}), zeros({1, 2, 2, 2, 3})})),
              ErrorCode::InvalidArgument);
}

TEST(RoiAlign, HostileRegionsAreErrors) {
    const Tensor x = zeros({1, 1, 4, 4});
    const OneOperator adaptive{"RoiAlign", 16};
    EXPECT_TRUE(adaptive.run({x, tensorOf<float>({1, 4}, {0, 0, 2, 2}), intList({0})}));
    for (const float edge : {1e30f, std::nanf(""), std::numeric_limits<float>::infinity()})
        EXPECT_FALSE(adaptive.run({x, tensorOf<float>({1, 4}, {0, 0, edge, edge}), intList({0})})) << edge;
    EXPECT_EQ(errorOf(adaptive.run({x, tensorOf<float>({1, 4}, {0, 0, 2, 2}), intList({1})})),
              ErrorCode::InvalidArgument);
    EXPECT_EQ(errorOf(OneOperator{"RoiAlign", 16, {{"output_height", kHuge}}}.run(
                  {x, tensorOf<float>({1, 4}, {0, 0, 2, 2}), intList({0})})),
              ErrorCode::Unsupported);
}

TEST(MaxUnpool, IndicesOutsideOfTheResultAreErrors) {
    const OneOperator op{"MaxUnpool", 11, {{"kernel_shape", Ints{2}}, {"strides", Ints{2}}}};
    const Tensor x = tensorOf<float>({1, 1, 2}, {5, 6});
    EXPECT_THAT(outputOf<float>(op.run({x, tensorOf<std::int64_t>({1, 1, 2}, {1, 2})})),
                ElementsAre(0, 5, 6, 0));
    for (const std::int64_t index : {std::int64_t{-1}, std::int64_t{4}})
        EXPECT_EQ(errorOf(op.run({x, tensorOf<std::int64_t>({1, 1, 2}, {1, index})})),
                  ErrorCode::InvalidArgument);
    EXPECT_FALSE(op.run({x, tensorOf<std::int64_t>({1, 1, 2}, {1, 2}), intList({1, 1, 3})}));
    EXPECT_FALSE(op.run({x, tensorOf<std::int64_t>({1, 1, 2}, {1, 2}), intList({1, 1, kHuge})}, 1 << 20));
}

TEST(Signals, HostileLengthsAreErrors) {
    const Tensor x = zeros({1, 8, 1});
    const auto scalar = [](std::int64_t value) { return Tensor::scalar(value); };
    for (const std::int64_t length : {std::int64_t{0}, std::int64_t{-4}, kHuge})
        EXPECT_FALSE((OneOperator{"DFT", 17}.run({x, scalar(length)}))) << length;
    EXPECT_FALSE((OneOperator{"DFT", 17, {{"axis", std::int64_t{2}}}}.run({x})));
    EXPECT_FALSE((OneOperator{"DFT", 17, {{"onesided", std::int64_t{1}}}}.run({zeros({1, 8, 2})})));
    EXPECT_EQ(
        errorOf(
            OneOperator{"DFT", 20, {{"onesided", std::int64_t{1}}, {"inverse", std::int64_t{1}}}}.run({x})),
        ErrorCode::Unsupported);
    for (const std::int64_t step : {std::int64_t{0}, std::int64_t{-1}})
        EXPECT_FALSE((OneOperator{"STFT", 17}.run({x, scalar(step), {}, scalar(4)}))) << step;
    EXPECT_FALSE((OneOperator{"STFT", 17}.run({x, scalar(1), {}, scalar(9)})));
    EXPECT_FALSE((OneOperator{"STFT", 17}.run({x, scalar(1), zeros({3}), scalar(4)})));
    for (const std::int64_t size : {std::int64_t{-1}, kHuge})
        EXPECT_FALSE((OneOperator{"HannWindow", 17}.run({scalar(size)}))) << size;
    EXPECT_THAT(
        outputOf<float>(OneOperator{"HannWindow", 17, {{"periodic", std::int64_t{0}}}}.run({scalar(1)})),
        ElementsAre(1));
    EXPECT_EQ(errorOf(OneOperator{"HannWindow", 17, {{"output_datatype", std::int64_t{8}}}}.run({scalar(4)})),
              ErrorCode::Unsupported);
}

TEST(Signals, TransformsOfAnyLengthEqualTheSum) {
    for (const std::int64_t n : {1, 2, 3, 5, 8, 12, 31}) {
        std::vector<double> x;
        for (std::int64_t i = 0; i < n; ++i)
            x.push_back(std::sin(static_cast<double>(3 * i + 1)) + 0.1 * static_cast<double>(i));
        const auto spectrum = outputOf<double>(OneOperator{"DFT", 17}.run({tensorOf<double>({1, n, 1}, x)}));
        ASSERT_EQ(spectrum.size(), static_cast<std::size_t>(2 * n));
        for (std::int64_t k = 0; k < n; ++k) {
            double re = 0, im = 0;
            for (std::int64_t i = 0; i < n; ++i) {
                const double phase =
                    -2 * std::acos(-1.0) * static_cast<double>(i * k) / static_cast<double>(n);
                re += x[static_cast<std::size_t>(i)] * std::cos(phase);
                im += x[static_cast<std::size_t>(i)] * std::sin(phase);
            }
            EXPECT_NEAR(spectrum[static_cast<std::size_t>(2 * k)], re, 1e-11);
            EXPECT_NEAR(spectrum[static_cast<std::size_t>(2 * k + 1)], im, 1e-11);
        }
    }
}

TEST(MelWeightMatrix, BandsBeyondTheSpectrumAreErrors) {
    const auto run = [](std::int64_t bands, std::int64_t length, std::int64_t rate, float low, float high) {
        return OneOperator{"MelWeightMatrix", 17}.run({Tensor::scalar(bands), Tensor::scalar(length),
                                                       Tensor::scalar(rate), Tensor::scalar(low),
                                                       Tensor::scalar(high)});
    };
    EXPECT_TRUE(run(4, 16, 8000, 0, 4000));
    EXPECT_FALSE(run(0, 16, 8000, 0, 4000));
    EXPECT_FALSE(run(kHuge, 16, 8000, 0, 4000));
    EXPECT_FALSE(run(4, kHuge, 8000, 0, 4000));
    EXPECT_FALSE(run(4, 16, 0, 0, 4000));
    EXPECT_FALSE(run(4, 16, 8000, 0, 4001));
    EXPECT_FALSE(run(4, 16, 8000, std::nanf(""), 4000));
}

TEST(Einsum, EquationsThatAreNoneAreRefused) {
    const Tensor x = zeros({2, 2});
    for (const char *equation : {"ij->ik", "ij->ii", "i1", "ij->i->j", "..i..", "......", "i.j"})
        EXPECT_EQ(errorOf(OneOperator{"Einsum", 12, {{"equation", equation}}}.run({x})),
                  ErrorCode::Unsupported)
            << equation;
    for (const char *equation : {"i", "ijk", "...ijk", "ij,jk"})
        EXPECT_EQ(errorOf(OneOperator{"Einsum", 12, {{"equation", equation}}}.run({x})),
                  ErrorCode::InvalidArgument)
            << equation;
    EXPECT_EQ(errorOf(OneOperator{"Einsum", 12, {{"equation", "ij,jk"}}}.run({x, zeros({3, 2})})),
              ErrorCode::InvalidArgument);
    const Tensor line = zeros({1 << 20});
    EXPECT_EQ(errorOf(OneOperator{"Einsum", 12, {{"equation", "a,b,c->"}}}.run({line, line, line})),
              ErrorCode::Unsupported);
}

TEST(Einsum, SumsOverNothingAreZero) {
    EXPECT_THAT(outputOf<float>(OneOperator{"Einsum", 12, {{"equation", "ij->i"}}}.run({zeros({2, 0})})),
                ElementsAre(0, 0));
}

TEST(IntegerProducts, ZeroPointsAndScalesMustFit) {
    const auto bytes = [](Shape shape) { return Tensor::zeros(DType::UInt8, std::move(shape)); };
    EXPECT_FALSE((OneOperator{"ConvInteger"}.run({bytes({1, 1, 3}), bytes({1, 1, 2}), bytes({2})})));
    EXPECT_FALSE((OneOperator{"ConvInteger"}.run(
        {bytes({1, 1, 3}), bytes({1, 1, 2}), Tensor::zeros(DType::Int8, {})})));
    EXPECT_FALSE((OneOperator{"MatMulInteger"}.run({zeros({2, 2}), bytes({2, 2})})));
    const Tensor one = Tensor::scalar(1.0f), zero = bytes({});
    EXPECT_TRUE(
        (OneOperator{"QLinearMatMul"}.run({bytes({2, 3}), one, zero, bytes({3, 2}), one, zero, one, zero})));
    EXPECT_FALSE((OneOperator{"QLinearMatMul"}.run(
        {bytes({2, 3}), one, zero, bytes({3, 2}), zeros({3}), zero, one, zero})));
    EXPECT_EQ(errorOf(OneOperator{"QLinearMatMul"}.run(
                  {bytes({2, 3}), one, zero, bytes({3, 2}), one, zero, zeros({2}), bytes({2})})),
              ErrorCode::Unsupported);
    EXPECT_FALSE((OneOperator{"QLinearConv"}.run(
        {bytes({1, 1, 3}), one, zero, bytes({1, 1, 2}), one, zero, one, zero, zeros({1})})))
        << "a bias of floats";
}

TEST(Losses, ClassesOutOfRangeAreErrors) {
    const Tensor scores = zeros({2, 3});
    for (const std::int64_t target : {std::int64_t{3}, std::int64_t{-1}}) {
        EXPECT_EQ(errorOf(OneOperator{"SoftmaxCrossEntropyLoss", 13}.run({scores, intList({0, target})})),
                  ErrorCode::InvalidArgument);
        EXPECT_NEAR(
            outputOf<float>(OneOperator{"SoftmaxCrossEntropyLoss", 13, {{"ignore_index", target}}}.run(
                {scores, intList({0, target})}))[0],
            std::log(3.0f), 1e-6);
    }
    EXPECT_FALSE((OneOperator{"NegativeLogLikelihoodLoss", 13}.run({scores, intList({0})})));
    EXPECT_EQ(errorOf(OneOperator{"NegativeLogLikelihoodLoss", 13, {{"reduction", "median"}}}.run(
                  {scores, intList({0, 1})})),
              ErrorCode::Unsupported);
}

TEST(TfIdfVectorizer, PoolsThatDoNotFitAreRefused) {
    const std::map<std::string, Attribute> good{{"mode", "TF"},
                                                {"min_gram_length", std::int64_t{1}},
                                                {"max_gram_length", std::int64_t{2}},
                                                {"max_skip_count", std::int64_t{0}},
                                                {"ngram_counts", Ints{0, 1}},
                                                {"ngram_indexes", Ints{1, 0}},
                                                {"pool_int64s", Ints{7, 7, 8}}};
    const Tensor x = intList({7, 8, 7});
    EXPECT_THAT(outputOf<float>(OneOperator{"TfIdfVectorizer", 9, good}.run({x})), ElementsAre(1, 2));
    for (const auto &[name, value] :
         std::multimap<std::string, Attribute>{{"ngram_counts", Ints{0, 9}},
                                               {"ngram_counts", Ints{-1, 1}},
                                               {"ngram_indexes", Ints{1}},
                                               {"ngram_indexes", Ints{1, -1}},
                                               {"ngram_indexes", Ints{1, kHuge}},
                                               {"pool_int64s", Ints{7, 7}},
                                               {"weights", std::vector<double>{1}},
                                               {"mode", "TFI"},
                                               {"min_gram_length", std::int64_t{0}}}) {
        auto attributes = good;
        attributes[name] = value;
        EXPECT_FALSE((OneOperator{"TfIdfVectorizer", 9, attributes}.run({x}))) << name;
    }
}

TEST(Images, SizesThatDoNotFitAreErrors) {
    const Tensor columns = zeros({1, 4, 3});
    EXPECT_TRUE((OneOperator{"Col2Im", 18}.run({columns, intList({2, 4}), intList({2, 2})})));
    for (const Ints &image : {Ints{2, 5}, Ints{1, 4}, Ints{-1, 4}, Ints{2, kHuge}, Ints{2, 4, 1}})
        EXPECT_FALSE((OneOperator{"Col2Im", 18}.run({columns, intList(image), intList({2, 2})}, 1 << 20)));
    for (const Ints &block : {Ints{0, 2}, Ints{3, 2}, Ints{-2, -2}, Ints{kHuge, 2}})
        EXPECT_FALSE((OneOperator{"Col2Im", 18}.run({columns, intList({2, 4}), intList(block)}, 1 << 20)));
    for (const std::int64_t size : {std::int64_t{-1}, kHuge})
        EXPECT_FALSE((OneOperator{"CenterCropPad", 18}.run({zeros({2}), intList({size})}, 1 << 20)));
    EXPECT_FALSE(
        (OneOperator{"CenterCropPad", 18, {{"axes", Ints{0, 0}}}}.run({zeros({2}), intList({1, 1})})));
    for (const Ints &size : {Ints{1, 1, kHuge, 1}, Ints{1, 1, -1, 1}, Ints{2, 1, 2, 2}, Ints{1}, Ints{}})
        EXPECT_FALSE((OneOperator{"AffineGrid", 20}.run({zeros({1, 2, 3}), intList(size)}, 1 << 20)));
}

TEST(BitShift, DirectionMustBeGiven) {
    const Tensor x = Tensor::zeros(DType::UInt8, {2});
    EXPECT_EQ(errorOf(OneOperator{"BitShift", 11}.run({x, x})), ErrorCode::Unsupported);
    EXPECT_EQ(errorOf(OneOperator{"BitShift", 11, {{"direction", "LEFT"}}}.run({intList({1}), intList({1})})),
              ErrorCode::Unsupported);
}

} // namespace
} // namespace qs
