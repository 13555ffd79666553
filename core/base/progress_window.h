#pragma once

#include "core/base/run_context.h"

namespace qs {

/// Progress of one stage shown as its share of a longer job: steps of this sink fill [begin, end] of the
/// parent's bar.
class ProgressWindow final : public ProgressSink {
public:
    /// \param begin, end  in [0, 1]
    ProgressWindow(const RunContext &parent, double begin, double end)
        : m_parent(parent), m_begin(begin), m_end(end) {}

    void step(std::int64_t done, std::int64_t total, std::string_view stage) override {
        constexpr double kUnits = 10000;
        const double share = total > 0 ? static_cast<double>(done) / static_cast<double>(total) : 0.0;
        m_parent.step(static_cast<std::int64_t>(kUnits * (m_begin + (m_end - m_begin) * share)),
                      static_cast<std::int64_t>(kUnits), stage);
    }
    /// The parent's context with this window as its sink. The window must outlive it.
    RunContext context() {
        RunContext inner = m_parent;
        inner.progress = this;
        return inner;
    }

private:
    RunContext m_parent;
    double m_begin, m_end;
};

} // namespace qs
