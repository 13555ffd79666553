#include "app/application_services.h"

#include "core/plugin/plugin_loader.h"

namespace qs::app {

ApplicationServices::ApplicationServices() {
    FindingList findings;
    m_context = std::make_unique<views::WorkbenchContext>(loadMethods(findings));
    // A plugin that was refused is worth knowing, but never a reason not to start.
    for (const FindingList::Entry &entry : findings.snapshot())
        m_context->addFinding(entry.finding);
}

} // namespace qs::app
