#include "app/cli/methods_command.h"

#include "app/cli/method_document.h"
#include "app/cli/text_table.h"
#include "core/plugin/plugin_loader.h"
#include "core/quant/method_chain.h"
#include "core/quant/method_taxonomy.h"
#include "core/quant/method_text.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace qs::app {
namespace {

std::string joined(const std::vector<std::string> &texts) {
    return fmt::format("{}", fmt::join(texts, ", "));
}

CommandOutput listOf(const std::vector<const MethodInfo *> &infos, const MethodRegistry &methods) {
    using Side = TextTable::Side;
    TextTable table({{"id", Side::Left},
                     {"name", Side::Left},
                     {"kind", Side::Left},
                     {"changes", Side::Left},
                     {"principle", Side::Left},
                     {"scope", Side::Left},
                     {"status", Side::Left},
                     {"paper", Side::Left}});
    CommandOutput output;
    output.document["methods"] = nlohmann::ordered_json::array();
    for (const MethodInfo *info : infos) {
        const Taxonomy taxonomy = taxonomyOf(info->tags);
        table.addRow({info->id, info->name, std::string(methodKindName(info->kind)), joined(taxonomy.changes),
                      joined(taxonomy.principles), joined(taxonomy.scopes),
                      std::string(methodStatusName(info->status)), info->paper});
        output.document["methods"].push_back(methodDocument(*info, *methods.schema(info->id)));
    }
    output.text = table.text() +
                  fmt::format("{} methods. `qscope methods ID` tells everything about one.\n", infos.size());
    return output;
}

CommandOutput pageOf(const MethodInfo &info, const ParameterSchema &schema) {
    CommandOutput output{methodDocument(info, schema), {}};
    output.text =
        fmt::format("{} ({})\n{}\n\n", info.name, info.id, info.summary) + alignedPairs(methodFacts(info));
    output.text += schema.parameters().empty() ? "\nNo parameters.\n" : "\nParameters\n";
    for (const Parameter &parameter : schema.parameters()) {
        output.text += fmt::format("  {} = {}   {}\n", parameter.name, parameter.defaultValue.dump(),
                                   parameterLimits(parameter));
        const std::string &text = parameter.description.empty() ? parameter.title : parameter.description;
        if (!text.empty())
            output.text += fmt::format("      {}\n", text);
    }
    return output;
}

} // namespace

void MethodsCommand::addOptions(CLI::App &app) {
    app.add_option("ID", m_id, "Tell everything about this method")->type_name("ID");
    app.add_option(
           "--search", m_search,
           "Only methods in whose id, name, summary, paper, kind, status or tags all these words occur")
        ->excludes("ID")
        ->type_name("TEXT");
    std::string footer = "Tags and what they mean:\n";
    for (const TaxonomyTerm &term : taxonomyTerms())
        footer += fmt::format("  {:<18} {}\n", term.tag, term.meaning);
    app.footer(footer);
}

Result<CommandOutput> MethodsCommand::run(const CommandContext &context) {
    const auto methods = loadMethods(context.findings);
    if (!m_id.empty()) {
        const MethodInfo *info = methods->info(m_id);
        if (!info)
            return fail(unknownMethod(m_id, *methods));
        return pageOf(*info, *methods->schema(m_id));
    }
    std::vector<const MethodInfo *> found = methods->infos();
    std::erase_if(found, [&](const MethodInfo *info) { return !matchesMethod(*info, m_search); });
    return listOf(found, *methods);
}

} // namespace qs::app
