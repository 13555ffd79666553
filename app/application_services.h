#pragma once

#include "views/shared/workbench_context.h"

namespace qs::app {

/// Makes what the window needs, in one place: plugins, methods, the workbench context.
class ApplicationServices {
public:
    ApplicationServices();
    views::WorkbenchContext &context() { return *m_context; }

private:
    std::unique_ptr<views::WorkbenchContext> m_context;
};

} // namespace qs::app
