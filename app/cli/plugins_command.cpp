#include "app/cli/plugins_command.h"

#include "app/cli/method_document.h"
#include "app/cli/text_table.h"
#include "core/plugin/plugin_loader.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace qs::app {
namespace {

using Json = nlohmann::ordered_json;

/// How `qscope quantize` is told about a parameter.
std::string parameterOption(const MethodInfo &info, const Parameter &parameter) {
    const std::string value = parameter.name + "=" + parameter.defaultValue.dump();
    return info.kind == MethodKind::Quantizer || info.kind == MethodKind::Block
               ? "--param " + value
               : fmt::format("--{} {}:{}", methodKindName(info.kind), info.id, value);
}

std::string methodText(const MethodInfo &info, const ParameterSchema &schema) {
    std::string text =
        fmt::format("{}  {} ({}): {}\n", info.id, info.name, methodKindName(info.kind), info.summary);
    text += fmt::format("    {} · version {} · {} · {}\n", info.paper.empty() ? "no paper" : info.paper,
                        info.version, methodStatusName(info.status), info.origin);
    for (const Parameter &parameter : schema.parameters())
        text += fmt::format("    {}  {}\n", parameterOption(info, parameter),
                            parameter.description.empty() ? parameter.title : parameter.description);
    return text;
}

} // namespace

void PluginsCommand::addOptions(CLI::App &app) {
    app.add_subcommand("list", "All methods with their parameters (what happens without a subcommand, too)");
    m_check = app.add_subcommand("check", "Load a plugin in a process of its own and try its promises");
    m_check->add_option("FILE", m_file, "The plugin (.so)")->required()->type_name("FILE");
    app.require_subcommand(0, 1);
    for (CLI::App *subcommand : app.get_subcommands({}))
        subcommand->fallthrough(); // --json and the like may stand behind `list` and `check`, too
    app.footer("Plugins are looked for beside the program (../lib/quantoscope/plugins), in the folders of\n"
               "QUANTOSCOPE_PLUGIN_PATH, and in ~/.local/share/quantoscope/plugins.");
}

Result<CommandOutput> PluginsCommand::run(const CommandContext &context) {
    if (m_check->parsed())
        return check(context);
    return list(context);
}

CommandOutput PluginsCommand::list(const CommandContext &context) const {
    const auto methods = loadMethods(context.findings);
    CommandOutput output;
    output.document["methods"] = Json::array();
    for (const MethodInfo *info : methods->infos()) {
        const ParameterSchema &schema = *methods->schema(info->id);
        output.document["methods"].push_back(methodDocument(*info, schema));
        output.text += methodText(*info, schema);
    }
    output.document["search_path"] = Json::array();
    for (const auto &folder : pluginSearchPath())
        output.document["search_path"].push_back(folder.string());
    return output;
}

Result<CommandOutput> PluginsCommand::check(const CommandContext &context) const {
    QS_TRY(const PluginReport report, checkPlugin(m_file, context.run));
    for (const Finding &finding : report.findings)
        context.findings.add(finding);
    Json findings = Json::array();
    for (const Finding &finding : report.findings)
        findings.push_back({{"what", finding.what}, {"where", finding.where}, {"action", finding.action}});
    CommandOutput output;
    output.document = {{"file", m_file.string()},   {"good", report.good()},     {"id", report.id},
                       {"version", report.version}, {"license", report.license}, {"methods", report.methods},
                       {"checks", report.checks},   {"findings", findings}};
    std::string methods;
    for (const std::string &method : report.methods)
        methods += (methods.empty() ? "" : ", ") + method;
    output.text = alignedPairs(
        {{"plugin", report.id.empty() ? "could not be loaded" : report.id},
         {"version", report.version},
         {"license", report.license},
         {"methods", methods},
         {"checks", fmt::format("{} tried", report.checks)},
         {"result", report.good() ? "good" : fmt::format("{} findings", report.findings.size())}});
    return output;
}

} // namespace qs::app
