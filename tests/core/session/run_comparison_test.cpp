#include "core/session/run_comparison.h"

#include "tests/support/sample_run.h"

#include <gmock/gmock.h>

namespace qs {
namespace {

std::shared_ptr<const qs::Run> runAt(int bits, double kl, const std::string &evaluation = "e") {
    static const auto model = openSample(std::filesystem::path(QS_SAMPLE_DATA) / "glyph-cnn.onnx");
    WeightGridScheme scheme;
    scheme.grid.bits = bits;
    auto run = std::make_shared<qs::Run>(makeSampleRun(model, scheme));
    run->provenance.evaluationSha256 = evaluation;
    run->total.emplace().hasLogits = true;
    run->total->predictions = 1;
    run->total->sumKl = kl;
    return run;
}

const ComparisonColumn &column(const std::vector<ComparisonColumn> &columns, const std::string &id) {
    const auto found =
        std::find_if(columns.begin(), columns.end(), [&](const auto &c) { return c.id == id; });
    EXPECT_NE(found, columns.end()) << id;
    return *found;
}

TEST(CompareRuns, MarksTheBestOfEachColumnByItsDirection) {
    const std::vector runs{runAt(8, 0.01), runAt(4, 0.2)};
    const auto columns = compareRuns(runs);
    EXPECT_TRUE(column(columns, "effective_bits").isBest(1));
    EXPECT_FALSE(column(columns, "effective_bits").isBest(0));
    EXPECT_TRUE(column(columns, "kl").isBest(0));
    EXPECT_FALSE(column(columns, "kl").isBest(1));
    EXPECT_NEAR(*column(columns, "effective_bits").values[1], runs[1]->effectiveBits(), 1e-12);
}

TEST(CompareRuns, EqualOrLonelyValuesAreNotBest) {
    const std::vector same{runAt(4, 0.2), runAt(4, 0.2)};
    EXPECT_FALSE(column(compareRuns(same), "kl").isBest(0));
    const std::vector one{runAt(4, 0.2)};
    EXPECT_FALSE(column(compareRuns(one), "kl").isBest(0));
    EXPECT_TRUE(compareRuns({}).empty());
}

TEST(CompareRuns, RunsOnOtherDataAreNotComparable) {
    const std::vector fine{runAt(4, 0.2), runAt(8, 0.2)};
    EXPECT_TRUE(checkComparable(fine));
    const std::vector mixed{runAt(4, 0.2), runAt(8, 0.2, "another")};
    const Status status = checkComparable(mixed);
    ASSERT_FALSE(status);
    EXPECT_THAT(status.error().message, testing::HasSubstr("evaluation set"));
    EXPECT_TRUE(checkComparable({}));
}

TEST(DiffRecipes, NamesWhatDiffersAndNothingElse) {
    WeightChoice four, grouped;
    four.scheme.grid.bits = 4;
    grouped = four;
    grouped.method = "gptq";
    grouped.scheme.granularity = Granularity::PerGroup;
    const std::vector recipes{uniformRecipe("a", four, {}), uniformRecipe("b", grouped, {})};
    std::map<std::string, std::vector<std::string>> differences;
    for (const RecipeDifference &difference : diffRecipes(recipes))
        differences[difference.path] = difference.values;
    EXPECT_THAT(differences["rules[0].weight.method"], testing::ElementsAre("rtn", "gptq"));
    EXPECT_THAT(differences["rules[0].weight.granularity"], testing::ElementsAre("channel", "group"));
    EXPECT_THAT(differences["rules[0].weight.groupSize"], testing::ElementsAre("–", "128"));
    EXPECT_FALSE(differences.contains("rules[0].weight.bits"));
    EXPECT_FALSE(differences.contains("name"));
}

} // namespace
} // namespace qs
