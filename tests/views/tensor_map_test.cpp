#include "tests/views/chart_fixtures.h"
#include "views/tensor_map/tensor_map_source.h"

#include <gmock/gmock.h>

namespace qs::views {
namespace {

using Shown = TensorMapRequest::Shown;

TensorMapRequest requestOf(std::shared_ptr<const Model> model, Shown shown) {
    TensorMapRequest request;
    request.model = std::move(model);
    request.layer = 0;
    request.shown = shown;
    return request;
}

/// The first layer of the model on the grid of 0.5 · code, all codes 2.
std::shared_ptr<LayerResult> resultOf(const Model &model) {
    const Layer &layer = model.layers.front();
    QuantizedMatrix matrix;
    matrix.rows = layer.outChannels;
    matrix.cols = layer.inPerOut;
    matrix.bits = 3;
    matrix.convention = GridConvention::SymmetricRestricted;
    matrix.layout = {Granularity::PerTensor, matrix.rows, matrix.cols, 0};
    matrix.codes.assign(static_cast<std::size_t>(matrix.rows * matrix.cols), 2);
    matrix.scales = {8};
    matrix.zeroPoints = {0};
    auto result = std::make_shared<LayerResult>();
    result->state = LayerResult::State::Quantized;
    result->quantized.weight = std::make_shared<const QuantizedMatrix>(matrix);
    return result;
}

std::shared_ptr<const TensorMapContent> load(const TensorMapRequest &request,
                                             std::shared_ptr<const TensorMapBase> base = nullptr) {
    auto content = loadTensorMap(request, std::move(base), {});
    EXPECT_TRUE(content) << (content ? "" : content.error().text());
    return *content;
}

TEST(TensorMap, SaysWhatIsMissing) {
    TensorMapRequest request;
    const auto why = [&] { return request.whyNothing().toStdString(); };
    EXPECT_THAT(why(), testing::HasSubstr("No model"));
    auto empty = std::make_shared<Model>();
    request.model = empty;
    EXPECT_THAT(why(), testing::HasSubstr("no layer with a constant weight"));
    request.model = twoLayerModel();
    EXPECT_THAT(why(), testing::HasSubstr("No layer is selected"));
    request.layer = 0;
    EXPECT_EQ(why(), "");
    request.shown = Shown::Codes;
    EXPECT_THAT(why(), testing::HasSubstr("Run the recipe"));
    request.hasRun = true; // a partial run
    EXPECT_THAT(why(), testing::HasSubstr("has not reached first yet"));
    auto failed = std::make_shared<LayerResult>();
    failed->state = LayerResult::State::Failed;
    failed->failure = "weight at row 1, column 2 is NaN.";
    request.result = failed;
    EXPECT_THAT(why(), testing::HasSubstr("row 1, column 2 is NaN. Change the recipe"));
    failed->state = LayerResult::State::Float;
    EXPECT_THAT(why(), testing::HasSubstr("leaves the weight of first in float"));
    request.shown = Shown::ActivationSurface;
    EXPECT_THAT(why(), testing::HasSubstr("calibrate"));
    request.capture = std::make_shared<LayerCapture>();
    EXPECT_THAT(why(), testing::HasSubstr("kept no tokens"));
}

TEST(TensorMap, WeightAndDequantizedShareOneScale) {
    const auto model = twoLayerModel(); // weights 0 … 11
    TensorMapRequest request = requestOf(model, Shown::Weight);
    const ColorMap &diverging = *findColorMap("diverging");
    ColorChoice linear;
    linear.logarithmic = false;
    const auto alone = load(request);
    EXPECT_EQ(tensorMapScale(*alone, diverging, linear),
              (HeatMapScale{HeatMapScale::Kind::SignedLinear, 0, 11}));
    request.hasRun = true;
    request.result = resultOf(*model); // dequantized: 16 everywhere
    const auto weight = load(request, alone->base);
    EXPECT_EQ(weight->base->weights.storage(), alone->base->weights.storage()); // not read twice
    request.shown = Shown::Dequantized;
    const auto dequantized = load(request, weight->base);
    EXPECT_EQ(dequantized->base, weight->base);
    EXPECT_EQ(tensorMapScale(*weight, diverging, linear).hi, 16);
    EXPECT_EQ(tensorMapScale(*weight, diverging, linear), tensorMapScale(*dequantized, diverging, linear));
    request.shown = Shown::Error;
    EXPECT_EQ(tensorMapScale(*load(request), diverging, linear).hi, 16); // 16 − 0
    request.shown = Shown::Codes;
    EXPECT_EQ(tensorMapScale(*load(request), *findColorMap("sequential"), linear),
              (HeatMapScale{HeatMapScale::Kind::Steps, -3, 3}));
}

TEST(TensorMap, WeightsThatAreNotNumbersAreCounted) {
    const auto model = twoLayerModel({0, NAN, 2, 3, INFINITY, 5, 6, 7, 8, 9, 10, 11});
    const auto content = load(requestOf(model, Shown::Weight));
    EXPECT_EQ(content->scene.data->nonFiniteCount(), 2);
    EXPECT_EQ(content->stats.highest, 11);
    const auto surface = load(requestOf(model, Shown::WeightSurface));
    EXPECT_EQ(surface->surface.points->notFinite, 2);
    EXPECT_EQ(surface->surface.points->highest, 11);
}

TEST(TensorMap, SurfaceShowsTheCapturedTokens) {
    TensorMapRequest request = requestOf(twoLayerModel(), Shown::ActivationSurface);
    request.capture = captureOf(0, 3, 4, {1, -2, 3, 0, -1, 20, 3, 0, 2, 2, 3, 0});
    const auto content = load(request);
    EXPECT_EQ(content->base, nullptr);
    EXPECT_FALSE(content->surface.points->isReduced());
    EXPECT_EQ(content->surface.points->values[5], 20);
    EXPECT_EQ(content->surface.rowTitle, "token");
    ColorChoice linear;
    linear.logarithmic = false;
    EXPECT_EQ(tensorMapScale(*content, *findColorMap("heat"), linear),
              (HeatMapScale{HeatMapScale::Kind::Linear, 0, 20}));
}

TEST(TensorMap, CancelledLoadingGivesAnError) {
    std::stop_source stop;
    stop.request_stop();
    const auto content =
        loadTensorMap(requestOf(twoLayerModel(), Shown::Weight), nullptr, {stop.get_token(), nullptr, 0});
    ASSERT_FALSE(content);
    EXPECT_EQ(content.error().code, ErrorCode::Cancelled);
}

} // namespace
} // namespace qs::views
