#include "core/plugin/quantizer_contract.h"
#include "tests/support/bundled_methods.h"

#include <gmock/gmock.h>

namespace qs {
namespace {

TEST(QuantizerContract, EveryRegisteredMethodKeepsIt) {
    FindingList findings;
    const auto methods = test::bundledMethods(findings);
    for (const auto &entry : findings.snapshot())
        ADD_FAILURE() << entry.finding.where << ": " << entry.finding.what;
    ASSERT_TRUE(methods->find("rtn"));
    ASSERT_TRUE(methods->find("gptq"));
    for (const auto &method : methods->all()) {
        const ContractReport report = checkQuantizerContract(*method);
        EXPECT_GT(report.checks, 30) << method->info().id;
        for (const std::string &broken : report.broken)
            ADD_FAILURE() << method->info().id << ": " << broken;
    }
}

} // namespace
} // namespace qs
