// qscope-plugin-probe: loads one plugin in a process of its own, so that a crash or hang stays here.
//   qscope-plugin-probe load FILE    first line "ok" or the kind of failure, then the message
//   qscope-plugin-probe check FILE   a PluginReport as JSON
// Reports go to descriptor 3; standard output belongs to the plugin.
#include "core/plugin/plugin_block.h"
#include "core/plugin/plugin_host.h"
#include "core/plugin/plugin_quantizer.h"
#include "core/plugin/quantizer_contract.h"

#include <csignal>
#include <cstring>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

namespace {

void report(const std::string &text) {
    for (std::size_t sent = 0; sent < text.size();) {
        const ssize_t count = write(3, text.data() + sent, text.size() - sent);
        if (count <= 0)
            return;
        sent += static_cast<std::size_t>(count);
    }
}

using Loaded = tl::expected<std::shared_ptr<qs::PluginLibrary>, qs::PluginProblem>;

Loaded load(const char *file) {
    Loaded library = qs::PluginLibrary::open(file);
    if (library)
        if (auto ready = (*library)->initialise(qs::pluginHost()); !ready)
            return tl::unexpected<qs::PluginProblem>(std::move(ready).error());
    return library;
}

int loadOnly(const char *file) {
    std::string outcome = "ok\n";
    {
        const Loaded library = load(file);
        if (!library)
            outcome =
                std::string(qs::pluginFailureName(library.error().failure)) + '\n' + library.error().message;
    } // unloads, which may crash as well
    report(outcome);
    return 0;
}

/// \tparam Wrapper  what makes a Quantizer of the table
template <typename Wrapper, typename Table>
void checkMethod(const std::shared_ptr<qs::PluginLibrary> &library, const Table *table,
                 nlohmann::json &json) {
    json["methods"].push_back(table->id);
    auto broken = [&](const std::string &what) {
        json["findings"].push_back({{"what", what}, {"where", table->id}});
    };
    auto quantizer = Wrapper::make(library, table);
    if (!quantizer)
        return broken(quantizer.error().message);
    const qs::ContractReport contract = qs::checkQuantizerContract(**quantizer);
    json["checks"] = json["checks"].get<int>() + contract.checks;
    for (const std::string &promise : contract.broken)
        broken(promise);
}

int check(const char *file) {
    nlohmann::json json = {
        {"checks", 0}, {"methods", nlohmann::json::array()}, {"findings", nlohmann::json::array()}};
    {
        const Loaded library = load(file);
        if (!library) {
            json["findings"].push_back({{"what", library.error().message}, {"where", file}});
        } else {
            const qs_plugin_entry &entry = (*library)->entry();
            json.update({{"id", entry.id}, {"version", entry.version}, {"license", entry.license}});
            for (const qs_quantizer *table : (*library)->quantizers())
                checkMethod<qs::PluginQuantizer>(*library, table, json);
            for (const qs_block_method *table : (*library)->blocks())
                checkMethod<qs::PluginBlock>(*library, table, json);
        }
    }
    report(json.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace));
    return 0;
}

} // namespace

int main(int argc, char **argv) {
    if (argc != 3 || (std::strcmp(argv[1], "load") != 0 && std::strcmp(argv[1], "check") != 0))
        return 2;
    // Die with the program, leave no core files, and let signals kill (sanitizers would turn them into
    // exits).
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const rlimit noCore{0, 0};
    setrlimit(RLIMIT_CORE, &noCore);
    for (int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT})
        std::signal(number, SIG_DFL);
    return std::strcmp(argv[1], "load") == 0 ? loadOnly(argv[2]) : check(argv[2]);
}
