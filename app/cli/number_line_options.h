#pragma once

#include "app/cli/input_options.h"
#include "core/analysis/number_line.h"
#include "core/session/run.h"

namespace qs::app {

/// Formats laid over the values of a layer, as qscope measures them.
struct NumberLineStudy {
    SourceValues source;
    SortedValues values;
    std::vector<NumberLineRow> rows;
    Provenance provenance;
};

/// Which formats and which clip range: what `numberline` and `render numberline` share.
class NumberLineOptions {
public:
    void add(CLI::App &app);
    /// \param of, channel  of the layer's values: "weight" or "activation"; output channel, -1 = none picked
    /// \error InvalidArgument  unknown layer, format or rule, a wrong range, activations without --calib
    /// \error NotFound         no such channel or group
    Result<NumberLineStudy> study(const InputOptions &inputs, const std::string &layer, const std::string &of,
                                  std::int64_t channel, const CommandContext &context) const;

private:
    Result<ClipChoice> clipChoice() const;
    Result<ValueSource> source(const std::string &of, std::int64_t channel) const;

    /// Those asked for, or the usual ones that can have the range rule.
    Result<std::vector<const NumberFormat *>> formats(const ClipChoice &choice) const;

    std::vector<std::string> m_formats;
    std::vector<double> m_clip;
    std::string m_rule = "minmax", m_group;
    bool m_normalized = false;
};

} // namespace qs::app
