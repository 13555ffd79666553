#include "core/session/sweep/sweep_table.h"

#include "tests/core/session/sweep/sweep_fixtures.h"
#include "tests/support/temp_dir.h"

#include "core/base/json_text.h"

#include <gmock/gmock.h>
#include <limits>

namespace qs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

SweepRecord recordOf(const std::string &model, int bits, double effectiveBits, double perplexity) {
    SweepRecord record;
    WeightChoice choice;
    choice.scheme.grid.bits = bits;
    record.job = {model, "rtn", uniformRecipe({}, choice, {})};
    record.values = {{"effective_bits", effectiveBits}, {"perplexity", perplexity}};
    return record;
}

SweepResults sampleResults() {
    SweepResults results;
    SweepModel model;
    model.name = model.file = "lm";
    model.taskMetric = "perplexity";
    model.baseline["perplexity"] = 5.5;
    results.models.push_back(model);
    results.records = {recordOf("lm", 8, 8.25, 5.6), recordOf("lm", 4, 4.25, 6.5),
                       recordOf("lm", 5, 5.25, 7)};
    results.records[2].state = SweepRecord::State::Partial;
    results.records[2].reason = "1 of 2 layers | stayed in float, 50 % & more";
    return results;
}

TEST(SweepTable, MarksTheFrontOfTheTaskMetric) {
    EXPECT_THAT(paretoRecords(sampleResults()), ElementsAre(true, true, false));
    EXPECT_THAT(paretoRecords(sampleResults(), "kl"), ElementsAre(false, false, false)) << "never measured";
}

TEST(SweepTable, ModelsAndActivationBitsAreNoRivals) {
    SweepResults results = sampleResults();
    results.models.push_back(results.models.front());
    results.models.back().name = "other";
    results.records.push_back(recordOf("other", 8, 8.25, 100));
    results.records.push_back(recordOf("lm", 8, 8.25, 100));
    results.records.back().job.recipe.rules.front().choice.activation.emplace();
    EXPECT_THAT(paretoRecords(results), ElementsAre(true, true, false, true, true));
}

TEST(SweepTable, CsvHasFullPrecisionAndQuotes) {
    SweepResults results = sampleResults();
    results.records[0].values["perplexity"] = 5.600000000000001;
    const std::string csv = csvTable(sweepTable(results));
    EXPECT_THAT(
        csv,
        StartsWith("Model,Method,Bits,Act. bits,Scale per,Effective bits [bits/weight],Perplexity,Float,"));
    EXPECT_THAT(csv, HasSubstr("lm,rtn,8,,channel,8.25,5.600000000000001,5.5,yes,done,\n"));
    EXPECT_THAT(csv, HasSubstr("\"1 of 2 layers | stayed in float, 50 % & more\""));
}

TEST(SweepTable, MarkdownEscapesItsBar) {
    const std::string text = markdownTable(sweepTable(sampleResults()));
    EXPECT_THAT(text, HasSubstr("| lm | rtn | 4 | float | channel | 4.25 | 6.5 | 5.5 | yes | done |  |\n"));
    EXPECT_THAT(text, HasSubstr("layers \\| stayed"));
    EXPECT_THAT(text, HasSubstr("\n|---|---|---:|---:|---|---:|---:|---:|---|---|---|\n"));
}

TEST(SweepTable, LatexEscapesItsCharacters) {
    const std::string text = latexTable(sweepTable(sampleResults()), "one\ntwo");
    EXPECT_THAT(text, HasSubstr("% one\n% two\n\\begin{tabular}{llrrlrrrlll}\n\\toprule\n"));
    EXPECT_THAT(text, HasSubstr("50 \\% \\& more"));
    EXPECT_THAT(text, HasSubstr("\\bottomrule\n\\end{tabular}\n"));
}

TEST(SweepJson, ComesBackAsItWas) {
    SweepResults results = sampleResults();
    results.records[0].values["sqnr"] = std::numeric_limits<double>::infinity();
    results.records[0].values["perplexity"] = 0.1 + 0.2;
    results.records[0].notes = {"a note"};
    results.records[0].methodVersions = {{"rtn", "1"}};
    const std::string text = jsonText(sweepToJson(results));
    const auto again = sweepFromJson(*parseJson(text, "test"));
    ASSERT_TRUE(again) << again.error().text();
    EXPECT_EQ(jsonText(sweepToJson(*again)), text);
    EXPECT_EQ(again->records[0].value("perplexity"), 0.1 + 0.2);
    EXPECT_EQ(again->records[0].job, results.records[0].job);
    EXPECT_EQ(again->records[2].state, SweepRecord::State::Partial);
}

TEST(SweepJson, DoubtfulFilesAreRefusedWithThePlace) {
    const auto refusal = [](const std::function<void(nlohmann::json &)> &damage) {
        nlohmann::json json = sweepToJson(sampleResults());
        damage(json);
        const auto read = sweepFromJson(json);
        return read ? std::string("accepted") : read.error().text();
    };
    EXPECT_EQ(refusal([](auto &) {}), "accepted");
    EXPECT_THAT(refusal([](auto &json) { json["quantoscope-sweep"] = 2; }), HasSubstr("quantoscope-sweep"));
    EXPECT_THAT(refusal([](auto &json) { json["extra"] = 1; }), HasSubstr("extra"));
    EXPECT_THAT(refusal([](auto &json) { json["results"][1]["state"] = "fine"; }),
                HasSubstr("results[1].state"));
    EXPECT_THAT(refusal([](auto &json) { json["results"][1].erase("state"); }),
                HasSubstr("results[1].state"));
    EXPECT_THAT(refusal([](auto &json) { json["results"][0]["values"]["perplexity"] = "good"; }),
                HasSubstr("results[0].values.perplexity"));
    EXPECT_THAT(refusal([](auto &json) { json["results"][0]["values"]["made_up"] = 1; }),
                HasSubstr("made_up"));
    EXPECT_THAT(refusal([](auto &json) { json["results"][0]["model"] = "gone"; }),
                HasSubstr("results[0].model"));
    EXPECT_THAT(refusal([](auto &json) { json["results"][2] = json["results"][1]; }),
                HasSubstr("second result"));
    EXPECT_THAT(refusal([](auto &json) { json["models"].push_back(json["models"][0]); }),
                HasSubstr("second model"));
    EXPECT_THAT(refusal([](auto &json) { json["results"][0]["recipe"]["rules"] = nlohmann::json::array(); }),
                HasSubstr("results[0].recipe"));
    EXPECT_THAT(refusal([](auto &json) { json["results"] = 3; }), HasSubstr("results"));
    EXPECT_THAT(refusal([](auto &json) { json = nlohmann::json::array(); }), HasSubstr("object"));
}

TEST(SweepJson, FileErrorsNameTheFile) {
    TempDir folder;
    const auto file = folder.write("broken.json", "{\"quantoscope-sweep\": 1");
    EXPECT_EQ(readSweep(file).error().code, ErrorCode::CorruptFile);
    EXPECT_EQ(readSweep(folder.path() / "none.json").error().code, ErrorCode::NotFound);
    const auto wrong = folder.write("wrong.json", "{\"quantoscope-sweep\": 1, \"models\": []}");
    EXPECT_EQ(readSweep(wrong).error().code, ErrorCode::CorruptFile);
    EXPECT_THAT(readSweep(wrong).error().text(), HasSubstr("wrong.json"));
}

} // namespace
} // namespace qs
