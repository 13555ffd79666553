#pragma once

#include "tests/support/wait_until.h"
#include "views/shared/workbench_context.h"

#include <filesystem>
#include <gtest/gtest.h>

namespace qs::views {

/// A workbench with round-to-nearest only, and waiting for its jobs.
class WorkbenchTest : public ::testing::Test {
protected:
    static std::shared_ptr<const MethodRegistry> rtnOnly() {
        auto methods = std::make_shared<MethodRegistry>();
        EXPECT_TRUE(methods->add(makeRtnQuantizer()).has_value());
        return methods;
    }
    static QString sample(const char *name) {
        return QString::fromStdString(std::filesystem::path(QS_SAMPLE_DATA) / name);
    }
    /// Jobs may start others when they end, so no job must run for a turn of the event loop.
    bool wait() {
        QCoreApplication::processEvents();
        return waitUntil([this] {
            if (m_context.jobs().anyRunning())
                return false;
            QCoreApplication::processEvents();
            return !m_context.jobs().anyRunning();
        });
    }
    bool open(const char *name) {
        m_context.openFile(sample(name));
        return wait();
    }
    int errors() const {
        int count = 0;
        for (const auto &entry : m_context.findings()->snapshot())
            count += entry.finding.severity == Severity::Error ? entry.count : 0;
        return count;
    }
    Finding lastFinding() const {
        const auto entries = m_context.findings()->snapshot();
        return entries.empty() ? Finding{} : entries.back().finding;
    }

    WorkbenchContext m_context{rtnOnly()};
};

} // namespace qs::views
