#include "plugins/transform/norm_reparameterization.h"
#include "plugins/transform/site_error.h"
#include "plugins/transform/smooth_scale.h"
#include "tests/plugin/transform_call.h"

#include <Eigen/LU>
#include <gmock/gmock.h>

namespace qs::test {
namespace {

using Json = nlohmann::json;
using testing::HasSubstr;
using testing::IsEmpty;

double maximumOf(const RowMajorD &values) {
    return values.cwiseAbs().maxCoeff();
}

/// Largest change of the readers' output by x R and W R^{-T}, as a share of the largest output.
double rotationChange(const RowMajorD &inputs, const RowMajorD &weights, const RowMajorD &matrix) {
    const RowMajorD before = inputs * weights.transpose();
    const RowMajorD adapted = weights * matrix.inverse().transpose();
    return maximumOf(inputs * matrix * adapted.transpose() - before) / maximumOf(before);
}

/// Inputs with one channel that is 60 times as large, and one layer that reads them in 8 bit.
RowMajorD outlierInputs() {
    RowMajorD inputs = inputsB();
    inputs.col(5) *= 60;
    return inputs;
}

TEST(TransformMethods, EveryMethodSaysWhatItIs) {
    for (const char *id : {"smoothquant", "smoothquant-bias", "awq", "weight-dilation",
                           "cross-layer-equalization", "crossquant", "rotation", "quarot", "repq-vit",
                           "repquant", "d2quant-column-scale", "omniquant-let", "affinequant", "cbq-cfp"}) {
        const qs_transform *method = TransformPlugin::find(id);
        ASSERT_TRUE(method) << id;
        EXPECT_THAT(method->tags, testing::StartsWith("transform,"));
        EXPECT_STRNE(method->cost, "");
        EXPECT_NE(method->kinds, 0u);
        const Json schema = Json::parse(method->parameters);
        for (const auto &[name, property] : schema.at("properties").items())
            EXPECT_TRUE(property.contains("title") && property.contains("description") &&
                        property.contains("default"))
                << id << " " << name;
    }
}

TEST(SmoothQuantMethod, GivesTheScaleOfTheFormula) {
    SiteFixture fixture(inputsA(), weightsA());
    TransformCallFixture call(fixture);
    ASSERT_EQ(call.run("smoothquant"), QS_OK);
    EXPECT_NEAR(call.change.scale[3], 2.041241, 1e-6);
    ASSERT_EQ(call.run("smoothquant", {{"alpha", 1.0}}), QS_OK);
    EXPECT_NEAR(call.change.scale[3], 5, 1e-6);
}

TEST(TransformMethods, TensorsThatNothingCanDivideAreLeftAloneUnlessAsked) {
    SiteFixture fixture(inputsA(), weightsA());
    TransformCallFixture call(fixture);
    call.request.producer = QS_PRODUCER_NONE;
    for (const char *id :
         {"smoothquant", "smoothquant-bias", "weight-dilation", "crossquant", "omniquant-let", "cbq-cfp"}) {
        EXPECT_THAT(call.refusal(id), HasSubstr("nothing before this tensor")) << id;
        EXPECT_THAT(call.refusal(id, {{"insert_operators", true}}), IsEmpty()) << id;
    }
    EXPECT_THAT(call.refusal("awq"), IsEmpty()); // as the authors' code after GELU
    EXPECT_THAT(call.refusal("awq", {{"insert_operators", false}}), HasSubstr("nothing before"));
}

TEST(SmoothQuantMethod, SearchTakesTheAlphaWithTheLeastErrorAndSaysSo) {
    SiteFixture fixture(outlierInputs(), weightsB());
    TransformCallFixture call(fixture);
    ASSERT_EQ(call.run("smoothquant", {{"search", true}, {"search_steps", 4}}), QS_OK);
    const ChannelChange found = call.change;
    const TransformServices services = fixture.services();
    const double least = *siteOutputError(fixture.site, found, services);
    for (double alpha : {0.0, 0.25, 0.5, 0.75, 1.0}) {
        ASSERT_EQ(call.run("smoothquant", {{"alpha", alpha}}), QS_OK);
        EXPECT_LE(least, *siteOutputError(fixture.site, call.change, services)) << alpha;
    }
    ASSERT_EQ(call.log().size(), 1u);
    EXPECT_THAT(call.log()[0], HasSubstr("alpha 0.75"));
}

TEST(SmoothQuantMethod, SearchLeavesASiteAloneThatIsExactAlready) {
    SiteFixture fixture(inputsA(), weightsA());
    fixture.setBits(0, 0);
    TransformCallFixture call(fixture);
    ASSERT_EQ(call.run("smoothquant", {{"search", true}}), QS_OK);
    EXPECT_EQ(call.change.scale, std::vector<float>(4, 1.0f));
    EXPECT_THAT(call.log()[0], HasSubstr("left as it is"));
}

TEST(SmoothQuantBiasMethod, CentresChannelsAndNeedsSomewhereToPutTheShift) {
    RowMajorD inputs = inputsA();
    inputs.rowwise() += Eigen::RowVector4d(6, -4, 0, 0);
    SiteFixture fixture(inputs, weightsA());
    TransformCallFixture call(fixture);
    ASSERT_EQ(call.run("smoothquant-bias", {{"search", false}}), QS_OK);
    EXPECT_NEAR(call.change.shift[0], 5.9, 1e-6);
    EXPECT_LT(outputChange(inputs, weightsA(), call.change), 1e-12);
    ASSERT_EQ(call.run("smoothquant-bias"), QS_OK);
    EXPECT_LT(*siteOutputError(fixture.site, call.change, fixture.services()),
              *siteOutputError(fixture.site, ChannelChange::none(4), fixture.services()));
    call.request.can_shift = 0;
    EXPECT_THAT(call.refusal("smoothquant-bias"), HasSubstr("can take a shift"));
}

TEST(AwqMethod, GivesTheRatioOfTheOracle) {
    SiteFixture fixture(inputsA(), weightsA());
    fixture.setBits(3, 0);
    TransformCallFixture call(fixture);
    ASSERT_EQ(call.run("awq"), QS_OK);
    EXPECT_NEAR(call.change.scale[3], 1.5351, 1e-4);
    EXPECT_THAT(call.log().at(0), HasSubstr("ratio 0.45"));
    call.request.hessian = nullptr;
    EXPECT_EQ(call.run("awq"), QS_NOT_FOUND);
    EXPECT_THAT(call.message(), HasSubstr("run calibration"));
}

TEST(WeightDilationMethod, KeepsRangesAndCountsSaturatedChannels) {
    SiteFixture fixture(inputsA(), weightsA());
    TransformCallFixture call(fixture);
    ASSERT_EQ(call.run("weight-dilation"), QS_OK);
    EXPECT_NEAR(call.change.scale[0], 4.0 / 3, 1e-6);
    EXPECT_THAT(call.log().at(0), HasSubstr("3 of 4 channels"));
}

TEST(CrossLayerEqualizationMethod, NeedsALayerBefore) {
    RowMajorD reader(2, 2);
    reader << 0.5, 3, -0.25, 1;
    SiteFixture fixture(RowMajorD::Ones(2, 2), reader);
    TransformCallFixture call(fixture);
    EXPECT_THAT(call.refusal("cross-layer-equalization"), HasSubstr("no layer produces"));
    const float producer[] = {4.0f, 2.0f, 0.1f, -0.2f};
    call.request.producer = QS_PRODUCER_LAYER;
    call.request.producer_weights = producer;
    call.request.producer_cols = 2;
    EXPECT_THAT(call.refusal("cross-layer-equalization"), IsEmpty());
    ASSERT_EQ(call.run("cross-layer-equalization"), QS_OK);
    EXPECT_NEAR(call.change.scale[0], 2.828427, 1e-6);
    EXPECT_NEAR(call.change.scale[1], 0.258199, 1e-6);
}

TEST(CrossQuantMethod, AlphaOneChangesNothingAndZeroMakesChannelsAlike) {
    SiteFixture fixture(outlierInputs(), weightsB());
    TransformCallFixture call(fixture);
    ASSERT_EQ(call.run("crossquant", {{"alpha", 1.0}}), QS_OK);
    EXPECT_EQ(call.change.scale, std::vector<float>(48, 1.0f));
    ASSERT_EQ(call.run("crossquant", {{"alpha", 0.0}}), QS_OK);
    EXPECT_EQ(call.change.scale, inputMagnitude(fixture.site));
}

TEST(RotationMethod, IsOrthogonalSeededAndKeepsTheOutput) {
    SiteFixture fixture(outlierInputs(), weightsB());
    TransformCallFixture call(fixture);
    for (const char *id : {"rotation", "quarot"})
        for (const char *kind : {"hadamard", "orthogonal"}) {
            ASSERT_EQ(call.run(id, {{"matrix", kind}}), QS_OK);
            const RowMajorD first = call.matrix;
            EXPECT_LT(maximumOf(first * first.transpose() - RowMajorD::Identity(48, 48)), 1e-12);
            EXPECT_LT(rotationChange(outlierInputs(), weightsB(), first), 1e-10);
            EXPECT_LT(maximumOf(outlierInputs() * first), 0.5 * maximumOf(outlierInputs()));
            ASSERT_EQ(call.run(id, {{"matrix", kind}}), QS_OK);
            EXPECT_EQ(call.matrix, first);
            call.request.seed += 1;
            ASSERT_EQ(call.run(id, {{"matrix", kind}}), QS_OK);
            EXPECT_NE(call.matrix, first);
        }
}

TEST(RotationMethod, BlocksMustFitAndDepthwiseReadersRefuse) {
    SiteFixture fixture(inputsB(), weightsB());
    TransformCallFixture call(fixture);
    EXPECT_THAT(call.refusal("rotation", {{"block", 16}}), IsEmpty());
    EXPECT_THAT(call.refusal("rotation", {{"block", 32}}), HasSubstr("48 channels"));
    fixture.site.readers[0].depthwise = true;
    TransformCallFixture depthwise(fixture);
    EXPECT_THAT(depthwise.refusal("rotation"), HasSubstr("reads every channel alone"));
}

TEST(RepqVitMethod, GivesTheCodesOfTheChannelsOnItsGrid) {
    RowMajorD inputs = inputsB();
    inputs.col(3).array() += 4;
    SiteFixture fixture(inputs, weightsB());
    fixture.setBits(4, 4);
    TransformCallFixture call(fixture);
    EXPECT_THAT(call.refusal("repq-vit"), IsEmpty());
    for (const char *id : {"repq-vit", "repquant"}) {
        ASSERT_EQ(call.run(id), QS_OK);
        EXPECT_LT(outputChange(inputs, weightsB(), call.change), 1e-12);
        EXPECT_THAT(call.log().back(), HasSubstr(" 0 of 12288 codes differ")) << id;
        // 0 lies on the grid, and the range is 15 steps wide.
        const double step = (call.activationHigh - call.activationLow) / 15.0;
        EXPECT_NEAR(call.activationLow / step, std::nearbyint(call.activationLow / step), 1e-4);
        EXPECT_LE(call.activationLow, 0);
        EXPECT_GE(call.activationHigh, 0);
    }
}

TEST(RepqVitMethod, RefusesWhatHasNoGridsToJoin) {
    SiteFixture fixture(inputsB(), weightsB());
    fixture.setBits(4, 0);
    EXPECT_THAT(TransformCallFixture(fixture).refusal("repq-vit"), HasSubstr("stays in float"));
    fixture.setBits(4, 4);
    fixture.site.activationConvention = GridConvention::SymmetricRestricted;
    EXPECT_THAT(TransformCallFixture(fixture).refusal("repquant"), HasSubstr("asymmetric"));
    TransformCallFixture layer(fixture);
    layer.request.producer = QS_PRODUCER_LAYER;
    EXPECT_THAT(layer.refusal("repq-vit"), HasSubstr("LayerNorm"));
}

TEST(DualColumnScaleMethod, HelpsWhereColumnsDifferAndIsDroppedWhereItHurts) {
    RowMajorD weights = weightsB();
    const RowMajorD spread = normalMatrix(48, 1, 77);
    for (Eigen::Index col = 0; col < 48; ++col)
        weights.col(col) *= std::exp(spread(col, 0));
    SiteFixture fixture(inputsB(), weights);
    fixture.setBits(2, 0);
    TransformCallFixture call(fixture);
    EXPECT_THAT(call.refusal("d2quant-column-scale"), HasSubstr("column scales"));
    call.request.producer = QS_PRODUCER_LAYER;
    EXPECT_THAT(call.refusal("d2quant-column-scale"), IsEmpty());
    ASSERT_EQ(call.run("d2quant-column-scale"), QS_OK);
    EXPECT_NE(call.change.scale, std::vector<float>(48, 1.0f));
    EXPECT_LT(outputChange(inputsB(), weights, call.change), 1e-12);
    double logSum = 0;
    for (float scale : call.change.scale)
        logSum += std::log(scale);
    EXPECT_NEAR(logSum, 0, 1e-4);
    fixture.setBits(4, 0);
    EXPECT_THAT(TransformCallFixture(fixture).refusal("d2quant-column-scale"), HasSubstr("no layer before"));
}

TEST(LearnedMethods, LowerTheErrorOfTheReaders) {
    SiteFixture fixture(outlierInputs(), weightsB());
    fixture.setBits(3, 0);
    TransformCallFixture call(fixture);
    const TransformServices services = fixture.services();
    const double unchanged = *weightOutputError(fixture.site, ChannelChange::none(48).scale, services);
    ASSERT_EQ(call.run("omniquant-let"), QS_OK);
    EXPECT_LT(*weightOutputError(fixture.site, call.change.scale, services), unchanged);
    EXPECT_LT(outputChange(outlierInputs(), weightsB(), call.change), 1e-12);
    ASSERT_EQ(call.run("affinequant"), QS_OK);
    EXPECT_LT(rotationChange(outlierInputs(), weightsB(), call.matrix), 1e-10);
    EXPECT_NE(call.matrix, RowMajorD(RowMajorD::Identity(48, 48)));
    fixture.setBits(0, 0);
    EXPECT_THAT(TransformCallFixture(fixture).refusal("affinequant"), HasSubstr("no layer"));
}

TEST(TransformMethods, CancelEndsTheLongOnes) {
    SiteFixture fixture(inputsB(), weightsB());
    fixture.setBits(3, 4);
    TransformCallFixture call(fixture);
    call.cancel();
    for (const char *id : {"smoothquant-bias", "awq", "repq-vit", "repquant", "omniquant-let", "affinequant"})
        EXPECT_EQ(call.run(id), QS_CANCELLED) << id;
    EXPECT_EQ(call.run("rotation", {{"matrix", "orthogonal"}}), QS_CANCELLED);
}

} // namespace
} // namespace qs::test
