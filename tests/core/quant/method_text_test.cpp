#include "core/quant/method_text.h"

#include "core/quant/method_taxonomy.h"

#include <gmock/gmock.h>
#include <set>

namespace qs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

TEST(Taxonomy, SortsTagsByQuestionAndKeepsStrangers) {
    const Taxonomy taxonomy = taxonomyOf({"rounding", "house-style", "compensation", "weight-only", "grid"});
    EXPECT_THAT(taxonomy.changes, ElementsAre("rounding", "grid"));
    EXPECT_THAT(taxonomy.principles, ElementsAre("compensation"));
    EXPECT_THAT(taxonomy.scopes, ElementsAre("weight-only"));
    EXPECT_THAT(taxonomy.others, ElementsAre("house-style"));
    EXPECT_THAT(taxonomyOf({}).changes, IsEmpty());
}

TEST(Taxonomy, EveryTagAnswersOneQuestionAndSaysWhatItMeans) {
    std::set<std::string> tags;
    for (const TaxonomyTerm &term : taxonomyTerms()) {
        EXPECT_TRUE(tags.insert(term.tag).second) << term.tag;
        EXPECT_FALSE(term.meaning.empty()) << term.tag;
    }
    EXPECT_EQ(tags.size(), 18u);
}

MethodInfo sampleInfo() {
    MethodInfo info;
    info.id = "gptq";
    info.name = "GPTQ";
    info.summary = "Compensates the error of each column in the next";
    info.paper = "Frantar et al. 2022";
    info.tags = {"rounding", "compensation", "weight-only", "strange"};
    info.version = "2";
    info.origin = "rounding.so";
    info.needsHessian = true;
    return info;
}

TEST(MethodFacts, AnswerEachQuestionAndLeaveOutWhatIsUnknown) {
    const auto facts = methodFacts(sampleInfo());
    EXPECT_THAT(facts, testing::IsSupersetOf({Pair("Kind", "quantizer"), Pair("Changes", "rounding"),
                                              Pair("Principle", "compensation"), Pair("Scope", "weight-only"),
                                              Pair("Other tags", "strange"), Pair("Version", "2")}));
    EXPECT_THAT(facts, testing::Contains(Pair("Needs", HasSubstr("calibration set (Hessian"))));
    EXPECT_THAT(facts, testing::Contains(Pair("Status", HasSubstr("reference-checked: "))));
    EXPECT_THAT(facts, testing::Not(testing::Contains(Pair("Cost", testing::_)))) << "it tells none";
    MethodInfo info = sampleInfo();
    info.needsHessian = false;
    info.cost = "O(n)";
    EXPECT_THAT(methodFacts(info),
                testing::IsSupersetOf({Pair("Needs", "only weights"), Pair("Cost", "O(n)")}));
}

TEST(MatchesMethod, NeedsEveryWordSomewhere) {
    EXPECT_TRUE(matchesMethod(sampleInfo(), ""));
    EXPECT_TRUE(matchesMethod(sampleInfo(), "FRANTAR gptq"));
    EXPECT_TRUE(matchesMethod(sampleInfo(), "compens rounding.so reference"));
    EXPECT_FALSE(matchesMethod(sampleInfo(), "gptq rotation"));
}

TEST(ParameterLimits, SayWhatIsAllowed) {
    Parameter parameter;
    parameter.type = Parameter::Type::Integer;
    parameter.minimum = 1;
    parameter.maximum = 1048576;
    EXPECT_EQ(parameterLimits(parameter), "whole numbers from 1 to 1048576");
    parameter.type = Parameter::Type::Number;
    parameter.minimum = 0.001;
    parameter.maximum = 0.5;
    EXPECT_EQ(parameterLimits(parameter), "0.001 to 0.5");
    parameter.type = Parameter::Type::Choice;
    parameter.choices = {"a", "b"};
    EXPECT_EQ(parameterLimits(parameter), "one of a, b");
    parameter.type = Parameter::Type::Boolean;
    EXPECT_EQ(parameterLimits(parameter), "yes or no");
}

} // namespace
} // namespace qs
